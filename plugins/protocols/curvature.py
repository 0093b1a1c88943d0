"""The ends of the Hessian's spectrum at the trained parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ifbench import Params, ProtocolSpec, hookimpl, param
from ifbench.core import Operator, Progress, Subject

if TYPE_CHECKING:
    import torch


class CurvatureParams(Params):
    """Which matrix, and how its eigenvalues are found."""

    curvature: Literal["hessian", "gauss-newton"] = param("hessian", about="of the objective, weight decay included")
    max_dense: int = param(500, ge=0, about="up to how many parameters the whole matrix is made", unit="parameters")
    iterations: int = param(64, ge=2, about="Hessian products where it is not", unit="products")


class Curvature:
    """Largest and smallest eigenvalue: of the matrix itself where it is small, else of a Krylov space (Lanczos)."""

    def __init__(self, params: CurvatureParams) -> None:
        self.params = params

    def findings(self, subject: Subject, *, progress: Progress | None = None) -> Sequence[Mapping[str, Any]]:
        """One row. The extremes of a Krylov space lie inside those of the matrix: `exact` tells which they are."""
        operator = subject.problem.hessian_operator(curvature=self.params.curvature)
        exact = operator.n <= self.params.max_dense
        smallest, top = _of_matrix(operator) if exact else self._of_space(operator, subject.generator("curvature"))
        if progress is not None:
            progress(1, 1)
        return [{"top_eigenvalue": top, "smallest_eigenvalue": smallest, "exact": exact}]

    def _of_space(self, operator: Operator, generator: torch.Generator) -> tuple[float, float]:
        from ifbench import top_eigenpairs

        pairs = top_eigenpairs(operator, generator, wanted=2, iterations=self.params.iterations, tolerance=0.0)
        return pairs.smallest, pairs.largest


def _of_matrix(operator: Operator) -> tuple[float, float]:
    import torch

    values = torch.linalg.eigvalsh(operator.dense().double())  # rising
    return float(values[0]), float(values[-1])


@hookimpl
def ifbench_protocols() -> Iterable[ProtocolSpec]:
    """Eigenvalues."""
    yield ProtocolSpec(
        name="curvature",
        factory=f"{__name__}:Curvature",
        params=CurvatureParams,
        measures="findings",
        columns={"top_eigenvalue": "top eigenvalue", "smallest_eigenvalue": "smallest eigenvalue"},
        summary="largest and smallest eigenvalue of the Hessian of the objective at the trained parameters",
        source="Basu, Pope, Feizi 2021, section 5.1, fig. 2b; section 9.2, fig. 8",
    )
