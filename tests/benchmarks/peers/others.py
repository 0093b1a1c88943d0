"""Other libraries' estimators on one of our trained problems, each as a function of no arguments that gives scores.

Scores have shape (n_train, n_query) and are right up to a positive factor. Damping is that of the mean loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ifbench.numerics.problem import TrainedProblem

BATCH = 200
"""Examples in a batch wherever a library lets one choose."""

Scores = Callable[[], Tensor]


def fresh(problem: TrainedProblem) -> TrainedProblem:
    """The same problem with nothing kept."""
    return replace(problem)


def network(problem: TrainedProblem, params: Tensor | None = None) -> nn.Module:
    """The module with the trained parameters, or others, in it."""
    module = problem.objective.model.module
    torch.nn.utils.vector_to_parameters(problem.params if params is None else params, module.parameters())
    return module.eval()


def loader(problem: TrainedProblem, *, train: bool = True, batch_size: int = BATCH) -> DataLoader[Any]:
    """Batches of the training set, or of all queries."""
    return DataLoader(TensorDataset(*(problem.data.train if train else problem.data.test)), batch_size=batch_size)


def pydvl_cg(problem: TrainedProblem, *, damping: float, tolerance: float) -> Scores:
    """Conjugate gradients, the block variant."""
    from pydvl.influence.torch import CgInfluence

    def scores() -> Tensor:
        model = CgInfluence(
            network(problem),
            F.cross_entropy,
            regularization=damping + 2 * problem.decay,
            rtol=tolerance,
            atol=0.0,
            solve_simultaneously=True,
        )
        return _pydvl_scores(model, problem)

    return scores


def pydvl_lissa(problem: TrainedProblem, *, damping: float, scale: float, depth: int, batch_size: int) -> Scores:
    """LiSSA; its one repeat draws a new batch at every step."""
    from pydvl.influence.torch import LissaInfluence

    def scores() -> Tensor:
        model = LissaInfluence(
            network(problem),
            F.cross_entropy,
            regularization=damping + 2 * problem.decay,
            maxiter=depth,
            dampen=0.0,
            scale=scale,
            rtol=0.0,
        )
        return _pydvl_scores(model, problem, batch_size=batch_size)

    return scores


def _pydvl_scores(model: Any, problem: TrainedProblem, *, batch_size: int = BATCH) -> Tensor:
    """Any: the library's own class."""
    fitted = model.fit(loader(problem, batch_size=batch_size))
    factors = fitted.influence_factors(*problem.data.test)
    parts = [fitted.influences_from_factors(factors, *batch) for batch in loader(problem)]
    return torch.cat(parts, dim=1).T.detach()


def dattri_cg(problem: TrainedProblem, *, damping: float, steps: int) -> Scores:
    """Conjugate gradients over the whole set in one batch: it adds the inverses of several."""
    from dattri.algorithm.influence_function import IFAttributorCG

    def scores() -> Tensor:
        attributor = IFAttributorCG(_dattri_task(problem), max_iter=steps, regularization=damping + 2 * problem.decay)
        return _dattri_scores(attributor, problem)

    return scores


def dattri_lissa(problem: TrainedProblem, *, damping: float, scale: float, depth: int, batch_size: int) -> Scores:
    """LiSSA; its damping is in units of the scale."""
    from dattri.algorithm.influence_function import IFAttributorLiSSA

    def scores() -> Tensor:
        attributor = IFAttributorLiSSA(
            _dattri_task(problem),
            batch_size=batch_size,
            num_repeat=1,
            recursion_depth=depth,
            damping=(damping + 2 * problem.decay) / scale,
            scaling=scale,
        )
        return _dattri_scores(attributor, problem)

    return scores


def _dattri_scores(attributor: Any, problem: TrainedProblem) -> Tensor:
    """The training set in one batch, because each batch solves every query again; queries one by one, to fit memory.

    Any: the library's own class.
    """
    whole = loader(problem, batch_size=problem.n_train)
    attributor.cache(whole)
    scores: Tensor = attributor.attribute(whole, loader(problem, train=False, batch_size=1))
    return scores


def dattri_tracin(problem: TrainedProblem) -> Scores:
    """TracIn over all checkpoints, without projection."""
    from dattri.algorithm.tracin import TracInAttributor

    def scores() -> Tensor:
        attributor = TracInAttributor(
            _dattri_task(problem, checkpoints=True),
            weight_list=torch.tensor([checkpoint.learning_rate for checkpoint in problem.checkpoints]),
            normalized_grad=False,
        )
        attributor.projector_kwargs = None
        result: Tensor = attributor.attribute(loader(problem), loader(problem, train=False))
        return result

    return scores


def _dattri_task(problem: TrainedProblem, *, checkpoints: bool = False) -> Any:
    """Any: the library's own class."""
    from dattri.task import AttributionTask

    module = network(problem)

    def loss(params: dict[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = data
        single = inputs.ndim == 3
        logits = torch.func.functional_call(module, params, (inputs[None] if single else inputs,))
        return F.cross_entropy(logits, (targets[None] if single else targets).long())

    points = [checkpoint.params for checkpoint in problem.checkpoints] if checkpoints else [problem.params]
    named = [
        {name: part.clone() for name, part in problem.objective.layout.unflatten(point).items()} for point in points
    ]
    return AttributionTask(loss_func=loss, model=module, checkpoints=named if checkpoints else named[0])


def captum_tracin(problem: TrainedProblem) -> Scores:
    """TracInCP over all checkpoints, with its faster way of taking single gradients."""
    from captum.influence import TracInCP

    points = {str(index): checkpoint for index, checkpoint in enumerate(problem.checkpoints)}

    def load(module: nn.Module, name: str) -> float:
        network(problem, points[name].params)
        return points[name].learning_rate

    def scores() -> Tensor:
        tracin = TracInCP(
            network(problem),
            loader(problem),
            checkpoints=list(points),
            checkpoints_load_func=load,
            loss_fn=nn.CrossEntropyLoss(reduction="sum"),
            sample_wise_grads_per_batch=True,
        )
        result: Tensor = tracin.influence(tuple(problem.data.test)).T.detach()
        network(problem)
        return result

    return scores


def captum_arnoldi(problem: TrainedProblem, *, iterations: int, projectors: int) -> Scores:
    """Arnoldi over the sum of the losses, whose weight decay is n times that of the mean."""
    from captum.influence._core.arnoldi_influence_function import ArnoldiInfluenceFunction

    def scores() -> Tensor:
        arnoldi = ArnoldiInfluenceFunction(
            network(problem),
            TensorDataset(*problem.data.train),
            checkpoint="there is none",
            checkpoints_load_func=lambda module, name: 1.0,
            loss_fn=nn.CrossEntropyLoss(reduction="sum"),
            batch_size=BATCH,
            sample_wise_grads_per_batch=True,
            arnoldi_dim=iterations,
            arnoldi_tol=0.0,
            projection_dim=projectors,
            hessian_inverse_tol=0.0,
            hessian_reg=2 * problem.decay * problem.n_train,
        )
        result: Tensor = arnoldi.influence(tuple(problem.data.test)).T.detach()
        return result

    return scores
