"""Derivatives in units of one plain epoch, and products of the block solver: `make bench` prints the ratios.

Each round runs the plain epoch just before the kernel, so that both see the same machine; ratios are of medians.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch

from ifbench.core import Curvature
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.solvers.block_conjugate_gradient import block_conjugate_gradient
from ifbench.numerics.solvers.conjugate_gradient import conjugate_gradient
from tests.benchmarks.digits import digits, plain_epoch, vectors
from tests.benchmarks.paired import compare

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.skipif(
    not os.environ.get("IFBENCH_DATA"), reason="IFBENCH_DATA is not set: it must name a folder with MNIST"
)
K, N_LOOP = 20, 50


@pytest.fixture(params=["small-cnn", "lenet"])
def problem(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> TrainedProblem:
    benchmark.group = f"{request.param}, 1,000 digits"
    return digits(request.param)


@pytest.fixture(autouse=True)
def _only_timed(benchmark: BenchmarkFixture) -> None:
    if not benchmark.enabled:
        pytest.skip("a measurement: make bench")


@pytest.mark.parametrize(("count", "limit"), [(1, "<= 1.2"), (K, "<= 2")])
def test_scores(benchmark: BenchmarkFixture, problem: TrainedProblem, count: int, limit: str) -> None:
    rows, some = torch.arange(problem.n_train), vectors(problem, count)
    what = f"scores of all examples, {count} direction{'s'[: count > 1]}, over a plain epoch"
    compare(benchmark, what, lambda: problem.dot(rows, some), plain_epoch(problem), limit=limit)


@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
def test_products(benchmark: BenchmarkFixture, problem: TrainedProblem, curvature: Curvature) -> None:
    some = vectors(problem, K)
    what = f"{curvature} product, each of {K}, over a plain epoch"
    work = partial(problem.hessian_product, some, curvature=curvature)
    compare(benchmark, what, work, plain_epoch(problem), limit="<= 1.8", times=1 / K, rounds=5)


@pytest.mark.parametrize("way", ["torch.func.grad", "backward"])
def test_loop_of_single_gradients(benchmark: BenchmarkFixture, problem: TrainedProblem, way: str) -> None:
    some, module, (inputs, targets) = vectors(problem, K), problem.objective.model.module, problem.data.train
    named = dict(module.named_parameters())
    detached = {name: param.detach() for name, param in named.items()}

    def loss(at: dict[str, torch.Tensor], row: int) -> torch.Tensor:
        logits = torch.func.functional_call(module, at, (inputs[row : row + 1],))
        return torch.nn.functional.cross_entropy(logits, targets[row : row + 1])

    def gradient(row: int) -> Iterable[torch.Tensor]:
        if way == "torch.func.grad":
            return torch.func.grad(loss)(detached, row).values()
        logits = module(inputs[row : row + 1])
        return torch.autograd.grad(
            torch.nn.functional.cross_entropy(logits, targets[row : row + 1]), list(named.values())
        )

    def loop() -> None:
        for row in range(N_LOOP):
            some @ torch.cat([part.reshape(-1) for part in gradient(row)])

    every = partial(problem.dot, torch.arange(problem.n_train), some)
    what = f"loop of single gradients by {way} over scores, {K} directions"
    compare(benchmark, what, loop, every, limit=">= 10", times=problem.n_train / N_LOOP)


@pytest.mark.parametrize(("curvature", "damping"), [("hessian", 0.2), ("hessian", 0.5), ("gauss-newton", 0.01)])
def test_products_of_20_queries_solved_together(
    benchmark: BenchmarkFixture, curvature: Curvature, damping: float
) -> None:
    problem = digits("small-cnn", n_train=500, steps=1000)
    gradients = problem.query_gradients(torch.arange(K))
    damping_term = damping * problem.identity
    together, apart = (problem.hessian_operator(curvature=curvature) for _ in range(2))

    def solve() -> None:
        found = block_conjugate_gradient(together + damping_term, gradients, tolerance=1e-3, max_iterations=100)
        assert (found.residual < 2e-3).all()
        assert not found.negative_curvature.any()

    for row in gradients:
        conjugate_gradient(apart + damping_term, row[None], tolerance=1e-3, max_iterations=500)
    benchmark.group = "small-cnn, 500 digits, 20 queries to residual 1e-3"
    benchmark.pedantic(solve, rounds=1)
    benchmark.extra_info.update(
        what=f"products, block-cg over {K} separate runs of cg, {curvature}, damping {damping:g}",
        ratio=together.products / apart.products,
        detail=f"{together.products} / {apart.products} products",
        limit="<= 0.5",
    )
