"""Which test points are asked about, and which training examples are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ifbench.core.errors import did_you_mean
from ifbench.suite.cells import Amount, ExampleRule, QueryRule
from ifbench.suite.checking import Owner, check
from ifbench.suite.listed import SELF, Listing
from ifbench.suite.shapes import EVERYTHING, EXAMPLE_FORMS, NO_ADDITION, NO_FACTOR, QUERY_FORMS, Shape
from ifbench.suite.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ifbench.suite.faults import Faults
    from ifbench.suite.nodes import Node
    from ifbench.suite.tasks import Size

COUNT_KEYS = {"percentile": "count", "groups": "size"}
"""Where a rule keeps its amount, if not under the word it begins with."""


def read_queries(listed: Node | None, sizes: Sequence[Size], faults: Faults) -> tuple[QueryRule, ...]:
    """The query rules, checked against the test sets."""
    rules: dict[QueryRule, Node] = {}
    rows: dict[int, Node] = {}
    for node in listed.entries if listed is not None else ():
        found = _read_rule(node, "query", QUERY_FORMS, faults)
        if found is None:
            continue
        order, form = found
        rule = QueryRule(order=cast("Any", order), **(dict(form) if form else {}))  # Any: a key of QUERY_FORMS
        _check_amount(node, order, rule.amount, [(size.n_test, size.name, "test points") for size in sizes], faults)
        _check_rows(node.child("rows"), rows, sizes, faults)
        if rules.setdefault(rule, node) is not node:
            faults.add(node.place, "the same queries twice", hint="leave one out")
    return tuple(rules)


def read_examples(
    listed: Node | None, sizes: Sequence[Size], estimators: Listing, *, queries: Sequence[QueryRule], faults: Faults
) -> tuple[ExampleRule, ...]:
    """The example rules, checked against the training sets, the estimators' labels and the queries."""
    rules: dict[str, ExampleRule] = {}
    for node in listed.entries if listed is not None else ():
        found = _read_rule(node, "example", EXAMPLE_FORMS, faults)
        if found is None:
            continue
        rule = _example_rule(*found)
        totals = [(size.n_train, size.name, "training examples") for size in sizes]
        _check_amount(node, rule.order, rule.amount, totals, faults)
        _check_group(node, rule, sizes, faults)
        _check_sets(node, rule, sizes, queries, faults=faults)
        _check_changes(node, faults)
        _check_by(node.child("by"), estimators, faults)
        _check_name(node, rule, rules, faults)
        rules.setdefault(rule.name, rule)
    return tuple(rules.values())


def _example_rule(order: str, form: Shape | None) -> ExampleRule:
    values = dict(form) if form else {}
    values.pop("every", None)
    values["name"] = values.get("name") or order
    weights, epsilons = values.pop("weight", None), values.pop("epsilon", None)
    if epsilons is not None:
        values |= {"weights": (), "epsilons": epsilons}
    elif weights is not None:
        values |= {"weights": weights}
    return ExampleRule(order=cast("Any", order), **values)  # Any: a key of EXAMPLE_FORMS


def _read_rule(
    node: Node, kind: str, forms: Mapping[str, type[Shape]], faults: Faults
) -> tuple[str, Shape | None] | None:
    """The word a rule begins with and what it says; None, and noted, where it is no rule."""
    if node.value == EVERYTHING:
        return EVERYTHING, None
    words = [key for key in node.fields if key in forms]
    if len(words) != 1:
        _no_rule(node, kind, list(dict.fromkeys([*forms, EVERYTHING])), words, faults=faults)
        return None
    form = check(forms[words[0]], node, faults, owner=Owner(f"unknown key of the {kind} rule '{words[0]}'"))
    return (words[0], form) if form is not None else None


def _no_rule(node: Node, kind: str, known: list[str], words: list[str], *, faults: Faults) -> None:
    if words:
        faults.add(node.place, f"got {' and '.join(words)}, wanted exactly one of them", hint="write two rules")
        return
    given = node.value if isinstance(node.value, str) else next(iter(node.fields), "")
    got = f"a mapping with '{given}'" if node.fields else shown(node.plain())
    hint = did_you_mean(given, known) if given else None
    if isinstance(node.value, str) and node.value in known:
        hint = f"write {{{node.value}: ...}}"
    faults.add(node.place, f"got {got}, wanted a {kind} rule: {', '.join(known)}", hint=hint)


def _check_amount(
    node: Node, order: str, amount: Amount | None, totals: list[tuple[int, str, str]], faults: Faults
) -> None:
    written = node.child(COUNT_KEYS.get(order, order))
    if written is None or amount is None or amount.count is None or not totals:
        return
    total, name, things = min(totals)
    if amount.count > total:
        faults.add(
            written.place,
            f"got {amount.count}, but {name} has {total} {things}",
            hint=f"wanted 1 to {total}, or a percentage",
        )


def _check_group(node: Node, rule: ExampleRule, sizes: Sequence[Size], faults: Faults) -> None:
    written = node.child("group")
    for size in sizes:
        if written is None or rule.group is None or rule.n_group(size.n_train) > 0:
            continue
        wanted, chosen = rule.group.of(size.n_train), rule.amount.of(size.n_train) if rule.amount else size.n_train
        hint = f"choose at least {wanted} examples, or make the groups smaller"
        faults.add(written.place, f"got groups of {wanted}, but the rule takes {chosen} of {size.name}", hint=hint)


def _check_sets(
    node: Node, rule: ExampleRule, sizes: Sequence[Size], queries: Sequence[QueryRule], *, faults: Faults
) -> None:
    """Note sets that the queries cannot be shared out to equally."""
    written = node.child("sets")
    if written is None or rule.sets == 1 or not queries:
        return
    if len(queries) > 1:
        message = f"got {len(queries)} query rules, but sets share out the queries of one"
        faults.add(written.place, message, hint="how many queries several rules name is not known before a run")
        return
    counts = {size.name: queries[0].count(size.n_test) for size in sizes}
    for name, count in counts.items():
        if count % rule.sets:
            nearest = max(1, round(count / rule.sets)) * rule.sets
            message = f"got {rule.sets} sets, but {count} queries of {name} cannot be cut into as many equal shares"
            faults.add(written.place, message, hint=f"ask about {nearest} queries")
            return


def _check_changes(node: Node, faults: Faults) -> None:
    weight, epsilon = node.child("weight"), node.child("epsilon")
    if weight is not None and epsilon is not None:
        hint = "weight is a factor of each example's loss; epsilon is added to its weight in the mean loss"
        faults.add(epsilon.place, "got weight and epsilon, wanted one of them", hint=hint)
    for written, unchanged, hint in (
        (weight, NO_FACTOR, "0 leaves the examples out, 0.5 halves their losses, 2 doubles them"),
        (epsilon, NO_ADDITION, "a removal is -1/n_train"),
    ):
        seen: set[Any] = set()  # Any: numbers, by now
        for value in (written.entries or (written,)) if written is not None else ():
            if value.value == unchanged:
                faults.add(value.place, f"got {shown(value.plain())}, which changes nothing", hint=hint)
            elif value.value in seen:
                faults.add(value.place, f"{shown(value.plain())} is listed twice")
            seen.add(value.value)


def _check_rows(rows: Node | None, seen: dict[int, Node], sizes: Sequence[Size], faults: Faults) -> None:
    smallest = min(sizes, key=lambda size: size.n_test, default=None)
    for node in rows.entries if rows is not None else ():
        row = node.value
        assert isinstance(row, int)
        if smallest is not None and row >= smallest.n_test:
            message = f"got row {row}, but {smallest.name} has {smallest.n_test} test points"
            faults.add(node.place, message, hint=f"wanted 0 to {smallest.n_test - 1}")
        elif seen.setdefault(row, node) is not node:
            faults.add(node.place, f"row {row} is listed twice")


def _check_by(node: Node | None, estimators: Listing, faults: Faults) -> None:
    if node is None or node.value == SELF or node.value in estimators.labels or not estimators.whole:
        return
    hint = did_you_mean(str(node.value), [SELF, *estimators.labels])
    faults.add(
        node.place, f"got {shown(node.value)}, wanted the label of an estimator of this suite, or self", hint=hint
    )


def _check_name(node: Node, rule: ExampleRule, rules: Mapping[str, ExampleRule], faults: Faults) -> None:
    named = node.child("name")
    place = named.place if named is not None else node.place
    if rule.name in rules:
        faults.add(place, f"a second rule named '{rule.name}'", hint="give it a name of its own: {..., name: NAME}")
    elif rule.name == EVERYTHING and rule.order != EVERYTHING:
        faults.add(
            place, f"the name '{EVERYTHING}' stands for all tested examples together", hint="choose another name"
        )
