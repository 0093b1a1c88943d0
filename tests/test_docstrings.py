"""What the docstrings of public functions say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ifbench.core import errors

ROOT = Path(__file__).parents[1]
MANY = 3
CLASSES = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
RAISED = {*CLASSES, "SuiteError", "CheckFailedError", "IndexError", "ValueError"}


@dataclass(frozen=True)
class Function:
    """A public function or method, and where it is."""

    file: str
    name: str
    node: ast.FunctionDef

    def __str__(self) -> str:
        return f"{self.file}:{self.node.lineno} {self.name}"

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def n_parameter(self) -> int:
        """Parameters besides self and cls; `*args` and `**kwargs` do not count."""
        given = self.node.args
        names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        return len([name for name in names if name not in {"self", "cls"}])

    @property
    def is_documented_elsewhere(self) -> bool:
        """By the interface that it implements, or by the help of its options."""
        marks = [ast.unparse(mark) for mark in self.node.decorator_list]
        is_command = self.file.startswith("ifbench/cli/") and any("command" in mark for mark in marks)
        return is_command or self.docstring.startswith("See ")

    @property
    def raises(self) -> set[str]:
        """Names of the classes that its own body raises."""
        raised = [node.exc for node in own_nodes(self.node) if isinstance(node, ast.Raise) and node.exc is not None]
        return {ast.unparse(error.func if isinstance(error, ast.Call) else error) for error in raised}


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in the body of a function but what functions and classes within it hold."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def public_functions(body: list[ast.stmt], file: str, prefix: str = "") -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from public_functions(node.body, file, f"{prefix}{node.name}.")
            else:
                yield Function(file, f"{prefix}{node.name}", node)


def functions() -> list[Function]:
    """The public functions that have to document themselves."""
    files = [file for room in ("ifbench", "plugins") for file in sorted((ROOT / room).rglob("*.py"))]
    found = [
        function
        for file in files
        for function in public_functions(ast.parse(file.read_text("utf-8")).body, file.relative_to(ROOT).as_posix())
        if not function.is_documented_elsewhere
    ]
    assert len(found) > 100
    return found


def test_public_functions_of_three_or_more_parameters_document_them():
    silent = [str(one) for one in functions() if one.n_parameter >= MANY and "Args:" not in one.docstring]
    assert not silent


def test_public_functions_document_the_errors_that_they_raise():
    silent = [str(one) for one in functions() if one.raises & RAISED and "Raises:" not in one.docstring]
    assert not silent
