"""Derivatives of a stretch of training against training again with other weights."""

import gc
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.layers import BatchNorm, Dropout
from ifbench.core.networks import Classifier, Regressor
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Retraining
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.replay import DEFAULT_MEMORY
from ifbench.numerics.training.trainer import Trainer
from ifbench.numerics.trajectory.derivatives import MAX_ROWS, TrainingTrajectory
from ifbench.testing import objective_of
from tests.retraining import run_many, run_of

BEFORE, STEPS = 40, 24
RECIPES = {
    "gradient-descent": {"learning_rate": 0.1},
    "sgd": {"optimizer": "sgd", "batch_size": 7, "learning_rate": 0.1},
    "momentum": {"optimizer": "sgd", "batch_size": 7, "momentum": 0.9, "learning_rate": 0.05},
    "nesterov": {"optimizer": "sgd", "batch_size": 8, "momentum": 0.9, "nesterov": True, "learning_rate": 0.02},
    "adam": {"optimizer": "adam", "batch_size": 7, "learning_rate": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "batch_size": 8, "learning_rate": 0.01},
}
STEP = 1e-5


@pytest.fixture(scope="module")
def settings():
    """Makes trainers and trained states, each once: what they record serves every test that asks the same shapes."""
    made = {}

    def make(name, network, data):
        kind = len(network.module)
        if (name, kind) not in made:
            made[name, kind] = trained(network, data, recipe_of(name))
        return made[name, kind]

    return make


def recipe_of(name, **changes):
    return Recipe(**{"steps": BEFORE, "weight_decay": 1e-3, **RECIPES[name], **changes})


def trained(model, data, recipe):
    """Trainer and state after the main training."""
    objective = objective_of(model, decay=recipe.decay)
    trainer = Trainer(objective, data, recipe, seed=3)
    *_, state = trainer.train(objective.layout.flatten(dict(model.module.named_parameters()))).values()
    return trainer, state


def trajectory_of(trainer, state, *, steps=STEPS, memory=DEFAULT_MEMORY, **how):
    return TrainingTrajectory(trainer, trainer.data, state, trainer.recipe.steps, Retraining(steps, **how), memory)


def retrained(trainer, state, changes, horizon, *, learning_rate=None):
    """Central differences of parameters, running statistics and query losses after really training on."""
    run = run_of(trainer, Dataset(trainer.data, trainer.data, 3), state)
    told = {"steps": horizon, "first": trainer.recipe.steps, "learning_rate": learning_rate}
    ends = [run_many(trainer, state, 1 + sign * STEP * changes * trainer.n_train, **told) for sign in (1, -1)]
    losses = [run.query_losses(end, torch.arange(len(trainer.data.targets))) for end in ends]
    pairs = (*zip(*ends, strict=True), losses)
    return tuple((above - below) / (2 * STEP) for above, below in pairs)


def error(value, wanted):
    return float((value - wanted).norm() / wanted.norm())


@pytest.fixture
def changes(generator):
    return torch.randn(3, 30, generator=generator, dtype=torch.float64) / 30


@pytest.mark.parametrize("name", RECIPES)
def test_derivatives_are_those_of_real_retraining(settings, name, noisy_network, flowers, changes):
    trainer, state = settings(name, noisy_network, flowers)
    trajectory, queries, horizons = trajectory_of(trainer, state), torch.arange(30), [STEPS, 1, 9]
    forward = trajectory.forward(changes, horizons=horizons)
    effects = trajectory.effects(changes, queries, horizons=horizons)
    adjoint = trajectory.adjoint(queries, horizons=horizons)
    for k, horizon in enumerate(horizons):
        params, buffers, losses = retrained(trainer, state, changes, horizon)
        assert error(forward.params[k], params) < 1e-6
        assert error(effects[k], losses) < 1e-6
        assert error(changes @ adjoint[k], effects[k]) < 1e-10
        if horizon > 1:  # the first update moves the running statistics before any weight has an effect
            assert error(forward.buffers[k], buffers) < 1e-6
        else:
            assert forward.buffers[k].abs().max() == 0


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_other_learning_rate_is_heeded(settings, name, noisy_network, flowers, changes):
    trainer, state = settings(name, noisy_network, flowers)
    trajectory = trajectory_of(trainer, state, learning_rate=0.003)
    forward = trajectory.forward(changes, horizons=[STEPS]).params[0]
    assert error(forward, retrained(trainer, state, changes, STEPS, learning_rate=0.003)[0]) < 1e-6
    assert error(forward, trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]) > 0.1


def test_one_step_of_descent_is_the_gradient(network, flowers):
    trainer, state = trained(network, flowers, recipe_of("gradient-descent"))
    forward = trajectory_of(trainer, state).forward(torch.eye(30, dtype=torch.float64), horizons=[1]).params[0]
    gradients = trainer.objective.example_gradients(state.params, state.buffers, flowers)
    torch.testing.assert_close(forward, -0.1 * gradients, rtol=1e-12, atol=1e-15)


def test_eq_6_summed_by_hand(network, flowers, changes):
    trainer, state = trained(network, flowers, recipe_of("gradient-descent"))
    objective, rate, params, tangent = trainer.objective, 0.1, state.params, torch.zeros(3, len(state.params)).double()
    for _ in range(STEPS):
        at = (params, state.buffers, flowers)
        slopes = changes @ objective.example_gradients(*at)
        products = objective.hessian_stage(*at).multiply(tangent) + 2 * objective.decay * tangent
        params = params - rate * (objective.mean_gradient(*at) + 2 * objective.decay * params)
        tangent = tangent - rate * (slopes + products)
    forward = trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]
    torch.testing.assert_close(forward, tangent, rtol=1e-10, atol=1e-13)


def test_an_example_outside_the_batches_has_no_influence(settings, noisy_network, flowers):
    trainer, state = settings("adam", noisy_network, flowers)
    met = {int(row) for inputs in trainer.inputs(state.params, first=BEFORE, steps=2) for row in inputs[2]}
    adjoint = trajectory_of(trainer, state).adjoint(torch.arange(30), horizons=[2])[0]
    assert 7 < len(met) < 30
    assert {row for row in range(30) if adjoint[row].abs().sum() > 0} == met


def test_momentum_of_the_main_training_is_carried_over(settings, network, flowers, changes):
    trainer, state = settings("momentum", network, flowers)
    forgotten = state._replace(slots=(torch.zeros_like(state.params),))
    kept = trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]
    lost = trajectory_of(trainer, forgotten).forward(changes, horizons=[STEPS]).params[0]
    assert error(lost, kept) > 1e-3
    assert error(lost, retrained(trainer, forgotten, changes, STEPS)[0]) < 1e-6


def test_horizons_come_in_the_order_asked_for(settings, noisy_network, flowers, changes):
    trajectory, queries = trajectory_of(*settings("adam", noisy_network, flowers)), torch.arange(30)
    asked = [7, 3, 7, STEPS]
    adjoint = trajectory.adjoint(queries, horizons=asked)
    effects = trajectory.effects(changes, queries, horizons=asked)
    params = trajectory.forward(changes, horizons=asked).params
    for k, horizon in enumerate(asked):
        torch.testing.assert_close(adjoint[k], trajectory.adjoint(queries, horizons=[horizon])[0])
        torch.testing.assert_close(effects[k], trajectory.effects(changes, queries, horizons=[horizon])[0])
        torch.testing.assert_close(params[k], trajectory.forward(changes, horizons=[horizon]).params[0])


def test_several_horizons_of_one_query(settings, noisy_network, flowers):
    trajectory = trajectory_of(*settings("adam", noisy_network, flowers))
    query, horizons = torch.tensor([3]), [2, 24, 5, 11]
    together = trajectory.adjoint(query, horizons=horizons)
    every = trajectory.adjoint(torch.arange(30), horizons=horizons)
    torch.testing.assert_close(together, every[:, :, query], rtol=1e-10, atol=1e-14)


def test_a_longer_stretch_changes_nothing_before_its_end(settings, network, flowers):
    trainer, state = settings("momentum", network, flowers)
    short, long = (trajectory_of(trainer, state, steps=steps) for steps in (5, 50))
    queries = torch.arange(30)
    assert torch.equal(short.adjoint(queries, horizons=[5]), long.adjoint(queries, horizons=[5]))


@pytest.mark.parametrize("horizons", [[], [0], [3, STEPS + 1]])
def test_impossible_horizons_are_refused(settings, horizons, network, flowers, changes):
    trajectory = trajectory_of(*settings("sgd", network, flowers))
    for ask in (
        lambda: trajectory.adjoint(torch.arange(2), horizons=horizons),
        lambda: trajectory.forward(changes, horizons=horizons),
    ):
        with pytest.raises(IfbenchError, match="each between 1 and 24 steps"):
            ask()


def test_rows_in_several_blocks_equal_single_rows(settings, noisy_network, flowers, generator):
    trajectory = trajectory_of(*settings("adam", noisy_network, flowers), memory=0)
    many = torch.randn(MAX_ROWS * 2, 30, generator=generator, dtype=torch.float64)
    forward = trajectory.forward(many, horizons=[5])
    for row in (0, MAX_ROWS, len(many) - 1):
        alone = trajectory.forward(many[row : row + 1], horizons=[5])
        torch.testing.assert_close(forward.params[:, row], alone.params[:, 0], rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(forward.buffers[:, row], alone.buffers[:, 0], rtol=1e-10, atol=1e-13)
    queries = torch.arange(30)
    adjoint = trajectory.adjoint(queries, horizons=[5])
    for query in (0, 29):
        alone = trajectory.adjoint(queries[query : query + 1], horizons=[5])
        torch.testing.assert_close(adjoint[:, :, query : query + 1], alone, rtol=1e-10, atol=1e-13)


def test_nothing_asked_gives_nothing(settings, network, flowers):
    trajectory = trajectory_of(*settings("sgd", network, flowers))
    assert trajectory.forward(torch.zeros(0, 30, dtype=torch.float64), horizons=[2]).params.shape == (1, 0, 43)
    assert trajectory.adjoint(torch.arange(0), horizons=[2]).shape == (1, 30, 0)


@pytest.mark.parametrize("name", ["gradient-descent", "adam"])
def test_little_memory_gives_the_same_bits(settings, name, noisy_network, flowers):
    trainer, state = settings(name, noisy_network, flowers)
    queries = torch.arange(30)
    for steps in (1, 2, 5, 24):
        much, little = (trajectory_of(trainer, state, steps=steps, memory=memory) for memory in (1 << 28, 0))
        assert torch.equal(little.adjoint(queries, horizons=[steps]), much.adjoint(queries, horizons=[steps]))
        assert much.replay(steps).segment == steps
        assert little.replay(steps).segment == math.ceil(math.sqrt(steps))


def test_states_held_grow_with_the_root_of_the_steps(settings, noisy_network, flowers):
    trainer, state = settings("sgd", noisy_network, flowers)
    n_param, steps = len(state.params), 400
    replay = trajectory_of(trainer, state, steps=steps, memory=0).replay(steps)
    assert replay.n_stored == 40

    def held():
        return sum(1 for thing in gc.get_objects() if type(thing) is torch.Tensor and thing.shape == (n_param,))

    gc.freeze()  # looks at what is made from here on
    try:
        most, numbers = 0, []
        for number, _ in reversed(replay):
            numbers.append(number)
            most = max(most, held() if number % 20 == 0 else 0)
    finally:
        gc.unfreeze()
    assert numbers == list(range(steps, 0, -1))
    assert 20 <= most <= 2 * replay.n_stored  # a state and a gradient for each stored step


def test_updates_met_backwards_are_those_made_forwards(settings, noisy_network, flowers):
    trainer, state = settings("rmsprop", noisy_network, flowers)
    replay = trajectory_of(trainer, state, steps=30, memory=0).replay(30)
    forwards = list(replay.updates(state, after=0, steps=30))
    assert forwards[0].before is state
    for number, update in reversed(replay):
        for left, right in zip(update, forwards[number - 1], strict=True):
            for one, other in zip(left, right, strict=True):
                assert all(map(torch.equal, one, other)) if isinstance(one, tuple) else torch.equal(one, other)


@pytest.mark.parametrize("augmentation", [{}, {"crop": 1, "flip": True}], ids=["plain", "augmented"])
def test_convolutions_with_normalisation(augmentation, generator):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden = [nn.Conv2d(1, 3, 3, bias=False), BatchNorm(3), nn.Tanh(), Dropout(0.2), nn.Flatten()]
        module = nn.Sequential(*hidden, nn.Linear(48, 3)).double()
    data = Batch(torch.randn(12, 1, 6, 6, generator=generator, dtype=torch.float64), torch.arange(12) % 3)
    trainer, state = trained(Classifier(module.eval()), data, recipe_of("momentum", batch_size=5, **augmentation))
    trajectory, queries = trajectory_of(trainer, state), torch.arange(12)
    changes = torch.randn(2, 12, generator=generator, dtype=torch.float64) / 12
    forward = trajectory.forward(changes, horizons=[STEPS]).params[0]
    adjoint = trajectory.adjoint(queries, horizons=[STEPS])[0]
    params, _, losses = retrained(trainer, state, changes, STEPS)
    assert error(forward, params) < 1e-6
    assert error(changes @ adjoint, losses) < 1e-6


class Frozen(nn.Module):
    """One weight in two layers, a frozen layer, and dropout in between."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.second.weight = self.first.weight
        self.last.weight.requires_grad_(False)
        self.drop = Dropout(0.2)

    def forward(self, inputs):
        return self.last(self.drop(torch.tanh(self.second(torch.tanh(self.first(inputs))))))


def test_frozen_and_tied_parameters_and_values(flowers, changes, generator):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Frozen().double()
    data = Batch(flowers.inputs, torch.randn(30, 2, generator=generator, dtype=torch.float64))
    trainer, state = trained(Regressor(module.eval()), data, recipe_of("adam"))
    forward = trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]
    assert error(forward, retrained(trainer, state, changes, STEPS)[0]) < 1e-6


class Bare:
    """A model with the least a model needs."""

    def __init__(self, network):
        self.module, self.losses, self.predict = network.module, network.losses, network.predict


def test_a_model_that_trains_through_its_losses(network, flowers, changes):
    trainer, state = trained(Bare(network), flowers, recipe_of("nesterov"))
    forward = trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]
    assert error(forward, retrained(trainer, state, changes, STEPS)[0]) < 1e-6


@pytest.mark.slow
def test_single_precision_is_near(settings, noisy_network, flowers, changes):
    trainer, state = settings("adam", noisy_network, flowers)
    wanted = trajectory_of(trainer, state).forward(changes, horizons=[STEPS]).params[0]
    noisy_network.module.float()
    single, begin = trained(noisy_network, Batch(flowers.inputs.float(), flowers.targets), recipe_of("adam"))
    found = trajectory_of(single, begin).forward(changes.float(), horizons=[STEPS]).params[0]
    assert found.dtype == torch.float32
    assert error(found.double(), wanted) < 1e-3


def test_bias_before_normalisation_gives_numbers(flowers, changes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 6), BatchNorm(6), nn.ReLU(), nn.Linear(6, 3)).double()
    recipe = Recipe(optimizer="adam", steps=BEFORE, learning_rate=0.01, batch_size=7)
    trainer, state = trained(Classifier(module.eval()), flowers, recipe)
    trajectory = trajectory_of(trainer, state)
    assert int((trajectory.denominator < 1e-8).sum()) == 6
    assert trajectory.adjoint(torch.arange(30), horizons=[STEPS]).isfinite().all()
    forward = trajectory.forward(changes, horizons=[STEPS]).params[0]
    weights, others = forward[:, :24], forward[:, 30:]
    wanted = retrained(trainer, state, changes, STEPS)[0]
    assert error(weights, wanted[:, :24]) < 1e-5
    assert error(others, wanted[:, 30:]) < 1e-5


def test_second_moment_of_exactly_zero_gives_numbers(network, flowers, changes):
    dark = Batch(flowers.inputs * torch.tensor([0.0, 1, 1, 1]).double(), flowers.targets)
    recipe = Recipe(optimizer="adam", steps=BEFORE, learning_rate=0.01, batch_size=7)
    trainer, state = trained(network, dark, recipe)
    trajectory = trajectory_of(trainer, state)
    assert int((trajectory.denominator == 0).sum()) == 5  # weights of the input that is always 0
    assert (
        error(trajectory.forward(changes, horizons=[STEPS]).params[0], retrained(trainer, state, changes, STEPS)[0])
        < 1e-6
    )
    assert trajectory.adjoint(torch.arange(30), horizons=[STEPS]).isfinite().all()


@pytest.mark.parametrize("name", RECIPES)
def test_denominator_is_that_of_the_update(settings, name, network, flowers):
    trainer, state = settings(name, network, flowers)
    found = trajectory_of(trainer, state).denominator
    if name not in {"adam", "rmsprop"}:
        assert found is None
    else:
        moment = state.slots[1] / (1 - 0.999**BEFORE) if name == "adam" else state.slots[0]
        torch.testing.assert_close(found, moment.sqrt())


def test_a_problem_goes_on_where_its_training_stopped(noisy_network, flowers, changes):
    recipe = recipe_of("adam")
    objective = objective_of(noisy_network, decay=recipe.decay)
    initial = objective.layout.flatten(dict(noisy_network.module.named_parameters()))
    data = Dataset(flowers, flowers, 3)
    trained = Trained.of(objective, data, recipe, 5, initial=lambda _: initial).train()
    trainer, state, problem = trained.trainer, trained.state, TrainedProblem(trained)
    forward = problem.trajectory(Retraining(STEPS)).forward(changes, horizons=[STEPS]).params[0]
    assert error(forward, retrained(trainer, state, changes, STEPS)[0]) < 1e-6
    sooner = TrainedProblem(replace(trained, states={BEFORE - 3: state})).trajectory(Retraining(STEPS))
    assert (problem.trajectory(Retraining(STEPS)).first, sooner.first) == (BEFORE, BEFORE - 3)
