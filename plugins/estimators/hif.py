"""Hessian-based influence: solve with the Hessian for each query, dot the solution with each example's gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.errors import EstimatorError, UnsupportedError
from ifbench.interfaces import Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

SINGULAR = 1e-12


class HifParams(Params):
    """How the linear system is solved."""

    solver: Literal["exact", "cg", "block-cg", "cr"] = param(
        "cg",
        about="exact: eigendecomposition of the dense Hessian; cg: conjugate gradient, each query on its own; "
        "block-cg: the same with one Krylov space for all queries, fewer products; cr: conjugate residual",
    )
    damping: float = param(
        0.0, ge=0, about="added to every eigenvalue of the objective's Hessian", unit="of the mean loss"
    )
    tolerance: float = param(1e-8, gt=0, about="cg and cr stop a query at |residual| <= tolerance * |gradient|")
    max_iterations: int = param(1000, ge=1, about="cg and cr take at most this many steps", unit="Hessian products")
    max_params: int = param(5000, ge=1, about="exact refuses networks with more parameters", unit="parameters")


class Hif:
    """Score of example i on query q: `g_q' (H + damping I)^-1 g_i`, H the Hessian of the objective at the optimum."""

    def __init__(self, params: HifParams) -> None:
        self.params = params
        self._eigen: tuple[Tensor, Tensor] | None = None
        self._diagnostics: dict[str, Any] = {}

    def fit(self, problem: Problem) -> None:
        """Decompose the Hessian, if the solver is exact."""
        if self.params.solver == "exact":
            self._eigen = self._decompose(problem)

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.interfaces.Estimator.score`."""
        gradients = problem.query_gradients(queries)
        return problem.dot(examples, self._solve(problem, gradients))

    def diagnostics(self) -> Mapping[str, Any]:
        """Residual of the worst query, iterations, extreme eigenvalues, and warnings."""
        return self._diagnostics

    def _solve(self, problem: Problem, right: Tensor) -> Tensor:
        if self.params.solver != "exact":
            return self._iterate(problem, right)
        if self._eigen is None:
            raise EstimatorError("score was called before fit", where="estimator 'hif'", hint="call fit(problem) first")
        values, vectors = self._eigen
        return (right @ vectors / values) @ vectors.T

    def _decompose(self, problem: Problem) -> tuple[Tensor, Tensor]:
        import torch

        if problem.n_param > self.params.max_params:
            raise UnsupportedError(
                f"solver exact needs the whole Hessian: {problem.n_param} parameters, limit {self.params.max_params}",
                where="estimator 'hif'",
                hint="use solver: cg or solver: cr, or raise max_params",
            )
        values, vectors = torch.linalg.eigh(problem.hessian())
        damped = values + self.params.damping
        smallest, largest = float(damped.abs().min()), float(damped.abs().max())
        if smallest <= SINGULAR * largest:
            raise EstimatorError(
                f"the Hessian is singular: eigenvalues from {smallest:.3g} to {largest:.3g} in size",
                where="estimator 'hif'",
                hint="add damping, for example damping: 0.001",
            )
        negative = int((damped < 0).sum())
        self._diagnostics = {"smallest_eigenvalue": float(values[0]), "largest_eigenvalue": float(values[-1])}
        if negative:
            self._warn([f"{negative} eigenvalue(s) negative after damping: the optimum is a saddle"])
        return damped, vectors

    def _iterate(self, problem: Problem, right: Tensor) -> Tensor:
        from ifbench.numerics.block import block_conjugate_gradient
        from ifbench.numerics.solvers import conjugate_gradient, conjugate_residual

        def product(rows: Tensor) -> Tensor:
            return problem.hessian_product(rows) + self.params.damping * rows

        solver = {"cg": conjugate_gradient, "block-cg": block_conjugate_gradient, "cr": conjugate_residual}[
            self.params.solver
        ]
        found = solver(product, right, tolerance=self.params.tolerance, max_iterations=self.params.max_iterations)
        self._diagnostics = {"iterations": found.iterations, "residual": float(found.residual.max())}
        worse = int((found.residual > 2 * self.params.tolerance).sum())
        n_negative, n_query = int(found.negative_curvature.sum()), len(right)
        warnings = []
        if n_negative:
            warnings.append(f"negative curvature met for {n_negative} of {n_query} queries")
        if worse:
            warnings.append(
                f"not converged for {worse} of {n_query} queries, worst residual {found.residual.max():.2g}"
            )
        self._warn(warnings)
        return found.x

    def _warn(self, warnings: list[str]) -> None:
        if warnings:
            self._diagnostics["warnings"] = warnings


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """Hessian-based influence."""
    yield EstimatorSpec(
        name="hif",
        factory=f"{__name__}:Hif",
        params=HifParams,
        summary="Hessian-based influence: exact, conjugate gradient or conjugate residual",
        source="Koh & Liang 2017, eq. 2; Basu, Pope, Feizi 2021, eq. 5; Schioppa et al. 2023, eq. 5",
        needs=("Hessian products; the dense Hessian for solver: exact",),
    )
