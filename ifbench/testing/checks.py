"""The conformance checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ifbench.testing import answers, extremes, invariance
from ifbench.testing.trial import Trial


@dataclass(frozen=True)
class Check:
    """One demand on every estimator.

    Attributes:
        run: Does it; returns what was found, raises when the demand is not met.
        needs: Checks without which this one says nothing; it is skipped where one of them failed.
    """

    run: Callable[[Trial], str]
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How results and `EstimatorSpec.expected_failures` call it."""
        return self.run.__name__.replace("_", "-")

    @property
    def summary(self) -> str:
        """One line: the demand itself."""
        return (self.run.__doc__ or "").partition("\n")[0]


SHAPE, FORM = ("shape",), ("shape", "finite")
SIGN, SAME_BITS = (*FORM, "sign"), (*FORM, "determinism")
CHECKS = (
    Check(answers.shape),
    Check(answers.finite, needs=SHAPE),
    Check(answers.parameters, needs=SHAPE),
    Check(answers.sign, needs=FORM),
    Check(answers.rank, needs=SIGN),
    Check(answers.scale, needs=SIGN),
    Check(invariance.determinism, needs=FORM),
    Check(invariance.batch_size, needs=SAME_BITS),
    Check(invariance.many_queries, needs=SAME_BITS),
    Check(invariance.no_side_effects, needs=SHAPE),
    Check(invariance.no_carried_state, needs=SAME_BITS),
    Check(extremes.before_fit, needs=SAME_BITS),
    Check(extremes.singular, needs=SHAPE),
    Check(extremes.indefinite, needs=SHAPE),
    Check(extremes.over_iterated, needs=(*SHAPE, "sign")),
    Check(extremes.one_example, needs=SHAPE),
    Check(extremes.one_query, needs=SHAPE),
    Check(extremes.one_parameter, needs=SHAPE),
    Check(extremes.float32, needs=SAME_BITS),
)
