import pytest

from ifbench.report.text import MISSING, amount, interval, leaf, metric


@pytest.mark.parametrize(
    ("value", "text"), [(0.976, "0.98"), (-0.3, "-0.30"), (-0.001, "0.00"), (1.0, "1.00"), (None, MISSING)]
)
def test_metric_has_two_decimals(value, text):
    assert metric(value) == text


def test_interval_needs_both_ends():
    assert interval(-0.1, 0.25) == "[-0.10, 0.25]"
    assert interval(None, 0.2) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (0.5, "0.500"),
        (12.34, "12.3"),
        (7236.3, "7236"),
        (1e-7, "1.0e-07"),
        (None, MISSING),
    ],
)
def test_amount_has_three_digits(value, text):
    assert amount(value) == text


def test_settings_read_as_written():
    assert [leaf(value) for value in (0.0, 0.005, 5, "adam", True)] == ["0", "0.005", "5", "adam", "True"]
