"""Figures of a suite are checked when it is read."""

from __future__ import annotations

import pytest

from .made_up import BODY, Fail, Load


def test_figures_and_what_was_shrunk_are_kept(load: Load) -> None:
    suite = load(BODY + "shrunk: Fewer steps.\nfigures: [{x: architecture.depth, y: pearson, log: x}, {x: horizon}]\n")
    assert suite.shrunk == ("Fewer steps.",)
    assert [(figure.x, figure.y, figure.log) for figure in suite.figures] == [
        ("architecture.depth", ("pearson",), "x"),
        ("horizon", ("pearson",), ""),
    ]


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("{x: architecture.dept}", "did you mean 'architecture.depth'"),
        ("{x: horizon, y: [pearson, spearmen]}", "did you mean 'spearman'"),
        ("{x: horizon, part: al}", "did you mean 'all'"),
        ("{x: horizon, where: {estimator: [lissa, lisa]}}", "figures[0].where.estimator[1]"),
        ("{x: horizon, lg: x}", "did you mean 'log'"),
        ("{y: pearson}", "figures[0].x: missing"),
        ("{x: horizon, y: []}", "figures[0].y: got an empty list, wanted at least 1 entry"),
        ("{x: horizon, log: ''}", "figures[0].log: got '', wanted 'x', 'y' or 'xy'\n"),
        ("{x: horizon, log: z}", "figures[0].log: got 'z', wanted 'x', 'y' or 'xy'\n"),
        ("{x: horizon, log: [x]}", "figures[0].log: got a list, wanted 'x', 'y' or 'xy'\n"),
    ],
)
def test_faults_have_a_place_and_a_hint(fail: Fail, figure: str, words: str) -> None:
    assert words in str(fail(BODY + f"figures: [{figure}]\n"))
