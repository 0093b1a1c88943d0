"""A made-up suite and the plugins it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import model_validator

from ifbench.core.params import Params, param
from ifbench.core.retraining import Retraining
from ifbench.core.specs import ArchitectureSpec, DatasetSpec, EstimatorSpec, MetricSpec, ProtocolSpec, Spec
from ifbench.suite import Suite, SuiteError

BODY = """\
name: tiny
title: A tiny suite
tasks:
  - data: iris
    architecture: {name: mlp, width: 5, depth: 1}
    recipe: {steps: 100}
queries: [{highest-loss: 1}]
examples: [all]
protocols:
  - {name: retrain-from-optimum, steps: 50}
estimators:
  - lissa
"""


class Iris(Params):
    n_test: int = param(30, ge=1, about="test points held out", unit="points")


class Mlp(Params):
    width: int = param(..., ge=1, about="units per hidden layer")
    depth: int = param(1, ge=0, about="hidden layers")
    activation: Literal["relu", "tanh"] = param("relu", about="nonlinearity")


class Cnn(Params):
    channels: tuple[int, ...] = param((8, 16), about="channels of each layer")


class Retrain(Params):
    steps: int = param(..., ge=1, about="updates after the change", unit="updates")
    learning_rate: float | None = param(None, gt=0, about="step size; empty: the recipe's")


class Hif(Params):
    solver: Literal["exact", "cg", "cr"] = param("cg", about="how the system is solved")
    damping: float = param(0.0, ge=0, about="added to the Hessian")
    max_iterations: int | None = param(None, ge=1, about="stops the solver")


class Lissa(Params):
    damping: float = param(0.01, ge=0, about="added to the Hessian")
    depth: int = param(100, ge=1, about="terms of the series")
    scale: float | Literal["auto"] = param("auto", about="divides the Hessian")

    @model_validator(mode="after")
    def _check(self) -> Lissa:
        if self.depth == 13:
            raise ValueError("depth 13 brings bad luck")
        if self.depth == 14:
            raise RuntimeError("boom")
        if self.depth == self.damping:
            raise ValueError("depth and damping clash")
        return self


def _spec(kind: type[Spec], name: str, params: type[Params] = Params, **more: Any) -> Spec:
    return kind(name=name, factory="nowhere:nothing", params=params, summary=f"the {name}", source="nowhere", **more)


def _sizes(params: Any) -> tuple[int, int]:
    if params.n_test > 150:
        raise ValueError("iris has 150 flowers")
    return 150 - params.n_test, params.n_test


SPECS = (
    _spec(DatasetSpec, "iris", Iris, sizes=_sizes, gives="vectors"),
    _spec(DatasetSpec, "digits", sizes=lambda params: (1000, 500), gives="images"),
    _spec(ArchitectureSpec, "mlp", Mlp, takes=("vectors", "images")),
    _spec(ArchitectureSpec, "cnn", Cnn),
    _spec(ArchitectureSpec, "lenet", takes=("images",)),
    _spec(ProtocolSpec, "retrain-from-optimum", Retrain, retraining=lambda params, _: Retraining(steps=params.steps)),
    _spec(EstimatorSpec, "hif", Hif),
    _spec(EstimatorSpec, "lissa", Lissa),
    _spec(EstimatorSpec, "tracin"),
    _spec(EstimatorSpec, "random"),
    _spec(MetricSpec, "pearson"),
    _spec(MetricSpec, "spearman"),
)

Load = Callable[..., Suite]
Fail = Callable[..., SuiteError]
