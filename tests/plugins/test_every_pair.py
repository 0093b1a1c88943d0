"""Every registered architecture on every kind of data that fits it: trained, fine-tuned, scored by every estimator.

What is registered is looked up, so a new plugin is tested without being named here. Training and retraining are those
of real runs. Networks of many layers, whose derivatives take long to record, meet all estimators in the slow tests.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch

from ifbench.core import Batch, Dataset
from ifbench.core.contract import check_scores
from ifbench.core.errors import IfbenchError, UnsupportedError
from ifbench.core.intervention import Intervention
from ifbench.core.networks import as_model
from ifbench.core.params import Params
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.core.retraining import Retraining
from ifbench.core.specs import DatasetSpec, fits
from ifbench.numerics.prepare import encoded
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.ensemble import Way
from ifbench.numerics.training.modes import check_modes
from ifbench.testing import objective_of

N_TRAIN, N_TEST, N_CLASS = 8, 3, 3
FEW_LAYERS, MANY_LAYERS = 10, 50
SHORT = {"max_iterations": 2, "iterations": 3, "projectors": 2, "depth": 2, "steps": 2, "damping": 1.0, "scale": 1e4}
"""Of every estimator that has a parameter of the name."""
RECIPE = Recipe(steps=2, learning_rate=0.01, optimizer="sgd", batch_size=4, weight_decay=0.001, checkpoints=2)
INPUTS = {
    "vectors": lambda n, generator: torch.randn(n, 4, generator=generator),
    "images": lambda n, generator: torch.randn(n, 2, 24, 24, generator=generator),
    "text": lambda n, generator: torch.randint(97, 123, (n, 6), generator=generator, dtype=torch.uint8),
}

REGISTRY = load_registry()
ARCHITECTURES = sorted(REGISTRY.entries["architecture"])
SOLVERS = [("hif", {"solver": solver}) for solver in ("cg", "cr", "block-cg")]
ESTIMATORS = SOLVERS + [(name, {}) for name in sorted(REGISTRY.entries["estimator"]) if name != "hif"]


def made_up(kind):
    """A small data set of that kind of inputs."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        Batch(INPUTS[kind](n, generator), torch.randint(N_CLASS, (n,), generator=generator)) for n in (N_TRAIN, N_TEST)
    ]
    return Dataset(*parts, n_output=N_CLASS)


def misfit(kind, architecture):
    spec = DatasetSpec(
        name="x", factory=made_up, params=Params, sizes=lambda _: (1, 1), summary="", source="", gives=kind
    )
    return not fits(spec, REGISTRY.entries["architecture"][architecture].spec)


PAIRS = [(kind, name) for kind in INPUTS for name in ARCHITECTURES if not misfit(kind, name)]


@functools.cache
def trained(kind, architecture, dtype=torch.float32):
    return train(made_up(kind), architecture, dtype)


def train(data, architecture, dtype=torch.float32, **values):
    """The problem after two updates, and the task that may be trained on."""
    spec = REGISTRY.find("architecture", architecture).spec
    values = values or spec.check_params
    data = Dataset(*(convert(part, dtype) for part in (data.train, data.test)), data.n_output)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            model = as_model(spec.load()(REGISTRY.params("architecture", architecture, values), data), data)
        except UnsupportedError as error:
            pytest.skip(str(error))
    model.module.to(dtype).eval()
    data = encoded(model, data)
    check_modes(model, data.train, where=architecture)
    objective = objective_of(model, decay=RECIPE.decay)
    initial = objective.layout.flatten(dict(model.module.named_parameters()))
    trained = Trained.of(objective, data, RECIPE, initial=lambda _: initial).train()
    return TrainedProblem(trained, chunk=5), trained


def convert(batch, dtype):
    return Batch(*(part.to(dtype) if part.is_floating_point() else part for part in batch))


def see_retraining(problem, run):
    """Losses after fine-tuning for two updates, with and without an example: finite, and equal side by side."""
    queries = torch.arange(problem.n_test)
    removed = Intervention.remove([int(next(run.trainer._numbers(RECIPE.steps))[0])])

    def losses(way):
        task = replace(run, way=way)
        return task.retrain([removed], Retraining(steps=2), lambda networks, _: task.query_losses(networks, queries))

    alone = losses(Way())
    assert alone.shape == (1, 2, problem.n_test)
    assert alone.isfinite().all()
    assert not torch.equal(alone[0, 0], alone[0, 1])
    return alone, losses


def see_scores(problem, name, values):
    spec = REGISTRY.estimator(name)
    short = {key: value for key, value in SHORT.items() if key in spec.params.model_fields}
    estimator = spec.load()(REGISTRY.params("estimator", name, {**spec.check_params, **short, **values}))
    estimator.fit(problem)
    examples, queries = torch.arange(5), torch.arange(problem.n_test)
    scores = estimator.score(problem, examples, queries)
    check_scores(scores, problem, n_example=5, n_query=problem.n_test, estimator=name)


def n_layer(problem):
    """Submodules with parameters of their own."""
    module = problem.objective.model.module
    return sum(1 for part in module.modules() if any(True for _ in part.parameters(recurse=False)))


@pytest.mark.parametrize(("kind", "architecture"), PAIRS)
def test_trains_fine_tunes_and_is_scored(kind, architecture):
    problem, run = trained(kind, architecture)
    if n_layer(problem) > MANY_LAYERS:
        pytest.skip("among the slow tests")
    see_retraining(problem, run)
    for name, values in ESTIMATORS if n_layer(problem) <= FEW_LAYERS else [("grad-dot", {})]:
        see_scores(problem, name, values)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "architecture"), PAIRS)
def test_every_estimator_on_deep_networks(kind, architecture):
    problem, run = trained(kind, architecture)
    if n_layer(problem) <= FEW_LAYERS:
        pytest.skip("among the fast tests")
    see_retraining(problem, run)
    for name, values in ESTIMATORS:
        see_scores(problem, name, values)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "architecture"), PAIRS)
def test_side_by_side_equals_one_by_one(kind, architecture):
    problem, run = trained(kind, architecture, torch.float64)
    alone, losses = see_retraining(problem, run)
    torch.testing.assert_close(losses(Way(3)), alone, rtol=1e-8, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "architecture"), PAIRS)
def test_products_and_dots_equal_those_of_plain_autograd(kind, architecture):
    """At two rows, so that the network stays layered where it is; derivatives through the module in evaluation."""
    problem, _ = trained(kind, architecture, torch.float64)
    objective, params = problem.objective, problem.params.clone().requires_grad_()
    vectors = torch.randn(2, problem.n_param, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    losses = plain_losses(problem, params)
    rows = [torch.autograd.grad(loss, params, retain_graph=True)[0] for loss in losses]
    wanted = torch.stack(rows) @ vectors.T
    torch.testing.assert_close(problem.dot(torch.arange(N_TRAIN), vectors), wanted, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(problem.dot(torch.arange(N_TRAIN), vectors[:1]), wanted[:, :1], rtol=1e-8, atol=1e-10)
    slope = torch.autograd.grad(losses.mean() + objective.decay * params @ params, params, create_graph=True)[0]
    products = torch.stack([torch.autograd.grad(slope @ row, params, retain_graph=True)[0] for row in vectors])
    torch.testing.assert_close(problem.hessian_product(vectors), products, rtol=1e-7, atol=1e-9)


def plain_losses(problem, params):
    """Loss of each training example, by an ordinary call with parameters and statistics put in place."""
    objective = problem.objective
    tensors = {**objective.constants, **objective.running.unflatten(problem.point.buffers)}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return objective.model.losses(objective.layout.unflatten(params), tensors, problem.data.train)


@pytest.mark.parametrize(("kind", "architecture"), PAIRS)
def test_a_loss_in_evaluation_does_not_depend_on_its_batch(kind, architecture):
    problem, _ = trained(kind, architecture)
    objective, data = problem.objective, problem.data.train
    together = objective.losses(*problem.point, data)
    alone = [objective.losses(*problem.point, Batch(*(part[row : row + 1] for part in data)))[0] for row in (0, 5)]
    torch.testing.assert_close(torch.stack(alone), together[[0, 5]], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("data_name", sorted(REGISTRY.entries["data"]))
def test_registered_data_with_every_architecture_that_fits(data_name):
    """A few rows of each data set that can be had here."""
    spec = REGISTRY.find("data", data_name).spec
    try:
        whole = spec.load()(spec.params())
    except (IfbenchError, ValueError) as error:  # files, or a parameter without a default
        pytest.skip(f"{data_name}: {error}")
    few = Dataset(
        Batch(*(part[:N_TRAIN] for part in whole.train)), Batch(*(part[:N_TEST] for part in whole.test)), whole.n_output
    )
    for architecture in ARCHITECTURES:
        if fits(spec, REGISTRY.find("architecture", architecture).spec):
            problem, run = train(few, architecture)
            see_retraining(problem, run)
            see_scores(problem, "tracin", {})


@pytest.mark.slow
def test_resnet18_of_full_width_trains_and_fine_tunes():
    problem, run = train(made_up("images"), "resnet18", width=64)
    assert problem.n_param > 11_000_000
    see_retraining(problem, run)
