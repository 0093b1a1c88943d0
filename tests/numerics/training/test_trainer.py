"""Runs that differ in weights, runs cut in pieces, and the order of the batches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ifbench.core import Batch, Dataset
from ifbench.core.layers import BatchNorm
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.batches import EpochOrder
from ifbench.numerics.training.optimizers import initial_state
from ifbench.numerics.training.speed import MAX_WIDTH
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of
from tests.retraining import run_many, run_of

RECIPES = [
    Recipe(steps=60, learning_rate=0.2, weight_decay=1e-2),
    Recipe(optimizer="sgd", steps=60, learning_rate=0.05, momentum=0.9, batch_size=7),
    Recipe(optimizer="adam", steps=60, learning_rate=0.01, batch_size=8, weight_decay=1e-3),
]


def trainer_of(network, data, recipe, seed=1):
    objective = objective_of(network, decay=recipe.decay)
    return Trainer(objective, data, recipe, seed), objective.layout.flatten(dict(network.module.named_parameters()))


def plain_descent(network, params, data, weights, recipe, *, divisor):
    """Full-batch gradient descent written with ordinary autograd."""
    layout = objective_of(network).layout
    params = params.clone().requires_grad_()
    for _ in range(recipe.steps):
        logits = functional_call(network.module, layout.unflatten(params), (data.inputs,))
        losses = functional.cross_entropy(logits, data.targets, reduction="none")
        value = (weights * losses).sum() / divisor + recipe.decay * params.square().sum()
        (gradient,) = torch.autograd.grad(value, params)
        params = (params - recipe.learning_rate * gradient).detach().requires_grad_()
    return params.detach()


def test_runs_side_by_side_equal_a_plain_loop(network, flowers, generator):
    recipe = RECIPES[0]
    trainer, initial = trainer_of(network, flowers, recipe)
    weights = 2 * torch.rand(5, 30, generator=generator, dtype=torch.float64)
    ends = run_many(trainer, initial_state(recipe, initial), weights, steps=recipe.steps, first=0).params
    for end, some in zip(ends, weights, strict=True):
        wanted = plain_descent(network, initial, flowers, some, recipe, divisor=30)
        torch.testing.assert_close(end, wanted, rtol=1e-10, atol=1e-10)


def test_weight_zero_is_deletion_with_the_old_divisor(network, flowers):
    recipe = RECIPES[0]
    trainer, initial = trainer_of(network, flowers, recipe)
    weights = torch.ones(2, 30, dtype=torch.float64)
    weights[1, 4] = 0
    kept, removed = run_many(trainer, initial_state(recipe, initial), weights, steps=recipe.steps, first=0).params
    rest = torch.arange(30) != 4
    without = Batch(flowers.inputs[rest], flowers.targets[rest])
    wanted = plain_descent(network, initial, without, torch.ones(29, dtype=torch.float64), recipe, divisor=30)
    torch.testing.assert_close(removed, wanted, rtol=1e-10, atol=1e-10)
    assert (kept - removed).abs().max() > 1e-3


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_runs_side_by_side_equal_single_runs(recipe, network, flowers, generator):
    trainer, initial = trainer_of(network, flowers, recipe)
    weights = torch.rand(MAX_WIDTH + 3, 30, generator=generator, dtype=torch.float64)
    state = initial_state(recipe, initial)
    ends = run_many(trainer, state, weights, steps=25, first=4, learning_rate=0.03).params
    for row in (0, MAX_WIDTH - 1, MAX_WIDTH, MAX_WIDTH + 2):
        alone = trainer.run(state, weights[row], steps=25, first=4, learning_rate=0.03).params
        torch.testing.assert_close(ends[row], alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_a_run_in_two_parts_is_the_same_run(recipe, network, flowers):
    trainer, initial = trainer_of(network, flowers, recipe)
    weights, state = torch.ones(30, dtype=torch.float64), initial_state(recipe, initial)
    whole = trainer.run(state, weights, steps=60, first=0)
    half = trainer.run(state, weights, steps=23, first=0)
    rest = trainer.run(half, weights, steps=37, first=23)
    for left, right in zip((whole.params, *whole.slots), (rest.params, *rest.slots), strict=True):
        assert torch.equal(left, right)


def checkpoints_of(trainer, initial):
    """What estimators see of a training."""
    return Trained(trainer, Dataset(trainer.data, trainer.data, 3), 0, initial=lambda _: initial).train().checkpoints


def test_checkpoints_are_met_on_the_way_and_do_not_change_it(network, flowers):
    recipe = Recipe(optimizer="sgd", momentum=0.5, steps=10, batch_size=7, checkpoints=4)
    trainer, initial = trainer_of(network, flowers, recipe)
    kept = trainer.train(initial)
    assert list(kept) == [2, 5, 8, 10]
    *_, alone = trainer_of(network, flowers, recipe.model_copy(update={"checkpoints": 1}))[0].train(initial).values()
    assert torch.equal(kept[10].params, alone.params)
    checkpoints = checkpoints_of(trainer, initial)
    assert [point.step for point in checkpoints] == [2, 5, 8, 10]
    assert torch.equal(checkpoints[-1].params, kept[10].params)
    assert checkpoints[0].learning_rate == recipe.learning_rate


def plain_gradient_norm(network, params, data, recipe):
    params = params.clone().requires_grad_()
    logits = functional_call(network.module, objective_of(network).layout.unflatten(params), (data.inputs,))
    value = functional.cross_entropy(logits, data.targets) + recipe.decay * params.square().sum()
    return torch.autograd.grad(value, params)[0].norm()


@pytest.mark.parametrize("name", ["gradient-descent", "sgd"])
def test_training_ends_at_the_first_look_that_finds_a_small_gradient(name, network, flowers):
    values = {"learning_rate": 0.02, "weight_decay": 1e-2, "steps": 2000, "checkpoints": 8}
    recipe = Recipe(optimizer=name, batch_size=10 if name == "sgd" else None, until_gradient_norm=0.06, **values)
    trainer, initial = trainer_of(network, flowers, recipe)
    told = []
    found = trainer.train(initial, lambda done, total: told.append((done, total)))
    norms, endless = [], recipe.model_copy(update={"until_gradient_norm": None, "checkpoints": 20})
    kept = trainer_of(network, flowers, endless)[0].train(initial)
    for state in kept.values():  # every 100 updates
        norms.append(plain_gradient_norm(network, state.params, flowers, recipe))
    made = 100 * (1 + next(k for k, norm in enumerate(norms) if norm <= 0.06))
    assert 300 < made < 1000
    assert list(found) == [*range(250, made, 250), made]
    assert torch.equal(found[made].params, kept[made].params)
    assert told[-1] == (made, 2000)


def test_training_that_does_not_converge_ends_after_all_steps(network, flowers):
    recipe = Recipe(steps=250, until_gradient_norm=1e-9)
    trainer, initial = trainer_of(network, flowers, recipe)
    found = trainer.train(initial)
    assert list(found) == [250]
    alone = trainer_of(network, flowers, Recipe(steps=250))[0].train(initial)[250]
    assert torch.equal(found[250].params, alone.params)


def test_rates_follow_the_schedule_and_a_rate_of_its_own_is_constant(network, flowers):
    recipe = Recipe(steps=10, learning_rate=0.4, schedule="step", milestones=(4,), gamma=0.5, checkpoints=5)
    trainer, initial = trainer_of(network, flowers, recipe)
    assert [point.learning_rate for point in checkpoints_of(trainer, initial)] == [0.4, 0.4, 0.2, 0.2, 0.2]
    rates = [float(rate) for _, rate in trainer.inputs(initial, first=3, steps=9)]
    assert rates == [0.4] + [0.2] * 8
    assert [float(rate) for _, rate in trainer.inputs(initial, first=3, steps=2, learning_rate=0.3)] == [0.3, 0.3]


def test_more_checkpoints_than_steps_are_one_each(network, flowers):
    trainer, initial = trainer_of(network, flowers, Recipe(steps=3, checkpoints=10))
    assert list(trainer.train(initial)) == [1, 2, 3]


def test_no_steps_change_nothing(network, flowers):
    trainer, initial = trainer_of(network, flowers, RECIPES[0])
    weights = torch.ones(2, 30, dtype=torch.float64)
    ends = run_many(trainer, initial_state(RECIPES[0], initial), weights, steps=0, first=0).params
    assert torch.equal(ends, initial.expand(2, -1))


def test_the_start_is_not_modified(network, flowers):
    trainer, initial = trainer_of(network, flowers, RECIPES[1])
    before = initial.clone()
    trainer.train(initial)
    assert torch.equal(initial, before)


def test_progress_rises_to_the_total(network, flowers):
    trainer, initial = trainer_of(network, flowers, Recipe(steps=250, checkpoints=2))
    told = []
    trainer.train(initial, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (250, 250)
    told.clear()
    weights = torch.ones(70, 30, dtype=torch.float64)
    state = initial_state(trainer.recipe, initial)
    run_many(trainer, state, weights, steps=10, first=0, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (700, 700)


@pytest.mark.parametrize("width", [1, 5])
def test_convolutions_give_what_single_runs_give(width, generator):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).double()
    data = Batch(torch.randn(6, 1, 4, 4, generator=generator, dtype=torch.float64), torch.arange(6) % 2)
    recipe = Recipe(steps=5)
    trainer, initial = trainer_of(Classifier(module.eval()), data, recipe)
    weights = torch.rand(2, 6, generator=generator, dtype=torch.float64)
    ends = run_many(trainer, initial_state(recipe, initial), weights, steps=5, first=0, width=width).params
    wanted = plain_descent(trainer.objective.model, initial, data, weights[1], recipe, divisor=6)
    torch.testing.assert_close(ends[1], wanted, rtol=1e-10, atol=1e-12)


@given(st.integers(1, 40), st.integers(0, 2**63 - 1), st.integers(0, 3))
def test_each_epoch_is_a_permutation(n_train, seed, epoch):
    rows = EpochOrder(n_train, seed).slice(epoch * n_train, n_train)
    assert sorted(rows.tolist()) == list(range(n_train))


@given(
    st.integers(1, 20), st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 80), st.integers(1, 50)), max_size=6)
)
def test_any_stretch_equals_the_sequence_read_in_order(n_train, seed, stretches):
    sequence = torch.cat([EpochOrder(n_train, seed).slice(k, 1) for k in range(131)])
    order = EpochOrder(n_train, seed)
    for start, length in stretches:
        assert torch.equal(order.slice(start, length), sequence[start : start + length])


def test_seeds_and_epochs_differ():
    first, second = EpochOrder(50, 0), EpochOrder(50, 1)
    assert not torch.equal(first.slice(0, 50), second.slice(0, 50))
    assert not torch.equal(first.slice(0, 50), first.slice(50, 50))


def test_batch_order_ignores_the_global_random_state():
    torch.manual_seed(1)
    first = EpochOrder(20, 5).slice(0, 60)
    torch.manual_seed(2)
    assert torch.equal(first, EpochOrder(20, 5).slice(0, 60))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_runs_with_noise_and_statistics_side_by_side_equal_single_runs(recipe, noisy_network, flowers, generator):
    trainer, initial = trainer_of(noisy_network, flowers, recipe)
    weights = torch.rand(MAX_WIDTH + 3, 30, generator=generator, dtype=torch.float64)
    *_, state = trainer.train(initial).values()
    ends = run_many(trainer, state, weights, steps=25, first=60)
    assert ends.buffers.shape == (len(weights), 12)
    for row in (0, MAX_WIDTH - 1, MAX_WIDTH, MAX_WIDTH + 2):
        alone = trainer.run(state, weights[row], steps=25, first=60)
        torch.testing.assert_close(ends.params[row], alone.params, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(ends.buffers[row], alone.buffers, rtol=1e-10, atol=1e-10)
    assert not torch.equal(ends.buffers[0], ends.buffers[1])


def test_noise_goes_on_where_it_stopped_and_follows_the_seed(noisy_network, flowers):
    trainer, initial = trainer_of(noisy_network, flowers, RECIPES[1])
    weights = torch.ones(30, dtype=torch.float64)
    start = initial_state(trainer.recipe, initial, trainer.objective.initial_buffers(initial))
    whole = trainer.run(start, weights, steps=20, first=0)
    rest = trainer.run(trainer.run(start, weights, steps=13, first=0), weights, steps=7, first=13)
    other = trainer_of(noisy_network, flowers, RECIPES[1], seed=2)[0].run(start, weights, steps=20, first=0)
    for left, right in zip((whole.params, whole.buffers), (rest.params, rest.buffers), strict=True):
        assert torch.equal(left, right)
    assert not torch.equal(whole.params, other.params)
    masks = [list(inputs)[-1] for inputs in trainer.inputs(initial, first=0, steps=3)]
    assert masks[0].shape == (7, 6)
    assert not torch.equal(masks[0], masks[1])
    (again,) = trainer.inputs(initial, first=1, steps=1)
    assert torch.equal(again[-1], masks[1])


def test_noise_is_the_same_in_both_types(noisy_network, flowers):
    trainer, initial = trainer_of(noisy_network, flowers, RECIPES[0])
    (double,), (single,) = (list(trainer.inputs(like, first=5, steps=1)) for like in (initial, initial.float()))
    assert torch.equal(double[-1], single[-1])
    assert double[-1].shape == (30, 6)


def test_every_run_is_evaluated_with_its_own_statistics(noisy_network, flowers, generator):
    trainer, initial = trainer_of(noisy_network, flowers, RECIPES[0])
    *_, state = trainer.train(initial).values()
    weights = torch.rand(3, 30, generator=generator, dtype=torch.float64)
    ends = run_many(trainer, state, weights, steps=30, first=60)
    run = run_of(trainer, Dataset(flowers, flowers, 3), state)
    losses = run.query_losses(ends, torch.arange(5))
    for row in range(3):
        state = {
            **trainer.objective.layout.unflatten(ends.params[row]),
            "1.running_mean": ends.buffers[row, :6],
            "1.running_var": ends.buffers[row, 6:],
        }
        logits = functional_call(noisy_network.module, state, (flowers.inputs[:5],))
        wanted = functional.cross_entropy(logits, flowers.targets[:5], reduction="none")
        torch.testing.assert_close(losses[row], wanted, rtol=1e-12, atol=1e-12)


class Bare:
    """A model with the least a model needs."""

    def __init__(self, network):
        self.module, self.losses, self.predict = network.module, network.losses, network.predict


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_a_network_without_noise_or_statistics_pays_nothing_for_them(recipe, network, flowers):
    found = []
    for model in (network, Bare(network)):
        trainer, initial = trainer_of(model, flowers, recipe)
        *_, state = trainer.train(initial).values()
        found.append((state.params, [len(step.late.__self__.graph.nodes) for step in trainer._recorded.values()]))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    if recipe.batch_size is None:
        assert found[0][1] == [50]


def test_frozen_and_tied_parameters_train_as_torch_does(flowers):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shared = nn.Linear(4, 4)
        module = nn.Sequential(shared, BatchNorm(4), nn.Tanh(), shared, nn.Linear(4, 3)).double()
    module[4].weight.requires_grad_(False)
    recipe = Recipe(steps=50, learning_rate=0.2, weight_decay=1e-2)
    trainer, initial = trainer_of(Classifier(module.eval()), flowers, recipe)
    *_, state = trainer.train(initial).values()
    theirs = nn.Sequential(shared, nn.BatchNorm1d(4).double(), nn.Tanh(), shared, module[4]).train()
    optimizer = torch.optim.SGD([param for param in theirs.parameters() if param.requires_grad], 0.2, weight_decay=2e-2)
    for _ in range(50):
        optimizer.zero_grad()
        functional.cross_entropy(theirs(flowers.inputs), flowers.targets).backward()
        optimizer.step()
    for name, value in trainer.objective.layout.unflatten(state.params).items():
        torch.testing.assert_close(value, theirs.get_parameter(name), rtol=1e-10, atol=1e-10)
    assert len(initial) == 4 * 4 + 4 + 4 + 4 + 3
