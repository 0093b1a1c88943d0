"""The conformance checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ifbench.testing.accuracy import rank, scale, sign
from ifbench.testing.answers import finite, parameters, shape
from ifbench.testing.extremes import (
    before_fit,
    float32,
    indefinite,
    one_example,
    one_parameter,
    one_query,
    over_iterated,
    singular,
)
from ifbench.testing.invariance import batch_size, determinism, many_queries, no_carried_state
from ifbench.testing.surroundings import no_side_effects
from ifbench.testing.trial import Trial


@dataclass(frozen=True)
class Check:
    """One demand on every estimator.

    Attributes:
        name: How results and `EstimatorSpec.expected_failures` call it.
        run: Does it; returns what was found, raises when the demand is not met.
        needs: Checks without which this one says nothing; it is skipped where one of them failed.
    """

    name: str
    run: Callable[[Trial], str]
    needs: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line: the demand itself."""
        return (self.run.__doc__ or "").partition("\n")[0]


FORM = ("shape", "finite")
CHECKS = (
    Check("shape", shape),
    Check("finite", finite, needs=("shape",)),
    Check("parameters", parameters, needs=("shape",)),
    Check("sign", sign, needs=FORM),
    Check("rank", rank, needs=(*FORM, "sign")),
    Check("scale", scale, needs=(*FORM, "sign")),
    Check("determinism", determinism, needs=FORM),
    Check("batch-size", batch_size, needs=(*FORM, "determinism")),
    Check("many-queries", many_queries, needs=(*FORM, "determinism")),
    Check("no-side-effects", no_side_effects, needs=("shape",)),
    Check("no-carried-state", no_carried_state, needs=(*FORM, "determinism")),
    Check("before-fit", before_fit, needs=(*FORM, "determinism")),
    Check("singular", singular, needs=("shape",)),
    Check("indefinite", indefinite, needs=("shape",)),
    Check("over-iterated", over_iterated, needs=("shape", "sign")),
    Check("one-example", one_example, needs=("shape",)),
    Check("one-query", one_query, needs=("shape",)),
    Check("one-parameter", one_parameter, needs=("shape",)),
    Check("float32", float32, needs=(*FORM, "determinism")),
)
