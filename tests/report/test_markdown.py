from dataclasses import replace

from ifbench.report.markdown import report_markdown
from ifbench.report.results import Results


def test_page_says_what_was_run_what_failed_and_how_to_read_it(records, manifest):
    page = report_markdown(Results.of(records, manifest))
    for wanted in (
        "# Iris, with and without weight decay",
        "30 cells, 28 ok",
        "ifbench run quickstart",
        "| estimator | spearman [95 %] |",
        "2 ok, 1 timeout",
        "returned NaN for 12 of 240 pairs hint: raise `damping`",
        "| 0.508 |",
        "nats",
    ):
        assert wanted in page


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(records, manifest):
    tables = [block for block in report_markdown(Results.of(records, manifest)).split("\n\n") if block.startswith("|")]
    assert len(tables) >= 6
    for block in tables:
        assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_missing_cells_are_told(records, manifest):
    assert "29 of 30 cells" in report_markdown(Results.of(records[1:], manifest))


def test_page_without_records_says_so(manifest):
    assert "No records yet." in report_markdown(Results.of([], manifest))


def test_ceilings_are_explained_where_there_are_any(records, repeated, manifest):
    assert "ceiling" not in report_markdown(Results.of(records, manifest))
    page = report_markdown(Results.of(repeated, {**manifest, "repeats": 4}))
    assert "| spearman [95 %] | spearman ceiling |" in page
    assert "perfect\n  predictor" in page
    assert "spearman (all, random): the ground truth itself is too noisy: reliability 0.12 over 4 repeats" in page
    assert page.count("too noisy") == 5  # the estimators without weight decay


def test_a_fault_that_many_cells_share_is_told_once_for_most_of_them(records, manifest):
    lost = [replace(cell, status="failed", message="no data\n  hint: get some", estimates={}) for cell in records]
    page = report_markdown(Results.of(lost, manifest))
    assert page.count("| failed | no data hint: get some |") == 4
    assert "| 5 estimators | 27 more | failed |" in page
    assert "30 cells, 0 ok" in page
