"""Networks, as an architecture builds them and as training leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from ifbench.core.interfaces.data import Batch

if TYPE_CHECKING:
    from torch import Tensor, nn


class Model(Protocol):
    """What an architecture builds: a network with its per-example loss and its predictions.

    Both methods are pure: they read nothing but their arguments, parameters and buffers by name and the examples, and
    change nothing.
    """

    @property
    def module(self) -> nn.Module:
        """The network."""

    def losses(self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Loss of each example, shape (n_batch,), in nats for classification; no reduction, no weight decay.

        Args:
            params: Parameters by name.
            buffers: Buffers by name.
            batch: The examples.
        """

    def predict(self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Predicted class (n_batch,) int64, or predicted values.

        Args:
            params: Parameters by name.
            buffers: Buffers by name.
            batch: The examples.
        """


@runtime_checkable
class TrainingModel(Model, Protocol):
    """A model that trains differently from how it is evaluated: with dropout, or with statistics of the batch.

    A model that is none trains through `losses`. All methods are pure, as those of `Model`.
    """

    @property
    def running(self) -> Sequence[str]:
        """Names of the buffers that training changes, such as running means."""

    def noise_shapes(self, batch: Batch) -> Sequence[tuple[int, ...]]:
        """Shapes of the random numbers that one training step over a batch of this size takes."""

    def training_losses(
        self, params: Mapping[str, Tensor], buffers: Mapping[str, Tensor], batch: Batch, noise: Sequence[Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Loss of each example while training, shape (n_batch,), and the new values of the buffers in `running`.

        Args:
            params: Parameters by name.
            buffers: Buffers by name.
            batch: The examples.
            noise: Float32, uniform in [0, 1), of the shapes in `noise_shapes`. It depends on the task's seed and the
                number of the step alone, so that runs which differ in example weights drop the same units.
        """


@runtime_checkable
class Encoding(Protocol):
    """A model whose network takes the inputs of a data set in another form, such as text as numbers of tokens."""

    def encode(self, inputs: Tensor) -> Tensor:
        """The inputs of a data set (n, ...) as the network takes them (n, ...); done once, before anything else."""


@runtime_checkable
class Pretrained(Protocol):
    """A model that may hold more than its architecture's parameters and the seed say: weights read from files."""

    @property
    def weights_digest(self) -> str | None:
        """SHA-256 of those files, or None where there are none; a training is of no use once they have changed."""


class Point(NamedTuple):
    """Where a network stands, or several networks, one a row.

    Attributes:
        params: Shape (n_param,), or (n_run, n_param).
        buffers: Running statistics, shape (n_buffer,), or (n_run, n_buffer); most networks have none.
    """

    params: Tensor
    buffers: Tensor


@dataclass(frozen=True)
class Checkpoint:
    """Parameters met during training.

    Attributes:
        step: Updates made so far.
        learning_rate: Step size of the update that led there.
        params: Shape (n_param,).
        second_moment: Adam's running mean of squared gradients, corrected for its bias, shape (n_param,); None for
            other optimizers.
        buffers: Running statistics there, shape (n_buffer,); None stands for none.
    """

    step: int
    learning_rate: float
    params: Tensor
    second_moment: Tensor | None = None
    buffers: Tensor | None = None

    @property
    def point(self) -> Point:
        """Parameters and running statistics."""
        return Point(self.params, self.params.new_empty(0) if self.buffers is None else self.buffers)
