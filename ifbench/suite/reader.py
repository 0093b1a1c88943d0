"""From YAML to values that know their place; scalars follow YAML 1.2: `1e-3` is a number, `no` is text."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ifbench.suite.faults import Faults
from ifbench.suite.places import Entries, Fields, Place

Scalar = str | int | float | bool | None

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 30
MAX_INTEGER = 2**63 - 1
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
TAG = "tag:yaml.org,2002:"
PLAIN = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
    "merge": re.compile(r"<<\Z"),
}
"""Kind -> the plain scalars that mean it, by the core schema of YAML 1.2."""


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


for _kind, _pattern in PLAIN.items():
    _Loader.add_implicit_resolver(TAG + _kind, _pattern, None)  # None: any first character


def read_file(path: Path, faults: Faults) -> Fields:
    """The mapping that a suite file holds.

    Faults after which reading can go on, such as a repeated key, are noted in `faults`.

    Raises:
        SuiteError: The file cannot be read, or is not one YAML mapping.
    """
    text = _text(path, faults)
    found = _Reader(faults, Place(faults.file), LINE_END.split(text)).read(text)
    hint = "a suite begins with 'name: ...'"
    if found is None:
        faults.stop(Place(faults.file), "the file is empty", hint=hint)
    value, place = found
    if not isinstance(value, Fields):
        faults.stop(place, "wanted a mapping at the top of the file", hint=hint)
    return value


def read_value(text: str, place: Place, faults: Faults) -> Any:  # Any: JSON
    """A value given on the command line, in YAML; every part of it is at `place`.

    Raises:
        SuiteError: The text is not YAML.
    """
    found = _Reader(faults, place, None).read(text)
    return found[0] if found is not None else None


class _Reader:
    """Turns text into values with places; aliases and merge keys are written out."""

    def __init__(self, faults: Faults, origin: Place, lines: list[str] | None) -> None:
        self.faults = faults
        self.origin = origin
        self.lines = lines
        self.open: list[yaml.Node] = []
        self.count = 0

    def read(self, text: str) -> tuple[Any, Place] | None:
        """The one value of a document and its place; None where it is empty."""
        loader = None
        try:
            loader = _Loader(text)
            raw = loader.get_single_node()
        except yaml.reader.ReaderError as error:
            before = LINE_END.split(text[: error.position])
            at = self._place(len(before) - 1, len(before[-1]))
            self.faults.stop(at, f"character U+{ord(text[error.position]):04X} is not allowed in YAML")
        except yaml.MarkedYAMLError as error:
            message, hint = _explain(error)
            self.faults.stop(self._mark(error.problem_mark or error.context_mark), message, hint=hint)
        except (ValueError, OverflowError):  # PyYAML lets them out of escapes and directives
            at = self._mark(loader.get_mark() if loader is not None else None)
            self.faults.stop(at, "not YAML: an escape or directive that stands for nothing")
        if raw is None:
            return None
        place = self._mark(raw.start_mark)
        return self._value(raw, place), place

    def _place(self, line: int, column: int) -> Place:
        if self.lines is None:
            return self.origin
        return replace(self.origin, line=line + 1, column=column + 1, source_line=[*self.lines, ""][line])

    def _mark(self, mark: yaml.Mark | None, path: str | None = None) -> Place:
        place = self._place(mark.line, mark.column) if mark is not None else self.origin
        return place if path is None else replace(place, path=path)

    def _value(self, raw: yaml.Node, place: Place) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            self.faults.stop(place, f"more than {MAX_VALUES} values, aliases written out")
        if isinstance(raw, yaml.ScalarNode):
            return self._scalar(raw, place)
        if any(raw is outer for outer in self.open):
            self.faults.stop(place, "an alias that holds itself")
        listed = isinstance(raw, yaml.SequenceNode)
        if raw.tag != TAG + ("seq" if listed else "map"):
            self.faults.add(place, f"tag '{_short(raw.tag)}' has no meaning in a suite")
        self.open.append(raw)
        try:
            return self._entries(raw, place) if listed else self._fields(raw, place)
        finally:
            self.open.pop()

    def _scalar(self, raw: yaml.ScalarNode, place: Place) -> Scalar:
        try:
            return scalar(raw.tag, raw.value)
        except ValueError as error:
            self.faults.add(place, str(error))
            return None

    def _entries(self, raw: yaml.Node, place: Place) -> Entries:
        places = [self._mark(item.start_mark, place.below(index).path) for index, item in enumerate(raw.value)]
        return Entries(place, [self._value(item, at) for item, at in zip(raw.value, places, strict=True)], places)

    def _fields(self, raw: yaml.Node, place: Place) -> Fields:
        own = Fields(place)
        merges: list[Fields] = []
        for key, value in raw.value:
            if key.tag == TAG + "merge":
                merges += self._merge(key, value, place)
                continue
            name = self._key(key, place)
            if name is None:
                continue
            path = place.below(name).path
            if name in own:
                first = own.places[name].line
                since = f"; first given in line {first}" if first else ""
                self.faults.add(self._mark(key.start_mark, path), f"key given twice{since}")
                continue
            mark = value.start_mark if value.start_mark.line == key.start_mark.line else key.start_mark
            at = self._mark(mark, path)
            own.put(name, self._value(value, at), at)
        for source in merges:
            for name in source:
                if name not in own:
                    own.put(name, source[name], source.places[name])
        return own

    def _key(self, key: yaml.Node, place: Place) -> str | None:
        at = self._mark(key.start_mark, place.path)
        if not isinstance(key, yaml.ScalarNode):
            self.faults.add(at, "a list or mapping as key, wanted text")
            return None
        name = self._scalar(key, at)
        if not isinstance(name, str):
            self.faults.add(at, f"got key {key.value or 'null'}, wanted text", hint="put it in quotes")
            return None
        return name

    def _merge(self, key: yaml.Node, value: yaml.Node, place: Place) -> list[Fields]:
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if not all(isinstance(item, yaml.MappingNode) for item in items):
            self.faults.add(self._mark(key.start_mark, place.path), "'<<' wants a mapping or a list of mappings")
            return []
        return [self._value(item, self._mark(item.start_mark, place.path)) for item in items]


def scalar(tag: str, text: str) -> Scalar:
    """The value of a scalar.

    Args:
        tag: Full tag, as resolved or as written.
        text: Unquoted text.

    Raises:
        ValueError: The tag has no place in a suite, the text is not of that kind, or the number is not finite or
            needs more than 64 bits.
    """
    kind = tag.removeprefix(TAG)
    if kind in {"str", "merge"}:
        return _characters(text)
    if kind not in PLAIN:
        raise ValueError(f"tag '{_short(tag)}' has no meaning in a suite")
    if not PLAIN[kind].match(text):
        raise ValueError(f"got {text!r}, wanted a value of tag '{_short(tag)}'")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    return _integer(text) if kind == "int" else _float(text)


def _short(tag: str) -> str:
    """A tag as people write it: `!!python/name`."""
    return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag


def _characters(text: str) -> str:
    r"""The text, with pairs of surrogates, as JSON writes `\ud83d\ude00`, joined."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("got half of a surrogate pair, wanted a whole character") from None


def _integer(text: str) -> int:
    based = text[:2] in {"0o", "0x"}
    value = int(text, 0 if based else 10) if len(text) < 1000 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise ValueError(f"got {text[:24]}{'...' * (len(text) > 24)}, wanted a whole number below 2**63")
    return value


def _float(text: str) -> float:
    value = float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    if not math.isfinite(value):
        raise ValueError(f"got {text}, wanted a finite number")
    return value


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    problem = (error.problem or error.context or "not understood").replace("'<stream end>'", "the end")
    if "'\\t'" in problem:
        return "a tab, where YAML wants spaces", "indent with spaces"
    if "another document" in problem:
        return "a second document begins here; a suite file holds one", "remove the line '---'"
    began = error.context_mark
    context = f"{error.context} that begins in line {began.line + 1}" if error.context and began else None
    return f"not YAML: {problem}", context


def _text(path: Path, faults: Faults) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        faults.stop(Place(faults.file), f"cannot be read: {error.strerror or error}")
    if len(data) > MAX_BYTES:
        faults.stop(Place(faults.file), f"larger than {MAX_BYTES} bytes; this is no suite")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, line = data[: error.start].split(b"\n"), data.split(b"\n")[data[: error.start].count(b"\n")]
        at = Place(faults.file, len(before), len(before[-1]) + 1, source_line=line.decode("utf-8", "replace"))
        faults.stop(at, f"byte 0x{data[error.start]:02x} is not UTF-8", hint="save the file as UTF-8")
