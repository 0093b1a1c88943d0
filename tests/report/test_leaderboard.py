import statistics

import pandas as pd

from ifbench.report.leaderboard import leaderboard, part_column


def row(frame: pd.DataFrame, estimator: str, decay: float) -> pd.Series:
    (found,) = [line for _, line in frame.iterrows() if (line.estimator, line.weight_decay) == (estimator, decay)]
    return found


def test_every_estimator_and_weight_decay_has_a_row(records, manifest):
    frame = leaderboard(records, manifest)
    assert len(frame) == 10
    assert list(frame.columns[:6]) == ["estimator", "protocol", "weight_decay", "seeds", "ok", "status"]
    assert set(frame.estimator) == set(manifest["estimators"])


def test_median_seed_brings_its_own_interval(records, manifest):
    line = row(leaderboard(records, manifest), "exact", 0.005)
    cells = [cell for cell in records if cell.cell.startswith("exact-0.005")]
    estimates = sorted((cell.estimates["spearman"]["all"] for cell in cells), key=lambda estimate: estimate.value)
    assert (line.spearman, line.spearman_low, line.spearman_high) == (
        estimates[1].value,
        estimates[1].low,
        estimates[1].high,
    )
    assert (line.spearman_min, line.spearman_max) == (estimates[0].value, estimates[2].value)
    assert line.spearman_top == statistics.median(cell.estimates["spearman"]["top"].value for cell in cells)
    assert line.n_intervention == 40


def test_failed_cells_are_counted_and_never_dropped(records, manifest):
    frame = leaderboard(records, manifest)
    assert frame.seeds.sum() == len(records)
    assert frame.ok.sum() == 28
    assert row(frame, "lissa", 0.0).status == "2 ok, 1 timeout"
    assert row(frame, "cg", 0.0).status == "2 ok, 1 failed"


def test_undefined_values_are_counted(records, manifest):
    frame = leaderboard(records, manifest)
    assert row(frame, "tracin", 0.005).spearman_undefined == 1
    assert row(frame, "tracin", 0.005).pearson_undefined == 0
    assert frame.spearman_undefined.sum() == 1


def test_timings_are_medians_over_the_seeds_that_are_ok(records, manifest):
    line = row(leaderboard(records, manifest), "lissa", 0.0)
    times = [cell.timing.fit_seconds for cell in records if cell.cell.startswith("lissa-0.0-") and cell.timing]
    assert len(times) == 2
    assert line.fit_seconds == float(f"{statistics.median(times):.6g}")


def test_warnings_are_said_once(records, manifest):
    assert row(leaderboard(records, manifest), "lissa", 0.005).warnings == "did not converge: residual 0.2"


def test_row_where_everything_failed_has_status_and_no_number(records, manifest):
    lost = [cell for cell in records if cell.cell == "lissa-0.0-1"]
    line = leaderboard(lost, manifest).iloc[0]
    assert line.status == "1 timeout"
    assert line.ok == 0
    assert pd.isna(line.spearman)
    assert pd.isna(line.n_query)


def test_no_records_make_an_empty_frame_with_its_columns(manifest):
    frame = leaderboard([], manifest)
    assert len(frame) == 0
    assert "spearman_low" in frame


def test_part_named_like_a_statistic_gets_its_own_column():
    assert part_column("spearman", "top") == "spearman_top"
    assert part_column("spearman", "low") == "spearman_part_low"
    assert part_column("spearman", "ceiling") == "spearman_part_ceiling"


def test_median_seed_brings_its_ceiling_where_there_are_repeats(records, repeated, manifest):
    assert not [name for name in leaderboard(records, manifest) if name.endswith(("_ceiling", "_reliability"))]
    frame = leaderboard(repeated, manifest)
    assert row(frame, "exact", 0.005).spearman_ceiling == 0.99
    assert row(frame, "exact", 0.0).spearman_reliability == 0.12
    assert frame.pearson_ceiling.isna().all()
    places = [list(frame.columns).index(name) for name in ("spearman_undefined", "spearman_ceiling", "spearman_top")]
    assert places == sorted(places)
