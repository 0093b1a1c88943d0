"""ifbench: how well do influence estimators predict what retraining really does?

Users call `run`, `plan` and `check`; plugins import from here and from `ifbench.core` only. A name is imported when it
is first used, so that `import ifbench` stays light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifbench.core.exports import exports

if TYPE_CHECKING:
    from ifbench.compare.correlations import pearson as pearson
    from ifbench.compare.correlations import spearman as spearman
    from ifbench.compare.pairs import FloatArray as FloatArray
    from ifbench.compare.pairs import with_rows as with_rows
    from ifbench.core.params import Params as Params
    from ifbench.core.params import param as param
    from ifbench.core.specs import ArchitectureSpec as ArchitectureSpec
    from ifbench.core.specs import DatasetSpec as DatasetSpec
    from ifbench.core.specs import EstimatorSpec as EstimatorSpec
    from ifbench.core.specs import MetricSpec as MetricSpec
    from ifbench.core.specs import ProtocolSpec as ProtocolSpec
    from ifbench.core.specs import hookimpl as hookimpl
    from ifbench.jobs.forecast import Forecast as Forecast
    from ifbench.jobs.runner import Watcher as Watcher
    from ifbench.numerics.derivatives.examples import added_weights as added_weights
    from ifbench.numerics.derivatives.examples import cosines as cosines
    from ifbench.numerics.derivatives.examples import drawn_examples as drawn_examples
    from ifbench.numerics.derivatives.examples import weighted_gradients as weighted_gradients
    from ifbench.numerics.operator import LinearOperator as LinearOperator
    from ifbench.numerics.solvers.block_conjugate_gradient import block_conjugate_gradient as block_conjugate_gradient
    from ifbench.numerics.solvers.conjugate_gradient import conjugate_gradient as conjugate_gradient
    from ifbench.numerics.solvers.conjugate_residual import conjugate_residual as conjugate_residual
    from ifbench.numerics.solvers.lanczos import top_eigenpairs as top_eigenpairs
    from ifbench.numerics.training.optimizers import EPSILON as EPSILON
    from ifbench.report.results import Results as Results
    from ifbench.testing.conformance import CheckResult as CheckResult
else:
    __getattr__, __dir__, __all__ = exports(__name__, __file__)
    __all__ += ["check", "plan", "run"]

__version__ = "0.1.0"


def run(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    workers: int | None = None,
    executor: str = "process",
    device: str = "cpu",
    threads: int = 1,
    engine: str = "auto",
    out: str | Path | None = None,
    watcher: Watcher | None = None,
) -> Results:
    """Run a suite and write its records and tables; what the store holds already is not computed again.

    Args:
        suite: Path of a YAML file, or the name of a suite that comes with ifbench.
        profile: `smoke`, `cpu` (the default), `paper` or `held-out`.
        overrides: `KEY=VALUE` as for `--set`, one or several.
        only: As for `--only`: globs on labels of estimators or cells, or `KEY=VALUE` of the facts of cells.
        plugins: Python files with further plugins.
        workers: Processes; None takes the number of cores, at most 8.
        executor: `process`, or `inline` for this very process.
        device: torch's name of the device.
        threads: torch threads of each worker.
        engine: How interventions are retrained: `auto` (the fastest in a short trial, kept with the trained task),
            `one-by-one`, `side-by-side` or `compiled`. Effects agree to rounding whichever it is.
        out: Directory for the results; None takes `leaderboards/<suite>` in the working directory.
        watcher: Told of progress.

    Raises:
        SuiteError: The suite has faults; all of them are listed.
        IfbenchError: Something else the caller can mend.
    """
    from ifbench.jobs.executors import Setup, open_executor
    from ifbench.jobs.plan import load_plan
    from ifbench.jobs.runner import Run, Watcher
    from ifbench.report.files import write_report
    from ifbench.report.results import Results

    plan, store, registry = load_plan(suite, profile=profile, overrides=overrides, only=only, plugins=plugins)
    watcher = watcher or Watcher()
    for refusal in registry.refusals:
        watcher.notice(str(refusal))
    directory = Path(out) if out is not None else Path("leaderboards") / plan.folder
    setup = Setup(store.root, tuple(map(str, plugins)), device, threads, engine)
    go = Run(plan, store, registry, directory, lambda: open_executor(executor, setup, workers), watcher)
    go.plugins = setup.plugin_files
    records = go()
    results = Results(directory, records, jobs_done=go.jobs_done)
    write_report(results)
    return results


def plan(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> Forecast:
    """What `run` would do with the same arguments: work to do and done, and its cost; nothing is computed or written.

    Args:
        suite: Path of a YAML file, or the name of a suite that comes with ifbench.
        profile: As for `run`.
        overrides: As for `run`.
        only: As for `run`.
        plugins: Python files with further plugins.

    Raises:
        SuiteError: The suite has faults; all of them are listed.
        IfbenchError: Something else the caller can mend.
    """
    from ifbench.jobs.forecast import forecast
    from ifbench.jobs.plan import load_plan

    return forecast(*load_plan(suite, profile=profile, overrides=overrides, only=only, plugins=plugins))


def check(
    estimator: EstimatorSpec | str | Path,
    *,
    params: Mapping[str, Any] | None = None,
    plugins: Sequence[str | Path] = (),
) -> dict[str, list[CheckResult]]:
    """Run the conformance checks; the results of each estimator by its name.

    Args:
        estimator: A spec, a registered name, or a plugin file, all of whose estimators are checked.
        params: Parameters (Any: as in a suite) beside those that the spec asks to be checked with.
        plugins: Python files with further plugins.

    Raises:
        IfbenchError: The estimator is not registered, or cannot be checked with these parameters.
    """
    from ifbench.testing.conformance import check_estimator, params_to_check, specs_of

    pairs = [(spec, params_to_check(spec, **(params or {}))) for spec in specs_of(estimator, plugins)]
    return {spec.name: check_estimator(spec, values) for spec, values in pairs}
