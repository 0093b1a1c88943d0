"""How runs differ: factors of losses in batches, or losses beside them; and interventions in these terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ifbench.core import Batch
from ifbench.core.errors import IfbenchError
from ifbench.core.intervention import Intervention
from ifbench.core.retraining import Form


@dataclass(frozen=True)
class Change:
    """How one run differs from the unperturbed one, or several runs, one a row.

    Attributes:
        weights: Factor of each example's loss wherever it is met in a batch, (n_train,).
        rows: Examples whose loss is added to the objective of every update, whatever the batch, int64 (k,).
        added: Their weights beside the mean over the batch, (k,). The added losses are those of evaluation: no dropout,
            and the running statistics of the moment.
        source: What `rows` index, the same for all runs; None: the training set.
    """

    weights: Tensor
    rows: Tensor | None = None
    added: Tensor | None = None
    source: Batch | None = None

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """Its tensors that differ from run to run."""
        return (self.weights,) if self.rows is None or self.added is None else (self.weights, self.rows, self.added)

    def of(self, runs: int | list[int]) -> Change:
        """That of one of several runs, or of some of them."""
        rows, added = (None if leaf is None else leaf[runs] for leaf in (self.rows, self.added))
        return Change(self.weights[runs], rows, added, self.source)


def change_of(
    interventions: Sequence[Intervention], form: Form, *, like: Tensor, n_train: int, source: Batch | None
) -> Change:
    """One run for each intervention.

    Args:
        interventions: What is done to the training set; in form `term` all to equally many examples.
        form: How they enter, see `ifbench.core.retraining.Retraining`.
        like: Gives type and device.
        n_train: Size of the training set.
        source: What their rows index; None: the training set.

    Raises:
        IfbenchError: A row is outside.
    """
    count, kind = (n_train, "training") if source is None else (len(source.targets), "added")
    outside = [row for item in interventions for row, _ in item.changes if not 0 <= row < count]
    if outside:
        message, hint = f"no {kind} example {outside[0]} among {count}", f"rows count from 0 to {count - 1}"
        raise IfbenchError(message, where="retrain", hint=hint)
    ones = like.new_ones(len(interventions), n_train)
    if form == "factor":
        for row, intervention in zip(ones, interventions, strict=True):
            for example, change in intervention.changes:
                row[example] += change
        return Change(ones)
    n_term = max(1, *(len(intervention.changes) for intervention in interventions))
    rows = torch.zeros(len(interventions), n_term, dtype=torch.int64, device=like.device)
    weights = like.new_zeros(len(interventions), n_term)
    for number, intervention in enumerate(interventions):
        for place, (example, added) in enumerate(intervention.added(n_train)):
            rows[number, place], weights[number, place] = example, added
    return Change(ones, rows, weights, source)


def alike(interventions: Sequence[Intervention], form: Form) -> list[list[int]]:
    """Places of interventions that can be made together: where losses are added, those that add equally many.

    A sum has the same bits in any company only when all are equally long.
    """
    lengths = [max(1, len(item.changes)) if form == "term" else 0 for item in interventions]
    return [[place for place, length in enumerate(lengths) if length == one] for one in sorted(set(lengths))]


def check_added(added: Batch | None, train: Batch, form: Form) -> None:
    """See that examples handed in can be added: that the stretch adds losses, and that they are like the others.

    Raises:
        IfbenchError: They cannot.
    """
    if added is None:
        return
    if form != "term":
        raise IfbenchError(
            "examples are added to a stretch whose interventions are factors of the training examples",
            where="retrain",
            hint="give a Retraining with form 'term'",
        )
    for name, part, like in zip(Batch._fields, added, train, strict=True):
        given, wanted = (f"{tuple(some.shape[1:])} {some.dtype}" for some in (part, like))
        if given != wanted or len(part) != len(added.inputs):
            raise IfbenchError(
                f"added {name} are {len(part)} of shape {given}; expected {len(added.inputs)} of {wanted}",
                where="retrain",
                hint="take them from `task.data.train` and change what is to be changed",
            )
