"""TracIn against sums written out checkpoint by checkpoint."""

import pytest
import torch

from ifbench.core import Checkpoint
from ifbench.core.errors import EstimatorError, UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.numerics.training.optimizers import EPSILON
from ifbench.testing import parametrize_with_checks
from tests.plugins.estimators.references import every, gradient_table, seen_at, trained

STEPS = [4, 8, 12]


@pytest.fixture(scope="module")
def descended():
    return trained("sgd", batch_size=6, momentum=0.5)


@pytest.fixture(scope="module")
def adam():
    return trained("adam")


def reference(problem, steps, *, weight=None, root=None, cosine=False):
    """Sum over checkpoints, with ordinary backward passes; `root` maps a checkpoint to factors of the gradients."""
    total = 0
    for point in problem.checkpoints:
        if point.step not in steps:
            continue
        factor = 1 if root is None else root(point)
        train, test = (
            gradient_table(problem, data, at=point.params) * factor for data in (problem.data.train, problem.data.test)
        )
        if cosine:
            train, test = train / train.norm(dim=1, keepdim=True), test / test.norm(dim=1, keepdim=True)
        total = total + (point.learning_rate if weight is None else weight) * train @ test.T
    return total


def square_root_of_preconditioner(point):
    return (point.second_moment.sqrt() + EPSILON) ** -0.5


@pytest.mark.parametrize(
    ("chosen", "steps"), [("last", [12]), ("all", STEPS), ([4], [4]), ([12, 4], [4, 12]), ([8, 8], [8])]
)
def test_sums_over_the_chosen_checkpoints(make, descended, chosen, steps):
    scores = make("tracin", checkpoints=chosen).score(descended, *every(descended))
    torch.testing.assert_close(scores, reference(descended, steps), rtol=1e-10, atol=1e-13)


def test_checkpoints_differ(make, descended):
    first, last = (make("tracin", checkpoints=[step]).score(descended, *every(descended)) for step in (4, 12))
    assert (first - last).abs().max() > 1e-3


def test_without_learning_rates_checkpoints_count_alike(make, descended):
    scores = make("tracin", checkpoints="all", learning_rate_weights=False).score(descended, *every(descended))
    torch.testing.assert_close(scores, reference(descended, STEPS, weight=1.0), rtol=1e-10, atol=1e-13)


def test_normalised_scores_are_cosines(make, descended):
    scores = make("tracin", normalise=True, learning_rate_weights=False).score(descended, *every(descended))
    torch.testing.assert_close(scores, reference(descended, [12], weight=1.0, cosine=True), rtol=1e-10, atol=1e-13)
    assert scores.abs().max() <= 1


@pytest.mark.parametrize("cosine", [False, True])
def test_adam_multiplies_gradients_by_the_square_root_of_its_preconditioner(make, adam, cosine):
    estimator = make("tracin", checkpoints="all", preconditioner="adam", normalise=cosine)
    wanted = reference(adam, STEPS, root=square_root_of_preconditioner, cosine=cosine)
    torch.testing.assert_close(estimator.score(adam, *every(adam)), wanted, rtol=1e-9, atol=1e-12)


def test_second_moment_is_that_of_torch(adam):
    params = trained("adam", steps=1).objective.layout.flatten(dict(adam.objective.model.module.named_parameters()))
    params.requires_grad_()
    optimizer = torch.optim.Adam([params], lr=0.05)
    for step in range(1, 13):
        optimizer.zero_grad()
        losses = adam.objective.losses(params, adam.point.buffers, adam.data.train)
        (losses.mean() + adam.decay * params @ params).backward()
        optimizer.step()
        if step in STEPS:
            kept = next(point for point in adam.checkpoints if point.step == step)
            wanted = optimizer.state[params]["exp_avg_sq"] / (1 - 0.999**step)
            torch.testing.assert_close(kept.second_moment, wanted, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("optimizer", ["gradient-descent", "sgd", "rmsprop"])
def test_adam_preconditioner_is_refused_by_name_for_other_optimizers(make, optimizer):
    problem = trained(optimizer, steps=2, checkpoints=1)
    assert problem.checkpoints[0].second_moment is None
    with pytest.raises(UnsupportedError, match=f"trained with {optimizer}"):
        make("tracin", preconditioner="adam").fit(problem)


def test_missing_steps_are_named_with_those_there_are(make, descended):
    with pytest.raises(EstimatorError, match="no checkpoint at step 5, 11") as caught:
        make("tracin", checkpoints=[4, 11, 5]).fit(descended)
    assert caught.value.hint.startswith("kept: 4, 8, 12;")
    with pytest.raises(EstimatorError, match="empty"):
        make("tracin", checkpoints=[]).fit(descended)


@pytest.mark.parametrize("preconditioner", ["none", "adam"])
def test_parameter_change_is_equation_2(make, adam, preconditioner):
    interventions = [Intervention.remove([3, 4]), Intervention(((0, 24 * 0.5),))]
    wanted = torch.zeros(2, adam.n_param, dtype=torch.float64)
    for point in adam.checkpoints:
        gradients = gradient_table(adam, adam.data.train, at=point.params)
        factor = 1 if preconditioner == "none" else square_root_of_preconditioner(point) ** 2
        wanted[0] += 0.05 * factor * (gradients[3] + gradients[4]) / 24
        wanted[1] -= 0.05 * factor * 0.5 * gradients[0]
    estimator = make("tracin", checkpoints="all", preconditioner=preconditioner)
    torch.testing.assert_close(estimator.parameter_change(adam, interventions), wanted, rtol=1e-9, atol=1e-12)


def test_cosines_predict_no_parameters(make, descended):
    with pytest.raises(UnsupportedError, match="normalise"):
        make("tracin", normalise=True).parameter_change(descended, [Intervention(((0, 0.5),))])


def test_change_over_every_step_of_one_step_training_is_exact(make):
    """With a single step of gradient descent, equation 2 is the derivative of the parameters in the weight."""
    problem = trained("gradient-descent", steps=1, checkpoints=1)
    objective, start = (
        problem.objective,
        problem.objective.layout.flatten(dict(problem.objective.model.module.named_parameters())),
    )
    weights = torch.ones(problem.n_train, dtype=torch.float64)
    weights[5] += 1e-6 * problem.n_train
    gradient, _ = objective.training_gradient(start, problem.point.buffers, problem.data.train, weights)
    moved = start - 0.05 * gradient
    at_start = Checkpoint(0, 0.05, start)
    added = Intervention.upweight([5], 1e-6, n_train=problem.n_train)
    change = make("tracin").parameter_change(seen_at(problem, [at_start]), [added])
    torch.testing.assert_close(change[0], moved - problem.params, rtol=1e-6, atol=1e-14)


@parametrize_with_checks("tracin", params=[{"checkpoints": "all"}, {"normalise": True}])
def test_conforms(check):
    check()
