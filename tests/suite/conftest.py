"""A registry of made-up plugins, and a way to write suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ifbench.core.registry import Entry, Refusal, Registry
from ifbench.suite import Suite, SuiteError, load_suite

from .made_up import BODY, SPECS, Fail, Load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def registry() -> Registry:
    known = Registry()
    for spec in SPECS:
        known.entries[spec.kind][spec.name] = Entry(spec, "tests")
    known.refusals.append(Refusal("broken", "broken.py", "ZeroDivisionError: division by zero (broken.py:3)"))
    return known


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Load:
    """Load a suite from text, or from `BODY` with parts replaced: `load(("lissa", "hif"))`."""
    monkeypatch.chdir(tmp_path)

    def load(text: str | tuple[str, str], *overrides: str, profile: str | None = None) -> Suite:
        if isinstance(text, tuple):
            assert BODY.count(text[0]) == 1, text[0]
            text = BODY.replace(*text)
        (tmp_path / "tiny.yaml").write_text(text, encoding="utf-8")
        return load_suite("tiny.yaml", registry, profile=profile, overrides=overrides)

    return load


@pytest.fixture
def fail(load: Load) -> Fail:
    """The error that loading ends in."""

    def fail(text: str | tuple[str, str], *overrides: str, profile: str | None = None) -> SuiteError:
        with pytest.raises(SuiteError) as caught:
            load(text, *overrides, profile=profile)
        return caught.value

    return fail
