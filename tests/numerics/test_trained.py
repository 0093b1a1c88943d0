"""A task that may be trained on: examples that a caller adds to every update, against a plain loop."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.intervention import Intervention
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.retraining import Retraining
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of
from tests.retraining import run_of

BEFORE, STEPS, RATE, DECAY, MOMENTUM = 12, 6, 0.2, 1e-2, 0.9
QUERIES = torch.arange(0, 30, 2)
FINE_TUNE = Retraining(STEPS, start=BEFORE, horizons=tuple(range(1, STEPS + 1)), learning_rate=RATE, form="term")


@pytest.fixture(scope="module")
def run(flowers):
    """A run that stopped away from its optimum; its queries are its training examples."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    objective = objective_of(Classifier(module.eval()), decay=DECAY)
    recipe = Recipe(
        optimizer="sgd", momentum=MOMENTUM, batch_size=7, steps=BEFORE, learning_rate=0.1, weight_decay=DECAY
    )
    trainer = Trainer(objective, flowers, recipe, seed=3)
    *_, state = trainer.train(objective.layout.flatten(dict(module.named_parameters()))).values()
    return run_of(trainer, Dataset(flowers, flowers, 3), state)


def relabelled(data, rows):
    return Batch(data.inputs[rows], (data.targets[rows] + 1) % 3)


def by_hand(run, added, weights):
    """Query losses and predicted classes after each step of a loop over `torch.optim`, (STEPS, n_query) both."""
    model, data, state = run.trainer.objective.model, run.data, run.state
    params = {
        name: value.clone().requires_grad_()
        for name, value in run.trainer.objective.layout.unflatten(state.params).items()
    }
    optimizer = torch.optim.SGD(params.values(), lr=RATE, momentum=MOMENTUM)
    for param, velocity in zip(
        params.values(), run.trainer.objective.layout.unflatten(state.slots[0]).values(), strict=True
    ):
        optimizer.state[param]["momentum_buffer"] = velocity.clone()
    losses, classes = [], []
    for inputs in run.trainer.inputs(state.params, first=BEFORE, steps=STEPS):
        batch = Batch(*(part[inputs[2]] for part in data.train))
        optimizer.zero_grad()
        total = model.losses(params, {}, batch).mean() + (weights * model.losses(params, {}, added)).sum()
        (total + DECAY * sum(param.square().sum() for param in params.values())).backward()
        optimizer.step()
        queries = Batch(*(part[QUERIES] for part in data.test))
        losses.append(model.losses(params, {}, queries).detach())
        classes.append(model.predict(params, {}, queries))
    return torch.stack(losses), torch.stack(classes)


@pytest.mark.parametrize("width", [1, 4])
def test_relabelled_examples_added_to_every_update(run, width):
    """What error correction asks: the predictions after each step of training on with some examples relabelled."""
    task = replace(run, way=run.way._replace(width=width))
    added = relabelled(task.data.train, [2, 5, 11, 17])
    one = Intervention.upweight(range(4), 0.05, n_train=30)
    other = Intervention(((1, 30 * 0.5), (3, 30 * -0.1)))
    losses = task.retrain([one, other], FINE_TUNE, lambda some, _: task.query_losses(some, QUERIES), added=added)
    classes = task.retrain([one, other], FINE_TUNE, lambda some, _: task.predictions(some, QUERIES), added=added)
    assert losses.shape == classes.shape == (STEPS, 3, len(QUERIES))
    assert classes.dtype == torch.int64
    for place, weights in enumerate(([0, 0, 0, 0], [0.05] * 4, [0, 0.5, 0, -0.1])):
        wanted, predicted = by_hand(task, added, torch.tensor(weights, dtype=torch.float64))
        torch.testing.assert_close(losses[:, place], wanted, rtol=1e-10, atol=1e-12)
        assert torch.equal(classes[:, place], predicted)
    assert not torch.equal(classes[-1, 0], classes[-1, 2])


def test_training_examples_handed_in_give_the_bits_of_the_training_set(run):
    rows = [4, 9, 20]
    inside = Intervention.reweight(rows, 0.1)
    outside = Intervention.reweight(range(3), 0.1)
    added = Batch(*(part[rows] for part in run.data.train))
    plain = run.retrain([inside], FINE_TUNE, lambda some, _: some.params)
    assert torch.equal(run.retrain([outside], FINE_TUNE, lambda some, _: some.params, added=added), plain)


@pytest.mark.parametrize(
    ("change", "how", "words"),
    [
        ({}, replace(FINE_TUNE, form="factor"), "form 'term'"),
        ({"inputs": torch.zeros(2, 5).double()}, FINE_TUNE, "added inputs are 2 of shape"),
        ({"inputs": torch.zeros(2, 4)}, FINE_TUNE, "float32; expected"),
        ({"targets": torch.zeros(3, dtype=torch.int64)}, FINE_TUNE, "added targets are 3"),
        ({"inputs": torch.zeros(1, 4).double(), "targets": torch.zeros(1).long()}, FINE_TUNE, "no added example 1"),
    ],
)
def test_what_cannot_be_added_is_refused(run, change, how, words):
    added = relabelled(run.data.train, [0, 1])._replace(**change)
    with pytest.raises(IfbenchError, match=words):
        run.retrain([Intervention(((1, 0.1),))], how, lambda some, _: some.params, added=added)
