"""What `ifbench` and `ifbench.core` offer to plugins and users."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ifbench", "ifbench.core", "ifbench.core.data")


def seen_by_type_checkers(package: str) -> dict[str, str]:
    """Name -> module, of the imports under TYPE_CHECKING."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {alias.name: str(node.module) for node in block.body for alias in node.names}  # type: ignore[attr-defined]


def defined_here(package: str) -> set[str]:
    """Names of the functions that the package's own file defines."""
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_that_the_package_offers(package: str) -> None:
    offered = importlib.import_module(package)
    assert seen_by_type_checkers(package).keys() | defined_here(package) == set(offered.__all__)
    assert set(dir(offered)) == set(offered.__all__)
    for name, module in seen_by_type_checkers(package).items():
        assert getattr(offered, name) is getattr(importlib.import_module(module), name)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(ImportError, match="Estimatr"):
        from ifbench import Estimatr  # noqa: F401


@pytest.mark.parametrize("file", [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=str)
def test_pages_import_as_a_plugin_may(file: Path) -> None:
    modules = re.findall(r"^\s*(?:from|import) (ifbench\S*)", file.read_text(), re.MULTILINE)
    assert set(modules) <= {"ifbench", "ifbench.core", "ifbench.core.data", "ifbench.testing"}


def test_no_plugin_names_another_room_in_a_text() -> None:
    rooms = re.compile(r"ifbench\.(suite|store|numerics|compare|jobs|report|cli)\b")
    assert not [path for path in (ROOT / "plugins").rglob("*.py") if rooms.search(path.read_text())]
