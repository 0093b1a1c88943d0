"""Time our estimators and other libraries' on the same trained network, in turn in one run: `make bench-peers`.

Every row checks that the answers agree before it compares times. Other libraries get the weight decay as damping.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from ifbench.core.registry import load_registry
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.solvers.conjugate_gradient import conjugate_gradient
from tests.benchmarks.digits import digits
from tests.benchmarks.peers import others

PACKAGES = ("ifbench", "pydvl", "dattri", "captum", "torch", "numpy")
N_QUERY, DAMPING, TOLERANCE = 20, 0.5, 1e-3
DEPTH, BATCH, REPEATS, SCALE = 50, 50, 1, 25.0
ITERATIONS, PROJECTORS = 64, 32
MOST_BYTES = 18 << 30
"""Memory; a library that wants more fails with an error."""
ONCE_SECONDS = 60.0
"""What takes longer runs once."""
MOST = 5.0
"""What takes longer than this many times ours is ended there."""

Scores = Callable[[], Tensor]


@dataclass(frozen=True)
class Contest:
    """One row of the table.

    Attributes:
        what: Estimator and setting.
        ours: Gives scores, (n_train, n_query).
        theirs: The same by library; scores up to a positive factor.
        least: Correlation that the answers of all must reach with ours.
    """

    what: str
    ours: Scores
    theirs: dict[str, Scores]
    least: float


def main() -> None:
    """Run the chosen contests and print a table."""
    arguments = _arguments()
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    print(", ".join(f"{name} {_version(name)}" for name in PACKAGES), flush=True)
    problem = digits("small-cnn", n_train=arguments.digits, n_test=N_QUERY, steps=1500)
    names = ("what", "library", "seconds", "over ours", "correlation with ours")
    print(" | ".join(names), flush=True)
    for contest in contests(problem, arguments.rows):
        for row in run(contest, arguments.repeats):
            print(" | ".join((contest.what, *row)), flush=True)


def run(contest: Contest, repeats: int) -> Iterator[tuple[str, str, str, str]]:
    """(library, median seconds, ratio, correlation) of each, timed in turn `repeats` times after a warm-up of ours."""
    scores = contest.ours()
    entries, times = {"ifbench": contest.ours, **contest.theirs}, dict[str, list[float]]()
    answers, failures = dict[str, Tensor](), dict[str, str]()
    for _ in range(repeats):
        for name, work in entries.items():
            if times.get(name, [0.0])[0] > ONCE_SECONDS:
                continue
            start = perf_counter()
            try:
                with suppress(TimeoutError), _ended_after(MOST * times["ifbench"][0] if times else 0):
                    answers[name] = work()
            except RuntimeError as error:
                failures[name] = f"{type(error).__name__}: {str(error)[:80]}"
            times.setdefault(name, []).append(perf_counter() - start)
            print(f"{contest.what}: {name} {times[name][-1]:.1f} s", file=sys.stderr, flush=True)
    own = median(times["ifbench"])
    for name in entries:
        taken = f"{median(times[name]):.2f}", f"{median(times[name]) / own:.1f}"
        if name not in answers:
            yield name, f"> {taken[0]}", f"> {taken[1]}", failures.get(name, "ended before its answer")
            continue
        agreement = torch.corrcoef(torch.stack([scores.flatten(), answers[name].flatten().to(scores)]))[0, 1]
        verdict = f"{agreement:.4f}" + ("" if agreement >= contest.least else f" (under {contest.least}: not the same)")
        yield name, *taken, verdict


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the block once the time is over; 0 gives it all it takes."""

    def end(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def contests(problem: TrainedProblem, rows: list[str]) -> Iterator[Contest]:
    """The chosen rows, each built when its turn comes."""
    for name in rows or ROWS:
        yield ROWS[name](problem)


def _cg(problem: TrainedProblem) -> Contest:
    """Residuals below 1e-3: dattri ignores its tolerance, so it is given the steps that its kind of solver takes."""
    steps = _steps(problem)
    return Contest(
        f"hif, {N_QUERY} queries, damping {DAMPING}, residual {TOLERANCE}",
        _ours(problem, "hif", solver="block-cg", damping=DAMPING, tolerance=TOLERANCE),
        {
            "pyDVL, block": others.pydvl_cg(problem, damping=DAMPING, tolerance=TOLERANCE),
            f"dattri, {steps} steps": others.dattri_cg(problem, damping=DAMPING, steps=steps),
            "ifbench, solver: cg": _ours(problem, "hif", solver="cg", damping=DAMPING, tolerance=TOLERANCE),
        },
        least=0.999,
    )


def _tracin(problem: TrainedProblem) -> Contest:
    count = len(problem.checkpoints)
    return Contest(
        f"tracin, {count} checkpoints, {N_QUERY} queries",
        _ours(problem, "tracin", checkpoints="all"),
        {"captum": others.captum_tracin(problem), "dattri": others.dattri_tracin(problem)},
        least=0.9999,
    )


def _abif(problem: TrainedProblem) -> Contest:
    """No early end, and no damping, which captum has not; each starts from a vector of its own."""
    setting = {"iterations": ITERATIONS, "projectors": PROJECTORS, "tolerance": 0.0}
    return Contest(
        f"abif, {ITERATIONS} iterations, {PROJECTORS} projectors, {N_QUERY} queries",
        _ours(problem, "abif", **setting),
        {
            "ifbench, symmetric: false": _ours(problem, "abif", symmetric=False, **setting),
            "captum": others.captum_arnoldi(problem, iterations=ITERATIONS, projectors=PROJECTORS),
        },
        least=0.9,
    )


def _lissa(problem: TrainedProblem) -> Contest:
    """Each library draws its own batches, so answers agree roughly."""
    setting = {"damping": DAMPING, "scale": SCALE, "depth": DEPTH, "batch_size": BATCH}
    return Contest(
        f"lissa, depth {DEPTH}, batches of {BATCH}, {REPEATS} repeat, {N_QUERY} queries",
        _ours(problem, "lissa", repeats=REPEATS, **setting),
        {"pyDVL": others.pydvl_lissa(problem, **setting), "dattri": others.dattri_lissa(problem, **setting)},
        least=0.9,
    )


ROWS = {"tracin": _tracin, "lissa": _lissa, "abif": _abif, "cg": _cg}


def _ours(problem: TrainedProblem, name: str, **values: object) -> Scores:
    """Scores by a fresh instance on a fresh problem, which has kept nothing."""
    spec = load_registry().estimator(name)

    def scores() -> Tensor:
        fresh = others.fresh(problem)
        estimator = spec.load()(spec.params(**values))
        estimator.fit(fresh)
        return estimator.score(fresh, torch.arange(fresh.n_train), torch.arange(N_QUERY))

    return scores


def _steps(problem: TrainedProblem) -> int:
    """Steps after which conjugate gradients have solved every query."""
    gradients = problem.query_gradients(torch.arange(N_QUERY))
    damped = problem.hessian_operator() + DAMPING * problem.identity
    found = conjugate_gradient(damped, gradients, tolerance=TOLERANCE, max_iterations=200)
    if found.negative_curvature.any():
        raise SystemExit("the damped Hessian is not positive definite: train longer or raise DAMPING")
    return found.iterations


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)}; without any, all")
    parser.add_argument("--digits", type=int, default=4000, help="training examples")
    parser.add_argument("--repeats", type=int, default=3, help="times each is run; the median counts")
    if not os.environ.get("IFBENCH_DATA"):
        parser.error("IFBENCH_DATA is not set: it must name a folder with MNIST")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - ROWS.keys():
        parser.error(f"no such row: {', '.join(sorted(unknown))}; known: {', '.join(ROWS)}")
    return arguments


if __name__ == "__main__":
    main()
