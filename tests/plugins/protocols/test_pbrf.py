"""The proximal Bregman response, against its definition, its closed form and what it is the truth of."""

import pytest
import torch
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.errors import UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.derivatives.proximal import ProximalBregman
from ifbench.numerics.training.optimizers import initial_state
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of, problem_of, ridge
from tests.retraining import measure, run_of

N_TRAIN, DAMPING, DECAY = 40, 0.05, 0.01
QUERIES = torch.arange(8)


@pytest.fixture(scope="module")
def network():
    """A network of tanh units, away from any optimum, with its data."""
    generator = torch.Generator().manual_seed(3)

    def batch(n):
        return Batch(torch.randn(n, 4, generator=generator).double(), torch.randint(3, (n,), generator=generator))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    return Classifier(module.eval()), Dataset(batch(N_TRAIN), batch(8), 3)


def run_at(model, data, **recipe):
    objective = objective_of(model, decay=DECAY)
    recipe = Recipe(**{"steps": 10, "learning_rate": 0.5, "weight_decay": DECAY, **recipe})
    start = objective.layout.flatten(dict(model.module.named_parameters()))
    return run_of(Trainer(objective, data.train, recipe, seed=0), data, initial_state(recipe, start))


def test_gauss_newton_influence_is_its_derivative(network):
    """Away from an optimum, where retraining does something else, influence answers to the proximal response."""
    model, data = network
    problem = problem_of(model, data, decay=DECAY)
    spec = load_registry().estimator("hif")
    estimator = spec.load()(spec.params(solver="exact", damping=DAMPING, curvature="gauss-newton"))
    estimator.fit(problem)
    scores = estimator.score(problem, torch.arange(0, N_TRAIN, 5), QUERIES)
    epsilon = 1e-4
    rows = range(0, N_TRAIN, 5)
    interventions = [Intervention.upweight([row], sign * epsilon, n_train=N_TRAIN) for row in rows for sign in (1, -1)]
    found = measure("pbrf", run_at(model, data), interventions, QUERIES, damping=DAMPING, steps=800)[0]
    slope = (found[::2] - found[1::2]) / (2 * epsilon)
    torch.testing.assert_close(slope, -scores, rtol=1e-4, atol=1e-6)
    plain = measure("retrain-from-optimum", run_at(model, data), interventions, QUERIES, steps=800)[0]
    assert ((plain[::2] - plain[1::2]) / (2 * epsilon) + scores).norm() > 0.3 * scores.norm()


def test_on_a_linear_model_it_is_the_damped_solution():
    example = ridge((0.5, 1.0, 1.5), n_train=15, n_query=6, decay=0.02)
    problem = example.problem
    recipe = Recipe(steps=10, learning_rate=0.3, weight_decay=problem.decay)
    trainer = Trainer(problem.objective, problem.data.train, recipe, seed=0)
    task = run_of(trainer, problem.data, initial_state(recipe, problem.params + 0.2))
    found = measure("pbrf", task, [Intervention.remove([3])], torch.arange(6), damping=0.1, steps=600)[0, 0]
    x, y = problem.data.train
    start = problem.params + 0.2
    eye = torch.eye(3, dtype=torch.float64)
    matrix = x.T @ x / 15 - x[3:4].T @ x[3:4] / 15 + (0.1 + 2 * problem.decay) * eye
    pull = -(x[3] * (x[3] @ start - y[3, 0])) / 15  # gradient of the added loss at the start
    after = start - torch.linalg.solve(matrix, pull)
    wanted = problem.query_losses(torch.arange(6), at=after) - problem.query_losses(torch.arange(6), at=start)
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_the_objective_is_the_sum_of_bregman_divergences(network):
    model, data = network
    objective = objective_of(model, decay=DECAY)
    center = objective.layout.flatten(dict(model.module.named_parameters()))
    none = center.new_empty(0)
    proximal = ProximalBregman.around(objective, center, none, damping=DAMPING)
    theta = center + 0.3 * torch.randn(len(center), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for row in range(N_TRAIN):
        batch = Batch(data.train.inputs[row : row + 1], data.train.targets[row : row + 1])
        before, after = (
            model.outputs(objective.layout.unflatten(at), {}, batch.inputs).detach() for at in (center, theta)
        )
        slope = torch.softmax(before, 1)
        slope[0, batch.targets[0]] -= 1
        total += model.output_losses(after, batch.targets)[0] - model.output_losses(before, batch.targets)[0]
        total -= (slope * (after - before)).sum()
    wanted = total / N_TRAIN + (DAMPING / 2 + DECAY) * (theta - center).square().sum()
    ones = torch.ones(N_TRAIN, dtype=torch.float64)
    found = [proximal.training_value(at, none, data.train, ones)[0] for at in (theta, center)]
    torch.testing.assert_close(found[0] - found[1], wanted, rtol=1e-12, atol=1e-12)


def test_nothing_moves_without_an_intervention(network):
    task = run_at(*network, optimizer="sgd", momentum=0.9, batch_size=7, learning_rate=0.1)
    how = load_registry().protocol("pbrf")
    stretch = how.retraining(how.params(damping=DAMPING, steps=20), task.steps)
    end = task.retrain([], stretch, lambda networks, _: networks.params)[0, 0]
    torch.testing.assert_close(end, task.state.params, rtol=0, atol=1e-13)


def test_a_model_that_hides_its_outputs_is_refused(network):
    model, data = network

    class Bare:
        module, losses, predict = model.module, model.losses, model.predict

    with pytest.raises(UnsupportedError, match="outputs"):
        measure("pbrf", run_at(Bare(), data), [Intervention.remove([0])], QUERIES, damping=DAMPING, steps=3)


def test_the_optimizer_begins_anew(network):
    """Adam's first update is one learning rate long, however long the main training was."""
    task = run_at(*network, optimizer="adam", batch_size=7, learning_rate=0.01, steps=5000)
    spec = load_registry().protocol("pbrf")
    stretch = spec.retraining(spec.params(damping=DAMPING, steps=1), task.steps)
    added = Intervention.upweight([0], 0.5, n_train=N_TRAIN)
    moved = task.retrain([added], stretch, lambda networks, _: networks.params)[0, 1]
    assert (moved - task.state.params).abs().max() == pytest.approx(0.01, rel=1e-3)
