from __future__ import annotations

import pytest

from ifbench.compare.pairs import ROW_FORM
from ifbench.core.registry import load_registry


@pytest.mark.parametrize("name", ["pearson", "spearman", "pearson-pooled", "spearman-pooled"])
def test_metric_is_registered_and_loads(name):
    metric = load_registry().find("metric", name).spec.load()
    assert metric([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(1.0)
    assert hasattr(metric, ROW_FORM)
