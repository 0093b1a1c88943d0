"""Findings of studies; what their tables and files look like as a whole is compared in `test_examples`."""

from __future__ import annotations

from typing import Any

from ifbench.report.findings import findings_frame, findings_tables, study_rows
from ifbench.report.results import Results
from ifbench.store.record import Record
from tests.report.conftest import record
from tests.report.examples import at, manifest

STUDY: dict[str, Any] = {"name": "tally", "keys": ["kind"], "columns": [["total", "sum"]], "by_estimator": False}


def results(*rows: dict[str, Any], **study: Any) -> Results:
    """A record for each row of findings, by seed."""
    cells = [
        record("exact", 0.0, seed, protocol={"name": "tally", "label": "tally"}, estimates={}, findings=found)
        for seed, found in enumerate(rows)
    ]
    return of(cells, **study)


def of(cells: list[Record], **study: Any) -> Results:
    return Results.of(cells, manifest("tally", studies={"tally": {**STUDY, **study}}))


def test_the_last_columns_are_left_out_first_where_there_is_little_room() -> None:
    names = [[name, name] for name in "abcdefgh"]
    (table,) = findings_tables(results({"kind": "x", **dict.fromkeys("abcdefgh", 1.0)}, columns=names))
    assert [(column.header, column.rank) for column in table.columns] == [
        ("kind", 0),
        *zip("abcdefgh", (0, 1, 2, 3, 4, 5, 6, 6), strict=True),
        ("ok", 7),
    ]


def test_a_finding_that_is_no_number_is_shown_as_it_is() -> None:
    (table,) = findings_tables(results({"kind": "x", "total": "many"}, {"kind": "x", "total": "few"}))
    assert table.columns[1].cells == ["many, few"]


def test_a_row_has_the_facts_that_its_task_states_and_its_findings_with_lists() -> None:
    (row,) = study_rows(results({"kind": "x", "total": 1.0, "path": [1, 2]}), "tally")
    assert row == {
        "task.architecture.depth": 1,
        "task.architecture.name": "mlp",
        "task.architecture.width": 5,
        "task.data.name": "iris",
        "task.dtype": "float64",
        "task.recipe.optimizer": "gradient-descent",
        "task.recipe.steps": 20000,
        "task.recipe.weight_decay": 0.0,
        "task.seed": 0,
        "estimator": "exact",
        "status": "ok",
        "kind": "x",
        "total": 1.0,
        "path": [1, 2],
    }
    assert "path" not in findings_frame(results({"kind": "x", "total": 1.0, "path": [1, 2]}))


def test_a_swept_default_is_a_column_of_the_file_and_of_the_table() -> None:
    whole = results({"kind": "x", "total": 1.0}).records[0]
    warm = record("exact", 0.0, 0, cell="warm", protocol=whole.protocol, estimates={}, findings=whole.findings)
    warm = type(whole)(**{**vars(warm), "task": at(whole.task, "recipe.warmup", 5)})
    found = of([whole, warm])
    assert findings_frame(found)["task.recipe.warmup"].tolist() == [0, 5]
    (table,) = findings_tables(found)
    assert (table.columns[0].header, table.columns[0].cells) == ("warmup", ["0", "5"])
