"""Where numbers come from: the code, the packages and the machine; nothing that names a person or a place."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "scipy")
CODE = ("ifbench", "plugins", "pyproject.toml")
MATH_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""What torch goes by, the first that is set."""
THREAD_VARIABLES = (*MATH_THREADS, "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
GIT_SECONDS = 10
MB = 10**6


def provenance(*, device: str = "cpu") -> dict[str, Any]:
    """What a record says of its origin: JSON values (Any) without host, user, path, time or process.

    Args:
        device: Where the work is done, "cpu" or "cuda"; for a GPU its model is given if torch has it in use.

    Returns:
        `commit` and `dirty` of the checkout ifbench runs from (None if it is none; dirty: code that differs from the
        commit, results aside), `versions` (None: not installed), `machine`, `cpu`, `threads`, `device`.
    """
    commit, dirty = _git_state(Path(__file__).resolve().parents[2])
    packages = {package: _installed(package) for package in ("ifbench", *PACKAGES)}
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": packages | {"python": platform.python_version()},
        "machine": f"{platform.system()}-{platform.machine()}",
        "cpu": _cpu(),
        "threads": _threads(),
        "device": _device(device),
    }


def report() -> dict[str, Any]:
    """What `ifbench doctor` shows: the provenance, and what the machine and the settings offer, as JSON values (Any).

    Returns:
        Provenance, and `cores` (those this process may use), `memory_mb`, `memory_available_mb` (10**6 bytes),
        `store` and `data` (variable, value, path, exists, writable, free_mb of their disk), `thread_variables`
        (None: not set).
    """
    import psutil

    memory = psutil.virtual_memory()
    return {
        **provenance(),
        "cores": cores(),
        "memory_mb": memory.total // MB,
        "memory_available_mb": memory.available // MB,
        "store": _place("IFBENCH_STORE", default=".ifbench"),
        "data": _place("IFBENCH_DATA", default=None),
        "thread_variables": {name: os.environ.get(name) for name in THREAD_VARIABLES},
    }


@functools.cache
def _git_state(root: Path) -> tuple[str | None, bool | None]:
    """Commit of the checkout whose top is `root`, and whether its code differs; None where there is no telling."""
    if not (root / ".git").exists():  # a checkout further up, around an installed package, is not ours
        return None, None
    changes = _git(root, "status", "--porcelain", "--", *CODE)
    return _git(root, "rev-parse", "--verify", "HEAD"), None if changes is None else bool(changes)


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers, or None if it cannot: missing, not a checkout, not ours to read."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "--no-optional-locks", "-C", str(root), *arguments]
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}  # as set inside hooks
    try:
        done = subprocess.run(command, capture_output=True, check=True, env=env, text=True, timeout=GIT_SECONDS)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


@functools.cache
def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def _cpu() -> str | None:
    """The processor's model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(models), platform.processor()) or None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads() -> int:
    """Threads of one tensor operation: torch's own number once it is loaded, else what it would start with."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    number = next((os.environ[name] for name in MATH_THREADS if name in os.environ), "")
    return int(number) if number.isdecimal() and int(number) > 0 else cores()


def _device(device: str) -> str:
    torch = sys.modules.get("torch")
    if not device.startswith("cuda") or torch is None or not torch.cuda.is_initialized():
        return device
    return f"{device} ({torch.cuda.get_device_name(device)})"


def _place(variable: str, *, default: str | None) -> dict[str, Any]:
    """A directory that a variable names (Any: text, numbers, bool and None)."""
    value = os.environ.get(variable) or None
    place: dict[str, Any] = {"variable": variable, "value": value}
    if value is None and default is None:
        return place | dict.fromkeys(("path", "exists", "writable", "free_mb"))
    path = Path(value or default or "").absolute()
    standing = next(folder for folder in (path, *path.parents) if os.access(folder, os.F_OK))
    return place | {
        "path": str(path),
        "exists": standing == path and path.is_dir(),
        "writable": standing.is_dir() and os.access(standing, os.W_OK | os.X_OK),
        "free_mb": shutil.disk_usage(standing).free // MB,
    }
