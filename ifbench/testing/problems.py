"""Small problems whose influence is known in closed form, and trained problems from any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
from torch import Tensor, nn

from ifbench.core import Batch, Dataset, Model
from ifbench.core.networks import Regressor
from ifbench.core.recipe import Recipe
from ifbench.numerics.derivatives.objective import Objective
from ifbench.numerics.prepare import objective_of
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.optimizers import initial_state

LEARNING_RATE = 0.1


@dataclass(frozen=True)
class Ridge:
    """Linear least squares with weight decay, at its optimum; float64.

    The objective is `mean_i (y_i - x_i'w)^2 / 2 + decay * |w|^2`, a bias, if any, being one more weight.

    Attributes:
        problem: What an estimator is given.
    """

    problem: TrainedProblem

    @property
    def hessian(self) -> Tensor:
        """`X'X / n + 2 decay I`, shape (n_param, n_param)."""
        return _normal_matrix(self._design(self.problem.data.train), self.problem.decay)

    def influence(self) -> Tensor:
        """`g_q' H^-1 g_i` for every example and query, shape (n_train, n_query): the score to first order."""
        train, test = (self._design(batch) * self._errors(batch) for batch in self._batches)
        scores: Tensor = train @ torch.linalg.solve(self.hessian, test.T)
        return scores

    def leave_one_out_effects(self) -> Tensor:
        """Exact change of each query's loss when an example's weight is set to 0 and the problem solved again.

        Shape (n_train, n_query). The divisor of the mean stays n. Positive: the example helped.

        Source: Sherman & Morrison 1950, applied to `H - x_i x_i' / n`.
        """
        train, test = self._batches
        design = self._design(train)
        solved = torch.linalg.solve(self.hessian, design.T).T / len(design)  # row i: H^-1 x_i / n
        leverage = (design * solved).sum(1)
        change = solved * (self._errors(train).squeeze(1) / (1 - leverage))[:, None]  # (n_train, n_param)
        before = self._errors(test).T  # (1, n_query)
        effects: Tensor = ((before + change @ self._design(test).T).square() - before.square()) / 2
        return effects

    def chunked(self, chunk: int) -> Ridge:
        """The same problem, which treats `chunk` examples at once."""
        return Ridge(replace(self.problem, chunk=chunk))

    def with_own_model(self) -> Ridge:
        """The same problem with a module of its own that holds the optimum; others share one for speed."""
        problem = self.problem
        model = Regressor(_linear(problem.data.train.inputs.shape[1], bias=self._has_bias))
        objective = objective_of(model, decay=problem.decay)
        with torch.no_grad():
            for name, values in objective.layout.unflatten(problem.params).items():
                model.module.get_parameter(name).copy_(values)
        return Ridge(_problem(objective, problem.data, problem.params, chunk=problem.chunk))

    def in_single_precision(self) -> Ridge:
        """The same problem in float32."""
        problem = self.problem
        train, test = (Batch(*(part.float() for part in batch)) for batch in self._batches)
        objective = _objective(train.inputs.shape[1], problem.decay, bias=self._has_bias, dtype=torch.float32)
        return Ridge(_problem(objective, Dataset(train, test, n_output=1), problem.params.float(), chunk=problem.chunk))

    @property
    def _batches(self) -> tuple[Batch, Batch]:
        return self.problem.data.train, self.problem.data.test

    @property
    def _has_bias(self) -> bool:
        return self.problem.n_param > self.problem.data.train.inputs.shape[1]

    def _design(self, batch: Batch) -> Tensor:
        return _design(batch.inputs, bias=self._has_bias)

    def _errors(self, batch: Batch) -> Tensor:
        """Predicted minus wanted values, (n, 1)."""
        return self._design(batch) @ self.problem.params[:, None] - batch.targets


def ridge(
    spectrum: Sequence[float] = (1.0, 1.05, 1.1, 1.2),
    *,
    n_train: int = 60,
    n_query: int = 12,
    decay: float = 0.005,
    bias: bool = False,
    seed: int = 0,
) -> Ridge:
    """Ridge regression with given eigenvalues of `X'X / n`, in directions that are no axes.

    Args:
        spectrum: One eigenvalue for each of the inputs; zeros make a singular problem when decay is 0.
        n_train: Training examples, at least as many as inputs.
        n_query: Test points.
        decay: Factor of `|w|^2` in the objective.
        bias: Whether the model has a bias; its column of ones adds to the spectrum.
        seed: Seeds inputs and targets; the global random state is left as it is.
    """
    normal = _normal(seed)
    stretch = torch.tensor(spectrum, dtype=torch.float64).sqrt()
    rotation = torch.linalg.qr(normal(len(spectrum), len(spectrum)))[0]
    train = n_train**0.5 * torch.linalg.qr(normal(n_train, len(spectrum)))[0] * stretch @ rotation.T
    test = normal(n_query, len(spectrum)) * stretch @ rotation.T
    truth = rotation @ (normal(len(spectrum), 1) / stretch.clamp_min(1e-3)[:, None])  # every direction matters as much
    first, second = (Batch(inputs, inputs @ truth + 0.5 * normal(len(inputs), 1)) for inputs in (train, test))
    return Ridge(_solved(Dataset(first, second, n_output=1), decay, bias=bias))


def near_isotropic(*, seed: int = 0) -> Ridge:
    """A ridge problem on which plain gradient dots rank examples right: condition number 1.2."""
    return ridge(seed=seed)


def anisotropic(*, seed: int = 0) -> Ridge:
    """A ridge problem that needs the inverse Hessian: condition number about 80."""
    return ridge((0.05, 0.2, 0.6, 2.0, 5.0), n_train=240, seed=seed)


def singular(*, seed: int = 0) -> Ridge:
    """Least squares with two directions that no example shows: the Hessian has rank 3 of 5."""
    return ridge((0.0, 0.0, 0.5, 1.0, 2.0), decay=0.0, seed=seed)


def isotropic(*, seed: int = 0) -> Ridge:
    """A ridge problem whose Hessian is a multiple of the identity; query 0 has no inputs, and so no gradient."""
    whole = ridge((1.0, 1.0, 1.0, 1.0), seed=seed).problem
    inputs, targets = whole.data.test
    test = Batch(inputs.index_fill(0, torch.tensor(0), 0), targets)
    return Ridge(_problem(whole.objective, replace(whole.data, test=test), whole.params))


def one_example(*, seed: int = 0) -> Ridge:
    """Ridge regression with a single training example and three weights."""
    data = ridge((1.0, 1.0, 1.0), seed=seed).problem.data
    return Ridge(_solved(replace(data, train=Batch(*(part[:1] for part in data.train))), decay=0.005, bias=False))


def indefinite(*, seed: int = 0) -> TrainedProblem:
    """A small network at random parameters: its Hessian has eigenvalues of both signs, none next to zero."""
    normal, objective = _normal(seed), _network()
    train, test = (Batch(normal(n, 2), normal(n, 1)) for n in (30, 4))
    return _problem(objective, Dataset(train, test, n_output=1), normal(objective.layout.size))


def problem_of(model: Model, data: Dataset, *, decay: float = 0.0, chunk: int | None = None) -> TrainedProblem:
    """The problem that an estimator sees, at the parameters that the model's module holds now; one checkpoint.

    Args:
        model: Its module is trained.
        data: Training and test set.
        decay: Factor of the squared norm in the objective.
        chunk: Examples treated at once; None takes as many as suit the device.
    """
    objective = objective_of(model, decay=decay)
    params = objective.layout.flatten(dict(model.module.named_parameters()))
    return _problem(objective, data, params, chunk=chunk)


def _problem(objective: Objective, data: Dataset, params: Tensor, *, chunk: int | None = None) -> TrainedProblem:
    recipe = Recipe(steps=1, learning_rate=LEARNING_RATE, weight_decay=objective.decay)
    state = initial_state(recipe, params, objective.initial_buffers(params))
    return TrainedProblem(Trained.of(objective, data, recipe, states={1: state}), chunk=chunk)


def _solved(data: Dataset, decay: float, *, bias: bool) -> TrainedProblem:
    """The problem at the weights of least norm among those of least objective."""
    inputs, targets = data.train
    design = _design(inputs, bias=bias)
    weights = torch.linalg.pinv(_normal_matrix(design, decay), hermitian=True) @ design.T @ targets / len(design)
    return _problem(_objective(inputs.shape[1], decay, bias=bias), data, weights.squeeze(1))


@cache
def _objective(n_input: int, decay: float, *, bias: bool, dtype: torch.dtype = torch.float64) -> Objective:
    """One objective of linear regression for all problems of a size, so that its derivatives are recorded once."""
    return objective_of(Regressor(_linear(n_input, bias=bias, dtype=dtype)), decay=decay)


@cache
def _network() -> Objective:
    return objective_of(Regressor(nn.Sequential(_linear(2, 2), nn.Tanh(), _linear(2)).eval()), decay=0.005)


def _linear(n_input: int, n_output: int = 1, *, bias: bool = True, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A linear layer with all parameters zero, made without drawing random numbers."""
    layer = nn.Linear(n_input, n_output, bias=bias, dtype=dtype, device="meta").to_empty(device="cpu")
    for param in layer.parameters():
        nn.init.zeros_(param)
    return layer.eval()


def _normal(seed: int) -> Callable[..., Tensor]:
    """Draws normal numbers of a shape, float64; the global random state is left as it is."""
    return partial(torch.randn, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _normal_matrix(design: Tensor, decay: float) -> Tensor:
    """`X'X / n + 2 decay I`, shape (n_param, n_param)."""
    return design.T @ design / len(design) + 2 * decay * torch.eye(design.shape[1], dtype=design.dtype)


def _design(inputs: Tensor, *, bias: bool) -> Tensor:
    """Inputs with a column of ones where there is a bias, shape (n, n_param)."""
    return torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1) if bias else inputs
