"""Which figure a suite has that asks for none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ifbench.report.files import write_report
from ifbench.report.results import Results
from ifbench.store.record import Estimate, Record
from tests.report.conftest import record
from tests.report.drawn import watched
from tests.report.examples import PAPER, at, manifest, sizes, write


def drawn(directory: Path, records: Sequence[Record], **changes: Any) -> str:
    """The only figure of these records; empty where there is none."""
    with watched() as figures:
        write_report(Results(write(directory, records, {**manifest("chosen"), **changes})))
    assert len(figures) <= 1
    return "".join(figures)


def labels(figure: str) -> list[str]:
    """What stands along x and y of the first axes."""
    return [line.split("'")[1] for line in figure.splitlines() if line.startswith(("    x ", "    y "))][:2]


def damped(damping: float, decay: float = 0.0, seed: int = 0) -> Record:
    estimator = {"name": "hif", "label": f"hif-{damping}", "params": {"damping": damping}, "version": 1}
    return record("exact", decay, seed, cell=f"{damping} {decay} {seed}", estimator=estimator)


def test_estimators_stand_below_each_other_where_no_number_varies(tmp_path: Path) -> None:
    figure = drawn(tmp_path / "some", [record(label, 0.0, 0) for label in ("exact", "cg", "random")])
    assert labels(figure) == ["spearman", ""]
    assert "ticks ['exact', 'cg', 'random']" in figure


def test_three_numbers_of_a_key_are_an_axis_two_are_not(tmp_path: Path) -> None:
    cells = [record("exact", decay, 0) for decay in (0.1, 0.2, 0.3)]
    assert labels(drawn(tmp_path / "three", cells)) == ["weight decay", "spearman"]
    assert labels(drawn(tmp_path / "two", cells[:2])) == ["spearman", ""]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((1.0, 10.0, 99.0), "linear"),
        ((1.0, 10.0, 100.0), "log"),
        ((0.0, 1.0, 100.0), "linear"),
        ((0.0, 1, 5, 100), "symlog"),
    ],
)
def test_an_axis_over_two_decades_is_logarithmic(tmp_path: Path, values: Sequence[float], scale: str) -> None:
    figure = drawn(tmp_path / "swept", [record("exact", decay, 0) for decay in values])
    assert f"x 'weight decay' {scale} " in figure


def test_horizons_are_never_logarithmic(tmp_path: Path) -> None:
    cells = [replace(record("exact", 0.0, 0), horizon=horizon) for horizon in (1, 10, 1000)]
    assert "x 'updates' linear " in drawn(tmp_path / "horizons", cells)


def test_few_values_of_another_key_have_a_panel_each_many_a_curve(tmp_path: Path) -> None:
    cells = [
        replace(cell, cell=f"{cell.cell} {depth}", task=at(cell.task, "architecture.depth", depth))
        for depth in (1, 2, 3, 4)
        for cell in [record("exact", decay, 0) for decay in (0.1, 0.2, 0.3, 0.4, 0.5)]
    ]
    figure = drawn(tmp_path / "few", cells)
    assert figure.count("    x 'weight decay'") == 3  # of the outer panels
    assert [line for line in figure.splitlines() if line.startswith("  axes")] == [
        f"  axes 'depth {depth}'" for depth in (1, 2, 3, 4)
    ]
    more = [replace(cell, cell=f"{cell.cell} b", task=at(cell.task, "architecture.depth", 9)) for cell in cells[:5]]
    assert drawn(tmp_path / "many", [*cells, *more]).count("  axes") == 1


def test_estimators_are_no_panels(tmp_path: Path) -> None:
    cells = [record(label, decay, 0) for label in ("exact", "cg") for decay in (0.1, 0.2, 0.3)]
    figure = drawn(tmp_path / "two", cells)
    assert figure.count("  axes") == 1
    assert "legend 'exact'" in figure


def test_sizes_of_parts_are_an_axis_from_three_on(tmp_path: Path) -> None:
    cells, about = sizes()
    assert labels(drawn(tmp_path / "three", cells, **about)) == ["examples changed together", "spearman"]
    assert "log" not in drawn(
        tmp_path / "near", cells, **{**about, "sizes": {"one": 1, "few": 2, "tenth": 3, "half": 4}}
    )
    fewer = {**about, "sizes": {"one": 1, "few": 7, "tenth": 7, "half": 1}}
    assert labels(drawn(tmp_path / "fewer", cells, **fewer)) == ["spearman", ""]


def test_one_estimator_alone_shows_the_first_key_that_varies(tmp_path: Path) -> None:
    cells = [record("exact", decay, 0) for decay in (0.1, 0.2)]
    assert "ticks ['0.1', '0.2']" in drawn(tmp_path / "two", cells)
    assert "ticks ['exact']" in drawn(tmp_path / "one", cells[:1])


def test_the_first_metric_that_any_record_has_is_shown_else_the_first_finding(tmp_path: Path) -> None:
    other = {"pearson": {"all": Estimate(0.5, 0.4, 0.6)}}
    assert labels(drawn(tmp_path / "second", [record("exact", 0.0, 0, estimates=other)])) == ["pearson", ""]
    study = {"name": "tally", "keys": [], "columns": [["flag", "flag"], ["total", "total"]], "by_estimator": False}
    cells = [
        record(
            "exact",
            decay,
            0,
            cell=f"tally {decay}",
            estimates={},
            findings={"flag": True, "total": decay * 2},
            protocol={"name": "tally", "label": "tally"},
        )
        for decay in (1.0, 2.0, 3.0)
    ]
    found = drawn(tmp_path / "findings", cells, studies={"tally": study})
    assert labels(found) == ["weight decay", "total"]
    assert "y 2 4 6" in found


def test_a_part_is_shown_where_all_published_numbers_speak_of_it(tmp_path: Path) -> None:
    cell = record("exact", 0.0, 0)
    top = cell.estimates["spearman"]["top"].value
    entry = {**PAPER, "value": 0.9, "where": {}, "part": "top"}

    def value(name: str, *published: dict[str, Any]) -> str:
        figure = drawn(tmp_path / name, [cell], published=list(published))
        return next(line for line in figure.splitlines() if line.startswith("    line #0072b2 None o")).split()[6]

    assert value("top", entry, {**entry, "metric": "pearson", "part": "all"}) == f"{top:.4g}"
    both = value("both", entry, {**entry, "part": "all"})
    assert both == value("none") == value("elsewhere", {**entry, "part": "bottom"}) != f"{top:.4g}"


def test_where_nothing_is_to_be_shown_there_is_no_figure(tmp_path: Path) -> None:
    assert drawn(tmp_path / "empty", []) == ""
    assert drawn(tmp_path / "no metric", [record("exact", 0.0, 0, estimates={})], metrics=[]) == ""


def test_dampings_of_one_estimator_are_an_axis(tmp_path: Path) -> None:
    figure = drawn(tmp_path / "swept", [damped(damping) for damping in (0.1, 1.0, 10.0)])
    assert "ticks ['hif-0.1', 'hif-1.0', 'hif-10.0']" in figure  # labels tell them apart already
