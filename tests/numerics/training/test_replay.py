"""Any state of a training, had again from the few that were kept."""

import pytest
import torch

from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.numerics.training.replay import state_at
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
    """Makes trainers of one kind, and gives the initial parameters."""
    objective = objective_of(noisy_network, decay=RECIPE.decay)
    initial = objective.layout.flatten(dict(noisy_network.module.named_parameters()))
    return (lambda: Trainer(objective, flowers, RECIPE, seed=3)), initial


def test_every_state_is_had_again_bit_for_bit(trained):
    make, initial = trained
    trainer, again = make(), make()
    start, weights = trainer.start(initial), torch.ones(30, dtype=torch.float64)
    wanted = [start] + [update.after for update in trainer.follow(start, weights, steps=40, first=0)]
    kept = make().kept_states(initial)
    assert list(kept) == [13, 27, 40]
    for step in reversed(range(41)):
        found = state_at(again, {0: again.start(initial), **kept}, step)
        for one, other in zip(found, wanted[step], strict=True):
            assert all(map(torch.equal, one, other)) if isinstance(one, tuple) else torch.equal(one, other)
    assert len(wanted[0].slots) == 1
    assert len(wanted[0].buffers) == 12


@pytest.mark.parametrize("step", [-1, 41])
def test_states_outside_the_training_are_refused(trained, step):
    make, initial = trained
    trainer = make()
    with pytest.raises(IfbenchError, match=f"state after {step} updates; expected 0 to 40"):
        state_at(trainer, {0: trainer.start(initial), 40: trainer.start(initial)}, step)


def test_the_kept_states_are_not_modified_or_handed_out(trained):
    make, initial = trained
    trainer = make()
    kept = {0: trainer.start(initial.clone())}
    state_at(trainer, kept, 0).params.zero_()
    assert torch.equal(kept[0].params, initial)
