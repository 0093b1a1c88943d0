"""Call a module with tensors from outside in place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class PureModule:
    """A module as a function of its parameters and buffers.

    `torch.func.functional_call` does not put a submodule that stands in several places back as it was. Here every
    tensor is named once for each submodule that holds it, whether submodules or tensors are shared.

    Attributes:
        places: Name of each place that holds a tensor -> the tensor's name in `named_parameters` or `named_buffers`.
    """

    module: nn.Module
    places: Mapping[str, str]

    @classmethod
    def of(cls, module: nn.Module) -> PureModule:
        """Note where the tensors of `module` stand."""
        names = {tensor: name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
        places: dict[str, str] = {}
        for path, part in module.named_modules():
            own = (
                *part.named_parameters(recurse=False, remove_duplicate=False),
                *part.named_buffers(recurse=False, remove_duplicate=False),
            )
            places |= {f"{path}.{name}" if path else name: names[tensor] for name, tensor in own}
        return cls(module, places)

    def __call__(self, tensors: Mapping[str, Tensor], inputs: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Outputs, and the tensors with those replaced that the module assigned anew; the module stays as it is.

        Args:
            tensors: Parameters and buffers by name; what is missing is the module's own.
            inputs: Handed to the module.
        """
        state = {place: tensors[name] for place, name in self.places.items() if name in tensors}
        with sdpa_kernel(SDPBackend.MATH):  # torch's fused attention has no second and no forward derivative
            outputs: Tensor = functional_call(self.module, state, (inputs,), tie_weights=False)  # writes into `state`
        return outputs, {**tensors, **{name: state[name] for name in tensors if name in state}}
