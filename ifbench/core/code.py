"""What a plugin computes, as a digest: its code without comments and docstrings, and that of its neighbours."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

from ifbench.core.identity import digest

HARNESS = "ifbench"


def code_digest(module: str, path: Path) -> str:
    """Digest of the code of a module, by dotted name and file, and of its neighbours that it imports, even indirectly.

    Neighbours are the modules of its package, from the top down; for a file on its own, those beside it; for a module
    of `ifbench`, those of its room. Other imports are not followed: ifbench's own numbers have versions, and other
    libraries are provenance. Comments, docstrings, layout and the place on disk make no difference. A file that is no
    Python text counts by its bytes.
    """
    package, folder = _neighbourhood(module, path)
    code: dict[str, str] = {}
    waiting = {module: path}
    while waiting:
        name, file = waiting.popitem()
        content = file.read_bytes()
        try:
            tree = ast.parse(content)
            code[name] = _text(tree)
        except (SyntaxError, ValueError, RecursionError):
            code[name] = hashlib.sha256(content).hexdigest()
            continue
        inside = name if file.stem == "__init__" else name.rpartition(".")[0]
        for other in _imports(tree, inside):
            if other not in code and (neighbour := _file(other, package, folder)):
                waiting[other] = neighbour
    code["the plugin"] = code.pop(module)
    return digest(code)


def _neighbourhood(module: str, path: Path) -> tuple[str, Path]:
    """Dotted name and folder of the package whose modules are neighbours; no name for a file on its own."""
    parts = module.split(".")
    n_package = len(parts) - (path.stem != "__init__")  # that the file is in
    depth = min(n_package, 2 if parts[0] == HARNESS else 1)
    return ".".join(parts[:depth]), path.parents[n_package - depth]


def _file(name: str, package: str, folder: Path) -> Path | None:
    """The file of a neighbour; None for all other names."""
    if package:
        own = name == package or name.startswith(f"{package}.")
    else:  # in a folder of installed modules, or beside ifbench itself, others are no neighbours
        own = name.partition(".")[0] != HARNESS and folder.name not in {"site-packages", "dist-packages"}
    path = folder.joinpath(*name.removeprefix(package).split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if own and file.is_file()), None)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that the imports of a module in `package` may mean, modules or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def _text(node: object) -> str:
    """A syntax tree as text, the same in every version of Python: like `ast.dump`, without bare strings."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({','.join(f'{name}={_text(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(_text(item) for item in node if not _is_docstring(item))}]"
    return repr(node)


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
