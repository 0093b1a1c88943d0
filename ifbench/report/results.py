"""One results folder: its records, its manifest, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.report.findings import findings_tables
from ifbench.report.frame import tidy
from ifbench.report.leaderboard import NO_SEED, OF_SEED, group_table, leaderboard, median_seeds
from ifbench.report.manifest import ALL, Manifest, complete
from ifbench.report.notes import failure_tables, noise_tables, warning_tables
from ifbench.report.published import published_tables
from ifbench.report.rankings import cost_tables, leaderboard_tables
from ifbench.store.results import iterate_records, read_manifest

if TYPE_CHECKING:
    import pandas as pd

    from ifbench.report.tables import Table
    from ifbench.store.record import Record

CONTENTS = {
    "Leaderboard": leaderboard_tables,
    "Cost": cost_tables,
    "Findings": findings_tables,
    "Published and measured": published_tables,
    "Failures and undefined values": failure_tables,
    "Noise of the ground truth": noise_tables,
    "Warnings": warning_tables,
}


class Results:
    """One results folder, read when it is asked for.

    Attributes:
        directory: Where `results/`, `manifest.json`, `leaderboard.csv` and `leaderboard.md` are.
        jobs_done: Jobs computed by the run that gave them; 0 when everything was there already.
    """

    def __init__(self, directory: str | Path, records: Sequence[Record] | None = None, *, jobs_done: int = 0) -> None:
        """The results in a folder; of a run, `records` are those of the cells that it selected."""
        self.directory, self.jobs_done = Path(directory), jobs_done
        self._records = None if records is None else tuple(records)

    @classmethod
    def of(cls, records: Sequence[Record], manifest: Manifest) -> Results:
        """Results that lie in no folder."""
        results = cls("", records)
        results.manifest = complete(manifest)
        results.frame = tidy(records, results.manifest)
        return results

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """One for each cell of the run, or for each of its horizons; all of the folder where no run gave them."""
        return tuple(iterate_records(self.directory)) if self._records is None else self._records

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
        return complete(read_manifest(self.directory))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every value of every record of the folder, see `ifbench.report.frame.tidy`."""
        return tidy(iterate_records(self.directory), self.manifest)

    @cached_property
    def medians(self) -> pd.DataFrame:
        """The median seed of each group, metric and part, see `leaderboard.median_seeds`."""
        by = ["group", "metric", "part"]
        chosen = (self.frame["kind"] == "metric") & self.frame["query"].isna()
        return median_seeds(self.frame.loc[chosen, [*by, *OF_SEED]], by)

    def seeds(self, metric: str, part: str = ALL) -> pd.DataFrame:
        """The median seed of each group; a row of nothing where the metric does not look at a group or a part."""
        chosen = self.medians[(self.medians["metric"] == metric) & (self.medians["part"] == part)]
        chosen = chosen.set_index("group").reindex(self.frame["group"].unique())
        return chosen.astype(dict.fromkeys(NO_SEED, object)).fillna(dict(NO_SEED)).infer_objects()

    @cached_property
    def groups(self) -> pd.DataFrame:
        """A row for each estimator, protocol, horizon and task, see `leaderboard.group_table`."""
        return group_table(self, self.frame)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The groups that compare an estimator with a ground truth: all but those of studies."""
        if not self.frame["study"].any():
            return self.groups
        return group_table(self, self.frame[~self.frame["study"]])

    @cached_property
    def contents(self) -> dict[str, list[Table]]:
        """What pages and terminals show, title by title; no title without tables."""
        made = {title: make(self) for title, make in CONTENTS.items()}
        return {title: tables for title, tables in made.items() if tables}

    @property
    def exit_code(self) -> ExitCode:
        """0 when every cell is ok or unsupported, 1 when some failed."""
        failed = any(record.status not in {"ok", "unsupported"} for record in self.records)
        return ExitCode.CELLS_FAILED if failed else ExitCode.OK

    @property
    def tally(self) -> str:
        """How many cells there are, and how many ended well: `29 of 30 cells, 28 ok`."""
        count, planned = self.frame["cell"].nunique(), self.manifest.get("cells")
        lost = self.frame.loc[self.frame["status"] != "ok", "cell"].nunique()
        cells = f"{count}" if planned in (None, count) else f"{count} of {planned}"
        return f"{cells} cells, {count - lost} ok"

    def to_pandas(self) -> pd.DataFrame:
        """The leaderboard of the folder: one row per estimator, protocol and task, over its seeds."""
        return leaderboard(self)
