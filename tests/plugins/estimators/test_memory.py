"""What Hessian-based estimators hold at once does not grow with the number of training examples."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ifbench.testing import problem_of
from tests.plugins.estimators.references import blobs, network

CHUNK, N_QUERY = 50, 3


class LargestTensor(TorchDispatchMode):
    """Numbers in the largest tensor that any operation gives, but for scores and inputs: three for each example."""

    def __init__(self, n_train):
        super().__init__()
        self.n_train, self.largest = n_train, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor) and not self._told_apart(value):
                self.largest = max(self.largest, value.numel())
        return result

    def _told_apart(self, value):
        return value.shape[:1] == (self.n_train,) and value.numel() <= N_QUERY * self.n_train


def problem_with(n_train):
    return problem_of(network(), blobs(n_train, N_QUERY), decay=0.05, chunk=CHUNK)


def largest(make, name, values, n_train):
    problem, estimator = problem_with(n_train), make(name, **values)
    with LargestTensor(n_train) as seen:
        estimator.fit(problem)
        estimator.score(problem, torch.arange(n_train), torch.arange(N_QUERY))
    return seen.largest


def test_a_table_of_all_gradients_would_be_seen():
    problem = problem_with(200)
    with LargestTensor(200) as seen:
        problem.example_gradients(torch.arange(200))
    assert seen.largest == 200 * problem.n_param


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hif", {"solver": "cg", "max_iterations": 3}),
        ("hif", {"solver": "cr", "max_iterations": 3}),
        ("hif", {"solver": "cr", "max_iterations": 3, "hessian_examples": 40}),
        ("abif", {"iterations": 6, "projectors": 2}),
        ("lissa", {"depth": 3}),
        ("tracin", {}),
        ("grad-dot", {}),
    ],
)
def test_largest_tensor_is_the_same_for_five_times_the_examples(make, name, values):
    small, large = (largest(make, name, values, n_train) for n_train in (4 * CHUNK, 20 * CHUNK))
    assert large == small
    assert large < 4 * CHUNK * 31
