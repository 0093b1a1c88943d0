"""What a cell tests, and the pair of matrices that it compares, read from the store."""

from __future__ import annotations

import numpy as np

from ifbench.compare.effects import predicted_effects
from ifbench.compare.interventions import Selection, select_interventions
from ifbench.compare.matrices import Matrices
from ifbench.compare.pairs import FloatArray
from ifbench.core.errors import IfbenchError
from ifbench.jobs.job import change_job
from ifbench.jobs.plan import CellWork
from ifbench.jobs.reader import Reader
from ifbench.suite import Suite
from ifbench.suite.cells import ExampleRule


def selection_of(work: CellWork, suite: Suite, reader: Reader) -> Selection:
    """The interventions that a cell tests; scores are read only where they choose.

    Args:
        work: The cell.
        suite: Its rules choose.
        reader: Reads what the store holds.

    Raises:
        MissingArtifactError: What chooses them is not in the store.
        IfbenchError: See `select_interventions`.
    """
    assert work.score is not None

    def scores(rule: ExampleRule) -> FloatArray:
        job = work.score if rule.by == "self" else work.selectors[rule.by]
        assert job is not None
        values: FloatArray = reader.result(job).arrays["scores"]
        return values if values.ndim == 2 else values[-1]  # of several horizons the last one chooses

    n_query, n_train = len(reader.meta(work.score)["queries"]), int(reader.meta(work.train)["n_train"])
    return select_interventions(suite.examples, scores, n_train=n_train, n_query=n_query, seed=work.cell.task.seed)


def queries_of(work: CellWork, reader: Reader) -> list[int]:
    """Rows of the test set whose losses a cell compares; none where it compares parameters.

    Raises:
        MissingArtifactError: The scores are not in the store.
    """
    if work.score is None or work.measures != "effects":
        return []
    queries: list[int] = reader.meta(work.score)["queries"]
    return queries


def matrices_of(work: CellWork, suite: Suite, reader: Reader) -> Matrices:
    """Put beside each other what was predicted and what was measured.

    Args:
        work: The cell.
        suite: Its rules choose the interventions.
        reader: Reads what the store holds.

    Raises:
        MissingArtifactError: Something is not in the store.
        IfbenchError: The estimator predicts each horizon, but not those that were measured.
    """
    selection = selection_of(work, suite, reader)
    predicted = _predicted(work, selection, reader)
    parts = selection.parts
    if work.measures == "parameters":
        parts = {name: part.by_set() for name, part in parts.items()}
    first, *others = (reader.truths(base, queries_of(work, reader)) for base in work.bases)
    changes, drifts = zip(*(truths.measured(selection.interventions) for truths in (first, *others)), strict=True)
    sizes = [np.abs(drift).mean(axis=1) for drift in drifts if drift is not None]
    drift = np.mean(sizes, axis=0) if len(sizes) == len(drifts) else None
    if predicted.ndim == 2:  # the same at every horizon
        predicted = np.broadcast_to(predicted, (len(first.horizons), *predicted.shape))
    if len(predicted) != len(first.horizons):
        expected = f"expected the {len(first.horizons)} that {work.cell.protocol.label} measures"
        where = f"estimator '{work.cell.estimator.label}'"
        raise IfbenchError(f"predicts {len(predicted)} horizons; {expected}", where=where)
    return Matrices(predicted, np.stack(changes), work.measures, parts, first.horizons, first.engine, drift)


def _predicted(work: CellWork, selection: Selection, reader: Reader) -> FloatArray:
    """Predictions (n_intervention, n_column), one for each horizon where the estimator tells them apart."""
    assert work.score is not None
    if work.measures == "parameters":
        stored = reader.result(change_job(work.score, selection.interventions))
        return stored.arrays["changes"].astype(np.float64)
    arrays, n_train = reader.result(work.score).arrays, int(reader.meta(work.train)["n_train"])
    rows = arrays.get("examples")
    return predicted_effects(selection.interventions, arrays["scores"], n_train=n_train, examples=rows)
