"""The state of the process that plugins share, and putting it back."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Put the process back as it was, whatever a plugin did to it."""
    before = process_state()
    try:
        yield
    finally:
        torch.set_grad_enabled(before["grad mode"])
        torch.set_default_dtype(before["default dtype"])
        if torch.get_num_threads() != before["number of threads"]:
            torch.set_num_threads(before["number of threads"])
        torch.set_rng_state(before["torch's random state"])
        np.random.set_state(before["numpy's random state"])  # noqa: NPY002 - the global state is the point
        random.setstate(before["python's random state"])
        os.chdir(before["working directory"])
        if dict(os.environ) != before["environment"]:
            os.environ.clear()
            os.environ.update(before["environment"])


def process_state() -> dict[str, Any]:  # Any: each library has its own form of state
    """Everything global that a plugin might change and others depend on."""
    return {
        "torch's random state": torch.get_rng_state(),
        "numpy's random state": np.random.get_state(),  # noqa: NPY002 - the global state is the point
        "python's random state": random.getstate(),
        "default dtype": torch.get_default_dtype(),
        "number of threads": torch.get_num_threads(),
        "grad mode": torch.is_grad_enabled(),
        "working directory": str(Path.cwd()),
        "environment": dict(os.environ),
    }
