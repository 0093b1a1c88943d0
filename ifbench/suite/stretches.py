"""Whether the stretches of training that protocols make fit the trainings of a suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ifbench.core.registry import Registry
    from ifbench.suite.cells import Cell
    from ifbench.suite.faults import Faults
    from ifbench.suite.listed import Listing


def check_stretches(cells: Iterable[Cell], protocols: Listing, registry: Registry, *, faults: Faults) -> None:
    """Note protocols that cannot be made on a training as long as its recipe says.

    Args:
        cells: Of the suite; what is excluded never runs.
        protocols: The protocols, with where they were written.
        registry: Says how each protocol trains again.
        faults: Told what is wrong.
    """
    pairs = {(cell.protocol.label, cell.task.recipe.steps): cell.protocol for cell in cells}
    for (label, steps), choice in pairs.items():
        place, again = protocols.entries[label].place, registry.protocol(choice.name).retraining
        if again is None:
            continue
        try:
            params = registry.params("protocol", choice.name, choice.params)
            how = again(params, steps)
        except Exception as error:  # noqa: BLE001 - a plugin's own function may raise anything
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            faults.add(place, f"{reason}, of a training of {steps}", hint=f"see: ifbench show {choice.name}")
            continue
        if how.start is not None and how.start > steps:
            message = f"starts after {how.start} updates, but the training makes {steps}"
            faults.add(place, message, hint="give a number of updates within the training")
