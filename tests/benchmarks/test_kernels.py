"""Derivatives in units of one plain epoch, and products of the block solver: `make bench` prints the ratios.

In a group the first is what the others are compared with; `what` and `limit` say what a ratio is held against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ifbench.numerics.block import block_conjugate_gradient
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.solvers import conjugate_gradient
from tests.benchmarks.digits import digits, plain_epoch, vectors

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS, K, N_LOOP = 7, 20, 50
DAMPINGS = (0.1, 0.3)


@pytest.fixture(params=["small-cnn", "lenet"])
def problem(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> TrainedProblem:
    benchmark.group = f"{request.param}, 1,000 digits"
    return digits(request.param)


def test_a_plain_epoch(benchmark: BenchmarkFixture, problem: TrainedProblem) -> None:
    benchmark.extra_info["reference"] = True
    benchmark.pedantic(plain_epoch(problem), rounds=2 * ROUNDS, warmup_rounds=1)


def test_scores_for_1_query(benchmark: BenchmarkFixture, problem: TrainedProblem) -> None:
    benchmark.extra_info.update(what="scores of all examples, 1 query", limit="<= 1.2")
    rows, some = torch.arange(problem.n_train), vectors(problem, 1)
    benchmark.pedantic(lambda: problem.dot(rows, some), rounds=ROUNDS, warmup_rounds=1)


def test_scores_for_20_queries(benchmark: BenchmarkFixture, problem: TrainedProblem) -> None:
    benchmark.extra_info.update(what=f"scores of all examples, {K} queries", limit="<= 2")
    rows, some = torch.arange(problem.n_train), vectors(problem, K)
    benchmark.pedantic(lambda: problem.dot(rows, some), rounds=ROUNDS, warmup_rounds=1)


def test_scores_for_20_queries_by_a_loop_of_single_gradients(
    benchmark: BenchmarkFixture, problem: TrainedProblem
) -> None:
    times = problem.n_train // N_LOOP
    benchmark.extra_info.update(
        what=f"the same by a loop of single gradients ({N_LOOP} of them)",
        times=times,
        over=f"{K} queries",
        limit=">= 10",
    )
    some, module, (inputs, targets) = vectors(problem, K), problem.objective.model.module, problem.data.train
    params = list(module.parameters())

    def loop() -> None:
        for row in range(N_LOOP):
            loss = torch.nn.functional.cross_entropy(module(inputs[row : row + 1]), targets[row : row + 1])
            some @ torch.cat([part.reshape(-1) for part in torch.autograd.grad(loss, params)])

    benchmark.pedantic(loop, rounds=ROUNDS, warmup_rounds=1)


def test_one_of_20_hessian_products(benchmark: BenchmarkFixture, problem: TrainedProblem) -> None:
    benchmark.extra_info.update(what=f"Hessian product, each of {K}", times=1 / K, limit="<= 1.8")
    some = vectors(problem, K)
    benchmark.pedantic(lambda: problem.hessian_product(some), rounds=3, warmup_rounds=1)


def test_one_of_20_gauss_newton_products(benchmark: BenchmarkFixture, problem: TrainedProblem) -> None:
    benchmark.extra_info.update(what=f"Gauss-Newton product, each of {K}", times=1 / K, limit="<= 1.8")
    some = vectors(problem, K)
    benchmark.pedantic(lambda: problem.hessian_product(some, curvature="gauss-newton"), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("damping", DAMPINGS)
def test_products_of_20_queries_solved_together(benchmark: BenchmarkFixture, damping: float) -> None:
    problem, counts = digits("small-cnn", n_train=500), {"together": 0, "apart": 0}
    gradients = problem.query_gradients(torch.arange(K))

    def product(rows: torch.Tensor, name: str) -> torch.Tensor:
        counts[name] += len(rows)
        return problem.hessian_product(rows) + damping * rows

    def together() -> None:
        counts["together"] = 0
        found = block_conjugate_gradient(
            lambda rows: product(rows, "together"), gradients, tolerance=1e-3, max_iterations=500
        )
        assert (found.residual < 2e-3).all()
        assert not found.negative_curvature.any()

    for row in gradients:
        conjugate_gradient(lambda rows: product(rows, "apart"), row[None], tolerance=1e-3, max_iterations=500)
    benchmark.group = "small-cnn, 500 digits, 20 queries to residual 1e-3"
    benchmark.pedantic(together, rounds=1)
    benchmark.extra_info.update(
        what=f"products, block-cg over {K} separate runs of cg, damping {damping:g}",
        ratio=counts["together"] / counts["apart"],
        detail=f"{counts['together']} / {counts['apart']} products",
        limit="<= 0.5",
    )
