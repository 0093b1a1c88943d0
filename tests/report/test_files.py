import json

import pandas as pd
import pytest

from ifbench.report.files import write_report
from ifbench.report.results import Results


@pytest.fixture
def directory(tmp_path, records, manifest):
    """Results on disk as a run leaves them."""
    (tmp_path / "results").mkdir()
    for name in {cell.estimator["name"] for cell in records}:
        lines = [cell.to_line() + "\n" for cell in records if cell.estimator["name"] == name]
        (tmp_path / "results" / f"{name}.jsonl").write_text("".join(sorted(lines)))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_writes_page_table_and_figure_and_the_same_bytes_again(directory, tmp_path):
    written = write_report(Results(directory))
    assert [path.name for path in written] == ["leaderboard.md", "leaderboard.csv", "figure.svg"]
    first = [path.read_bytes() for path in written]
    assert [path.read_bytes() for path in write_report(Results(directory))] == first
    elsewhere = write_report(Results(directory), tmp_path / "elsewhere")
    assert [path.read_bytes() for path in elsewhere] == first


def test_figure_is_drawn_anew_when_it_shows_something_else_and_an_old_one_goes(directory, manifest):
    figure = write_report(Results(directory))[-1]
    drawn = figure.read_text()
    figure.write_text(drawn.replace("<g", "<g ", 1))
    assert write_report(Results(directory))[-1].read_text() != drawn  # it shows the same: left as it is
    asked = [{"x": "estimator", "y": [metric], "part": "top"} for metric in ("spearman", "pearson")]
    (directory / "manifest.json").write_text(json.dumps({**manifest, "figures": asked}))
    *_, first, second = write_report(Results(directory))
    assert (first.name, second.name, figure.exists()) == ("figure-1.svg", "figure-2.svg", False)
    page = (directory / "leaderboard.md").read_text()
    assert "(figure-1.svg)" in page
    assert "(figure-2.svg)" in page


def test_csv_reads_back_with_every_estimator_and_weight_decay(directory):
    write_report(Results(directory))
    frame = pd.read_csv(directory / "leaderboard.csv")
    assert len(set(zip(frame.estimator, frame.weight_decay, strict=True))) == 10
    wanted = {"spearman", "spearman_low", "spearman_high", "pearson", "fit_seconds", "gradient_epochs", "status"}
    assert wanted <= set(frame.columns)


def test_csv_has_no_more_than_six_digits(directory):
    write_report(Results(directory))
    text = (directory / "leaderboard.csv").read_text()
    digits = [cell.lstrip("-0.").replace(".", "") for line in text.splitlines()[1:] for cell in line.split(",")]
    assert all(len(cell) <= 6 for cell in digits if cell.isdigit())


def test_files_of_before_go_when_the_page_named_them_and_no_others(directory, manifest):
    study = {"name": "tally", "keys": [], "columns": [["total", "total"]], "by_estimator": False}
    asked = [{"x": "estimator", "y": [metric]} for metric in ("spearman", "pearson")]
    whole = {**manifest, "figures": asked, "studies": {"retrain-from-optimum": study}}
    (directory / "manifest.json").write_text(json.dumps(whole))
    write_report(Results(directory))
    assert {"findings.csv", "figure-1.svg", "figure-2.svg"} <= {path.name for path in directory.iterdir()}
    assert "`leaderboard.csv` and `findings.csv`" in (directory / "leaderboard.md").read_text()
    for name in ("figure-3.svg", "figure.png", "notes.csv"):
        (directory / name).write_text("of a stranger")
    (directory / "manifest.json").write_text(json.dumps(manifest))
    write_report(Results(directory))
    left = {path.name for path in directory.iterdir()} - {"results", "manifest.json"}
    strangers = {"figure-3.svg", "figure.png", "notes.csv"}
    assert left == {"leaderboard.md", "leaderboard.csv", "figure.svg", *strangers}


def test_a_file_that_was_there_before_any_page_stays(directory):
    (directory / "findings.csv").write_text("of a stranger")
    (directory / "figure-1.svg").write_text("of a stranger")
    for _ in range(2):
        write_report(Results(directory))
    assert (directory / "findings.csv").read_text() == (directory / "figure-1.svg").read_text() == "of a stranger"
