"""What is registered: loads plugins, each on its own, and answers questions by name."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from ifbench.core.code import code_digest
from ifbench.core.errors import IfbenchError, did_you_mean
from ifbench.core.identity import canonical_json, digest
from ifbench.core.params import Params
from ifbench.core.specs import (
    HOOKS,
    KINDS,
    PROJECT,
    ArchitectureSpec,
    DatasetSpec,
    EstimatorSpec,
    Hooks,
    MetricSpec,
    ProtocolSpec,
    Spec,
)

IN_TREE = "ifbench_plugins"
OfKind = TypeVar("OfKind", bound=Spec)


@dataclass(frozen=True)
class Entry:
    """A spec and its origin: module, entry point or file, as a person would name it."""

    spec: Spec
    origin: str

    @cached_property
    def source_digest(self) -> str:
        """Digest of the code of the module that holds the factory, and of its neighbours; see `code_digest`."""
        file = self.spec.file
        return code_digest(self.spec.module, file) if file else digest(self.spec.module)


@dataclass(frozen=True)
class Refusal:
    """A plugin that could not be loaded.

    Attributes:
        stem: Its file, module or entry-point name without folders, hyphens for underscores.
        origin: See `Entry`.
        reason: What went wrong, with file and line where the plugin's own code raised.
    """

    stem: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.origin} did not load: {self.reason}"


def _spec(kind: type[OfKind]) -> Callable[[Registry, str], OfKind]:
    """A method of the registry: the spec of this kind and of a name. Raises as `Registry.find` does."""

    def spec(registry: Registry, name: str) -> OfKind:
        entry = registry.find(kind.kind, name)
        assert isinstance(entry.spec, kind)
        return entry.spec

    return spec


@dataclass
class Registry:
    """Everything that suites may name."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    refusals: list[Refusal] = field(default_factory=list)

    estimator = _spec(EstimatorSpec)
    architecture = _spec(ArchitectureSpec)
    dataset = _spec(DatasetSpec)
    protocol = _spec(ProtocolSpec)
    metric = _spec(MetricSpec)

    def find(self, kind: str, name: str) -> Entry:
        """The entry of that kind and name.

        Raises:
            IfbenchError: There is none; the hint names the nearest, or the plugin that failed to load.
        """
        entries = self.entries[kind]
        if name in entries:
            return entries[name]
        reason = self.unavailable(name)
        if reason is not None:
            raise IfbenchError(f"{kind} '{name}' is not available: {reason}", hint=f"see: ifbench list {kind}")
        hint = did_you_mean(name, entries)
        if self.refusals:
            hint += f"   failed to load: {', '.join(refusal.stem for refusal in self.refusals)}; see: ifbench list"
        raise IfbenchError(f"unknown {kind} '{name}'", hint=hint)

    def unavailable(self, name: str) -> str | None:
        """Why the plugin whose file is called `name` did not load; None if there is no such failure."""
        return next((str(refusal) for refusal in self.refusals if refusal.stem == name), None)

    def params(self, kind: str, name: str, values: Mapping[str, Any]) -> Params:
        """Stored parameters as the plugin takes them.

        Args:
            kind: Kind of the plugin.
            name: Its name.
            values: Any: JSON, defaults filled in.
        """
        return self.find(kind, name).spec.params.model_validate_json(canonical_json(dict(values)))


def load_registry(plugin_files: Sequence[str | Path] = ()) -> Registry:
    """Load in-tree plugins, installed entry points and files of the command line, in that order and sorted within each.

    A plugin that raises, yields nothing, implements no hook of ours or repeats a name is refused as a whole and
    listed in `Registry.refusals`; the others are unaffected.

    Raises:
        IfbenchError: A plugin file does not exist.
    """
    registry = Registry()
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    files = {Path(file).resolve(): file for file in plugin_files}
    for called, origin, load in (*_in_tree(), *_entry_points(), *map(_from_file, files.values())):
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
                module = load()
            specs = _catalogue(manager, module, origin)
            _refuse_duplicates(registry, specs, origin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            registry.refusals.append(Refusal(called.replace("_", "-"), origin, _reason(error)))
            continue
        for spec in specs:
            registry.entries[spec.kind][spec.name] = Entry(spec, origin)
    for kind, entries in registry.entries.items():
        registry.entries[kind] = dict(sorted(entries.items()))
    return registry


Source = tuple[str, str, Callable[[], Any]]
"""Name, origin, and what loads the plugin."""


def _in_tree() -> Iterator[Source]:
    spec = importlib.util.find_spec(IN_TREE)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    for path in sorted({path for root in roots for path in Path(root).glob("*/*.py") if path.stem != "__init__"}):
        name = f"{IN_TREE}.{path.parent.name}.{path.stem}"
        yield path.stem, name, lambda name=name: importlib.import_module(name)  # type: ignore[misc]


def _entry_points() -> Iterator[Source]:
    for point in sorted(importlib.metadata.entry_points(group=PROJECT), key=lambda point: point.name):
        yield point.name, f"{point.name} ({point.value})", point.load


def _from_file(file: str | Path) -> Source:
    path = Path(file)
    if not path.is_file():
        raise IfbenchError(f"no plugin file {str(path)!r}", hint="--plugin takes the path of a Python file")

    def load() -> ModuleType:
        name = f"ifbench_file_{path.stem}_{digest(str(path.resolve()))[:8]}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module

    return path.stem, str(path), load


def _catalogue(manager: pluggy.PluginManager, module: Any, origin: str) -> list[Spec]:
    """The specs of one plugin; Any: a module, or whatever an entry point loads."""
    manager.register(module, name=origin)
    try:
        manager.check_pending()
        callers = manager.get_hookcallers(module) or []
        if not callers:
            raise IfbenchError("no hook found", hint="mark the function with @ifbench.hookimpl and name it ifbench_...")
        hooks = [(caller.name, hook) for caller in callers for hook in caller.get_hookimpls() if hook.plugin is module]
        specs = [spec for name, hook in hooks for spec in _specs(name, hook.function())]
        if not specs:
            raise IfbenchError(f"{', '.join(name for name, _ in hooks)} returned no spec")
    except BaseException:
        manager.unregister(module)
        raise
    return specs


def _specs(hook: str, returned: Any) -> Iterator[Spec]:  # Any: whatever the plugin returned
    wanted = HOOKS[hook]
    for spec in returned or ():
        if type(spec) is not wanted:
            raise TypeError(f"{hook} yields {type(spec).__name__}, wanted {wanted.__name__}")
        yield spec


def _refuse_duplicates(registry: Registry, specs: Sequence[Spec], origin: str) -> None:
    origins = {(kind, name): entry.origin for kind, own in registry.entries.items() for name, entry in own.items()}
    for spec in specs:
        first = origins.get((spec.kind, spec.name))
        if first is not None:
            raise IfbenchError(f"{spec.kind} '{spec.name}' is registered by {first} and again by {origin}")
        origins[spec.kind, spec.name] = origin


def _reason(error: BaseException) -> str:
    """One line: type, message, and the innermost line of the plugin's own code."""
    text = f"{type(error).__name__}: {error}" if not isinstance(error, IfbenchError) else str(error)
    for last in traceback.extract_tb(error.__traceback__)[-1:]:
        if not isinstance(error, SyntaxError) and not last.filename.startswith(("<", str(Path(__file__).parent))):
            return f"{text} ({last.filename}:{last.lineno})"
    return text
