"""A suite small enough to run in seconds, broken plugins to run it with, and the command line as a process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import unittest.mock
from pathlib import Path

SUITE = """\
name: tiny
title: A tiny suite
tasks:
  - data: iris
    architecture: {name: mlp, width: 3, depth: 1, activation: tanh}
    recipe: {learning_rate: 0.5, steps: 300, weight_decay: 0.01}
    dtype: float64
seeds: [0, 1]
queries: [{highest-loss: 2}]
examples:
  - {top: 10, by: hif}
  - {random: 10}
protocols:
  - {name: retrain-from-optimum, steps: 60}
estimators:
  - {name: hif, solver: exact, damping: 0.01}
  - tracin
  - random
"""

BROKEN_PLUGIN = '''\
"""Estimators that break their contract, each in its own way."""

import os
import sys
import time

import torch

from ifbench import EstimatorSpec, hookimpl


class Base:
    def __init__(self, params):
        pass

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        return self.answer(problem, torch.zeros(len(examples), len(queries), dtype=problem.dtype))


class Raises(Base):
    def answer(self, problem, zeros):
        return {}["a key nobody has"]


class Nan(Base):
    def answer(self, problem, zeros):
        return zeros / 0


class Transposed(Base):
    def answer(self, problem, zeros):
        return zeros.T


class Elsewhere(Base):
    def answer(self, problem, zeros):
        return zeros.to("meta")


class Exits(Base):
    def answer(self, problem, zeros):
        sys.exit(0)


class Dies(Base):
    def answer(self, problem, zeros):
        os._exit(7)


class Hangs(Base):
    def answer(self, problem, zeros):
        time.sleep(600)


class Greedy(Base):
    def answer(self, problem, zeros):
        return torch.empty(1 << 60, dtype=torch.uint8)


class Meddles(Base):
    def answer(self, problem, zeros):
        problem.params.add_(1.0)
        return zeros + 1


class Rolls(Base):
    def fit(self, problem):
        targets = problem.data.train.targets
        targets.copy_(targets.roll(1))

    def answer(self, problem, zeros):
        return zeros + 1


class Poisons(Base):
    def answer(self, problem, zeros):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float16)
        os.chdir("/")
        return zeros + 1


class Interrupts(Base):
    def __init__(self, params):
        raise KeyboardInterrupt


class Leaves(Base):
    def answer(self, problem, zeros):
        os._exit(0)


class Unspeakable(Base):
    def answer(self, problem, zeros):
        raise RuntimeError("\\ud800")


class Talks(Base):
    def diagnostics(self):
        return {"tensor": torch.zeros(2)}

    def answer(self, problem, zeros):
        print("not a result")
        return zeros + 1


CLASSES = (
    Raises, Nan, Transposed, Elsewhere, Exits, Dies, Hangs, Greedy, Meddles,
    Rolls, Poisons, Interrupts, Leaves, Unspeakable, Talks,
)


@hookimpl
def ifbench_estimators():
    for kind in CLASSES:
        yield EstimatorSpec(name=kind.__name__.lower(), factory=kind, summary="broken", source="none")
'''


def write_suite(folder: Path, text: str = SUITE, name: str = "tiny.yaml") -> Path:
    """The suite as a file."""
    path = folder / name
    path.write_text(text)
    return path


def environment(folder: Path) -> dict[str, str]:
    """Variables that keep a command's store in `folder` and its output plain and wide."""
    store = {"IFBENCH_STORE": str(folder / "store"), "COLUMNS": "200", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    return {**os.environ, **store}


def ifbench(folder: Path, *args: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder` as its own process."""
    command = [sys.executable, "-m", "ifbench", *args]
    return subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=timeout, check=False
    )


def ifbench_here(folder: Path, *args: str, drawn: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `ifbench run` in `folder` in this very process: much sooner, where processes are not the point.

    Figures are empty unless they shall be drawn, which costs more than many a run.
    """
    from ifbench.cli.main import run_command
    from ifbench.report import files

    out, err = io.StringIO(), io.StringIO()
    write_figure = files._write_figure if drawn else lambda path, _: path.write_text("<svg/>")
    with (
        contextlib.chdir(folder),
        unittest.mock.patch.dict(os.environ, environment(folder)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        unittest.mock.patch.object(files, "_write_figure", write_figure),
    ):
        code = run_command(["run", *args, "--executor", "inline"])
    return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())


def results_without_timing(directory: Path) -> dict[str, list[str]]:
    """Every line of every result file, with timings (and what is read off a clock) taken out."""
    found = {}
    for path in sorted((directory / "results").glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            assert line.pop("timing")
        found[path.name] = [json.dumps(line, sort_keys=True) for line in lines]
    return found
