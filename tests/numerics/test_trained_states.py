"""Any state of a training, had again from the few that were kept."""

from dataclasses import replace

import pytest
import torch

from ifbench.core import Dataset
from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.trainer import Trainer
from ifbench.testing import objective_of

RECIPE = Recipe(
    optimizer="sgd",
    momentum=0.9,
    learning_rate=0.05,
    weight_decay=1e-3,
    batch_size=7,
    steps=40,
    checkpoints=3,
    schedule="cosine",
    warmup=5,
)


@pytest.fixture
def trained(noisy_network, flowers):
    """Makes tasks of one kind, each with a trainer of its own, and gives the initial parameters."""
    objective = objective_of(noisy_network, decay=RECIPE.decay)
    initial = objective.layout.flatten(dict(noisy_network.module.named_parameters()))

    def make():
        trainer = Trainer(objective, flowers, RECIPE, seed=3)
        return Trained(trainer, Dataset(flowers, flowers, 3), 0, initial=lambda _: initial)

    return make, initial


def test_every_state_is_had_again_bit_for_bit(trained):
    make, initial = trained
    trainer = make().trainer
    start, weights = trainer.start(initial), torch.ones(30, dtype=torch.float64)
    wanted = [start] + [update.after for update in trainer.follow(start, weights, steps=40, first=0)]
    kept = make().train()
    assert list(kept.states) == [13, 27, 40]
    for step in reversed(range(41)):
        found = kept.state_at(step)
        for one, other in zip(found, wanted[step], strict=True):
            assert all(map(torch.equal, one, other)) if isinstance(one, tuple) else torch.equal(one, other)
    assert len(wanted[0].slots) == 1
    assert len(wanted[0].buffers) == 12


@pytest.mark.parametrize("step", [-1, 41])
def test_states_outside_the_training_are_refused(trained, step):
    make, initial = trained
    task = make()
    with pytest.raises(IfbenchError, match=f"cannot start after {step} updates; the training made 40"):
        replace(task, states={40: task.trainer.start(initial)}).state_at(step)


def test_the_kept_states_are_not_modified_or_handed_out(trained):
    make, initial = trained
    task, own = make(), initial.clone()
    kept = {13: task.trainer.start(own), 40: task.trainer.start(initial)}
    for step in (0, 13):
        replace(task, states=kept).state_at(step).params.zero_()
    assert torch.equal(task.initial(0), own)
    assert torch.equal(kept[13].params, own)
