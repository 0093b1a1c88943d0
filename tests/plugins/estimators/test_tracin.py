"""TracIn against a loop over single gradients."""

import pytest
import torch

from ifbench.core import Batch, Checkpoint, Dataset
from ifbench.core.networks import Classifier
from ifbench.core.registry import load_registry
from ifbench.testing import problem_of
from tests.plugins.estimators.references import seen_at


@pytest.fixture(scope="module")
def make():
    spec = load_registry().estimator("tracin")
    return lambda **values: spec.load()(spec.params(**values))


@pytest.fixture(scope="module")
def problem():
    generator = torch.Generator().manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()

    def batch(count):
        inputs = torch.randn(count, 3, generator=generator, dtype=torch.float64)
        return Batch(inputs, torch.randint(2, (count,), generator=generator))

    problem = problem_of(Classifier(module.eval()), Dataset(batch(12), batch(5), n_output=2))
    checkpoints = [Checkpoint(step, 0.1 / step, problem.params * (1 + 0.2 * step)) for step in (1, 2, 3)]
    return seen_at(problem, checkpoints)


def single_gradient(problem, params, inputs, target):
    module = problem.objective.model.module
    torch.nn.utils.vector_to_parameters(params, module.parameters())
    loss = torch.nn.functional.cross_entropy(module(inputs[None]), target[None])
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(module.parameters()))])


def naive(problem, checkpoints):
    total = torch.zeros(problem.n_train, problem.n_test, dtype=torch.float64)
    for point in checkpoints:
        for i, example in enumerate(zip(*problem.data.train, strict=True)):
            for q, query in enumerate(zip(*problem.data.test, strict=True)):
                first, second = (single_gradient(problem, point.params, *one) for one in (example, query))
                total[i, q] += point.learning_rate * first @ second
    return total


@pytest.mark.parametrize(("which", "used"), [("all", slice(None)), ("last", slice(-1, None))])
def test_equals_the_naive_loop(make, problem, which, used):
    estimator = make(checkpoints=which)
    estimator.fit(problem)
    found = estimator.score(problem, torch.arange(problem.n_train), torch.arange(problem.n_test))
    torch.testing.assert_close(found, naive(problem, problem.checkpoints[used]), rtol=1e-10, atol=1e-14)
