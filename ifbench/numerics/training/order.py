"""Which examples each batch holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ifbench.core.identity import derive_seed


@dataclass
class EpochOrder:
    """Endless sequence of shuffled epochs; any stretch of it can be had without those before."""

    n_train: int
    seed: int
    _epoch: int = -1
    _rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def slice(self, start: int, length: int) -> Tensor:
        """Positions start .. start+length of the sequence, int64 (length,); a batch may span two epochs."""
        parts: list[Tensor] = []
        while length > 0:
            epoch, offset = divmod(start, self.n_train)
            part = self._shuffled(epoch)[offset : offset + length]
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed("epoch", self.seed, epoch))
            self._epoch, self._rows = epoch, torch.randperm(self.n_train, generator=generator)
        return self._rows
