"""Whether the parts of a suite go together: tasks, rules and labels, and what protocols need of them."""

from __future__ import annotations

from collections.abc import Iterator

from ifbench.core.errors import did_you_mean
from ifbench.core.identity import canonical_json
from ifbench.core.retraining import VIEWS
from ifbench.core.specs import MetricSpec, ProtocolSpec
from ifbench.suite.cells import EVERYTHING, SELF, Choice, ExampleRule, QueryRule, as_tuple
from ifbench.suite.draft import Draft, Problem
from ifbench.suite.facts import Facts
from ifbench.suite.faults import display
from ifbench.suite.file import ROWS, SuiteFile
from ifbench.suite.places import Loc, find
from ifbench.suite.rules import NO_ADDITION, NO_FACTOR
from ifbench.suite.tasks import check_fit, check_recipe

COUNT_KEYS = {"percentile": "count", "groups": "size"}
"""Where a rule keeps its amount, if not under the word it begins with."""
UNCHANGED = {
    "weight": (NO_FACTOR, "0 leaves the examples out, 0.5 halves their losses, 2 doubles them"),
    "epsilon": (NO_ADDITION, "a removal is -1/n_train"),
}
REMOVALS = {"weight": 0, "epsilon": None}
"""Key of an example rule -> the value that leaves examples out."""


def check_parts(file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    """All that is wrong with the lists of a file before its cells are looked at."""
    yield from _check_tasks(file, draft)
    for key in ROWS:
        yield from _check_rows(key, getattr(file, key), draft)
    yield from _check_queries(file, draft)
    for index, rule in enumerate(file.examples):
        yield from _check_example(index, rule, file, draft)
    for name in dict.fromkeys(choice.name for choice in file.protocols):
        yield from _check_protocol(draft.registry.protocol(name), file, draft)


def check_stretches(file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    """Protocols that cannot be made on a training as long as its recipe says; what is excluded never runs."""
    registry = draft.registry
    pairs = {(cell.protocol.label, cell.task.recipe.steps): cell.protocol for cell in draft.cells}
    rows = {choice.label: index for index, choice in enumerate(file.protocols)}
    for (label, steps), choice in pairs.items():
        loc, retraining = ("protocols", rows[label]), registry.protocol(choice.name).retraining
        try:
            again = retraining(registry.params("protocol", choice.name, choice.params), steps) if retraining else None
        except Exception as error:  # noqa: BLE001 - a plugin's own function may raise anything
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            yield loc, f"{reason}, of a training of {steps}", f"see: ifbench show {choice.name}"
            continue
        if again is not None and (again.start or 0) > steps:
            message = f"starts after {again.start} updates, but the training makes {steps}"
            yield loc, message, "give a number of updates within the training"


def _check_tasks(file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    """Tasks and seeds listed twice, architectures that do not fit the data, recipes that contradict themselves."""
    registry, first = draft.registry, dict[str, Loc]()
    for index, shape in enumerate(file.tasks):
        loc = ("tasks", index)
        twin = first.setdefault(canonical_json(shape.task(0).describe()), loc)
        if twin != loc:
            yield loc, f"the same task as the one{_line(twin, draft)}", "leave one out"
        data, taker = registry.dataset(shape.data.choice.name), registry.architecture(shape.architecture.name)
        yield from check_fit(loc, data, taker, registry)
        yield from check_recipe(loc, shape.recipe, shape.data.size.n_train)
    seeds: dict[int, int] = {}
    for index, seed in enumerate(file.seeds):
        if seeds.setdefault(seed, index) != index:
            yield ("seeds", index), f"seed {seed} is listed twice", None


def _check_rows(key: str, choices: list[Choice], draft: Draft) -> Iterator[Problem]:
    """Plugins and labels that are listed twice."""
    contents, labels = dict[str, int](), dict[str, int]()
    for index, choice in enumerate(choices):
        first = contents.setdefault(canonical_json([choice.name, choice.params]), index)
        if first != index:
            message = f"the same {choice.kind} and parameters as '{choices[first].label}'{_line((key, first), draft)}"
            yield (key, index), message, "leave one out"
        first = labels.setdefault(choice.label.lower(), index)  # result files may lie on a disk that ignores case
        if first != index:
            swept = find(draft.root, (key, index))[1] == find(draft.root, (key, first))[1]
            hint = "put a {key} of the grid into the label" if swept else "give one a label of its own"
            message = f"the label '{choice.label}' is already taken{_line((key, first), draft)}"
            yield (key, index, "label"), message, hint


def _check_queries(file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    rows = set[int]()
    for index, rule in enumerate(file.queries):
        loc, smallest = ("queries", index), min(draft.sizes, key=lambda size: size.n_test, default=None)
        yield from _check_amount(loc, rule, smallest and (smallest.n_test, smallest.name, "test points"))
        for position, row in enumerate(rule.rows):
            if smallest is not None and row >= smallest.n_test:
                message = f"got row {row}, but {smallest.name} has {smallest.n_test} test points"
                yield (*loc, "rows", position), message, f"wanted 0 to {smallest.n_test - 1}"
            elif row in rows:
                yield (*loc, "rows", position), f"row {row} is listed twice", None
            rows.add(row)
        if rule in file.queries[:index]:
            yield loc, "the same queries twice", "leave one out"


def _check_amount(loc: Loc, rule: QueryRule | ExampleRule, total: tuple[int, str, str] | None) -> Iterator[Problem]:
    if total is not None and rule.amount is not None and (rule.amount.count or 0) > total[0]:
        message = f"got {rule.amount.count}, but {total[1]} has {total[0]} {total[2]}"
        yield (*loc, COUNT_KEYS.get(rule.order, rule.order)), message, f"wanted 1 to {total[0]}, or a percentage"


def _check_example(index: int, rule: ExampleRule, file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    loc, entry = ("examples", index), find(draft.root, ("examples", index))[0]
    at = (*loc, "name") if "name" in entry else loc
    smallest = min(draft.sizes, key=lambda size: size.n_train, default=None)
    yield from _check_amount(loc, rule, smallest and (smallest.n_train, smallest.name, "training examples"))
    if rule.name in [other.name for other in file.examples[:index]]:
        yield at, f"a second rule named '{rule.name}'", "give it a name of its own: {..., name: NAME}"
    elif rule.name == EVERYTHING and rule.order != EVERYTHING:
        yield at, f"the name '{EVERYTHING}' stands for all tested examples together", "choose another name"
    labels = draft.all_labels("estimators")
    if labels is not None and rule.by not in (labels := [SELF, *labels]):
        message = f"got {display(rule.by)}, wanted the label of an estimator of this suite, or self"
        yield (*loc, "by"), message, did_you_mean(rule.by, labels)
    for size in draft.sizes:
        if rule.group is not None and rule.n_group(size.n_train) == 0:
            group, chosen = rule.group.of(size.n_train), rule.amount.of(size.n_train) if rule.amount else size.n_train
            message = f"got groups of {group}, but the rule takes {chosen} of {size.name}"
            yield (*loc, "group"), message, f"choose at least {group} examples, or make the groups smaller"
    yield from _check_sets(loc, rule, file, draft)
    yield from _check_changes(loc, entry) if isinstance(entry, dict) else ()


def _check_sets(loc: Loc, rule: ExampleRule, file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    """Whether the queries can be shared out to sets equally."""
    if rule.sets > 1 and len(file.queries) > 1:
        message = f"got {len(file.queries)} query rules, but sets share out the queries of one"
        yield (*loc, "sets"), message, "how many queries several rules name is not known before a run"
    elif rule.sets > 1 and file.queries:
        for size in draft.sizes:
            count = file.queries[0].count(size.n_test)
            message = (
                f"got {rule.sets} sets, but {count} queries of {size.name} cannot be cut into as many equal shares"
            )
            if count % rule.sets:
                nearest = max(1, round(count / rule.sets)) * rule.sets
                yield (*loc, "sets"), message, f"ask about {nearest} queries"


def _check_changes(loc: Loc, entry: Facts) -> Iterator[Problem]:
    """Weights and epsilons that change nothing, are listed twice or stand beside each other."""
    if "weight" in entry and "epsilon" in entry:
        hint = "weight is a factor of each example's loss; epsilon is added to its weight in the mean loss"
        yield (*loc, "epsilon"), "got weight and epsilon, wanted one of them", hint
    for key, (unchanged, hint) in UNCHANGED.items():
        numbers = as_tuple(entry[key]) if key in entry else ()
        for position, number in enumerate(numbers):
            if number == unchanged:
                yield (*loc, key, position), f"got {display(number)}, which changes nothing", hint
            elif number in numbers[:position]:
                yield (*loc, key, position), f"{display(number)} is listed twice", None


def _check_protocol(spec: ProtocolSpec, file: SuiteFile, draft: Draft) -> Iterator[Problem]:
    """What a protocol needs of the other lists; a study may do without any of them."""
    effects, registry = spec.measures != "findings", draft.registry
    needs = {"queries": effects or bool(spec.asks), "examples": effects or "interventions" in spec.asks}
    for key, needed in (*needs.items(), ("estimators", spec.predicted)):
        if needed and key not in file.model_fields_set:
            yield (), f"'{key}' is missing: protocol '{spec.name}' needs it", "see: docs/suites.md"
    views = set(VIEWS[spec.measures])
    if (
        views
        and "metrics" not in draft.faulty
        and not any(views & set(registry.metric(one.name).of) for one in file.metrics)
    ):
        metrics = (entry.spec for entry in registry.entries["metric"].values())
        able = sorted(one.name for one in metrics if isinstance(one, MetricSpec) and views & set(one.of))
        message = f"no metric of this suite looks at the {spec.measures} that '{spec.name}' measures"
        yield ("protocols",), message, f"metrics: [{', '.join(able)}]"
    missing = {choice.label: choice.unavailable for choice in file.estimators if choice.unavailable}
    for index, rule in enumerate(file.examples):
        loc = ("examples", index)
        if rule.needs_scores and "interventions" in spec.asks:
            message = f"'{spec.name}' takes the suite's interventions without scores to order them"
            yield loc, message, "draw examples at random, or put this protocol into another suite"
        elif rule.needs_scores and effects and rule.by in missing:
            message = f"'{rule.by}' gives no scores to order examples by: {missing[rule.by]}"
            yield (*loc, "by"), message, "order them by another estimator, or by self"
        entry = find(draft.root, loc)[0]
        for key, removal in REMOVALS.items() if spec.removes and isinstance(entry, dict) else ():
            for position, value in enumerate(as_tuple(entry[key]) if key in entry else ()):
                if value != removal:
                    message = f"{key} {display(value)}, but protocol '{spec.name}' only leaves examples out"
                    hint = f"leave out '{key}', or measure this in a suite of its own"
                    yield (*loc, key, position), message, hint


def _line(loc: Loc, draft: Draft) -> str:
    line = find(draft.root, loc)[1].line
    return f" in line {line}" if line else ""
