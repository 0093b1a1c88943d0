"""Runs give the same bits in whatever company they are made, and the same numbers in whatever way."""

import pytest
import torch
from torch import nn

from ifbench.core import Batch
from ifbench.core.errors import IfbenchError
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.numerics.training import speed
from ifbench.numerics.training.changes import Change
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.optimizers import initial_state
from ifbench.numerics.training.speed import MAX_WIDTH, RUNS_BYTES, widest
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of
from tests.retraining import run_many

RECIPES = [
    Recipe(steps=40, learning_rate=0.2, weight_decay=1e-2),
    Recipe(optimizer="adam", steps=40, learning_rate=0.01, batch_size=8, weight_decay=1e-3),
]
N_RUN = 11


def trainer_of(data, recipe, *, activation=nn.Tanh, dtype=torch.float64, width=5):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, width), activation(), nn.Linear(width, 3)).to(dtype)
    objective = objective_of(Classifier(module.eval()), decay=recipe.decay)
    trainer = Trainer(objective, Batch(data.inputs.to(dtype), data.targets), recipe, seed=1)
    return trainer, objective.layout.flatten(dict(module.named_parameters()))


def weights_like(params, generator):
    return torch.rand(N_RUN, 30, generator=generator, dtype=torch.float64).to(params.dtype)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
@pytest.mark.parametrize(("activation", "dtype"), [(nn.Tanh, torch.float32), (nn.GELU, torch.float64)])
def test_a_run_has_the_same_bits_in_any_company(recipe, activation, dtype, flowers, generator):
    trainer, initial = trainer_of(flowers, recipe, activation=activation, dtype=dtype)
    state, weights = initial_state(recipe, initial), weights_like(initial, generator)
    whole = run_many(trainer, state, weights, steps=30, first=0).params
    for split in ((1, 10), (4, 4, 3), (7, 4)):
        parts = [run_many(trainer, state, some, steps=30, first=0).params for some in weights.split(split)]
        assert torch.equal(torch.cat(parts), whole)
    narrow = run_many(trainer, state, weights, steps=30, first=0, width=4).params
    assert torch.equal(narrow, whole)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.optimizer)
def test_added_losses_side_by_side_equal_single_runs(recipe, flowers, generator):
    trainer, initial = trainer_of(flowers, recipe)
    state = initial_state(recipe, initial)
    weights, rows = weights_like(initial, generator), torch.randint(30, (N_RUN, 2), generator=generator)
    change = Change(weights, rows, 0.1 * torch.rand(N_RUN, 2, generator=generator, dtype=torch.float64))
    together = run_many(trainer, state, change, steps=25, first=3).params
    torch.testing.assert_close(together, run_many(trainer, state, change, steps=25, first=3, width=1).params)
    nothing = Change(weights, rows, torch.zeros(N_RUN, 2, dtype=torch.float64))
    plain = run_many(trainer, state, weights, steps=25, first=3).params
    torch.testing.assert_close(run_many(trainer, state, nothing, steps=25, first=3).params, plain)
    assert (together - plain).abs().max() > 1e-3


def test_an_added_loss_is_that_of_evaluation(noisy_network, flowers):
    """With a weight, training with noise and statistics moves along the gradient of the network as evaluated."""
    recipe = Recipe(optimizer="sgd", steps=5, learning_rate=0.1, batch_size=8)
    objective = objective_of(noisy_network)
    trainer = Trainer(objective, flowers, recipe, seed=1)
    initial = objective.layout.flatten(dict(noisy_network.module.named_parameters()))
    *_, state = trainer.train(initial).values()
    ones = torch.ones(1, 30, dtype=torch.float64)
    with_loss = Change(ones, torch.tensor([[4]]), torch.tensor([[0.5]], dtype=torch.float64))
    moved = run_many(trainer, state, with_loss, steps=1, first=5).params[0]
    base = run_many(trainer, state, ones, steps=1, first=5).params[0]
    example = Batch(flowers.inputs[4:5], flowers.targets[4:5])
    wanted = -0.1 * 0.5 * objective.example_gradients(state.params, state.buffers, example)[0]
    torch.testing.assert_close(moved - base, wanted, rtol=1e-9, atol=1e-14)


def test_the_width_keeps_to_the_memory(flowers):
    small, params = trainer_of(flowers, RECIPES[0])
    assert widest(small, params) == MAX_WIDTH
    large, params = trainer_of(flowers, RECIPES[0], width=200_000)
    assert 1 <= widest(large, params) <= RUNS_BYTES // (6 * 8 * len(params))


@pytest.mark.parametrize(
    ("single", "together", "wanted"),
    [(1e-3, 2e-4, "side by side"), (1e-3, 9e-4, "one by one"), (1e-3, 2e-3, "one by one"), (0.1, 1e-9, "one by one")],
)
def test_the_clearly_faster_way_is_taken(monkeypatch, flowers, single, together, wanted):
    trainer, initial = trainer_of(flowers, RECIPES[0])
    monkeypatch.setattr(speed, "_seconds", lambda _t, _s, way, _f: single if way.width == 1 else together)
    chosen = speed.fastest_way(trainer, initial_state(trainer.recipe, initial), first=0)
    assert str(chosen.way).startswith(wanted)
    assert chosen.seconds["one-by-one"] == single


def test_a_way_is_found_by_trying_and_said(flowers):
    trainer, initial = trainer_of(flowers, RECIPES[0])
    chosen = speed.fastest_way(trainer, initial_state(trainer.recipe, initial), first=0)
    assert set(chosen.seconds) == {"one-by-one", "side-by-side"}
    assert all(seconds > 0 for seconds in chosen.seconds.values())
    assert chosen.plain()["width"] in {1, MAX_WIDTH}


def test_long_work_is_tried_compiled_and_goes_on_without_a_compiler(monkeypatch, flowers):
    trainer, initial = trainer_of(flowers, RECIPES[0].model_copy(update={"steps": 10**9}))
    state, tried = initial_state(trainer.recipe, initial), []

    def seconds(_trainer, _state, way, _first):
        tried.append(way)
        if way.compiled and len(tried) > 3:
            raise RuntimeError("no compiler")
        return 1e-6 if way.compiled else 1e-3

    monkeypatch.setattr(speed, "_seconds", seconds)
    assert speed.fastest_way(trainer, state, first=0).way.compiled
    assert not speed.fastest_way(trainer, state, first=0).way.compiled


def test_a_way_can_be_asked_for(flowers):
    trainer, initial = trainer_of(flowers, RECIPES[0])
    state = initial_state(trainer.recipe, initial)
    assert speed.way_named("one-by-one", trainer, state) == Way()
    assert speed.way_named("side-by-side", trainer, state) == Way(MAX_WIDTH)
    assert speed.way_named("compiled", trainer, state) == Way(MAX_WIDTH, compiled=True)
    narrow, begin = trainer_of(flowers, RECIPES[0], width=1_000_000)
    for engine in ("side-by-side", "compiled"):
        assert speed.way_named(engine, narrow, initial_state(narrow.recipe, begin)).width == 1
    with pytest.raises(IfbenchError, match="unknown engine 'fast'"):
        speed.way_named("fast", trainer, state)


@pytest.mark.slow
@pytest.mark.parametrize("adds", [False, True], ids=["weights", "added"])
def test_compiled_runs_agree_to_rounding(flowers, generator, adds):
    trainer, initial = trainer_of(flowers, RECIPES[0])
    state, change = initial_state(trainer.recipe, initial), Change(weights_like(initial, generator))
    if adds:
        rows = torch.randint(30, (N_RUN, 2), generator=generator)
        change = Change(change.weights, rows, 0.1 * torch.rand(N_RUN, 2, generator=generator, dtype=torch.float64))
    plain = run_many(trainer, state, change, steps=30, first=0).params
    compiled = run_many(trainer, state, change, steps=30, first=0, compiled=True).params
    torch.testing.assert_close(compiled, plain, rtol=1e-11, atol=1e-12)
