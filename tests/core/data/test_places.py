"""Paths: relative to the data root or absolute, read once, and told where they were looked for."""

import pytest

from ifbench.core.data.places import find, read_once
from ifbench.core.errors import IfbenchError


def test_a_path_is_relative_to_the_data_root_or_absolute(tmp_path, monkeypatch):
    (tmp_path / "some.csv").touch()
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    assert find("some.csv", where="") == find(str(tmp_path / "some.csv"), where="") == tmp_path / "some.csv"
    with pytest.raises(IfbenchError, match=f"'other.csv' not found: looked for {tmp_path}/other.csv") as caught:
        find("other.csv", where="data 'csv'")
    assert "set IFBENCH_DATA to a folder that holds other.csv" in (caught.value.hint or "")


def test_without_a_data_root_it_is_said_what_to_set(monkeypatch):
    monkeypatch.delenv("IFBENCH_DATA", raising=False)
    with pytest.raises(IfbenchError, match="IFBENCH_DATA is not set"):
        find("some.csv", where="data 'csv'")


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path):
    seen = []

    def read(path):
        seen.append(path.read_text())
        return seen[-1]

    path = tmp_path / "some"
    path.write_text("one")
    assert read_once(read, path) == read_once(read, path) == "one"
    path.write_text("three")
    assert read_once(read, path) == "three"
    assert seen == ["one", "three"]
