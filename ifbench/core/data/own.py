"""Parameters that data sets of one's own have in common."""

from __future__ import annotations

from ifbench.core.data.subset import Subset
from ifbench.core.params import param


class Own(Subset):
    """Files of one's own, and how much of them is taken.

    A task is known by what the suite says, not by the bytes of the files: hence `edition`.
    """

    test_share: float = param(0.2, gt=0, lt=1, about="share of the examples to test on, where no test set is given")
    split_seed: int = param(0, ge=0, about="seeds which examples these are; the classes keep their shares")
    edition: int = param(1, ge=1, about="raise it when the files change, and everything is computed anew")
