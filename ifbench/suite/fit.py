"""Whether the parts of a suite go together: what its protocols need of the other lists."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench.core.retraining import VIEWS
from ifbench.core.specs import MetricSpec, ProtocolSpec
from ifbench.suite.cells import Cell
from ifbench.suite.file import SuiteFile
from ifbench.suite.places import Entries, Fields
from ifbench.suite.rules import EXAMPLE_FORMS, Ordered
from ifbench.suite.shapes import as_tuple
from ifbench.suite.validation import Reading, shown

REMOVALS = {"weight": 0, "epsilon": None}
"""Key of an example rule -> the value that leaves examples out."""
BY_SCORES = {order for order, form in EXAMPLE_FORMS.items() if issubclass(form, Ordered)}


def check_fit(root: Fields, file: SuiteFile, reading: Reading) -> None:
    """Note protocols that the other lists of the suite do not suit.

    Args:
        root: What was written.
        file: What is sound of it.
        reading: Says what each plugin can do; told what is wrong.
    """
    names = dict.fromkeys(row.choice.name for row in file.protocols if row.choice is not None)
    specs = [reading.registry.protocol(name) for name in names]
    for spec in specs:
        _check_lists(spec, root, reading)
        _check_orders(spec, root, file, reading)
        _check_metrics(spec, root, file, reading)
    for spec in sorted((spec for spec in specs if spec.removes), key=lambda spec: spec.name):
        _check_weights(spec, root, reading)


def check_stretches(cells: Iterable[Cell], file: SuiteFile, reading: Reading) -> None:
    """Note protocols that cannot be made on a training as long as its recipe says.

    Args:
        cells: Of the suite; what is excluded never runs.
        file: Has the protocols.
        reading: Says how each protocol trains again; told what is wrong.
    """
    places = {row.label: row.entry.place for row in file.protocols}
    pairs = {(cell.protocol.label, cell.task.recipe.steps): cell.protocol for cell in cells}
    for (label, steps), choice in pairs.items():
        retraining = reading.registry.protocol(choice.name).retraining
        if retraining is None:
            continue
        try:
            start = retraining(reading.registry.params("protocol", choice.name, choice.params), steps).start
        except Exception as error:  # noqa: BLE001 - a plugin's own function may raise anything
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            message, hint = f"{reason}, of a training of {steps}", f"see: ifbench show {choice.name}"
            reading.faults.add(places[label], message, hint=hint)
            continue
        if start is not None and start > steps:
            message = f"starts after {start} updates, but the training makes {steps}"
            reading.faults.add(places[label], message, hint="give a number of updates within the training")


def _rules(root: Fields) -> list[Fields]:
    listed = root.get("examples")
    return [rule for rule in listed if isinstance(rule, Fields)] if isinstance(listed, Entries) else []


def _check_lists(spec: ProtocolSpec, root: Fields, reading: Reading) -> None:
    """Note lists that a protocol needs and the suite has not: a study may do without any of them."""
    needs = {
        "queries": spec.measures != "findings" or bool(spec.asks),
        "examples": spec.measures != "findings" or "interventions" in spec.asks,
        "estimators": spec.predicted,
    }
    for key, needed in needs.items():
        if needed and key not in root:
            message = f"'{key}' is missing: protocol '{spec.name}' needs it"
            reading.faults.add(root.place, message, hint="see: docs/suites.md")


def _check_orders(spec: ProtocolSpec, root: Fields, file: SuiteFile, reading: Reading) -> None:
    """Note example rules that follow scores which no estimator gives."""
    missing = {row.label: row.choice.unavailable for row in file.estimators if row.choice and row.choice.unavailable}
    for rule in _rules(root):
        if not BY_SCORES & rule.keys():
            continue
        if "interventions" in spec.asks:
            message = f"'{spec.name}' takes the suite's interventions without scores to order them"
            hint = "draw examples at random, or put this protocol into another suite"
            reading.note(rule, message=message, hint=hint)
        elif spec.measures != "findings" and str(rule.get("by")) in missing:
            message = f"'{rule['by']}' gives no scores to order examples by: {missing[rule['by']]}"
            reading.note(rule, "by", message=message, hint="order them by another estimator, or by self")


def _check_weights(spec: ProtocolSpec, root: Fields, reading: Reading) -> None:
    """Note example rules that reweight examples beside a protocol that only leaves examples out."""
    for rule in _rules(root):
        for key, removal in REMOVALS.items():
            for index, value in enumerate(as_tuple(rule[key]) if key in rule else ()):
                if value != removal:
                    message = f"{key} {shown(value)}, but protocol '{spec.name}' only leaves examples out"
                    hint = f"leave out '{key}', or measure this in a suite of its own"
                    reading.note(rule, key, index, message=message, hint=hint)


def _check_metrics(spec: ProtocolSpec, root: Fields, file: SuiteFile, reading: Reading) -> None:
    """Note a protocol that no metric of the suite looks at."""
    views, registry = set(VIEWS[spec.measures]), reading.registry
    chosen = {view for row in file.metrics if row.choice for view in registry.metric(row.choice.name).of}
    if "metrics" in reading.unnamed or not views or chosen & views:
        return
    metrics = (entry.spec for entry in registry.entries["metric"].values())
    able = sorted(one.name for one in metrics if isinstance(one, MetricSpec) and views & set(one.of))
    message = f"no metric of this suite looks at the {spec.measures} that '{spec.name}' measures"
    reading.note(root, "protocols", message=message, hint=f"metrics: [{', '.join(able)}]")
