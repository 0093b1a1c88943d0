"""Whole suites: cells, published numbers, and no way to break the reader."""

from __future__ import annotations

import string
import sys
from subprocess import run
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ifbench.suite import Suite, SuiteError, load_suite
from ifbench.suite.suite import MAX_CELLS

from .made_up import BODY, Fail, Load

if TYPE_CHECKING:
    from pathlib import Path

    from ifbench.core.registry import Registry

TWO = BODY.replace("  - lissa\n", "  - lissa\n  - {name: hif, grid: {solver: [exact, cg]}}\n")
ANY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def test_cells_are_the_product_in_file_order(load: Load) -> None:
    suite = load(TWO + "seeds: [0, 1]\n")
    assert [(cell.task.seed, cell.estimator.label) for cell in suite.cells] == [
        (seed, label) for seed in (0, 1) for label in ("lissa", "hif-exact", "hif-cg")
    ]
    assert (suite.name, suite.title, suite.source, suite.repeats) == ("tiny", "A tiny suite", "tiny.yaml", 1)
    assert [choice.label for choice in suite.metrics] == ["pearson", "spearman"]


def test_excluded_cells_are_left_out(load: Load) -> None:
    suite = load(TWO + "seeds: [0, 1]\nexclude: [{estimator: hif-cg, seed: 1}, {estimator: lissa}]\n")
    assert [(cell.task.seed, cell.estimator.label) for cell in suite.cells] == [
        (0, "hif-exact"),
        (0, "hif-cg"),
        (1, "hif-exact"),
    ]


def test_published_number_may_name_a_horizon(load: Load) -> None:
    entry = "{source: Me 2021, metric: spearman, value: 1, where: {horizon: 50, estimator: hif-cg}}"
    (number,) = load(TWO + f"published: [{entry}]\n").published
    assert number.where == {"horizon": 50, "estimator": "hif-cg"}


SWEPT = TWO.replace("recipe: {steps: 100}", "recipe: {steps: 100}\n    grid: {recipe.warmup: [0, 5]}")


@pytest.mark.parametrize(
    "where",
    [
        "recipe.warmup: 0",  # a default that records leave unstated
        "recipe.warmup: [0, 5], recipe.momentum: 0",
        "architecture: mlp, data.n_test: 30, estimator.name: hif, estimator.damping: 0.0",
        "protocol.steps: 50, protocol: retrain-from-optimum, estimator.solver: [cg, exact]",
    ],
)
def test_any_fact_of_a_cell_selects_it(load: Load, where: str) -> None:
    entries = (
        f"published: [{{source: Me 2021, metric: pearson, value: 1, where: {{{where}}}}}]\n"
        f"figures: [{{x: recipe.warmup, where: {{{where}}}}}]\n"
    )
    suite = load(SWEPT + entries)
    assert suite.published[0].where == suite.figures[0].where
    assert len(load(SWEPT + f"exclude: [{{{where}, estimator: hif-cg, seed: 0}}]\n").cells) < len(suite.cells)
    setting = f"settings: [{{estimator: hif-*, where: {{{where}}}, params: {{max_iterations: 9}}}}]\n"
    assert 9 in [cell.estimator.params.get("max_iterations") for cell in load(SWEPT + setting).cells]


def test_every_value_that_a_list_names_must_occur(fail: Fail) -> None:
    error = fail(SWEPT + "exclude: [{recipe.warmup: [0, 3]}]\n")
    assert "exclude[0].recipe.warmup[1]: got 3, which none of the cells has" in str(error)
    assert "hint: they have 0, 5" in str(error)


def test_published_numbers_are_kept(load: Load) -> None:
    entry = "{source: Me 2021, metric: spearman, value: 1, where: {estimator: hif-cg, recipe.steps: 100}}"
    (number,) = load(TWO + f"published: [{entry}]\n").published
    assert (number.value, number.part, number.where) == (1.0, "all", {"estimator": "hif-cg", "recipe.steps": 100})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exclude: [{estimator: hif-cr}]", "got 'hif-cr', which none of the cells has"),
        ("exclude: [{estimator: hif-cr}]", "they have 'lissa', 'hif-exact', 'hif-cg'"),
        ("exclude: [{estimater: hif-cg}]", "did you mean 'estimator'?"),
        ("exclude: [{protocol: retrain-from-optimum}]", "leaves no cell"),
        ("exclude: [{}]", "an empty mapping"),
        ("published: [{source: a, metric: kendall, value: 1}]", "got 'kendall', wanted a metric of this suite"),
        ("published: [{source: a, metric: pearson, value: 1, part: top}]", "got 'top', wanted a part of the examples"),
        ("published: [{source: a, metric: pearson, value: x}]", "got 'x', wanted a number"),
        ("published: [{metric: pearson, value: 1}]", "published[0].source: missing"),
        ("published: [{source: a, metric: pearson, value: 1, where: {estimator: x}}]", "none of the cells has"),
        ("published: [3]", "got 3, wanted a mapping"),
        ("metrics: []", "at least 1 entry"),
        ("metrics: [pearson, pearson]", "the same metric and parameters"),
        ("repeats: 0", "got 0, wanted a number >= 1"),
        ("repeats:", "got nothing, wanted a whole number"),
        ("abuot: x", "unknown key of a suite\n   14 | abuot: x\n  hint: did you mean 'about'?"),
        ("about: 3", "got 3, wanted text"),
    ],
)
def test_faulty_suite_is_told_once(fail: Fail, text: str, words: str) -> None:
    error = fail(TWO + text + "\n")
    assert len(error.faults) == 1
    assert words in str(error)


def test_values_that_never_occur_together_match_nothing(fail: Fail) -> None:
    text = TWO + "seeds: [0, 1]\nexclude: [{estimator: lissa, seed: 0}, {estimator: lissa, seed: 0, dtype: float64}]\n"
    assert "got 'float64', which none of the cells has" in str(fail(text))


def test_bad_name_is_refused(fail: Fail) -> None:
    assert "got 'Tiny_1', wanted lower case letters" in str(fail(("name: tiny", "name: Tiny_1")))


def test_too_many_cells_are_refused(fail: Fail) -> None:
    seeds = ", ".join(map(str, range(MAX_CELLS // 12)))
    grid = "{{name: hif, grid: {{damping: [{}]}}}}".format(", ".join(map(str, range(20))))
    text = BODY.replace("- lissa", f"- {grid}") + f"seeds: [{seeds}]\n"
    assert "more than 100000 cells" in str(fail(text))


def test_wrong_parts_of_many_kinds_are_told_together(fail: Fail) -> None:
    text = (
        BODY.replace("width: 5", "width: 0").replace("[all]", "[{top: 500, by: lisa}]").replace("steps: 50", "stepz: 5")
    )
    paths = [fault.path for fault in fail(text).faults]
    assert paths == [
        "tasks[0].architecture.width",
        "examples[0].top",
        "examples[0].by",
        "protocols[0].steps",
        "protocols[0].stepz",
    ]


def read_any(path: Path, data: bytes, registry: Registry, overrides: tuple[str, ...] = ()) -> Suite | SuiteError:
    path.write_bytes(data)
    try:
        return load_suite(path, registry, profile="smoke", overrides=overrides)
    except SuiteError as error:
        return error


def is_sound(found: Suite | SuiteError) -> bool:
    return isinstance(found, Suite) or (bool(found.faults) and str(found).endswith("nothing was run"))


@settings(suppress_health_check=ANY, max_examples=150, deadline=None)
@given(data=st.binary(max_size=60) | st.text(alphabet=string.printable + "é\x85\u2028", max_size=80).map(str.encode))
@example(data=b"a: !<tag:yaml.org,2002:merge> x")
@example(data=b"? !!null")
def test_any_file_is_a_suite_or_a_suite_error(tmp_path: Path, registry: Registry, data: bytes) -> None:
    assert is_sound(read_any(tmp_path / "x.yaml", data, registry))


WORDS = st.sampled_from(
    [
        "all",
        "name",
        "top",
        "by",
        "lissa",
        "hif",
        "iris",
        "mlp",
        "spearman",
        "5%",
        "16.6%",
        "-1",
        "0",
        "1",
        "3",
        "1e-3",
        "true",
        "null",
        "~",
        "''",
        "steps",
        "grid",
        "recipe",
        "data",
        "label",
        "self",
        "exclude",
        "where",
        "estimator",
        "seed",
        "architecture",
        "damping",
        "solver",
        "rows",
        "random",
        "count",
        "percentile",
        "value",
        "metric",
        "source",
        "x.y",
    ]
)
TREES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(WORDS, inner, max_size=3).map(
            lambda pairs: "{{{}}}".format(", ".join(f"{key}: {value}" for key, value in pairs.items()))
        )
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "tasks",
        "seeds",
        "queries",
        "examples",
        "protocols",
        "estimators",
        "metrics",
        "exclude",
        "published",
        "profiles",
        "repeats",
    ]
)
PATHS = st.lists(
    st.sampled_from(["tasks", "estimators", "0", "1", "recipe", "grid", "name", "x", "data", "exclude", "examples"]),
    max_size=4,
)


@settings(suppress_health_check=ANY, max_examples=300, deadline=None)
@given(changes=st.dictionaries(KEYS, TREES, max_size=3), paths=st.lists(st.tuples(PATHS, TREES), max_size=2))
def test_any_values_make_a_suite_or_a_suite_error(
    tmp_path: Path, registry: Registry, changes: dict[str, str], paths: list[tuple[list[str], str]]
) -> None:
    lines = TWO + "profiles: {smoke: {repeats: 2}}\n"
    overrides = [f"{key}={value}" for key, value in changes.items()]
    overrides += [f"{'.'.join(path)}={value}" for path, value in paths]
    assert is_sound(read_any(tmp_path / "x.yaml", lines.encode(), registry, tuple(overrides)))


def test_reading_a_suite_imports_no_numerical_library() -> None:
    code = "import sys, ifbench.suite; print([m for m in ('torch', 'numpy', 'pandas', 'scipy') if m in sys.modules])"
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
