"""What is wrong with a suite: faults with file, line and hint, raised all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from ifbench.core.errors import ExitCode, IfbenchError

MAX_SHOWN = 160


@dataclass(frozen=True)
class Place:
    """Where a value was written.

    Attributes:
        file: The file, or the text of a `--set` or `--profile` option.
        line: Counted from 1; 0 where there is no line.
        column: Counted from 1.
        path: Where the value sits in the suite: `estimators[1].damping`.
        source_line: The whole line.
    """

    file: str
    line: int = 0
    column: int = 0
    path: str = ""
    source_line: str = ""

    def below(self, step: str | int) -> Place:
        """The same position, one step further into the suite."""
        return replace(self, path=join(self.path, step))


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; the attributes are those of `Place`, a message and a hint."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str | None = None
    source_line: str = ""

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        said = self.path and not self.file.startswith(f"--set {self.path}=")
        lines = [f"{head}: {self.path}: {self.message}" if said else f"{head}: {self.message}"]
        if self.line:
            lines.append(f"{self.line:>5} | {clipped(self.source_line)}".rstrip())
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
    """Collects the faults of one file, the first at each place: what follows at the same place stems from it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Place, Fault] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, message: str, *, hint: str | None = None) -> None:
        """Note what is wrong at a place."""
        fault = Fault(place.file, place.line, place.column, place.path, message, hint or None, place.source_line)
        self._found.setdefault(place, fault)

    def stop(self, place: Place, message: str, *, hint: str | None = None) -> NoReturn:
        """Note a fault after which reading cannot go on, and raise.

        Raises:
            SuiteError: Always.
        """
        self.add(place, message, hint=hint)
        raise self._error()

    def raise_any(self) -> None:
        """End the reading if anything is wrong.

        Raises:
            SuiteError: At least one fault was noted.
        """
        if self._found:
            raise self._error()

    def _error(self) -> SuiteError:
        found = sorted(self._found.values(), key=lambda fault: (fault.line == 0, fault.line, fault.column))
        return SuiteError(tuple(found), file=self.file)


def join(path: str, step: str | int) -> str:
    """`estimators` + 1 -> `estimators[1]`, + `damping` -> `estimators[1].damping`."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step


def hints(*parts: str | None) -> str | None:
    """Several hints as one line."""
    return "   ".join(part for part in parts if part) or None


def clipped(text: str) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _printable(text: str) -> str:
    """Without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else "\\t" if char == "\t" else "?" for char in text)
