"""Hessian-based influence: solve with the Hessian for each query, dot the solution with each example's gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import Curvature, EstimatorError, Intervention, Operator, Problem, UnsupportedError

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

WHERE = "estimator 'hif'"
SINGULAR = 1e-12


class HifParams(Params):
    """The matrix, and how the linear system is solved."""

    solver: Literal["exact", "cg", "block-cg", "cr"] = param(
        "cg",
        about="exact: eigendecomposition of the dense Hessian; cg: conjugate gradient, each query on its own; "
        "block-cg: the same with one Krylov space for all queries, fewer products; cr: conjugate residual",
    )
    damping: float = param(
        0.0, ge=0, about="added to every eigenvalue of the objective's Hessian", unit="of the mean loss"
    )
    curvature: Curvature = param(
        "hessian", about="gauss-newton leaves out the second derivative of the network's outputs"
    )
    hessian_examples: int | None = param(
        None, ge=1, about="examples the Hessian is averaged over, drawn once; empty: all of them", unit="examples"
    )
    seed: int = param(0, ge=0, about="seeds the draw of hessian_examples, together with the task's seed")
    tolerance: float = param(1e-8, gt=0, about="cg and cr stop a query at |residual| <= tolerance * |gradient|")
    max_iterations: int = param(1000, ge=1, about="cg and cr take at most this many steps", unit="Hessian products")
    max_params: int = param(5000, ge=1, about="exact refuses networks with more parameters", unit="parameters")


class Hif:
    """Score of example i on query q: `g_q' (H + damping I)^-1 g_i`, in nats, H the Hessian at the optimum.

    H is that of the whole objective, weight decay included; damping has its unit.

    Source: Koh & Liang 2017, eq. 2; Schioppa et al. 2023, eq. 5.
    """

    def __init__(self, params: HifParams) -> None:
        self.params = params
        self._eigen: tuple[Tensor, Tensor] | None = None
        self._spectrum: dict[str, Any] = {}
        self._rows: LongTensor | None = None
        self._diagnostics: dict[str, Any] = {}

    def fit(self, problem: Problem) -> None:
        """Draw the examples that the Hessian is averaged over; decompose it, if the solver is exact."""
        from ifbench import drawn_examples

        self._rows = drawn_examples(problem, self.params.hessian_examples, "hif", self.params.seed)
        if self.params.solver == "exact":
            self._eigen = self._decompose(problem)

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`."""
        return problem.dot(examples, self._solve(problem, problem.query_gradients(queries)))

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """`-(H + damping I)^-1 sum_i delta_i g_i` of each intervention, shape (n_intervention, n_param)."""
        from ifbench import weighted_gradients

        return -self._solve(problem, weighted_gradients(problem, interventions))

    def diagnostics(self) -> Mapping[str, Any]:
        """Of the last answer, with the residual `|b - (H + damping) x| / |b|` of each query.

        Also iterations or extreme eigenvalues, and warnings.
        """
        return self._diagnostics

    def _solve(self, problem: Problem, right: Tensor) -> Tensor:
        """`(H + damping I)^-1` times each row."""
        return self._apply(problem, right) if self.params.solver == "exact" else self._iterate(problem, right)

    def _damped(self, problem: Problem) -> Operator:
        """`H + damping I`."""
        hessian = problem.hessian_operator(examples=self._rows, curvature=self.params.curvature)
        return hessian + self.params.damping * problem.identity

    def _decompose(self, problem: Problem) -> tuple[Tensor, Tensor]:
        """Eigenvalues after damping and eigenvectors of the dense matrix."""
        import torch

        if problem.n_param > self.params.max_params:
            raise UnsupportedError(
                f"solver exact needs the whole Hessian: {problem.n_param} parameters, limit {self.params.max_params}",
                where=WHERE,
                hint="use solver: cg or solver: cr, or raise max_params",
            )
        values, vectors = torch.linalg.eigh(self._damped(problem).dense())
        smallest, largest = float(values.abs().min()), float(values.abs().max())
        if smallest <= max(SINGULAR, problem.n_param * torch.finfo(problem.dtype).eps) * largest:
            raise EstimatorError(
                f"the Hessian is singular: eigenvalues from {smallest:.3g} to {largest:.3g} in size",
                where=WHERE,
                hint="add damping, for example damping: 0.001",
            )
        undamped = (float(value) - self.params.damping for value in (values[0], values[-1]))
        self._spectrum = dict(zip(("smallest_eigenvalue", "largest_eigenvalue"), undamped, strict=True))
        negative = int((values < 0).sum())
        if negative:
            self._spectrum["warnings"] = [f"{negative} eigenvalue(s) negative after damping: the optimum is a saddle"]
        return values, vectors

    def _apply(self, problem: Problem, right: Tensor) -> Tensor:
        import torch

        if self._eigen is None:
            raise EstimatorError("score was called before fit", where=WHERE, hint="call fit(problem) first")
        values, vectors = self._eigen
        solved = (right @ vectors / values) @ vectors.T
        size = torch.linalg.vector_norm(right, dim=1)
        residual = torch.linalg.vector_norm(right - self._damped(problem) @ solved, dim=1)
        residual = residual / torch.where(size > 0, size, 1.0)
        self._diagnostics = {**self._spectrum, "residual": residual.tolist()}
        return solved

    def _iterate(self, problem: Problem, right: Tensor) -> Tensor:
        from ifbench import block_conjugate_gradient, conjugate_gradient, conjugate_residual

        solvers = {"cg": conjugate_gradient, "block-cg": block_conjugate_gradient, "cr": conjugate_residual}
        tolerance = self.params.tolerance
        solution = solvers[self.params.solver](
            self._damped(problem), right, tolerance=tolerance, max_iterations=self.params.max_iterations
        )
        self._diagnostics = {"iterations": solution.iterations, "residual": solution.residual.tolist()}
        worse = int((solution.residual > 2 * tolerance).sum())
        n_negative, n_right = int(solution.negative_curvature.sum()), len(right)
        warnings = []
        if n_negative:
            warnings.append(f"negative curvature met for {n_negative} of {n_right} queries")
        if worse:
            warnings.append(
                f"not converged for {worse} of {n_right} queries, worst residual {solution.residual.max():.2g}"
            )
        if warnings:
            self._diagnostics["warnings"] = warnings
        return solution.x


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """Hessian-based influence."""
    yield EstimatorSpec(
        name="hif",
        factory=f"{__name__}:Hif",
        params=HifParams,
        predicts_parameters=True,
        summary="Hessian-based influence: exact, conjugate gradient or conjugate residual",
        source="Koh & Liang 2017, eq. 2; Basu, Pope, Feizi 2021, eq. 5; Schioppa et al. 2023, eq. 5 and appendix F",
        needs=("Hessian products; the dense Hessian for solver: exact",),
        version=2,
    )
