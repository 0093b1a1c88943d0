from __future__ import annotations

import numpy as np

from ifbench.compare.pairs import rows_of, with_rows

PREDICTED = np.arange(6.0).reshape(2, 3)
MEASURED = np.ones((2, 3))


def mean_distance(predicted, measured):
    return float(np.abs(predicted - measured).mean())


def test_metric_without_a_row_form_is_looped_over():
    assert rows_of(mean_distance)(PREDICTED, MEASURED).tolist() == [2 / 3, 3.0]


def test_row_form_is_used_where_there_is_one():
    @with_rows(lambda predicted, measured: np.full(len(predicted), 7.0))
    def metric(predicted, measured):
        raise AssertionError("the loop was used")

    assert rows_of(metric)(PREDICTED, MEASURED).tolist() == [7.0, 7.0]


def test_decorated_metric_is_still_the_plain_function():
    def metric(predicted, measured):
        return 1.0

    assert with_rows(lambda predicted, measured: np.ones(len(predicted)))(metric) is metric
