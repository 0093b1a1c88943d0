"""The five hooks a plugin may implement, and the specs they return."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pluggy

from ifbench.core.params import RESERVED, Params
from ifbench.core.retraining import Explained, Quantity, Retraining, View

PROJECT = "ifbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Metric = Callable[[Any, Any], float]
"""(predicted (n,), measured (n,)), float64 numpy arrays -> value, or NaN where undefined."""
Inputs = Literal["vectors", "images", "text"]
"""What one example is: floats (n_feature,); floats (channel, height, width); bytes of UTF-8, uint8 (max_bytes,)."""


def import_object(name: str) -> Callable[..., Any]:
    """What "module:attribute" names, imported now.

    Raises:
        ImportError, AttributeError: It names nothing that exists.
    """
    module, _, attribute = name.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), attribute))


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What the registry knows of one contribution.

    Attributes:
        name: How suites call it: lower case, digits and hyphens.
        factory: The class or function itself, or "module:name", imported when first used.
        params: Its parameters; called as `factory(params)` unless the subclass says otherwise.
        summary: One line.
        source: Paper and equation, or where the data come from.
        version: Raised when its numbers change.
        needs: What a problem must offer, in words, for `ifbench show`.
    """

    kind: ClassVar[str]

    name: str
    factory: str | Callable[..., Any]
    summary: str
    source: str
    params: type[Params] = Params
    version: int = 1
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.kind} name {self.name!r}: use lower case letters, digits and single hyphens")
        clash = RESERVED & self.params.model_fields.keys()
        if clash:
            raise ValueError(f"{self.kind} '{self.name}': parameter names {sorted(clash)} have a meaning in suites")

    def load(self) -> Callable[..., Any]:
        """The factory, imported now.

        Raises:
            ImportError, AttributeError: `factory` names nothing that exists.
        """
        return import_object(self.factory) if isinstance(self.factory, str) else self.factory

    @property
    def module(self) -> str:
        """Name of the module that holds the factory; nothing is imported."""
        return self.factory.partition(":")[0] if isinstance(self.factory, str) else self.factory.__module__

    @property
    def file(self) -> Path | None:
        """The file of that module; None where there is none."""
        module = sys.modules.get(self.module)
        try:
            spec = module.__spec__ if module is not None else importlib.util.find_spec(self.module)
        except ImportError:
            return None
        return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


@dataclass(frozen=True, kw_only=True)
class EstimatorSpec(Spec):
    """An influence estimator.

    Attributes:
        calibrated: Scores have the right size, not only the right order up to a positive factor.
        predicts_parameters: The class is a `ParameterChangeEstimator` too; otherwise a cell whose protocol measures
            parameters is `unsupported`, which the plan knows.
        follows: Scores depend on how the protocol trains again, `Problem.retraining`: each stretch has its own.
        expected_failures: Conformance check -> why this method fails it. A declared failure that passes is an error.
        check_params: Parameters to be checked with (Any: as in a suite), where defaults do not suit small problems.
    """

    kind = "estimator"
    calibrated: bool = True
    predicts_parameters: bool = False
    follows: bool = False
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    check_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ArchitectureSpec(Spec):
    """A kind of network: `factory(params, dataset)`, called with torch's random state seeded.

    The factory returns a `Model`, or an `nn.Module` from inputs to logits, or to values where the targets are floats.

    Attributes:
        takes: Kinds of inputs it can be built for; empty: not said, and any are tried.
        check_params: Parameters that make it as small as tests like it (Any: as in a suite).
    """

    kind = "architecture"
    takes: tuple[Inputs, ...] = ()
    check_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """Examples: `factory(params) -> Dataset`.

    Attributes:
        sizes: (n_train, n_test) for given parameters, told without loading anything.
        gives: What kind its inputs are; None: not known before they are read.
    """

    kind = "data"
    sizes: Callable[[Any], tuple[int, int]]
    gives: Inputs | None = None


def fits(data: DatasetSpec, architecture: ArchitectureSpec) -> bool:
    """Whether an architecture may be built for a data set, as far as the two say."""
    return data.gives is None or not architecture.takes or data.gives in architecture.takes


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec(Spec):
    """A ground truth: `factory(params) -> GroundTruth`.

    Attributes:
        retraining: The stretch of training it makes for each intervention, given (params, updates of the main
            training); None where it measures findings and makes none, or one of its own.
        measures: What its answer holds: the effect on each query; the change of each parameter; or `findings`, rows of
            its own that no metric compares with a prediction. Then the factory gives a `Study`.
        removes: Whether it only leaves examples out; a suite that reweights any beside it is refused.
        asks: What a study wants of the suite. `queries`: the test points of its query rules. `interventions`: those of
            its example rules, which must need no scores. `scores`: those of the estimator under test on the queries;
            the study then has a cell for each estimator, else one for each task.
        explains: Whose loss the scores of a study are about: that of the query's own label, or of what the network
            predicts for it.
        keys: Names in a row that tell rows of one cell apart, such as an epsilon.
        columns: Names of numbers in a row -> how tables call them. Others are kept in the records alone.
        draw: "module:function" that draws its findings, `(figure, rows) -> None`: a matplotlib figure, and a mapping
            for each record, with its task's keys as `task.architecture.name`. None: tables and `figures` suffice.
    """

    kind = "protocol"
    retraining: Callable[[Any, int], Retraining] | None = None
    measures: Quantity = "effects"
    removes: bool = False
    asks: tuple[Literal["queries", "interventions", "scores"], ...] = ()
    explains: Explained = "label"
    keys: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    draw: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.measures != "findings" and self.retraining is None:
            raise ValueError(f"protocol '{self.name}' measures {self.measures}: it must say how it trains again")
        if (self.measures == "findings") != bool(self.columns):
            raise ValueError(f"protocol '{self.name}': columns belong to what measures findings, and only there")

    @property
    def predicted(self) -> bool:
        """Whether estimators matter to it: it has a cell for each."""
        return self.measures != "findings" or "scores" in self.asks


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A comparison of predicted and measured values; the factory is the function itself.

    Attributes:
        of: What it may compare: `effects`, a pair for each intervention and query; `norms` of the predicted and the
            measured change of parameters, a pair for each intervention; `errors`, the norm of their difference with
            that of the measured change.
        lower_is_better: Whether 0 is perfect.
        pooled: Whether it is taken over all pairs of intervention and query together, not for each query (each column)
            and then averaged.
        bounds: Least and largest value it can take, which intervals respect; None: any.
    """

    kind = "metric"
    of: tuple[View, ...] = ("effects", "norms")
    lower_is_better: bool = False
    pooled: bool = False
    bounds: tuple[float, float] | None = None


class Hooks:
    """Catalogues: each hook returns specs and does nothing else."""

    @hookspec
    def ifbench_estimators(self) -> Iterable[EstimatorSpec]:  # type: ignore[empty-body]
        """Estimators of influence."""

    @hookspec
    def ifbench_architectures(self) -> Iterable[ArchitectureSpec]:  # type: ignore[empty-body]
        """Networks to train."""

    @hookspec
    def ifbench_datasets(self) -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
        """Data sets to train on."""

    @hookspec
    def ifbench_protocols(self) -> Iterable[ProtocolSpec]:  # type: ignore[empty-body]
        """Ways to measure effects by training again."""

    @hookspec
    def ifbench_metrics(self) -> Iterable[MetricSpec]:  # type: ignore[empty-body]
        """Comparisons of predicted and measured effects."""


HOOKS: Mapping[str, type[Spec]] = {
    "ifbench_estimators": EstimatorSpec,
    "ifbench_architectures": ArchitectureSpec,
    "ifbench_datasets": DatasetSpec,
    "ifbench_protocols": ProtocolSpec,
    "ifbench_metrics": MetricSpec,
}
KINDS = tuple(spec.kind for spec in HOOKS.values())
