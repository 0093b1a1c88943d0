import json

import pandas as pd
import pytest

from ifbench.report.files import write_tables


@pytest.fixture
def directory(tmp_path, records, manifest):
    """Results on disk as a run leaves them."""
    (tmp_path / "results").mkdir()
    for name in {cell.estimator["name"] for cell in records}:
        lines = [cell.to_line() + "\n" for cell in records if cell.estimator["name"] == name]
        (tmp_path / "results" / f"{name}.jsonl").write_text("".join(sorted(lines)))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_writes_both_tables_and_the_same_bytes_again(directory):
    written = write_tables(directory)
    assert [path.name for path in written] == ["leaderboard.csv", "leaderboard.md"]
    first = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in write_tables(directory)] == first


def test_csv_reads_back_with_every_estimator_and_weight_decay(directory):
    write_tables(directory)
    frame = pd.read_csv(directory / "leaderboard.csv")
    assert len(set(zip(frame.estimator, frame.weight_decay, strict=True))) == 10
    wanted = {"spearman", "spearman_low", "spearman_high", "pearson", "fit_seconds", "gradient_epochs", "status"}
    assert wanted <= set(frame.columns)


def test_csv_has_no_more_than_six_digits(directory):
    write_tables(directory)
    text = (directory / "leaderboard.csv").read_text()
    digits = [cell.lstrip("-0.").replace(".", "") for line in text.splitlines()[1:] for cell in line.split(",")]
    assert all(len(cell) <= 6 for cell in digits if cell.isdigit())
