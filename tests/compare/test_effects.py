import numpy as np
import pytest

from ifbench.compare.effects import predicted_effects
from ifbench.core.intervention import Intervention

SCORES = np.random.default_rng(0).normal(size=(2, 7, 3))
SOME = [
    Intervention.remove([3]),
    Intervention.remove([5, 0, 3]),
    Intervention.reweight([2], 0.25),
    Intervention(((1, 0.5), (6, -0.125))),
]


def slow(interventions, scores):
    return np.array([-sum(change / 7 * scores[row] for row, change in item.changes) for item in interventions])


def test_effect_is_minus_the_sum_of_added_weight_times_score():
    assert predicted_effects(SOME, SCORES[0], n_train=7) == pytest.approx(slow(SOME, SCORES[0]), rel=1e-15)


def test_horizons_are_predicted_each_on_its_own():
    effects = predicted_effects(SOME, SCORES, n_train=7)
    assert effects.shape == (2, 4, 3)
    assert (effects == [predicted_effects(SOME, horizon, n_train=7) for horizon in SCORES]).all()


def test_removal_of_an_example_that_helps_raises_the_loss():
    assert predicted_effects([Intervention.remove([1])], np.ones((4, 1)), n_train=4)[0, 0] == 0.25


def test_scores_of_some_examples_are_found_by_their_rows():
    rows = sorted({row for item in SOME for row, _ in item.changes})
    some = predicted_effects(SOME, SCORES[:, rows], n_train=7, examples=rows)
    assert (some == predicted_effects(SOME, SCORES, n_train=7)).all()
    with pytest.raises(ValueError, match=f"example {rows[0]} is changed, but has no score"):
        predicted_effects(SOME, SCORES[:, rows[1:]], n_train=7, examples=rows[1:])
