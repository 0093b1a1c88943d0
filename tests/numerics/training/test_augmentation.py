"""Crops and flips against a loop over pixels, and in training."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from ifbench.core import Batch
from ifbench.core.errors import IfbenchError
from ifbench.core.identity import derive_seed
from ifbench.core.networks import Classifier
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.prepare import prepare
from ifbench.numerics.training.batches import augment, draw_shifts
from ifbench.numerics.training.data import check_images
from ifbench.numerics.training.optimizers import initial_state
from ifbench.numerics.training.trainer import Trainer
from ifbench.suite.cells import Choice, Task
from ifbench.testing import objective_of
from tests.retraining import run_many

BOTH = Recipe(steps=9, learning_rate=0.5, crop=2, flip=True)


@pytest.fixture(scope="module")
def pictures():
    """Twelve pictures of two channels, 3 x 4 pixels, in three classes."""
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(12, 2, 3, 4, generator=generator, dtype=torch.float64), torch.arange(12) % 3)


@pytest.fixture(scope="module")
def linear():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(24, 3)).double().eval())


def pixel_by_pixel(images, shifts, crop):
    height, width = images.shape[2:]
    result = torch.zeros_like(images)
    for image, (top, left, flip) in enumerate(shifts.tolist()):
        for row in range(height):
            for column in range(width):
                source_row = row + top - crop
                source_column = (width - 1 - column if flip else column) + left - crop
                if 0 <= source_row < height and 0 <= source_column < width:
                    result[image, :, row, column] = images[image, :, source_row, source_column]
    return result


@pytest.mark.parametrize(("crop", "flip"), [(0, True), (1, False), (2, True), (5, True)])
def test_augmented_equals_a_loop_over_pixels(crop, flip, pictures, generator):
    shifts = draw_shifts(Recipe(steps=1, crop=crop, flip=flip), 12, generator)
    wanted = pixel_by_pixel(pictures.inputs, shifts, crop)
    assert torch.equal(augment(pictures.inputs, shifts, crop=crop), wanted)
    assert not torch.equal(wanted, pictures.inputs)


def test_every_shift_is_drawn_equally_often(generator):
    shifts = draw_shifts(BOTH, 50_000, generator)
    for column, n_value in enumerate((5, 5, 2)):
        counts = torch.bincount(shifts[:, column])
        assert len(counts) == n_value
        assert (counts / 50_000 - 1 / n_value).abs().max() < 0.01
    assert draw_shifts(Recipe(steps=1, crop=2), 50, generator)[:, 2].max() == 0


@pytest.mark.parametrize("batch_size", [None, 5])
def test_training_equals_a_plain_loop_over_augmented_batches(batch_size, linear, pictures):
    optimizer = "sgd" if batch_size else "gradient-descent"
    recipe = BOTH.model_copy(update={"optimizer": optimizer, "batch_size": batch_size})
    objective = objective_of(linear)
    trainer = Trainer(objective, pictures, recipe, seed=3)
    params = initial = objective.layout.flatten(dict(linear.module.named_parameters()))
    *_, state = trainer.train(initial).values()
    for step in range(recipe.steps):
        rows = trainer._order.slice(step * 5, 5) if batch_size else torch.arange(12)
        generator = torch.Generator().manual_seed(derive_seed("augmentation", 3, step))
        inputs = pixel_by_pixel(pictures.inputs[rows], draw_shifts(recipe, len(rows), generator), 2)
        params = params.detach().requires_grad_()
        logits = functional_call(linear.module, objective.layout.unflatten(params), (inputs,))
        (gradient,) = torch.autograd.grad(functional.cross_entropy(logits, pictures.targets[rows]), params)
        params = params - 0.5 * gradient
    torch.testing.assert_close(state.params, params.detach(), rtol=1e-12, atol=1e-14)


def test_runs_side_by_side_see_the_same_pictures(linear, pictures, generator):
    trainer = Trainer(objective_of(linear), pictures, BOTH, seed=3)
    initial = trainer.objective.layout.flatten(dict(linear.module.named_parameters()))
    weights = torch.rand(3, 12, generator=generator, dtype=torch.float64)
    state = initial_state(BOTH, initial)
    together = run_many(trainer, state, weights, steps=9, first=4).params
    for row in range(3):
        alone = trainer.run(state, weights[row], steps=9, first=4).params
        torch.testing.assert_close(together[row], alone, rtol=1e-12, atol=1e-14)


def test_inputs_that_are_no_images_are_refused(flowers, pictures):
    check_images(BOTH, pictures.inputs, where="data 'pictures'")
    check_images(Recipe(steps=1), flowers.inputs, where="data 'flowers'")
    with pytest.raises(IfbenchError, match=r"shape \(4,\); .* because of recipe.crop and recipe.flip"):
        check_images(BOTH, flowers.inputs, where="data 'flowers'")
    with pytest.raises(IfbenchError, match=r"because of recipe.flip\n"):
        check_images(Recipe(steps=1, flip=True), flowers.inputs, where="data 'flowers'")


def test_a_task_without_images_is_refused_when_it_is_prepared():
    registry = load_registry()
    data, network = (
        Choice(kind, name, name, registry.params(kind, name, values).plain())
        for kind, name, values in (("data", "iris", {}), ("architecture", "mlp", {"width": 2}))
    )
    with pytest.raises(IfbenchError, match="data 'iris': inputs have shape"):
        prepare(Task(data, network, BOTH, 0, "float64"), registry)
