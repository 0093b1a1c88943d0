"""Estimators that are right but for one planted bug each, as seen in published libraries."""

from typing import ClassVar

import numpy as np
import torch

from ifbench import EstimatorSpec, Params, param
from ifbench.core.errors import EstimatorError, UnsupportedError


class Right:
    """`g_q' H^-1 g_i` by a dense solve."""

    def __init__(self, params):
        self.inverse = None

    def fit(self, problem):
        values, vectors = torch.linalg.eigh(problem.hessian())
        self.inverse = vectors / torch.where(values.abs() > 1e-9, values, torch.inf) @ vectors.T

    def score(self, problem, examples, queries):
        if self.inverse is None:
            raise EstimatorError("score was called before fit")
        return problem.dot(examples, problem.query_gradients(queries) @ self.inverse)


class WrongSign(Right):
    def score(self, problem, examples, queries):
        return -super().score(problem, examples, queries)


class Transposed(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries).T


class TransposedWhenSquare(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        return scores.T if scores.shape[0] == scores.shape[1] else scores.reshape(scores.shape[::-1])


class HidesItsParameters(Right):
    def parameter_change(self, problem, interventions):
        return problem.params.new_zeros(len(interventions), problem.n_param)


class DividedByN(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries) / problem.n_train


class TimesN(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries) * problem.n_train


class MutatesParams(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        problem.params.add_(1e-3)
        return scores


class MutatesData(Right):
    def fit(self, problem):
        super().fit(problem)
        problem.data.train.inputs.sub_(problem.data.train.inputs.mean(0))


class TrainsTheModule(Right):
    def fit(self, problem):
        super().fit(problem)
        problem.objective.model.module.train()


class SeedsGlobally(Right):
    def fit(self, problem):
        super().fit(problem)
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 - the bug


class ChangesThreads(Right):
    def fit(self, problem):
        super().fit(problem)
        torch.set_num_threads(torch.get_num_threads() + 1)


class ChangesDefaults(Right):
    def fit(self, problem):
        super().fit(problem)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)


class SortsTheRows(Right):
    def score(self, problem, examples, queries):
        examples.sub_(examples % 2)
        return super().score(problem, examples, queries)


class GlobalRandom(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        return scores * (1 + 0.01 * torch.rand(scores.shape, dtype=scores.dtype))


class AddsChunkInverses(Right):
    def fit(self, problem):
        identity = torch.eye(problem.n_param, dtype=problem.dtype)
        self.inverse = torch.zeros_like(identity)
        for rows in torch.arange(problem.n_train).split(problem.chunk or problem.n_train):
            part = problem.hessian_product(identity, examples=rows) + 1e-6 * identity
            self.inverse += torch.linalg.inv(part) * len(rows) / problem.n_train


class IgnoresRows(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, torch.arange(len(examples)), queries)


class NormalisesOverQueries(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        return scores - 0.1 * scores.mean(1, keepdim=True)


class ZerosBeyondParameters(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        scores[:, problem.n_param :] = 0
        return scores


class GivesNan(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        scores[0, -1] = float("nan")
        return scores


class NanWhenSingular(Right):
    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        return scores / 0 if torch.linalg.matrix_rank(problem.hessian()) < problem.n_param else scores


class NanWhenIndefinite(Right):
    def fit(self, problem):
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky_ex(problem.hessian())[0])
        if not torch.linalg.eigvalsh(problem.hessian())[0] > 0:
            self.inverse = self.inverse * torch.nan


class RefusesWithoutReason(Right):
    def fit(self, problem):
        if problem.n_train == 1:
            raise EstimatorError("")
        super().fit(problem)


class Iterative(Right):
    """Solves for each query with products alone."""

    def fit(self, problem):
        pass

    def score(self, problem, examples, queries):
        solved = [self.solve(problem, gradient) for gradient in problem.query_gradients(queries)]
        return problem.dot(examples, torch.stack(solved))

    @staticmethod
    def product(problem, vector):
        return problem.hessian_product(vector[None])[0]


class RunsPastConvergence(Iterative):
    """Conjugate gradient that never looks at its residual (dattri)."""

    def solve(self, problem, b, steps=100):
        x, residual, direction = torch.zeros_like(b), b, b
        for _ in range(steps):
            image = self.product(problem, direction)
            step = residual.dot(residual) / direction.dot(image)
            x, new = x + step * direction, residual - step * image
            direction, residual = new + new.dot(new) / residual.dot(residual) * direction, new
        return x


class StopsTooEarly(RunsPastConvergence):
    """Conjugate gradient of one step, whatever the residual (dattri ignores the tolerance)."""

    def solve(self, problem, b):
        return super().solve(problem, b, steps=1) if b.any() else b


class ArnoldiThroughBreakdown(Right):
    """Arnoldi that divides by whatever norm is left and orthogonalises once (dattri)."""

    def fit(self, problem):
        start = torch.randn(problem.n_param, generator=problem.generator("start"), dtype=torch.float64)
        basis, n_step = [start.to(problem.dtype) / start.norm()], problem.n_param
        matrix = torch.zeros(n_step + 1, n_step, dtype=problem.dtype)
        for k in range(n_step):
            image = problem.hessian_product(basis[k][None])[0]
            for j, vector in enumerate(basis):
                matrix[j, k] = image.dot(vector)
                image = image - matrix[j, k] * vector
            matrix[k + 1, k] = image.norm()
            basis.append(image / matrix[k + 1, k])
        space = torch.stack(basis[:n_step])
        self.inverse = space.T @ torch.linalg.pinv(matrix[:n_step]) @ space


class SeriesWithoutScale(Right):
    """A Neumann series that nobody keeps from diverging (pytorch_influence_functions)."""

    def fit(self, problem):
        identity = torch.eye(problem.n_param, dtype=problem.dtype)
        hessian, self.inverse = problem.hessian(), identity
        for _ in range(2000):
            self.inverse = identity + self.inverse - self.inverse @ hessian


class ProjectsToMoreThanThereIs(Right):
    """A random projection wider than the number of parameters, and the inverse of a matrix without one (TRAK).

    What it gives is rounding noise, in float32 the more so.
    """

    def fit(self, problem):
        wide = torch.randn(8 * problem.n_param, problem.n_param, generator=problem.generator("wide"))
        wide = wide.to(problem.dtype)
        gradients = problem.example_gradients(torch.arange(problem.n_train)) @ wide.T
        self.inverse = wide.T @ torch.linalg.inv(gradients.T @ gradients) @ wide * problem.n_train


class DampedTooLittle(Right):
    """A curvature estimate of low rank whose null directions get the weight 1 / 1e-8 (kronfluence's default)."""

    def fit(self, problem):
        identity = torch.eye(problem.n_param, dtype=problem.dtype)
        few = problem.hessian_product(identity, examples=torch.arange(2)) - 2 * problem.decay * identity
        self.inverse = torch.linalg.inv(few + 1e-8 * identity)


class DampingParams(Params):
    damping: float = param(0.0, ge=0, about="added to the Hessian")


class SharesSettings(Right):
    """Settings kept on the class, so that the last instance made decides for all (dattri)."""

    params_model = DampingParams
    settings = {}  # noqa: RUF012 - the bug itself

    def __init__(self, params):
        super().__init__(params)
        self.settings["damping"] = params.damping

    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries) / (1 + self.settings["damping"])


class GarbageBeforeFit(Right):
    def score(self, problem, examples, queries):
        if self.inverse is None:
            return problem.dot(examples, problem.query_gradients(queries) * 2)
        return super().score(problem, examples, queries)


class RaisesBeforeFit(Right):
    def score(self, problem, examples, queries):
        return problem.dot(examples, problem.query_gradients(queries) @ self.inverse.clone())


class Standardises(Right):
    """Divides by a standard deviation and multiplies by it again, which does no harm unless it is zero."""

    def score(self, problem, examples, queries):
        spread = self.spread(problem)
        return super().score(problem, examples, queries) / spread * spread


class StandardisesExamples(Standardises):
    def spread(self, problem):
        return sample_deviation(problem.train_losses(torch.arange(problem.n_train)))


class StandardisesQueries(Standardises):
    def spread(self, problem):
        return sample_deviation(problem.query_losses(torch.arange(problem.n_test)))


class StandardisesParameters(Standardises):
    def spread(self, problem):
        return sample_deviation(problem.params)


def sample_deviation(values):
    return ((values - values.mean()).square().sum() / (len(values) - 1)).sqrt()


class AbsoluteThreshold(Right):
    """Believes an inverse only to the precision of float64, and doubles the scores otherwise."""

    def score(self, problem, examples, queries):
        scores = super().score(problem, examples, queries)
        error = problem.hessian_product(self.inverse.contiguous()) - torch.eye(problem.n_param, dtype=problem.dtype)
        return scores * (1 + (error.abs().max() > 1e-10))


class KeepsFirstInverse(Right):
    def fit(self, problem):
        if self.inverse is None:
            super().fit(problem)


class SharesInverse(Right):
    shared: ClassVar = {}

    def fit(self, problem):
        super().fit(problem)
        self.shared["inverse"] = self.inverse

    def score(self, problem, examples, queries):
        return problem.dot(examples, problem.query_gradients(queries) @ self.shared["inverse"])


class OnMeta(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries).to("meta")


class ReturnsNumpy(Right):
    def score(self, problem, examples, queries):
        return super().score(problem, examples, queries).numpy()


class Raises(Right):
    def score(self, problem, examples, queries):
        return 1 // 0  # here


class Exits(Right):
    def fit(self, problem):
        raise SystemExit(3)


class SupportsNothing(Right):
    def fit(self, problem):
        raise UnsupportedError("needs a transformer")


def spec_of(factory, **changes):
    changes = {"params": Params, **changes}
    return EstimatorSpec(name="planted", factory=factory, summary="planted", source="none", **changes)
