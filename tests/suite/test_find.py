"""Suites are found by path, then by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ifbench.suite import SuiteError, find_suite

if TYPE_CHECKING:
    from pathlib import Path


def test_path_of_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch()
    assert find_suite(str(tmp_path / "a.yaml")) == tmp_path / "a.yaml"


def test_name_leads_to_the_packaged_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert find_suite("quickstart").name == "quickstart.yaml"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("quikstart", "did you mean the suite 'quickstart'"),
        ("nothing-like-it", "suites by name: "),
        ("", "neither a file nor the name"),
        ("a\0b", "neither a file nor the name"),
        ("x" * 5000, "neither a file nor the name"),
        ("folder", "folder: a directory, wanted a suite file\n  hint: folder holds mine.yaml"),
        ("folder/mime.yaml", "no such file\n  hint: folder holds mine.yaml"),
    ],
)
def test_missing_suite_is_told_with_near_names(
    given: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.yaml").touch()
    with pytest.raises(SuiteError) as caught:
        find_suite(given)
    assert words in str(caught.value)
