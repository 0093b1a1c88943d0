import pytest

from ifbench.report.published import compare_published


def test_published_number_meets_the_median_seed_of_its_cell(records, manifest):
    with_decay, without = compare_published(records, manifest)
    assert (with_decay.value, without.value) == (0.97, 0.508)
    assert with_decay.group.task["recipe.weight_decay"] == 0.005
    assert without.group.task["recipe.weight_decay"] == 0
    assert with_decay.group.estimator == "exact"
    values = [seed.value for seed in with_decay.seeds]
    assert len(values) == 3
    assert with_decay.median.value == sorted(values)[1]
    cells = [cell for cell in records if cell.cell.startswith("exact-0.005")]
    assert values == [cell.estimates["spearman"]["top"].value for cell in cells]


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({}, 10),
        ({"estimator": "hif"}, 4),
        ({"estimator.name": "hif", "recipe.weight_decay": 0.0}, 2),
        ({"protocol": "retrain-from-optimum", "data": "iris"}, 10),
        ({"architecture.width": 5}, 10),
        ({"architecture.width": 6}, 0),
        ({"architecture.with": 5}, 0),
        ({"estimator": "nobody"}, 0),
    ],
)
def test_where_selects_by_task_protocol_and_estimator(records, manifest, where, matches):
    entry = {"source": "a paper", "metric": "pearson", "value": 0.5, "where": where}
    found = compare_published(records, {**manifest, "published": [entry]})
    assert sum(pair.group is not None for pair in found) == matches
    assert len(found) == max(matches, 1), "a number that nothing matches is kept"


def test_plugin_parameters_may_be_named_directly(records, manifest):
    entry = {"source": "a paper", "metric": "pearson", "value": 0.5, "where": {"protocol.version": 1}}
    assert all(pair.group for pair in compare_published(records, {**manifest, "published": [entry]}))


def test_a_number_of_one_query_stands_beside_its_value_alone(records, manifest):
    entry = {"source": "a paper", "metric": "pearson", "value": 0.5, "where": {"estimator": "exact", "query": 2}}
    for pair in compare_published(records, {**manifest, "published": [entry]}):
        each = [seed.value for seed in pair.seeds if seed.estimate]
        told = [r.estimates["pearson"]["all"].per_query[1] for r in pair.group.records if "pearson" in r.estimates]
        assert each == told
