"""The closed forms against solving again and against derivatives."""

from dataclasses import replace

import pytest
import torch

from ifbench.core import Batch, Dataset
from ifbench.testing import (
    anisotropic,
    indefinite,
    isotropic,
    near_isotropic,
    one_example,
    problem_of,
    ridge,
    singular,
)


def refit(problem, weights):
    """Optimum of `sum_i weight_i (y_i - x_i'w)^2 / (2n) + decay |w|^2`, by a dense solve."""
    inputs, targets = problem.data.train
    extra = torch.ones(len(inputs), problem.n_param - inputs.shape[1], dtype=inputs.dtype)
    design = torch.cat([inputs, extra], 1)
    matrix = (design * weights[:, None]).T @ design / len(inputs)
    matrix = matrix + 2 * problem.decay * torch.eye(problem.n_param, dtype=inputs.dtype)
    return torch.linalg.solve(matrix, (design * weights[:, None]).T @ targets / len(inputs)).squeeze(1)


@pytest.mark.parametrize("bias", [False, True])
def test_leave_one_out_equals_solving_again_without_the_example(bias):
    example = ridge((0.3, 1.0, 2.0), n_train=20, n_query=5, decay=0.02, bias=bias)
    problem, effects = example.problem, example.leave_one_out_effects()
    queries = torch.arange(problem.n_test)
    before = problem.query_losses(queries)
    for removed in range(problem.n_train):
        weights = torch.ones(problem.n_train, dtype=torch.float64)
        weights[removed] = 0
        after = problem.query_losses(queries, at=refit(problem, weights))
        torch.testing.assert_close(effects[removed], after - before, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("bias", [False, True])
def test_parameters_are_the_optimum(bias):
    problem = ridge(bias=bias).problem
    assert problem.objective_gradient().norm() < 1e-13
    torch.testing.assert_close(problem.params, refit(problem, torch.ones(problem.n_train, dtype=torch.float64)))


@pytest.mark.parametrize("make", [near_isotropic, anisotropic, singular])
def test_hessian_is_that_of_the_problem(make):
    example = make()
    torch.testing.assert_close(example.hessian, example.problem.hessian(), rtol=1e-12, atol=1e-14)


def test_condition_numbers_are_as_told():
    assert torch.linalg.cond(near_isotropic().hessian) < 1.25
    assert 50 < torch.linalg.cond(anisotropic().hessian) < 120
    assert torch.linalg.matrix_rank(singular().hessian) == 3


def test_influence_is_the_first_order_of_leave_one_out():
    example = ridge(n_train=2000)
    ratio = example.leave_one_out_effects() * 2000 / example.influence()
    assert abs(float(ratio.median()) - 1) < 0.01


def test_chunked_problem_differs_in_nothing_else():
    example = near_isotropic()
    assert replace(example.chunked(7).problem, chunk=example.problem.chunk) == example.problem
    assert example.chunked(7).problem.chunk == 7


def test_own_model_holds_the_optimum_and_is_not_shared():
    first, second = near_isotropic().with_own_model().problem, near_isotropic().with_own_model().problem
    weight = first.objective.model.module.weight
    torch.testing.assert_close(weight.detach()[0], first.params, rtol=0, atol=0)
    assert weight is not second.objective.model.module.weight


def test_making_a_problem_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    anisotropic(seed=3).with_own_model()
    assert torch.equal(torch.get_rng_state(), before)


def test_problem_of_takes_the_parameters_of_the_module():
    model = near_isotropic().with_own_model().problem.objective.model
    batch = Batch(torch.ones(2, 4, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64))
    problem = problem_of(model, Dataset(batch, batch, n_output=1), decay=0.1)
    torch.testing.assert_close(problem.params, model.module.weight.detach()[0])
    assert (problem.decay, problem.recipe.decay) == (0.1, 0.1)


def test_indefinite_problem_has_eigenvalues_of_both_signs_and_none_next_to_zero():
    values = torch.linalg.eigvalsh(indefinite().hessian())
    assert values[0] < -0.1
    assert values[-1] > 0.1
    assert values.abs().min() > 0.01


def test_isotropic_problem_is_isotropic_and_has_a_query_without_gradient():
    example = isotropic()
    torch.testing.assert_close(example.hessian, 1.01 * torch.eye(4, dtype=torch.float64))
    sizes = example.problem.query_gradients(torch.arange(12)).norm(dim=1)
    assert sizes[0] == 0
    assert sizes[1:].min() > 0


def test_one_example_is_at_its_optimum():
    problem = one_example().problem
    assert (problem.n_train, problem.n_param) == (1, 3)
    assert problem.objective_gradient().norm() < 1e-13


@pytest.mark.parametrize("bias", [False, True])
def test_single_precision_is_the_same_problem(bias):
    double = ridge(bias=bias)
    single = double.in_single_precision()
    assert single.problem.dtype == torch.float32
    assert single.problem.data.test.targets.dtype == torch.float32
    torch.testing.assert_close(single.problem.hessian().double(), double.hessian, rtol=1e-5, atol=1e-6)
