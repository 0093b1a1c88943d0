"""The JSON Schema that editors read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ifbench.core.registry import Registry, load_registry
from ifbench.suite import json_schema, load_suite
from ifbench.suite.faults import Faults
from ifbench.suite.overlay import DEFAULT_PROFILE
from ifbench.suite.reader import read_file

from .made_up import BODY

SUITES = Path(__file__).parents[2] / "suites"
COMMENT = "# yaml-language-server: $schema=suite.schema.json"


def plain(path: Path) -> Any:
    return read_file(path, Faults(str(path)))


def valid(text: str, registry: Registry, folder: Path) -> bool:
    (folder / "x.yaml").write_text(text)
    return bool(Draft202012Validator(json_schema(registry)).is_valid(plain(folder / "x.yaml")))


def test_schema_is_a_schema_and_deterministic(registry: Registry) -> None:
    Draft202012Validator.check_schema(json_schema(registry))
    assert json.dumps(json_schema(registry)) == json.dumps(json_schema(registry))


def test_schema_tells_what_each_parameter_means(registry: Registry) -> None:
    params = json_schema(registry)["$defs"]["protocol.retrain-from-optimum"]["properties"]
    assert params["steps"] == {"description": "updates after the change [updates]", "minimum": 1, "type": "integer"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("- lissa", "- lissa", True),
        ("- lissa", "- {name: hif, solver: cg, grid: {damping: [0, 1]}, timeout: 3}", True),
        ("- lissa", "- {name: hif, solver: exat}", False),
        ("- lissa", "- {name: hif, grid: {dampening: [1]}}", False),
        ("- lissa", "- lisa", False),
        ("[all]", "[{top: 16.6%, by: lissa}]", True),
        ("[all]", "[{top: 0, by: lissa}]", False),
        ("[all]", "[{top: 5, group: 10%, weight: [0, 2]}]", True),
        ("[all]", "[{groups: 40, size: 50%, epsilon: -0.01}]", True),
        ("[all]", "[{all: true, group: 10}]", True),
        ("[all]", "[{all: false, group: 10}]", False),
        ("[all]", "[{groups: 40}]", False),
        ("[all]", "[{top: 5, weight: 1}]", False),
        ("[all]", "[{top: 5, weight: [2, 1]}]", False),
        ("[all]", "[{top: 5, weight: []}]", False),
        ("[all]", "[{top: 5, epsilon: 0}]", False),
        ("[all]", "[{top: 5, epsilon: 0.1, weight: 0}]", False),
        ("name: tiny", "name: Tiny", False),
        ("name: tiny", "name: tiny\nabuot: x", False),
        ("steps: 100", "steps: 0", False),
    ],
)
def test_schema_agrees_with_the_reader(registry: Registry, tmp_path: Path, old: str, new: str, expected: bool) -> None:
    assert valid(BODY.replace(old, new), registry, tmp_path) is expected


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_suite_in_the_repository_is_valid_in_every_profile(path: Path) -> None:
    schema = json_schema(load_registry())
    content = plain(path)
    assert path.read_text(encoding="utf-8").splitlines()[0] == COMMENT
    assert content["name"] == path.stem
    assert [error.message for error in Draft202012Validator(schema).iter_errors(content)] == []
    for profile in {DEFAULT_PROFILE, *content.get("profiles", {})}:
        assert load_suite(path, load_registry(), profile=profile).cells
