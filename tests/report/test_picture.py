import re

from ifbench.report import terminal
from ifbench.report.picture import to_svg


def test_picture_needs_nothing_from_elsewhere_and_is_repeatable(records, manifest):
    first, second = (
        to_svg(terminal.report_tables(records, manifest), title="ifbench run quickstart") for _ in range(2)
    )
    assert first == second
    assert set(re.findall(r"https?://[^\s\"')]+", first)) == {"http://www.w3.org/2000/svg"}
    assert "@font-face" not in first
    assert "spearman" in first
