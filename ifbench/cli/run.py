"""`ifbench run`: do what a suite says."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, json_option, suite_options
from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.core.retraining import ENGINES


@click.command(
    "run",
    short_help="Run suites and print the leaderboard.",
    epilog=examples(
        "ifbench run quickstart",
        "ifbench run suites/quickstart.yaml --profile smoke --only 'hif-*'",
        "ifbench run my-suite.yaml --plugin my_estimator.py --set seeds=[0]",
    ),
)
@suite_options
@click.option("-j", "--workers", type=click.IntRange(min=1), help="Worker processes; default: the cores, at most 8.")
@click.option("--executor", type=click.Choice(["process", "inline"]), default="process", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="torch's name of the device.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="torch threads of each worker."
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="How interventions are retrained; auto tries each way for a moment on the task at hand.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Results folder; default: leaderboards/<suite>.")
@json_option
def command(
    suites: tuple[str, ...],
    profile: str | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    plugins: tuple[str, ...],
    workers: int | None,
    executor: str,
    device: str,
    threads: int,
    engine: str,
    out: Path | None,
    as_json: bool,
) -> int:
    """Run suites: train, score, retrain, compare; print the leaderboard.

    SUITE is a YAML file, or the name of one that comes with ifbench. Results go to leaderboards/<suite>, intermediate
    ones to the store ($IFBENCH_STORE, or .ifbench). A run that was stopped goes on when started again, and what is
    done is not done twice. Exit code 0: all well, or unsupported and said so; 1: some cells failed.
    """
    from ifbench import run
    from ifbench.cli.progress import progress_watcher

    if out is not None and len(suites) > 1:
        raise IfbenchError("--out takes one suite's results, but several suites are given", hint="run them one by one")
    worst = ExitCode.OK
    for suite in suites:
        watcher = progress_watcher()
        with watcher:
            results = run(
                suite,
                profile=profile,
                overrides=overrides,
                only=only,
                plugins=plugins,
                workers=workers,
                executor=executor,
                device=device,
                threads=threads,
                engine=engine,
                out=out,
                watcher=watcher,
            )
        _show(results.directory, as_json=as_json)
        _summarise(
            results.directory, len({record.cell for record in results.records}), results.jobs_done, results.exit_code
        )
        worst = max(worst, results.exit_code)
    return worst


def _show(directory: Path, *, as_json: bool) -> None:
    from ifbench.cli.tables import print_json, print_tables

    if as_json:
        print_json(directory)
    else:
        print_tables(directory)


def _summarise(directory: Path, n_cell: int, jobs_done: int, code: ExitCode) -> None:
    if jobs_done:
        did = f"{jobs_done} jobs computed for {n_cell} cells"
    else:
        did = f"nothing to do: all {n_cell} cells are up to date"
    failed = "; some cells failed, see above" if code else ""
    click.echo(f"{did}{failed}; results in {directory}", err=True)
