"""One results folder: its records, its manifest, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.report.manifest import Manifest
from ifbench.store.record import Record
from ifbench.store.results import read_manifest, read_records

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """One results folder, read when it is asked for.

    Attributes:
        directory: Where `results/`, `manifest.json`, `leaderboard.csv` and `leaderboard.md` are.
        jobs_done: Jobs computed by the run that gave them; 0 when everything was there already.
    """

    def __init__(self, directory: str | Path, records: Sequence[Record] | None = None, *, jobs_done: int = 0) -> None:
        """The results in a folder.

        Args:
            directory: The folder, as `ifbench run` writes it.
            records: Those of the cells that a run selected; None: all that the folder holds.
            jobs_done: Jobs that the run computed.
        """
        self.directory, self.jobs_done = Path(directory), jobs_done
        self._records = None if records is None else tuple(records)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """One for each cell of the run, or for each of its horizons; all of the folder where no run gave them.

        Raises:
            IfbenchError: They cannot be read.
        """
        return tuple(read_records(self.directory)) if self._records is None else self._records

    @cached_property
    def manifest(self) -> Manifest:
        """What is known of the suite besides its records.

        Raises:
            IfbenchError: There is no manifest here, or it cannot be read.
        """
        if not (self.directory / "manifest.json").is_file():
            raise IfbenchError(
                f"{self.directory} holds no results: manifest.json is missing", hint="make some: ifbench run SUITE"
            )
        return read_manifest(self.directory)

    @property
    def exit_code(self) -> ExitCode:
        """0 when every cell is ok or unsupported, 1 when some failed."""
        failed = any(record.status not in {"ok", "unsupported"} for record in self.records)
        return ExitCode.CELLS_FAILED if failed else ExitCode.OK

    def to_pandas(self) -> pd.DataFrame:
        """The leaderboard of the whole folder: one row per estimator, protocol and task, over its seeds."""
        from ifbench.report.leaderboard import leaderboard

        return leaderboard(read_records(self.directory), self.manifest)
