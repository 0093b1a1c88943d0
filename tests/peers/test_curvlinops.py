"""Products of curvlinops on the same problem; its matrices are those of the mean loss, without weight decay."""

import pytest
import torch
from same_problem import DECAY, small_network, softmax_regression
from torch import nn

curvlinops = pytest.importorskip("curvlinops", reason="curvlinops is not installed: pip install 'ifbench[peers]'")


@pytest.mark.parametrize("build", [softmax_regression, small_network])
@pytest.mark.parametrize("curvature", ["hessian", "gauss-newton"])
def test_products_agree(build, curvature):
    same = build()
    operator = {"hessian": curvlinops.HessianLinearOperator, "gauss-newton": curvlinops.GGNLinearOperator}[curvature]
    matrix = operator(
        same.module,
        nn.CrossEntropyLoss(),
        [param for param in same.module.parameters() if param.requires_grad],
        [tuple(same.data.train)],
    )
    vectors = torch.randn(3, same.problem.n_param, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = (matrix @ vectors.T).T + 2 * DECAY * vectors
    found = same.problem.hessian_product(vectors, curvature=curvature)
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)
