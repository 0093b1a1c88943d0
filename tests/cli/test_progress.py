"""What a run says on stderr: lines where nobody watches, bars on a terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from ifbench.cli.progress import BarWatcher, LineWatcher, progress
from ifbench.jobs.outcome import Outcome


def job(name: str) -> Any:
    return SimpleNamespace(id=name, label=f"train {name}")


def console(**settings: Any) -> Console:
    return Console(file=io.StringIO(), width=200, **settings)


def lines(watcher: LineWatcher) -> list[str]:
    """What was printed, without the seconds in front."""
    assert isinstance(watcher.console.file, io.StringIO)
    return [line.partition("s  ")[2] for line in watcher.console.file.getvalue().splitlines()]


def test_each_job_has_a_line_and_a_message_is_said_once() -> None:
    watcher = LineWatcher(console())
    watcher.job_done(job("a"), Outcome("ok"))
    watcher.job_done(job("b"), Outcome("failed", "boom [log: b.log]"))
    watcher.job_done(job("c"), Outcome("failed", "boom [log: c.log]"))
    watcher.notice("take care")
    assert lines(watcher) == [
        "     ok  train a",
        " failed  train b: boom [log: b.log]",
        " failed  train c: as train b",
        "warning: take care",
    ]


def test_a_cell_has_a_line_where_it_has_no_result() -> None:
    watcher, work = LineWatcher(console()), SimpleNamespace(label="hif on iris")
    watcher.cell_done(work, SimpleNamespace(status="ok", message=""))  # type: ignore[arg-type]
    watcher.cell_done(work, SimpleNamespace(status="timeout", message="took too long"))  # type: ignore[arg-type]
    assert lines(watcher) == ["timeout  cell hif on iris: took too long"]


def test_bars_count_jobs_and_only_failures_are_printed() -> None:
    screen = console()
    bars = Progress(console=screen, auto_refresh=False)
    watcher = BarWatcher(screen, bars)
    watcher.tick([job("a"), job("b")], {"a": 0.25}, waiting=3)
    assert [(task.description, task.completed, task.total) for task in bars.tasks] == [
        ("jobs", 0, 5),
        ("  train a", 25, 100),
        ("  train b", 0, 100),
    ]
    watcher.job_done(job("a"), Outcome("ok"))
    watcher.job_done(job("b"), Outcome("failed", "boom"))
    watcher.tick([], {}, waiting=0)
    assert [(task.description, task.completed, task.total) for task in bars.tasks] == [("jobs", 2, 2)]
    assert lines(watcher) == [" failed  train b: boom"]


@pytest.mark.parametrize(("terminal", "kind"), [(True, BarWatcher), (False, LineWatcher)])
def test_bars_are_for_terminals(monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: type[LineWatcher]) -> None:
    monkeypatch.setattr(Console, "is_terminal", terminal)
    with progress() as watcher:
        assert type(watcher) is kind
