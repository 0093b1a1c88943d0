"""Arnoldi-based influence: the inverse Hessian on its leading eigenvectors, and zero elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ifbench import EstimatorSpec, Params, hookimpl, param
from ifbench.core import EstimatorError, Intervention, Problem

if TYPE_CHECKING:
    from torch import LongTensor, Tensor

WHERE = "estimator 'abif'"
MAX_SPECTRUM = 16


class AbifParams(Params):
    """The Krylov space and what is kept of it."""

    iterations: int = param(64, ge=1, about="vectors of the Krylov space, at most", unit="Hessian products")
    projectors: int = param(32, ge=1, about="eigenvectors kept, those of largest absolute eigenvalue; at most all")
    damping: float = param(
        0.0, ge=0, about="added to every kept eigenvalue of the objective's Hessian", unit="of the mean loss"
    )
    tolerance: float = param(
        1e-6,
        ge=0,
        about="ends the iteration once |H v - lambda v| <= tolerance * |lambda| for all kept eigenvectors; 0: never",
    )
    hessian_examples: int | None = param(
        None, ge=1, about="examples the Hessian is averaged over, drawn once; empty: all of them", unit="examples"
    )
    symmetric: bool = param(True, about="Lanczos, which uses that the Hessian is symmetric; false: Arnoldi")
    seed: int = param(0, ge=0, about="seeds the starting vector, together with the task's seed")


class Abif:
    """Score of example i on query q: `sum_j (g_q'v_j)(v_j'g_i) / (lambda_j + damping)`, in nats, over Ritz pairs.

    The pairs (lambda_j, v_j) are those of largest |lambda_j| of the objective's Hessian at the optimum in a Krylov
    space. Pairs with lambda_j + damping next to zero are left out: parameters are held fixed in those directions.

    Source: Schioppa, Zablotskaia, Vilar, Sokolov 2022, section 3.
    """

    def __init__(self, params: AbifParams) -> None:
        self.params = params
        self._kept: tuple[Tensor, Tensor] | None = None
        self._diagnostics: dict[str, Any] = {}

    def fit(self, problem: Problem) -> None:
        """Find the eigenpairs.

        Raises:
            EstimatorError: Every eigenvalue found is zero after damping.
        """
        import torch

        from ifbench import drawn_examples, top_eigenpairs

        rows = drawn_examples(problem, self.params.hessian_examples, "abif examples", self.params.seed)
        pairs = top_eigenpairs(
            problem.hessian_operator(examples=rows),
            problem.generator("abif", self.params.seed),
            wanted=self.params.projectors,
            iterations=self.params.iterations,
            tolerance=self.params.tolerance,
            symmetric=self.params.symmetric,
        )
        divisors = pairs.values + self.params.damping
        largest = divisors.abs().max()
        # What rounding leaves of a Hessian product of n numbers is about sqrt(n) units of its last place.
        usable = divisors.abs() > problem.n_param**0.5 * torch.finfo(problem.dtype).eps * largest
        self._kept = divisors[usable], pairs.vectors[usable]
        self._diagnostics = {
            "products": pairs.dimension,
            "projectors": int(usable.sum()),
            "converged": int((pairs.converged & usable).sum()),
            "smallest_eigenvalue": pairs.smallest,
            "largest_eigenvalue": pairs.largest,
            "spectrum": pairs.values[:MAX_SPECTRUM].tolist(),
        }
        if not usable.any():
            self._kept = None
            raise EstimatorError(
                f"every eigenvalue found is zero after damping (the largest is {float(largest):.3g} in size)",
                where=WHERE,
                hint="the Hessian vanishes at the trained parameters: take another task, or damping",
            )
        if not usable.all():
            n_dropped = int((~usable).sum())
            self._diagnostics["warnings"] = [
                f"{n_dropped} eigenvalue(s) next to zero left out: the Hessian is singular"
            ]

    def score(self, problem: Problem, examples: LongTensor, queries: LongTensor) -> Tensor:
        """See `ifbench.core.Estimator.score`."""
        return problem.dot(examples, self._solve(problem.query_gradients(queries)))

    def parameter_change(self, problem: Problem, interventions: Sequence[Intervention]) -> Tensor:
        """See `ParameterChangeEstimator.parameter_change`: minus the inverse times the gradients."""
        from ifbench import weighted_gradients

        return -self._solve(weighted_gradients(problem, interventions))

    def diagnostics(self) -> Mapping[str, Any]:
        """Products, eigenvectors kept and converged, extreme eigenvalues met, those of largest size, and warnings."""
        return self._diagnostics

    def _solve(self, rows: Tensor) -> Tensor:
        """The projected inverse Hessian times each row."""
        if self._kept is None:
            raise EstimatorError("score was called before fit", where=WHERE, hint="call fit(problem) first")
        divisors, vectors = self._kept
        return (rows @ vectors.T / divisors) @ vectors


@hookimpl
def ifbench_estimators() -> Iterable[EstimatorSpec]:
    """Arnoldi-based influence."""
    yield EstimatorSpec(
        name="abif",
        factory=f"{__name__}:Abif",
        params=AbifParams,
        predicts_parameters=True,
        summary="Arnoldi-based influence: the inverse Hessian on its leading eigenvectors",
        source="Schioppa, Zablotskaia, Vilar, Sokolov 2022, section 3; Schioppa et al. 2023, section 4.2",
        needs=("Hessian products",),
        version=2,  # eigenvalues of large networks are no longer taken for rounding
    )
