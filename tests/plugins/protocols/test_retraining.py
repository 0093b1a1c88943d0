"""Every protocol against closed forms: ridge regression, and logistic regression solved by L-BFGS."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.optimize import minimize
from torch import nn
from torch.nn import functional

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.intervention import Intervention
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.training.optimizers import initial_state
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of, ridge
from tests.retraining import measure, measure_whole, run_of

N_TRAIN = 15
EXAMPLE = ridge((0.5, 1.0, 1.5), n_train=N_TRAIN, n_query=6, decay=0.02)
QUERIES = torch.arange(6)
PROTOCOLS = ("retrain-from-optimum", "retrain-from-scratch")


def run_at(params, **recipe):
    problem = EXAMPLE.problem
    recipe = Recipe(**{"steps": 400, "learning_rate": 0.5, "weight_decay": problem.decay, **recipe})
    trainer = Trainer(problem.objective, problem.data.train, recipe, seed=0)

    def initial(repeat):
        return torch.full_like(params, 0.1 * repeat)

    return run_of(trainer, problem.data, initial_state(recipe, params), initial=initial)


def ridge_effect(weights, *, divisor=N_TRAIN):
    """Change of the query losses when the examples' losses have these factors and the problem is solved again."""
    problem = EXAMPLE.problem
    x, y = problem.data.train
    factors = torch.ones(N_TRAIN, 1, dtype=torch.float64)
    for row, weight in weights.items():
        factors[row] = weight
    matrix = (x * factors).T @ x / divisor + 2 * problem.decay * torch.eye(3, dtype=torch.float64)
    after = torch.linalg.solve(matrix, (x * factors).T @ y / divisor)[:, 0]
    return problem.query_losses(QUERIES, at=after) - problem.query_losses(QUERIES)


def removals(*groups):
    return [Intervention.remove(group) for group in groups]


def reweighted(row, added):
    return Intervention.upweight([row], added, n_train=N_TRAIN)


def assert_effects(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_effects_are_those_of_exact_leave_one_out(name):
    task = run_at(EXAMPLE.problem.params)
    found = measure(name, task, removals(*([row] for row in range(N_TRAIN))), QUERIES, steps=400)
    assert found.shape == (1, N_TRAIN, 6)
    assert_effects(found[0], EXAMPLE.leave_one_out_effects())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_groups_and_reweighting_are_weights_of_the_mean_loss(name):
    interventions = [*removals([1, 4]), reweighted(3, -0.5 / N_TRAIN), reweighted(7, 2 / N_TRAIN)]
    found = measure(name, run_at(EXAMPLE.problem.params), interventions, QUERIES, steps=400)[0]
    for effect, factors in zip(found, ({1: 0, 4: 0}, {3: 0.5}, {7: 3}), strict=True):
        assert_effects(effect, ridge_effect(factors))


def test_added_losses_lead_to_the_same_optimum():
    interventions = [*removals([1, 4]), reweighted(7, 0.1)]
    task = run_at(EXAMPLE.problem.params)
    found = measure("fine-tune", task, interventions, QUERIES, steps=400, horizons=(400,))[0]
    for effect, factors in zip(found, ({1: 0, 4: 0}, {7: 1 + 0.1 * N_TRAIN}), strict=True):
        assert_effects(effect, ridge_effect(factors))


def test_a_subset_is_trained_on_the_mean_over_what_is_left():
    found = measure("subset-retrain", run_at(EXAMPLE.problem.params), removals([1, 4], range(5, 15)), QUERIES)[0]
    for effect, removed in zip(found, ([1, 4], range(5, 15)), strict=True):
        assert_effects(effect, ridge_effect(dict.fromkeys(removed, 0), divisor=N_TRAIN - len(removed)))


@pytest.mark.parametrize("changes", [((0, 1.5),), tuple((row, -1.0) for row in range(N_TRAIN))])
def test_what_is_no_subset_is_refused(changes):
    with pytest.raises(IfbenchError, match="does not leave a subset"):
        measure("subset-retrain", run_at(EXAMPLE.problem.params), [Intervention(changes)], QUERIES)


def test_the_baseline_trains_on_as_long():
    """Started away from the optimum, what the run would have done anyway is no effect of the intervention."""
    task = run_at(EXAMPLE.problem.params + 0.3)
    assert (measure("retrain-from-optimum", task, [Intervention(())], QUERIES, steps=5) == 0).all()
    found = measure("retrain-from-optimum", task, removals([2]), QUERIES, steps=400)
    assert_effects(found[0, 0], EXAMPLE.leave_one_out_effects()[2])


def test_drift_is_what_the_unperturbed_run_does():
    problem, start = EXAMPLE.problem, EXAMPLE.problem.params + 0.3
    drift = measure_whole("retrain-from-optimum", run_at(start), removals([2]), QUERIES, steps=400).drift
    wanted = problem.query_losses(QUERIES) - problem.query_losses(QUERIES, at=start)
    torch.testing.assert_close(drift, wanted[None], rtol=1e-8, atol=1e-10)
    assert measure_whole("retrain-from-optimum", run_at(start), [], QUERIES, steps=4, drift=False).drift is None


def test_drift_begins_where_the_stretch_does():
    """On the way it is that of the training itself from the checkpoint on; from scratch it says nothing."""
    problem = EXAMPLE.problem
    task = run_at(torch.zeros(3, dtype=torch.float64), steps=20, learning_rate=0.05)
    ones = torch.ones(N_TRAIN, dtype=torch.float64)

    def state(step):
        return task.trainer.run(start, ones, steps=step, first=0)

    start = task.state
    task = replace(task, states={5: state(5), 20: state(20)})
    drift = measure_whole("fine-tune", task, removals([2]), QUERIES, steps=3, checkpoint=5, horizons=(1, 3)).drift
    losses = {step: problem.query_losses(QUERIES, at=state(step).params) for step in (5, 6, 8)}
    wanted = torch.stack([losses[step] - losses[5] for step in (6, 8)])
    torch.testing.assert_close(drift, wanted, rtol=1e-9, atol=1e-12)
    for name, more in (("retrain-from-scratch", {}), ("subset-retrain", {}), ("fine-tune", {"checkpoint": 0})):
        assert measure_whole(name, task, removals([2]), QUERIES, steps=3, **more).drift is None


def test_one_step_of_fine_tuning_is_a_product_of_gradients():
    """One step of SGD moves a query's loss by -rate * epsilon * gradient . gradient, to first order in epsilon."""
    problem, epsilon, rate = EXAMPLE.problem, 1e-7, 0.3
    for recipe in ({}, {"optimizer": "sgd", "batch_size": 4, "momentum": 0.9}):
        task = run_at(problem.params, learning_rate=rate, **recipe)
        rows = range(N_TRAIN)
        found = measure("fine-tune", task, [reweighted(row, epsilon) for row in rows], QUERIES, steps=1)[0]
        start = task.state.params
        base = measure_base(task)
        slopes = problem.query_gradients(QUERIES, at=base)
        wanted = -rate * epsilon * problem.example_gradients(torch.arange(N_TRAIN), at=start) @ slopes.T
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-13)
        second = rate * epsilon * problem.example_gradients(torch.arange(N_TRAIN), at=start)  # the loss is quadratic
        x = problem.data.test.inputs
        torch.testing.assert_close(found, wanted + (second @ x.T).square() / 2, rtol=1e-6, atol=1e-15)


def measure_base(task):
    """Parameters after one unperturbed update."""
    ones = torch.ones(N_TRAIN, dtype=torch.float64)
    return task.trainer.run(task.state, ones, steps=1, first=task.steps).params


def test_every_horizon_is_the_end_of_a_shorter_run():
    task = run_at(EXAMPLE.problem.params, optimizer="adam", learning_rate=0.02, batch_size=4)
    for name in ("retrain-from-optimum", "retrain-from-scratch"):
        found = measure(name, task, removals([0], [3]), QUERIES, steps=30, horizons=(1, 7, 30))
        for place, steps in enumerate((1, 7, 30)):
            assert torch.equal(found[place], measure(name, task, removals([0], [3]), QUERIES, steps=steps)[0])
    curve = measure("fine-tune", task, removals([0]), QUERIES, steps=6)
    assert curve.shape == (6, 1, 6)


def test_parameter_change_is_that_of_the_solution():
    problem = EXAMPLE.problem
    for start in ("optimum", "scratch"):
        found = measure("parameter-change", run_at(problem.params), removals([2]), QUERIES, steps=400, start=start)
        moved = problem.query_losses(QUERIES, at=problem.params + found[0, 0]) - problem.query_losses(QUERIES)
        assert_effects(moved, EXAMPLE.leave_one_out_effects()[2])


def test_against_the_trained_network_a_change_holds_the_drift():
    task = run_at(EXAMPLE.problem.params + 0.3)
    change, none = (
        measure("parameter-change", task, interventions, QUERIES, steps=5, baseline="trained")[0]
        for interventions in (removals([2]), [Intervention(())])
    )
    assert none.norm() > 0.01
    own = measure("parameter-change", task, removals([2]), QUERIES, steps=5)[0]
    torch.testing.assert_close(change, own + none, rtol=1e-12, atol=1e-14)


def stretch(name, **params):
    spec = load_registry().protocol(name)
    return spec.retraining(spec.params(**params), 400)


def test_percentages_are_of_the_main_training():
    assert stretch("retrain-from-optimum", steps="6%").steps == 24
    assert stretch("retrain-from-scratch").steps == 400
    assert stretch("retrain-from-scratch").start == 0


def test_repeats_see_other_batches_and_begin_elsewhere():
    task = run_at(EXAMPLE.problem.params, optimizer="sgd", batch_size=4, learning_rate=0.1)
    for name in PROTOCOLS:
        first, again, other = (
            measure(name, task, removals([0]), QUERIES, steps=20, repeat=repeat) for repeat in (0, 0, 1)
        )
        assert torch.equal(first, again)
        assert not torch.allclose(first, other, rtol=1e-3)


def test_learning_rate_of_its_own():
    task = run_at(EXAMPLE.problem.params)
    slow = measure("retrain-from-optimum", task, removals([0]), QUERIES, steps=3, learning_rate=0.01)
    fast = measure("retrain-from-optimum", task, removals([0]), QUERIES, steps=3)
    assert slow.abs().max() < fast.abs().max() / 5


def test_task_is_not_modified_and_progress_ends_at_the_total():
    task, told = run_at(EXAMPLE.problem.params.clone()), []
    before = task.state.params.clone()
    params = {"steps": 7, "horizons": (3, 7), "progress": lambda *now: told.append(now)}
    measure("retrain-from-optimum", task, removals([0], [1]), QUERIES, **params)
    assert torch.equal(task.state.params, before)
    assert told == sorted(told)
    assert told[-1] == (21, 21)


def test_starting_outside_the_training_is_refused():
    with pytest.raises(IfbenchError, match="cannot start after 500 updates"):
        measure("fine-tune", run_at(EXAMPLE.problem.params), removals([0]), QUERIES, steps=3, checkpoint=500)


def test_rows_outside_the_training_set_are_refused():
    with pytest.raises(IfbenchError, match="no training example 15 among 15"):
        measure("retrain-from-optimum", run_at(EXAMPLE.problem.params), removals([15]), QUERIES, steps=3)


@pytest.mark.parametrize("values", [{"horizons": (5, 3)}, {"horizons": (3, 3)}, {"horizons": (3, 30)}, {"steps": "0%"}])
def test_horizons_rise_within_the_steps(values):
    params = load_registry().protocol("retrain-from-optimum").params
    with pytest.raises(ValueError, match="wanted"):
        params(**{"steps": 10, **values})


# logistic regression


@pytest.fixture(scope="module")
def logistic():
    """A converged softmax regression: (trained run, refit), where refit(factors) solves it again by L-BFGS."""
    generator = torch.Generator().manual_seed(4)
    decay, n_train = 0.01, 24

    def batch(n):
        inputs = torch.randn(n, 3, generator=generator, dtype=torch.float64)
        return Batch(inputs, torch.randint(3, (n,), generator=generator))

    data = Dataset(batch(n_train), batch(5), 3)
    model = Classifier(nn.Linear(3, 3).double().eval())
    objective = objective_of(model, decay=decay)
    shapes = {name: value.shape for name, value in model.module.named_parameters()}

    def refit(factors):
        def value(vector):
            theta = torch.tensor(vector, dtype=torch.float64, requires_grad=True)
            weight, bias = theta[: math.prod(shapes["weight"])].view(shapes["weight"]), theta[-3:]
            losses = functional.cross_entropy(data.train.inputs @ weight.T + bias, data.train.targets, reduction="none")
            total = (losses * factors).sum() / n_train + decay * theta.square().sum()
            (slope,) = torch.autograd.grad(total, theta)
            return total.item(), slope.numpy()

        found = minimize(
            value, torch.zeros(12).numpy(), jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-11}
        )
        theta = torch.tensor(found.x)
        return functional.cross_entropy(
            data.test.inputs @ theta[:9].view(3, 3).T + theta[9:], data.test.targets, reduction="none"
        )

    recipe = Recipe(steps=3000, learning_rate=1.0, weight_decay=decay)
    trainer = Trainer(objective, data.train, recipe, seed=0)
    zero = torch.zeros(12, dtype=torch.float64)
    *_, state = trainer.train(zero).values()
    return run_of(trainer, data, state, initial=lambda repeat: zero + repeat), refit


@pytest.mark.parametrize("name", [*PROTOCOLS, "subset-retrain", "fine-tune"])
def test_logistic_regression_is_refitted(name, logistic):
    task, refit = logistic
    n_train, groups = task.n_train, ([3], [0, 5, 11])
    interventions = [Intervention.remove(group) for group in groups]
    params = {"horizons": (3000,)} if name == "fine-tune" else {}
    found = measure(name, task, interventions, torch.arange(5), steps=3000, **params)[0]
    ones = torch.ones(n_train, dtype=torch.float64)
    for effect, group in zip(found, groups, strict=True):
        factors = ones.clone()
        factors[group] = 0
        if name == "subset-retrain":
            factors *= n_train / (n_train - len(group))
        torch.testing.assert_close(effect, refit(factors) - refit(ones), rtol=1e-5, atol=1e-8)
