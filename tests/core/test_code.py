"""What changes the digest of a plugin's code, and what does not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from ifbench.core import code
from ifbench.core.code import code_digest
from ifbench.core.registry import load_registry

CODE = '''
"""What it is for."""

import math


class Solver:
    """Solves."""

    steps = 3
    """How often."""

    def solve(self, start):
        """From a start."""
        return math.sqrt(start) + self.steps  # plus the steps
'''


def changed(old: str, new: str) -> str:
    assert CODE.count(old) == 1
    return CODE.replace(old, new)


@pytest.fixture
def write(tmp_path: Path):
    def write(files: dict[str, str], folder: str = "here") -> Path:
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path / folder

    return write


@pytest.fixture
def lone(write):
    def digest(text: str, **neighbours: str) -> str:
        folder = write({"mine.py": text, **{f"{name}.py": other for name, other in neighbours.items()}})
        return code_digest("ifbench_file_mine", folder / "mine.py")

    return digest


ALIKE = {
    "comment": changed("plus the steps", "and the steps"),
    "comment more": CODE + "\n# the end\n",
    "layout": changed("math.sqrt(start) + self.steps", "(\n            math.sqrt( start )+self.steps\n        )"),
    "module docstring": changed("What it is for", "What it does"),
    "no module docstring": changed('"""What it is for."""', ""),
    "class docstring": changed('"""Solves."""', '"""Solves it."""'),
    "method docstring": changed('"""From a start."""', '"""From any start."""'),
    "attribute docstring": changed('"""How often."""', ""),
    "quotes": changed('"""How often."""', "'How often.'"),
}
OTHER = {
    "number": changed("= 3", "= 4"),
    "operator": changed("(start) + self", "(start) - self"),
    "call": changed("math.sqrt(start)", "math.exp(start)"),
    "name": changed("class Solver", "class Solver2"),
    "text that is used": changed('"""How often."""', 'about = "How often."'),
    "more": CODE + "\nSolver.steps = 5\n",
    "type of a number": changed("= 3", "= 3.0"),
}


@pytest.mark.parametrize("case", ALIKE)
def test_comments_docstrings_and_layout_make_no_difference(lone, case: str) -> None:
    assert lone(ALIKE[case]) == lone(CODE)


@pytest.mark.parametrize("case", OTHER)
def test_code_makes_a_difference(lone, case: str) -> None:
    assert lone(OTHER[case]) != lone(CODE)


def test_changes_of_code_differ_from_one_another(lone) -> None:
    assert len({lone(text) for text in OTHER.values()}) == len(OTHER)


@pytest.mark.parametrize("line", ["import solver", "from solver import solve", "def late():\n    import solver\n"])
def test_code_of_an_imported_file_beside_it_makes_a_difference(lone, line: str) -> None:
    first = lone(line, solver="steps = 3")
    assert lone(line, solver="steps = 3  # three") == first
    assert lone(line, solver="steps = 4") != first
    assert lone(line, solver="steps = 3", unused="x = 1") == lone(line, solver="steps = 3", unused="x = 2")


def test_what_an_imported_file_imports_counts_too_also_in_a_circle(lone) -> None:
    files = {"solver": "import mine, deeper", "deeper": "import solver\nsteps = 3"}
    first = lone("import solver", **files)
    assert lone("import solver", **files) == first
    assert lone("import solver", **{**files, "deeper": "import solver\nsteps = 4"}) != first


PACKAGE = {
    "own/__init__.py": "",
    "own/solvers/__init__.py": "from .krylov import solve",
    "own/solvers/krylov.py": "def solve(): return 3",
    "own/estimators/__init__.py": "",
    "own/estimators/neighbour.py": "steps = 3",
    "other/__init__.py": "steps = 3",
}
NEIGHBOUR = {"own/estimators/neighbour.py"}
SOLVERS = {"own/solvers/__init__.py", "own/solvers/krylov.py"}
IMPORTS = {
    "from . import neighbour": NEIGHBOUR | {"own/estimators/__init__.py"},
    "from .neighbour import steps": NEIGHBOUR,
    "from own.estimators import neighbour": NEIGHBOUR | {"own/estimators/__init__.py"},
    "import own.estimators.neighbour as beside": NEIGHBOUR,
    "from ..solvers.krylov import solve": {"own/solvers/krylov.py"},
    "from own.solvers import solve": SOLVERS,
    "from .. import solvers": SOLVERS | {"own/__init__.py"},
    "import other, numpy": set(),
}


@pytest.mark.parametrize("line", IMPORTS)
def test_modules_of_its_own_package_count_where_they_are_imported(write, line: str) -> None:
    def digest(changes: dict[str, str]) -> str:
        folder = write({**PACKAGE, "own/estimators/mine.py": line, **changes})
        return code_digest("own.estimators.mine", folder / "own" / "estimators" / "mine.py")

    first = digest({})
    assert {name for name in PACKAGE if digest({name: PACKAGE[name] + "\nmore = 1"}) != first} == IMPORTS[line]


def test_the_place_on_disk_makes_no_difference(write) -> None:
    files = {**PACKAGE, "own/estimators/mine.py": "from ..solvers import solve"}
    here, there = write(files), write(files, "there")
    first, second = (code_digest("own.estimators.mine", at / "own" / "estimators" / "mine.py") for at in (here, there))
    assert first == second


def test_installed_modules_and_ifbench_itself_are_no_neighbours_of_a_file(write) -> None:
    for folder, name in (("site-packages", "solver"), ("here", "ifbench")):
        digests = set()
        for number in (3, 4):
            at = write({"mine.py": f"import {name}", f"{name}.py": f"steps = {number}"}, folder)
            digests.add(code_digest("mine", at / "mine.py"))
        assert len(digests) == 1


def test_what_is_no_python_counts_by_its_bytes(lone) -> None:
    assert lone("steps = = 3") != lone("steps = = 4")
    assert lone("steps = = 3", solver="x = 1") == lone("steps = = 3", solver="x = 2")


@pytest.mark.parametrize(
    ("kind", "name", "neighbours"),
    [
        ("architecture", "bert", {"params", "loading", "classifier", "network", "weights", "tokens"}),
        ("estimator", "hif", set()),
    ],
)
def test_in_tree_plugins_have_the_neighbours_that_they_import(monkeypatch, kind, name, neighbours) -> None:
    found = set()
    find = code._file

    def spy(*asked: object) -> Path | None:
        path = find(*asked)
        found.update({path.stem} if path else ())
        return path

    monkeypatch.setattr(code, "_file", spy)
    assert load_registry().find(kind, name).source_digest
    assert found == neighbours


def test_a_metric_of_ifbench_counts_its_room_alone() -> None:
    path = Path(code.__file__).parents[1] / "compare" / "correlations.py"
    package, folder = code._neighbourhood("ifbench.compare.correlations", path)
    assert (package, folder) == ("ifbench.compare", path.parent)
    assert code._file("ifbench.compare.selection", package, folder) == path.with_name("selection.py")
    assert code._file("ifbench.core.errors", package, folder) is None


def test_digest_of_a_plugin_does_not_depend_on_its_import(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from ifbench import EstimatorSpec, hookimpl\n\n\nclass Mine:\n    pass\n\n\n@hookimpl\n"
        "def ifbench_estimators():\n    yield EstimatorSpec(name='mine', factory=Mine, summary='', source='')\n"
    )
    entry = load_registry([path]).find("estimator", "mine")
    assert entry.source_digest == code_digest("any_other_name", path)
