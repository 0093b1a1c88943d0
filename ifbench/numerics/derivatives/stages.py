"""A function of one vector, such as a Hessian product, with all that does not depend on the vector at hand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, cat, fx
from torch.func import functionalize, vmap

from ifbench.numerics.derivatives.partition import Halves, split
from ifbench.numerics.derivatives.rewrites import join_input_gradients
from ifbench.numerics.derivatives.tracing import Tensors, flatten, record, signature, unflatten


@dataclass(frozen=True)
class Stage:
    """A function of one vector, ready to be applied.

    Attributes:
        kept: What does not depend on the vector.
        late: (*kept, vector) -> (result,).
        rows: The same for rows of vectors, side by side: recorded for each number of them.
    """

    kept: Tensors
    late: Callable[..., Tensors]
    rows: dict[int, Callable[..., Tensors]]

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in self.kept}
        return sum(storages.values())

    def multiply(self, vectors: Tensor) -> Tensor:
        """The result for each row of vectors (k, n), all at once; k is rounded up, to record fewer."""
        n_row = len(vectors)
        if n_row == 1:
            return self.late(*self.kept, vectors[0])[0][None]
        missing = -n_row % (1 << max(0, n_row.bit_length() - 3))
        if missing:
            vectors = cat([vectors, vectors.new_zeros(missing, vectors.shape[1])])
        if len(vectors) not in self.rows:
            many = vmap(self.late, in_dims=(*(None for _ in self.kept), 0))
            self.rows[len(vectors)] = record(lambda *args: many(*args), *self.kept, vectors).forward
        return self.rows[len(vectors)](*self.kept, vectors)[0][:n_row]


def stage(function: Callable[..., Tensor]) -> Callable[..., Stage]:
    """The early half of `function(*early, vector) -> result`: (*early, like=vector) -> Stage.

    `like` is any vector of the right shape, by default the first tensor. Recorded anew for each structure, shape and
    type; as with `trace`, `function` must be pure and branch on shapes only.
    """
    recorded: dict[Hashable, tuple[Halves, dict[int, Callable[..., Tensors]]]] = {}

    def prepare(*early: Any, like: Tensor | None = None) -> Stage:  # Any: tensors, alone and in tuples
        given, form = flatten(early)
        example = [*given, given[0] if like is None else like]
        key = (repr(form), signature(example))
        if key not in recorded:
            recorded[key] = _halves(function, form, example), {}
        halves, rows = recorded[key]
        return Stage(halves.early(*given), halves.late, rows)

    return prepare


def _halves(function: Callable[..., Tensor], form: Any, example: Sequence[Tensor]) -> Halves:
    def flat(*args: Tensor) -> Tensors:
        return (function(*unflatten(args[:-1], form), args[-1]),)

    whole = record(functionalize(flat), *example)
    early, late = split(whole.graph, len(example) - 1)
    join_input_gradients(late)
    return Halves(fx.GraphModule(whole, early).forward, fx.GraphModule(whole, late).forward)
