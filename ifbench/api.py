"""What a run gave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ifbench.core.errors import ExitCode
from ifbench.store.record import Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """What a run gave.

    Attributes:
        directory: Where `results/`, `manifest.json`, `leaderboard.csv` and `leaderboard.md` are.
        records: One for each selected cell, or for each of its horizons.
        jobs_done: Jobs computed by this run; 0 when everything was there already.
    """

    directory: Path
    records: tuple[Record, ...]
    jobs_done: int

    @property
    def exit_code(self) -> ExitCode:
        """0 when every cell is ok or unsupported, 1 when some failed."""
        failed = any(record.status not in {"ok", "unsupported"} for record in self.records)
        return ExitCode.CELLS_FAILED if failed else ExitCode.OK

    def to_pandas(self) -> pd.DataFrame:
        """The leaderboard: one row per estimator, protocol and task, over its seeds."""
        from ifbench.report.leaderboard import leaderboard
        from ifbench.store.results import read_manifest, read_records

        return leaderboard(read_records(self.directory), read_manifest(self.directory))
