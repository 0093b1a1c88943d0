"""Names that a package offers without importing the modules that define them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def exports(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a package whose names are imported when first asked for (PEP 562).

    Args:
        package: The package's `__name__`.
        names: Module below the package -> the names that it defines, with spaces between.
    """
    homes = {name: f"{package}.{module}" for module, defined in names.items() for name in defined.split()}

    def find(name: str) -> Any:  # Any: whichever name is asked for
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    offered = sorted(homes)
    return find, lambda: sorted(offered), offered
