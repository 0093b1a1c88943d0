"""A results folder as one value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ifbench.core.errors import ExitCode, IfbenchError
from ifbench.report.manifest import complete
from ifbench.report.results import Results
from ifbench.store.record import Record
from tests.report.examples import write


def test_a_folder_is_read_when_it_is_asked_for(tmp_path: Path, records: list[Record], manifest: dict[str, Any]) -> None:
    results = Results(tmp_path / "all")
    directory = write(tmp_path / "all", records, manifest)
    assert results.directory == directory
    assert results.manifest == complete(manifest)
    assert sorted(record.cell for record in results.records) == [record.cell for record in records]
    assert results.jobs_done == 0
    assert len(results.to_pandas()) == 10


def test_a_run_of_some_cells_has_their_records_and_the_table_of_all(
    tmp_path: Path, records: list[Record], manifest: dict[str, Any]
) -> None:
    results = Results(write(tmp_path / "all", records, manifest), records[:3], jobs_done=7)
    assert results.records == tuple(records[:3])
    assert results.jobs_done == 7
    assert isinstance(results.to_pandas(), pd.DataFrame)
    assert results.to_pandas().seeds.sum() == 30
    assert Results(results.directory, [], jobs_done=1).records == ()


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["ok", "unsupported"], ExitCode.OK),
        ([], ExitCode.OK),
        (["ok", "failed"], ExitCode.CELLS_FAILED),
        (["timeout"], ExitCode.CELLS_FAILED),
        (["oom", "ok"], ExitCode.CELLS_FAILED),
        (["crashed"], ExitCode.CELLS_FAILED),
    ],
)
def test_the_exit_code_tells_whether_cells_failed(make_record: Any, statuses: list[str], code: ExitCode) -> None:
    records = [make_record("exact", 0.0, seed, status=status) for seed, status in enumerate(statuses)]
    assert Results(".", records).exit_code == code


def test_a_folder_without_results_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(IfbenchError, match=r"manifest\.json is missing"):
        _ = Results(tmp_path).manifest
