"""From YAML to values that know their place; scalars follow YAML 1.2: `1e-3` is a number, `no` is text."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ifbench.suite.faults import Faults, SuiteError
from ifbench.suite.places import Entries, Fields, Pair, Place

Scalar = str | int | float | bool | None

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 30
MAX_INTEGER = 2**63 - 1
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
TAG = "tag:yaml.org,2002:"
NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
PLAIN = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(rf"(?:{NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"),
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
    text, origin, hint = _text(path, faults), Place(faults.file), "a suite begins with 'name: ...'"
    value, place = _Reader(faults, origin, [*LINE_END.split(text), ""]).read(text)
    if value is None and place == origin:
        faults.stop(origin, "the file is empty", hint)
    if not isinstance(value, Fields):
        faults.stop(place, "wanted a mapping at the top of the file", hint)
    return value


def read_value(text: str, place: Place) -> Any:  # Any: JSON
    """A value given on the command line, in YAML; every part of it is at `place`.

    Raises:
        SuiteError: The text is not YAML.
    """
    faults = Faults(place.file)
    try:
        value, _ = _Reader(faults, place, None).read(text)
        faults.raise_any()
    except SuiteError as error:
        hint = "VALUE is YAML; quote it where the shell would not"
        raise SuiteError((replace(error.faults[0], path=place.path, hint=hint),), file=place.file) from None
    return value


class _Reader:
    """Turns text into values with places; aliases and merge keys are written out."""

    def __init__(self, faults: Faults, origin: Place, lines: list[str] | None) -> None:
        self.faults = faults
        self.origin = origin
        self.lines = lines
        self.open: list[yaml.Node] = []
        self.count = 0

    def read(self, text: str) -> Pair:
        """The one value of a document and its place; None at the origin where it is empty."""
        loader = None
        try:
            loader = _Loader(text)
            raw = loader.get_single_node()
        except yaml.reader.ReaderError as error:
            before = LINE_END.split(text[: error.position])
            mark = yaml.Mark("", 0, len(before) - 1, len(before[-1]), None, 0)
            self.faults.stop(self._mark(mark), f"character U+{ord(text[error.position]):04X} is not allowed in YAML")
        except yaml.MarkedYAMLError as error:
            self.faults.stop(self._mark(error.problem_mark or error.context_mark), *_explain(error))
        except (ValueError, OverflowError):  # PyYAML lets them out of escapes and directives
            at = self._mark(loader.get_mark() if loader is not None else None)
            self.faults.stop(at, "not YAML: an escape or directive that stands for nothing")
        if raw is None:
            return None, self.origin
        place = self._mark(raw.start_mark)
        return self._value(raw, place), place

    def _mark(self, mark: yaml.Mark | None, path: str = "") -> Place:
        if mark is None or self.lines is None:
            return replace(self.origin, path=path) if path else self.origin
        return Place(self.origin.file, mark.line + 1, mark.column + 1, path, self.lines[mark.line])

    def _value(self, raw: yaml.Node, place: Place) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            self.faults.stop(place, f"more than {MAX_VALUES} values, aliases written out")
        if isinstance(raw, yaml.ScalarNode):
            try:
                return scalar(raw.tag, raw.value)
            except ValueError as error:
                self.faults.add(place, str(error))
                return None
        if any(raw is outer for outer in self.open):
            self.faults.stop(place, "an alias that holds itself")
        in_list = isinstance(raw, yaml.SequenceNode)
        if raw.tag != TAG + ("seq" if in_list else "map"):
            self.faults.add(place, f"tag '{_short(raw.tag)}' has no meaning in a suite")
        self.open.append(raw)
        try:
            return self._entries(raw, place) if in_list else self._fields(raw, place)
        finally:
            self.open.pop()

    def _entries(self, raw: yaml.Node, place: Place) -> Entries:
        places = [self._mark(item.start_mark, place.below(index).path) for index, item in enumerate(raw.value)]
        return Entries(place, [(self._value(item, at), at) for item, at in zip(raw.value, places, strict=True)])

    def _fields(self, raw: yaml.Node, place: Place) -> Fields:
        fields = Fields(place)
        merges: list[Fields] = []
        for key, value in raw.value:
            at = self._mark(key.start_mark, place.path)
            if key.tag == TAG + "merge":
                merges += self._merges(value, at)
                continue
            name = self._value(key, at) if isinstance(key, yaml.ScalarNode) else None
            if not isinstance(name, str):
                got = (
                    f"got key {key.value or 'null'}" if isinstance(key, yaml.ScalarNode) else "a list or mapping as key"
                )
                self.faults.add(at, f"{got}, wanted text", "put it in quotes")
                continue
            at = replace(at, path=place.below(name).path)
            if name in fields:
                first = fields.places[name].line
                words = f"key given twice; first given in line {first}" if first else f"key '{name}' given twice"
                self.faults.add(at, words)
                continue
            if value.start_mark.line == key.start_mark.line:
                at = self._mark(value.start_mark, at.path)
            fields.put(name, (self._value(value, at), at))
        for merged in merges:
            for name in (name for name in merged if name not in fields):
                fields.put(name, (merged[name], merged.places[name]))
        return fields

    def _merges(self, value: yaml.Node, at: Place) -> list[Fields]:
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if all(isinstance(item, yaml.MappingNode) for item in items):
            return [self._value(item, self._mark(item.start_mark, at.path)) for item in items]
        self.faults.add(at, "'<<' wants a mapping or a list of mappings")
        return []


def scalar(tag: str, text: str) -> Scalar:
    """The value of an unquoted text with a full tag, as resolved or as written.

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
    if kind == "int":
        return _integer(text)
    return None if kind == "null" else text.lower() == "true" if kind == "bool" else _float(text)


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
    value = int(text, 0 if text[:2] in {"0o", "0x"} else 10) if len(text) < 1000 else MAX_INTEGER + 1
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
        if len(data) > MAX_BYTES:
            faults.stop(Place(faults.file), f"larger than {MAX_BYTES} bytes; this is no suite")
        return data.decode("utf-8-sig")
    except OSError as error:
        faults.stop(Place(faults.file), f"cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        before, line = data[: error.start].split(b"\n"), data.split(b"\n")[data[: error.start].count(b"\n")]
        at = Place(faults.file, len(before), len(before[-1]) + 1, source_line=line.decode("utf-8", "replace"))
        faults.stop(at, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")
