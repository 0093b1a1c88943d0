"""Where in a plugin's own code an error arose."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from ifbench.core.errors import IfbenchError
from ifbench.core.specs import Spec


def describe(error: BaseException, spec: Spec) -> str:
    """Type and message of an error, and the innermost line of the plugin that it passed through.

    An IfbenchError is told by its message and hint alone.
    """
    text = str(error) if isinstance(error, IfbenchError) else f"{type(error).__name__}: {error}"
    folder = _folder(spec)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve().parent == folder]
    return f"{text}\n  at {own[-1].filename}:{own[-1].lineno}" if own else text


def _folder(spec: Spec) -> Path | None:
    """Folder of the module that holds the factory, if it is a file."""
    module = sys.modules.get(spec.module)
    try:
        found = module.__spec__ if module is not None else importlib.util.find_spec(spec.module)
    except ImportError:
        return None
    return Path(found.origin).resolve().parent if found is not None and found.origin else None
