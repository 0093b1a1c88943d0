"""Estimators that are right but for one planted bug each, as seen in published libraries."""

from typing import ClassVar

import numpy as np
import torch

from ifbench import EstimatorSpec, Params
from ifbench.errors import UnsupportedError


class Right:
    """`g_q' H^-1 g_i` by a dense solve."""

    def __init__(self, params):
        self.inverse = None

    def fit(self, problem):
        self.inverse = torch.linalg.inv(problem.hessian() + 1e-9 * torch.eye(problem.n_param, dtype=problem.dtype))

    def score(self, problem, examples, queries):
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
