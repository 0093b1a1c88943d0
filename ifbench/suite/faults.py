"""What is wrong with a suite: faults with file, line and hint, raised all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.suite.places import Place

MAX_LINE, MAX_VALUE = 160, 60


@dataclass(frozen=True)
class Fault(Place):
    """One thing that is wrong, and where."""

    message: str = ""
    hint: str | None = None

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        if self.path and not self.file.startswith(f"--set {self.path}="):
            head = f"{head}: {self.path}"
        lines = [f"{head}: {self.message}"]
        if self.line:
            lines.append(f"{self.line:>5} | {clip(self.source_line)}".rstrip())
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(map(_printable, lines))


class SuiteError(IfbenchError):
    """A suite that cannot be run, with everything that is wrong with it.

    Attributes:
        faults: Sorted by line.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, faults: tuple[Fault, ...], *, file: str) -> None:
        count = f"{len(faults)} error{'' if len(faults) == 1 else 's'}"
        super().__init__(f"{count} in {file}; nothing was run")
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join([*map(str, self.faults), self.message])


class Faults:
    """Collects the faults of one file, the first at each place: what follows at the same place stems from it.

    Attributes:
        count: How often something was noted, at a new place or not.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0
        self._found: dict[Place, Fault] = {}

    def add(self, place: Place, message: str, hint: str | None = None) -> None:
        """Note a fault.

        Args:
            place: Where it is.
            message: What is wrong.
            hint: What to do about it.
        """
        self.count += 1
        self._found.setdefault(place, Fault(**vars(place), message=message, hint=hint or None))

    def stop(self, place: Place, message: str, hint: str | None = None) -> NoReturn:
        """Note a fault after which reading cannot go on.

        Args:
            place: Where it is.
            message: What is wrong.
            hint: What to do about it.

        Raises:
            SuiteError: Always.
        """
        self.add(place, message, hint)
        self.raise_any()
        raise AssertionError

    def raise_any(self) -> None:
        """End the reading if anything is wrong.

        Raises:
            SuiteError: At least one fault was noted.
        """
        if self._found:
            found = sorted(self._found.values(), key=lambda fault: (fault.line == 0, fault.line, fault.column))
            raise SuiteError(tuple(found), file=self.file)


def hints(*parts: str | None) -> str | None:
    """Several hints as one line."""
    return "   ".join(part for part in parts if part) or None


def display(value: Any) -> str:  # Any: JSON
    """A value as a message shows it."""
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return f"a {kind}" if value else f"an empty {kind}"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    return clip(repr(value), MAX_VALUE)


def clip(text: str, length: int = MAX_LINE) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= length else f"{text[:length]}..."


def _printable(text: str) -> str:
    """Without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else "\\t" if char == "\t" else "?" for char in text)
