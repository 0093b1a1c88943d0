"""The whole job in one call, for Python and for the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.core.identity import digest
from ifbench.core.registry import Registry, load_registry
from ifbench.jobs.executors.base import Executor, Setup
from ifbench.jobs.plan import Plan, make_plan
from ifbench.jobs.runner import Run, Watcher
from ifbench.store.artifacts import Store
from ifbench.store.record import Record
from ifbench.suite import Suite, load_suite

if TYPE_CHECKING:
    import pandas as pd

MAX_DEFAULT_WORKERS = 8


@dataclass(frozen=True)
class Results:
    """What a run gave.

    Attributes:
        directory: Where `results/`, `manifest.json`, `leaderboard.csv` and `leaderboard.md` are.
        records: One for each selected cell, or for each of its horizons.
        jobs_done: Jobs computed by this run; 0 when everything was there already.
    """

    directory: Path
    records: tuple[Record, ...]
    jobs_done: int

    @property
    def exit_code(self) -> ExitCode:
        """0 when every cell is ok or unsupported, 1 when some failed."""
        failed = any(record.status not in {"ok", "unsupported"} for record in self.records)
        return ExitCode.CELLS_FAILED if failed else ExitCode.OK

    def to_pandas(self) -> pd.DataFrame:
        """The leaderboard: one row per estimator, protocol and task, over its seeds."""
        from ifbench.report.leaderboard import leaderboard
        from ifbench.store.results import read_manifest, read_records

        return leaderboard(read_records(self.directory), read_manifest(self.directory))


def run(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
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
        overrides: `KEY=VALUE` as for `--set`.
        only: Patterns of estimator labels or cell labels.
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
    registry = load_registry(plugins)
    plan = make_plan(load_suite(str(suite), registry, profile=profile, overrides=overrides), registry, only=only)
    watcher = watcher or Watcher()
    for refused in registry.refused:
        watcher.notice(f"plugin {refused.origin} did not load: {refused.reason}")
    store = Store.default()
    setup = Setup(store.root, tuple(map(str, plugins)), device, threads, engine)
    directory = Path(out) if out is not None else Path("leaderboards") / result_name(plan.suite)
    go = Run(plan, store, registry, directory, lambda: open_executor(executor, setup, workers), watcher)
    records = go()
    from ifbench.report.files import write_report

    write_report(directory)
    return Results(directory, tuple(records), go.jobs_done)


def open_executor(name: str, setup: Setup, workers: int | None) -> Executor:
    """The executor of that name.

    Raises:
        IfbenchError: There is none, or the device is not to be had.
    """
    if setup.device != "cpu":
        _check_device(setup.device)
    if name == "inline":
        from ifbench.jobs.executors.inline import InlineExecutor

        return InlineExecutor(setup)
    if name == "process":
        from ifbench.jobs.executors.processes import ProcessExecutor

        return ProcessExecutor(setup, workers or default_workers())
    raise IfbenchError(f"unknown executor '{name}'", hint="known: inline, process")


def default_workers() -> int:
    """Cores this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_DEFAULT_WORKERS)


def result_name(suite: Suite) -> str:
    """Folder of a suite's results; another profile or an override has a folder of its own."""
    name = suite.name if suite.profile == "cpu" else f"{suite.name}.{suite.profile}"
    return f"{name}.{digest(list(suite.overrides))[:8]}" if suite.overrides else name


def plan(
    suite: str | Path,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> tuple[Plan, Store, Registry]:
    """What `run` would do with the same arguments, and where."""
    registry = load_registry(plugins)
    made = make_plan(load_suite(str(suite), registry, profile=profile, overrides=overrides), registry, only=only)
    return made, Store.default(), registry


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first: Any = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise IfbenchError(f"device '{device}' is not to be had: {first}", hint="see: ifbench doctor") from error
