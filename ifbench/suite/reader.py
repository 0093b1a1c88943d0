"""From the text of a file to values that know their line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from ifbench.suite.faults import Faults, Place
from ifbench.suite.nodes import Node
from ifbench.suite.scalars import PREFIX, RESOLVERS, construct, short_tag

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 30
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def read_file(path: Path, faults: Faults) -> Node:
    """The mapping that a suite file holds.

    Faults after which reading can go on, such as a repeated key, are noted in `faults`.

    Raises:
        SuiteError: The file cannot be read, or is not one YAML mapping.
    """
    text = _decode(_load(path, faults), faults)
    lines = LINE_END.split(text)

    def place(line: int, column: int, known: str) -> Place:
        source = lines[line] if line < len(lines) else ""
        return Place(faults.file, line + 1, column + 1, known, source)

    node = _read(text, "", place, faults)
    if node is None:
        faults.stop(Place(faults.file), "the file is empty", hint="a suite begins with 'name: ...'")
    if not isinstance(node.value, Mapping):
        faults.stop(node.place, "wanted a mapping at the top of the file", hint="a suite begins with 'name: ...'")
    return node


def read_value(text: str, *, path: str, source: str, faults: Faults) -> Node:
    """A value given on the command line.

    Args:
        text: YAML.
        path: Where the value goes.
        source: The option as given, to stand where a file and line would.
        faults: Told what is wrong.

    Raises:
        SuiteError: The text is not YAML.
    """
    node = _read(text, path, lambda _line, _column, known: Place(source, path=known), faults)
    return node if node is not None else Node(None, Place(source, path=path))


class _Loader(yaml.SafeLoader):
    """PyYAML's composer with the scalars of YAML 1.2 and a bound on nesting."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's name
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:  # Any: PyYAML's nodes
        if self.depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, "nested too deeply", self.get_mark())
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


for _tag, _pattern, _first in RESOLVERS:
    _Loader.add_implicit_resolver(PREFIX + _tag, _pattern, [*_first, *([""] if _tag == "null" else [])])

MakePlace = Callable[[int, int, str], Place]


def _read(text: str, path: str, place: MakePlace, faults: Faults) -> Node | None:
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        before = LINE_END.split(text[: error.position])
        at = place(len(before) - 1, len(before[-1]), path)
        faults.stop(at, f"character U+{ord(text[error.position]):04X} is not allowed in YAML")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message, hint = _explain(error)
        faults.stop(place(mark.line, mark.column, path) if mark else Place(faults.file), message, hint=hint)
    except (ValueError, OverflowError):  # PyYAML lets them out of escapes and directives
        mark = loader.get_mark() if loader is not None else None
        at = place(mark.line, mark.column, path) if mark else Place(faults.file)
        faults.stop(at, "not YAML: an escape or directive that stands for nothing")
    else:
        return _Converter(place, faults).root(root, path) if root is not None else None


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    problem = (error.problem or error.context or "not understood").replace("'<stream end>'", "the end")
    if "'\\t'" in problem:
        return "a tab, where YAML wants spaces", "indent with spaces"
    if "another document" in problem:
        return "a second document begins here; a suite file holds one", "remove the line '---'"
    began = error.context_mark
    context = f"{error.context} that begins in line {began.line + 1}" if error.context and began else None
    return f"not YAML: {problem}", context


class _Converter:
    """Turns PyYAML's nodes into ours, with aliases and merge keys written out."""

    def __init__(self, place: MakePlace, faults: Faults) -> None:
        self.make_place = place
        self.faults = faults
        self.open: list[Any] = []
        self.count = 0

    def root(self, raw: yaml.Node, path: str) -> Node:
        return self.node(raw, self.place(raw, path))

    def place(self, raw: yaml.Node, path: str) -> Place:
        return self.make_place(raw.start_mark.line, raw.start_mark.column, path)

    def node(self, raw: yaml.Node, place: Place) -> Node:
        self.count += 1
        if self.count > MAX_VALUES:
            self.faults.stop(place, f"more than {MAX_VALUES} values, aliases written out")
        if any(raw is outer for outer in self.open):
            self.faults.stop(place, "an alias that holds itself")
        self.open.append(raw)
        try:
            if isinstance(raw, yaml.ScalarNode):
                return self._scalar(raw, place)
            return self._sequence(raw, place) if isinstance(raw, yaml.SequenceNode) else self._mapping(raw, place)
        finally:
            self.open.pop()

    def _scalar(self, raw: yaml.ScalarNode, place: Place) -> Node:
        try:
            return Node(construct(raw.tag, raw.value), place)
        except ValueError as error:
            self.faults.add(place, str(error))
            return Node(None, place)

    def _sequence(self, raw: yaml.SequenceNode, place: Place) -> Node:
        self._check_tag(raw, "seq", place)
        items = (self.node(item, self._item_place(item, place, index)) for index, item in enumerate(raw.value))
        return Node(tuple(items), place)

    def _item_place(self, item: yaml.Node, place: Place, index: int) -> Place:
        return replace(self.place(item, ""), path=place.below(index).path)

    def _mapping(self, raw: yaml.Node, place: Place) -> Node:
        self._check_tag(raw, "map", place)
        own: dict[str, Node] = {}
        merged: list[Node] = []
        for key, value in raw.value:
            if key.tag == PREFIX + "merge":
                merged += self._merge(key, value, place)
                continue
            name = self._key(key, place)
            if name is None:
                continue
            at = self._value_place(key, value, place, name)
            if name in own:
                first = own[name].place.line
                told = f"; first given in line {first}" if first else ""
                self.faults.add(replace(self.place(key, ""), path=at.path), f"key given twice{told}")
                continue
            own[name] = self.node(value, at)
        for source in merged:
            for name, child in source.fields.items():
                own.setdefault(name, child)
        return Node(own, place)

    def _key(self, key: yaml.Node, place: Place) -> str | None:
        if not isinstance(key, yaml.ScalarNode):
            self.faults.add(replace(self.place(key, ""), path=place.path), "a list or mapping as key, wanted text")
            return None
        node = self._scalar(key, replace(self.place(key, ""), path=place.path))
        if not isinstance(node.value, str):
            self.faults.add(node.place, f"got key {key.value or 'null'}, wanted text", hint="put it in quotes")
            return None
        return node.value

    def _value_place(self, key: yaml.Node, value: yaml.Node, place: Place, name: str) -> Place:
        path = place.below(name).path
        return self.place(value if value.start_mark.line == key.start_mark.line else key, path)

    def _merge(self, key: yaml.Node, value: yaml.Node, place: Place) -> list[Node]:
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if not all(isinstance(item, yaml.MappingNode) for item in items):
            self.faults.add(replace(self.place(key, ""), path=place.path), "'<<' wants a mapping or a list of mappings")
            return []
        return [self.node(item, replace(self.place(item, ""), path=place.path)) for item in items]

    def _check_tag(self, raw: yaml.Node, wanted: str, place: Place) -> None:
        if raw.tag != PREFIX + wanted:
            self.faults.add(place, f"tag '{short_tag(raw.tag)}' has no meaning in a suite")


def _load(path: Path, faults: Faults) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        faults.stop(Place(faults.file), f"cannot be read: {error.strerror or error}")
    if len(data) > MAX_BYTES:
        faults.stop(Place(faults.file), f"larger than {MAX_BYTES} bytes; this is no suite")
    return data


def _decode(data: bytes, faults: Faults) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        source = data.split(b"\n")[line - 1].decode("utf-8", "replace")
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        at = Place(faults.file, line, column, source_line=source)
        faults.stop(at, f"byte 0x{data[error.start]:02x} is not UTF-8", hint="save the file as UTF-8")
