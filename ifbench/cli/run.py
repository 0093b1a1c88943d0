"""`ifbench run`: do what a suite says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ifbench.cli.options import examples, json_option, suite_options
from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.core.retraining import ENGINES

if TYPE_CHECKING:
    from ifbench import Results


@click.command(
    "run",
    epilog=examples(
        "ifbench run quickstart",
        "ifbench run quickstart --profile smoke --only 'hif-*'",
        "ifbench run my-suite.yaml --plugin my_estimator.py --set 'seeds=[0]'",
    ),
)
@click.argument("suites", nargs=-1, required=True, metavar="SUITE...")
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
def command(suites: tuple[str, ...], out: Path | None, as_json: bool, **settings: Any) -> int:
    """Run suites: train, score, retrain, compare; print the leaderboard.

    SUITE is a YAML file, or the name of one that comes with ifbench. Results go to leaderboards/<suite>, intermediate
    ones to the store ($IFBENCH_STORE, or .ifbench). A run that was stopped goes on when started again, and what is
    done is not done twice. Exit code 0: all well, or unsupported and said so; 1: some cells failed.
    """
    from ifbench import run
    from ifbench.cli.leaderboard import print_results
    from ifbench.cli.progress import progress

    if out is not None and len(suites) > 1:
        raise IfbenchError("--out takes one suite's results, but several suites are given", hint="run them one by one")
    worst = ExitCode.OK
    for suite in suites:
        with progress() as watcher:
            results = run(suite, out=out, watcher=watcher, **settings)
        print_results(results, as_json=as_json)
        click.echo(_summary(results), err=True)
        worst = max(worst, results.exit_code)
    return worst


def _summary(results: Results) -> str:
    cells = len({record.cell for record in results.records})
    done = f"{results.jobs_done} jobs computed for {cells} cells"
    did = done if results.jobs_done else f"nothing to do: all {cells} cells are up to date"
    failed = "; some cells failed, see above" if results.exit_code else ""
    return f"{did}{failed}; results in {results.directory}"
