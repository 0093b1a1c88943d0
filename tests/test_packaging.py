"""What `pip install` gives to somebody who has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ifbench.core.registry import load_registry
from ifbench.suite import json_schema

ROOT = Path(__file__).parents[1]
SOURCES = ("ifbench", "plugins", "suites")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
PACKAGES = {"plugins": "ifbench_plugins", "suites": "ifbench_suites"}


def packages_on_disk() -> set[str]:
    """Dotted names of the directories with Python files under the source directories."""
    found = {path.parent.relative_to(ROOT) for source in SOURCES for path in (ROOT / source).rglob("*.py")}
    return {".".join((PACKAGES.get(parts[0], parts[0]), *parts[1:])) for parts in (path.parts for path in found)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from a copy, so that nothing is left in the checkout and nothing old comes from it."""
    pytest.importorskip("pip", reason="this environment has no pip to build with")
    copy = tmp_path_factory.mktemp("sources")
    for source in SOURCES:
        shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "README.md"):
        if (ROOT / file).exists():
            shutil.copy(ROOT / file, copy)
    out = tmp_path_factory.mktemp("dist")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
    ]  # torch brings a setuptools to build with
    call([*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy)])
    (built,) = out.glob("ifbench-*.whl")
    return built


def call(command: list[str], **options: object) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_directory_with_modules_is_a_package_of_the_wheel(wheel):
    files = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py"))
    assert packages_on_disk() == {str(Path(name).parent).replace("/", ".") for name in files}


def test_wheel_holds_every_module_suite_and_the_type_marker(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT)
        for source, pattern in (*((source, "*.py") for source in SOURCES), ("suites", "*.yaml"))
        for path in (ROOT / source).rglob(pattern)
    }
    assert {"/".join((PACKAGES.get(path.parts[0], path.parts[0]), *path.parts[1:])) for path in wanted} <= names
    assert "ifbench/py.typed" in names
    assert not {name for name in names if name.startswith(("tests/", "plugins/", "suites/"))}


def test_wheel_holds_the_schema_that_the_suites_name(wheel):
    schema = json.loads(zipfile.ZipFile(wheel).read("ifbench_suites/suite.schema.json"))
    assert schema == json_schema(load_registry())
    first = (ROOT / "suites" / "quickstart.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=suite.schema.json"


def test_installed_command_finds_plugins_and_suites_outside_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    call([*PIP, "install", "--no-index", "--no-deps", "--target", str(site), str(wheel)])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # PYTHONPATH comes before the checkout's editable install, whose finder is asked last.
    surroundings = {"cwd": elsewhere, "env": {**os.environ, "PYTHONPATH": str(site)}}
    names = ("ifbench", "ifbench_plugins", "ifbench_suites")
    origins = "".join(f"import {name}; print({name}.__file__)\n" for name in names)
    where = call([sys.executable, "-c", origins], **surroundings).splitlines()
    assert all(Path(file).is_relative_to(site) for file in where), where
    command = [sys.executable, str(site / "bin" / "ifbench")]
    assert "hif" in call([*command, "list"], **surroundings)
    assert "quickstart" in call([*command, "plan", "quickstart"], **surroundings)
