"""Registered names and their parameters, as a suite gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from ifbench.core.errors import IfbenchError
from ifbench.core.params import RESERVED, Params
from ifbench.core.registry import Registry
from ifbench.core.specs import DatasetSpec
from ifbench.suite.draft import Owner, Shape, Size, wrong
from ifbench.suite.faults import display

PARTS = ("data", "architecture")
"""Plugins that a task names."""


class Beside(Shape):
    """The keys beside a plugin's parameters."""

    name: str
    label: str | None = Field(None, description="how tables call it; with a grid it may hold {key} fields")


class Timed(Beside):
    """The same for plugins that run in jobs of their own."""

    timeout: float | None = Field(None, gt=0, description="seconds after which a job is ended")


BESIDE = {"protocol": Timed, "estimator": Timed, "metric": Beside}


class AnyParams(Params, extra="allow"):
    """Parameters of a plugin that did not load."""


@dataclass(frozen=True)
class Plugin:
    """The plugin of a kind that an entry (Any: JSON) names."""

    kind: str
    entry: Mapping[str, Any]
    registry: Registry

    @property
    def name(self) -> str:
        """Its name.

        Raises:
            ValidationError: The entry gives none.
        """
        name, see = self.entry.get("name"), f"see: ifbench list {self.kind}"
        if "name" not in self.entry:
            raise wrong("missing", see, loc=("name",))
        if not isinstance(name, str):
            raise wrong(f"got {display(name)}, wanted the name of a registered {self.kind}", see, loc=("name",))
        return name

    @property
    def unavailable(self) -> str | None:
        """Why the plugin of an estimator did not load: its own cells will fail, and no other."""
        absent = self.kind == "estimator" and self.name not in self.registry.entries[self.kind]
        return self.registry.unavailable(self.name) if absent else None

    @property
    def model(self) -> type[Params]:
        """The model of its parameters; one that takes any where it is unavailable.

        Raises:
            ValidationError: The name leads nowhere.
        """
        if self.unavailable:
            return AnyParams
        try:
            return self.registry.find(self.kind, self.name).spec.params
        except IfbenchError as error:
            raise wrong(error.message, error.hint, loc=("name",)) from None

    @property
    def owner(self) -> Owner:
        """The owner of its parameters."""
        return Owner(f"unknown parameter of '{self.name}'", self.model, f"ifbench show {self.name}")

    def params(self) -> tuple[Params, dict[str, Any]]:
        """Its parameters as the model has them, and as JSON values (Any) with the defaults filled in.

        Raises:
            ValidationError: They do not fit.
        """
        given = {key: value for key, value in self.entry.items() if key not in RESERVED}
        model = self.model
        try:
            params = model.model_validate_json(json.dumps(given))
            return params, params.plain()
        except ValidationError:
            raise
        except Exception as error:
            hint = f"see: ifbench show {self.name}"
            raise wrong(f"could not be checked: {type(error).__name__}: {error}", hint) from error


def size_of(spec: DatasetSpec, params: Params) -> Size:
    """What a data set says it holds.

    Raises:
        ValidationError: It cannot say, or holds nothing.
    """
    try:
        size = Size(spec.name, *(int(number) for number in spec.sizes(params)))
    except IfbenchError as error:
        raise wrong(error.message, error.hint) from error
    except Exception as error:
        message = f"the sizes of '{spec.name}' cannot be told: {type(error).__name__}: {error}"
        raise wrong(message, f"see: ifbench show {spec.name}") from error
    if min(size.n_train, size.n_test) < 1:
        got = f"{size.n_train} training examples and {size.n_test} test points"
        raise wrong(f"'{spec.name}' with these parameters has {got}, wanted at least 1 of each")
    return size
