"""Every estimator on a network with batch statistics, dropout, tied and frozen parameters and layers without any."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ifbench.core.intervention import Intervention
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.core.retraining import Retraining
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.testing import objective_of, params_to_check
from tests.plugins.estimators.references import blobs, every
from tests.retraining import run_many

DECAY, DAMPING = 0.01, 2.0


class Mixed(nn.Module):
    """Tied: both hidden layers have one weight. Frozen: the first layer. Dropout and ReLU have no parameters."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
        self.third.weight = self.second.weight
        self.norm, self.drop, self.smooth, self.last = BatchNorm(4), Dropout(0.3), nn.Softplus(), nn.Linear(4, 3)
        for param in self.first.parameters():
            param.requires_grad_(False)

    def forward(self, inputs):
        hidden = self.drop(torch.tanh(self.norm(self.second(self.smooth(self.first(inputs))))))
        return self.last(torch.tanh(self.third(hidden)))


@pytest.fixture(scope="module")
def problem():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, data = Classifier(Mixed().double().eval()), blobs(40, 5)
    objective = objective_of(model, decay=DECAY)
    recipe = Recipe(steps=200, learning_rate=0.01, optimizer="adam", batch_size=10, weight_decay=DECAY, checkpoints=3)
    initial = objective.layout.flatten(dict(model.module.named_parameters()))
    found = TrainedProblem(Trained.of(objective, data, recipe, initial=lambda _: initial).train())
    assert found.n_param == 16 + 4 + 8 + 15
    assert not torch.equal(found.point.buffers, objective.initial_buffers(initial))
    return found


@pytest.fixture(scope="module")
def dense(problem):
    """(gradients of examples, gradients of queries, Hessian), by ordinary autograd through the module in evaluation."""
    objective = problem.objective
    statistics = objective.running.unflatten(problem.point.buffers)

    def losses(params, batch):
        tensors = {**objective.layout.unflatten(params), **statistics}
        logits = functional_call(objective.model.module, tensors, (batch.inputs,))
        return functional.cross_entropy(logits, batch.targets, reduction="none")

    def value(params):
        return losses(params, problem.data.train).mean() + DECAY * params @ params

    tables = [
        torch.autograd.functional.jacobian(lambda at, part=part: losses(at, part), problem.params)
        for part in (problem.data.train, problem.data.test)
    ]
    hessian = torch.autograd.functional.hessian(value, problem.params)
    assert torch.linalg.eigvalsh(hessian)[0] > -DAMPING / 2
    return *tables, hessian


def scores(problem, name, **values):
    spec = load_registry().estimator(name)
    estimator = spec.load()(params_to_check(spec, **values))
    estimator.fit(problem)
    return estimator.score(problem, *every(problem))


def influence(dense, damping):
    train, test, hessian = dense
    return train @ torch.linalg.solve(hessian + damping * torch.eye(len(hessian), dtype=hessian.dtype), test.T)


@pytest.mark.parametrize("solver", ["exact", "cg", "block-cg", "cr"])
def test_hessian_based(problem, dense, solver):
    found = scores(problem, "hif", solver=solver, damping=DAMPING, tolerance=1e-11)
    torch.testing.assert_close(found, influence(dense, DAMPING), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("symmetric", [True, False])
def test_arnoldi_of_full_rank(problem, dense, symmetric):
    n_param = problem.n_param
    setting = {"iterations": n_param, "projectors": n_param, "tolerance": 0.0, "damping": DAMPING}
    found = scores(problem, "abif", symmetric=symmetric, **setting)
    torch.testing.assert_close(found, influence(dense, DAMPING), rtol=1e-6, atol=1e-8)


def test_lissa_within_the_noise_of_its_batches(problem, dense):
    found = scores(problem, "lissa", damping=DAMPING, scale=200.0, depth=900, batch_size=40, repeats=2)
    wanted = influence(dense, DAMPING)
    assert (found - wanted).norm() < 0.2 * wanted.norm()


def test_gradients(problem, dense):
    train, test, _ = dense
    torch.testing.assert_close(scores(problem, "grad-dot"), train @ test.T, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(scores(problem, "tracin"), 0.01 * train @ test.T, rtol=1e-9, atol=1e-11)
    cosine = nn.functional.cosine_similarity(train[:, None], test[None], dim=2)
    torch.testing.assert_close(scores(problem, "grad-cos"), cosine, rtol=1e-9, atol=1e-11)


def test_tracin_takes_the_running_statistics_of_each_checkpoint(problem):
    objective, last = problem.objective, 0
    for checkpoint in problem.checkpoints:
        train, test = (
            objective.example_gradients(*checkpoint.point, part) for part in (problem.data.train, problem.data.test)
        )
        last = last + checkpoint.learning_rate * train @ test.T
    torch.testing.assert_close(scores(problem, "tracin", checkpoints="all"), last, rtol=1e-9, atol=1e-11)


def test_trajectory_equals_differences_of_real_retraining(problem):
    steps, example, shift = 8, 3, 1e-5
    ahead, behind = (trained_on(problem, steps, example, sign * shift) for sign in (1, -1))
    slope = (ahead - behind) / (2 * shift)
    for mode in ("adjoint", "forward"):
        found = scores(problem, "trajectory", steps=steps, learning_rate=None, mode=mode)
        torch.testing.assert_close(found[example], -problem.n_train * slope, rtol=1e-5, atol=1e-8)


def trained_on(problem, steps, example, change):
    """Losses of all queries after training on with one example's weight changed."""
    weights = torch.ones(1, problem.n_train, dtype=problem.dtype)
    weights[0, example] += change
    start = problem.trajectory(Retraining(steps)).start
    ends = run_many(problem.trained.trainer, start, weights, steps=steps, first=problem.recipe.steps)
    return problem.objective.example_losses(ends.params[0], ends.buffers[0], problem.data.test)


@pytest.mark.parametrize("name", ["hif", "abif", "tracin", "trajectory"])
def test_parameter_change_leaves_out_frozen_and_counts_tied_once(problem, name):
    spec = load_registry().estimator(name)
    estimator = spec.load()(params_to_check(spec))
    estimator.fit(problem)
    change = estimator.parameter_change(problem, [Intervention.remove([3])])
    assert change.shape == (1, problem.n_param)
    assert change.isfinite().all()
