"""Gradient dots and cosines against single backward passes."""

import pytest
import torch
import torch.nn.functional as functional

from ifbench.core.intervention import Intervention
from ifbench.numerics.derivatives import examples as numerics
from ifbench.testing import problem_of
from tests.plugins.estimators.references import every, gradient_table


def tables(problem):
    return gradient_table(problem, problem.data.train), gradient_table(problem, problem.data.test)


def test_dots(make, indefinite):
    train, test = tables(indefinite)
    scores = make("grad-dot").score(indefinite, *every(indefinite))
    torch.testing.assert_close(scores, train @ test.T, rtol=1e-10, atol=1e-13)


def test_cosines(make, indefinite):
    train, test = tables(indefinite)
    wanted = functional.cosine_similarity(train[:, None], test[None], dim=2)
    torch.testing.assert_close(make("grad-cos").score(indefinite, *every(indefinite)), wanted, rtol=1e-10, atol=1e-12)


def test_cosine_with_a_zero_gradient_is_zero(make, definite):
    data = definite.data
    perfect = problem_of(definite.objective.model, data)  # made perfect below: logits far apart, so no loss is left
    logits = perfect.objective.model.outputs(perfect.objective.layout.unflatten(perfect.params), {}, data.train.inputs)
    perfect.params.mul_(1e4)
    right = (logits.argmax(1) == data.train.targets).nonzero().squeeze(1)
    scores = make("grad-cos").score(perfect, right, torch.arange(2))
    assert scores.isfinite().all()
    assert (scores == 0).any()


@pytest.mark.parametrize("elements", [1, 40, 100, 10**6])
def test_pieces_change_nothing(monkeypatch, indefinite, elements):
    train, test = tables(indefinite)
    monkeypatch.setattr(numerics, "MAX_ELEMENTS", elements)
    interventions = [Intervention.remove([1, 8, 20]), Intervention(((8, 24 * 0.5),)), Intervention(())]
    wanted = torch.stack([-(train[1] + train[8] + train[20]) / 24, 0.5 * train[8], torch.zeros_like(train[0])])
    found = numerics.weighted_gradients(indefinite, interventions)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-13)
    cosines = numerics.cosines(indefinite, torch.tensor([5, 2, 9]), test)
    wanted = functional.cosine_similarity(train[[5, 2, 9]][:, None], test[None], dim=2)
    torch.testing.assert_close(cosines, wanted, rtol=1e-10, atol=1e-12)


def test_a_row_listed_twice_counts_twice(indefinite):
    train, _ = tables(indefinite)
    found = numerics.weighted_gradients(indefinite, [Intervention(((3, 24 * 0.25), (3, 24 * 0.5)))])
    torch.testing.assert_close(found[0], 0.75 * train[3], rtol=1e-10, atol=1e-13)
