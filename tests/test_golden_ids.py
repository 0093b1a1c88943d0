"""Ids of trainings and ground truths are those of stored results: an id that moves makes all of them stale."""

import hashlib
import json
from pathlib import Path

import pytest

from ifbench.core.registry import load_registry
from ifbench.jobs.plan import make_plan
from ifbench.suite import load_suite

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden" / "ids.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def digest(value):
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", GOLDEN)
def test_trainings_and_truths_keep_their_ids(name, registry):
    suite, profile = name.split("/")
    works = make_plan(
        load_suite(str(HERE.parent / "suites" / f"{suite}.yaml"), registry, profile=profile), registry
    ).works
    assert {
        "cells": len(works),
        "trainings": digest([work.train.id for work in works]),
        "truths": digest([list(work.bases) for work in works]),
    } == GOLDEN[name]
