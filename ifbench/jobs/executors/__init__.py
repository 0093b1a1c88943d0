"""Where jobs run."""

from __future__ import annotations

from ifbench.core.errors import IfbenchError
from ifbench.jobs.environment import cores
from ifbench.jobs.executors.base import Executor, Setup
from ifbench.jobs.executors.inline import InlineExecutor
from ifbench.jobs.executors.processes import ProcessExecutor

__all__ = ["Executor", "Setup", "open_executor"]

MAX_DEFAULT_WORKERS = 8


def open_executor(name: str, setup: Setup, workers: int | None) -> Executor:
    """The executor of that name.

    Args:
        name: `process`, or `inline` for this very process.
        setup: What its workers need.
        workers: Processes; None takes the number of cores, at most 8.

    Raises:
        IfbenchError: There is none of that name, or the device is not to be had.
    """
    if setup.device != "cpu":
        _check_device(setup.device)
    if name == "inline":
        return InlineExecutor(setup)
    if name == "process":
        return ProcessExecutor(setup, workers or min(cores(), MAX_DEFAULT_WORKERS))
    raise IfbenchError(f"unknown executor '{name}'", hint="known: inline, process")


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise IfbenchError(f"device '{device}' is not to be had: {first}", hint="see: ifbench doctor") from error
