"""Where a suite's file is: a path, or the name of a suite that comes with ifbench."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from typing import NoReturn

from ifbench.core.errors import closest
from ifbench.suite.faults import Faults, clip, hints
from ifbench.suite.places import Place

PACKAGE = "ifbench_suites"
SUFFIX = ".yaml"


def find_suite(name_or_path: str | Path) -> Path:
    """The file of a suite.

    Args:
        name_or_path: Path of a file, or else the name of a packaged suite.

    Raises:
        SuiteError: There is no such file; the hint lists near names.
    """
    given = str(name_or_path)
    if _exists(given, folder=False):
        return Path(given)
    packaged = packaged_suites()
    if given not in packaged:
        _refuse(given, sorted(packaged))
    return packaged[given]


def _refuse(given: str, names: list[str]) -> NoReturn:
    faults = Faults(clip(given if given.isprintable() and given else repr(given)))
    if _exists(given, folder=True):
        faults.stop(Place(faults.file), "a directory, wanted a suite file", _beside(Path(given)))
    as_path = os.sep in given or given.endswith((SUFFIX, ".yml"))
    beside = _beside(Path(given).parent) if as_path else None
    near = closest(Path(given).name.removesuffix(SUFFIX), names)
    known = f"did you mean the suite '{near}'?" if near else f"suites by name: {', '.join(names)}" if names else None
    what = "no such file" if as_path else "neither a file nor the name of a suite"
    faults.stop(Place(faults.file), what, hints(beside, known))


def packaged_suites() -> dict[str, Path]:
    """Name -> file of every suite that comes with ifbench."""
    try:
        folder = Path(str(importlib.resources.files(PACKAGE)))
    except ModuleNotFoundError:
        return {}
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def display_name(path: Path) -> str:
    """The path as messages show it: relative where it lies below the working directory."""
    if not path.is_absolute():
        return str(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _exists(given: str, *, folder: bool) -> bool:
    try:
        return bool(given) and (Path(given).is_dir() if folder else Path(given).is_file())
    except (OSError, ValueError):  # too long, or with characters no file name can hold
        return False


def _beside(folder: Path) -> str | None:
    """The suite files of a folder, as a hint."""
    try:
        found = sorted(path.name for path in folder.glob(f"*{SUFFIX}"))
    except (OSError, ValueError):
        return None
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return f"{folder} holds {', '.join(found[:6])}{more}" if found else None
