"""Scores of captum on the same problem: its Hessian is that of the sum of the losses, without weight decay."""

import pytest
import torch
from same_problem import DECAY, RATE, load, small_network, softmax_regression
from torch import nn

pytest.importorskip("captum", reason="captum is not installed: pip install 'ifbench[peers]'")

from captum.influence import TracInCP
from captum.influence._core.arnoldi_influence_function import ArnoldiInfluenceFunction
from captum.influence._core.influence_function import NaiveInfluenceFunction


@pytest.fixture(scope="module")
def regression():
    return softmax_regression()


@pytest.fixture(scope="module")
def network():
    return small_network()


def influence(kind, same, **settings):
    """Captum's scores, (n_train, n_test); the inverse of the Hessian of the sum is 1/n of that of the mean."""
    n_train = len(same.train_set)
    found = kind(
        same.module,
        same.train_set,
        checkpoint="there is none",
        checkpoints_load_func=lambda module, _: 1.0,
        loss_fn=nn.CrossEntropyLoss(reduction="none"),
        batch_size=n_train,
        hessian_reg=2 * DECAY * n_train,
        **settings,
    )
    return n_train * found.influence(tuple(same.data.test)).T


def test_hif_agrees_with_naive_influence(regression):
    wanted = influence(NaiveInfluenceFunction, regression, projection_dim=15, hessian_inverse_tol=0.0)
    for solver in ("exact", "cg", "cr"):
        torch.testing.assert_close(regression.scores("hif", solver=solver), wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("projectors", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_abif_agrees_with_arnoldi_influence(network, projectors, symmetric):
    """With fewer iterations than would exhaust the space: captum drops a basis vector when it is exhausted."""
    settings = {"arnoldi_dim": 35, "arnoldi_tol": 1e-8, "hessian_inverse_tol": 0.0}
    wanted = influence(ArnoldiInfluenceFunction, network, projection_dim=projectors, **settings)
    found = network.scores("abif", projectors=projectors, iterations=35, tolerance=0.0, symmetric=symmetric)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("projectors", [2, 6])
def test_abif_agrees_with_truncated_naive_influence(regression, projectors):
    wanted = influence(NaiveInfluenceFunction, regression, projection_dim=projectors, hessian_inverse_tol=0.0)
    found = regression.scores("abif", projectors=projectors, tolerance=0.0)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("chosen", ["last", "all"])
def test_tracin_agrees_with_tracincp(network, chosen):
    same = network
    kept = same.problem.checkpoints[-1:] if chosen == "last" else same.problem.checkpoints
    by_name = {f"step {point.step}": point for point in kept}

    def restore(module, name):
        load(module, same.problem.objective.layout.unflatten(by_name[name].params))
        return RATE

    peer = TracInCP(
        same.module,
        same.train_set,
        checkpoints=list(by_name),
        checkpoints_load_func=restore,
        loss_fn=nn.CrossEntropyLoss(reduction="none"),
        batch_size=8,
    )
    wanted = peer.influence(tuple(same.data.test)).T
    torch.testing.assert_close(same.scores("tracin", checkpoints=chosen), wanted, rtol=1e-8, atol=1e-12)
