from __future__ import annotations

import getpass
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ifbench.jobs import environment


@pytest.fixture(autouse=True)
def _fresh():
    environment._git_state.cache_clear()
    yield
    environment._git_state.cache_clear()


def git(root, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@x.org"]
    subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git")
    (tmp_path / "ifbench").mkdir()
    (tmp_path / "ifbench" / "code.py").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_provenance_is_short_json_and_names_no_person_or_place():
    told = environment.provenance()
    text = json.dumps(told)
    assert set(told) == {"commit", "dirty", "versions", "machine", "cpu", "threads", "device"}
    assert set(told["versions"]) == {"ifbench", "python", "torch", "numpy", "scipy"}
    assert len(text) < 500
    secrets = {platform.node(), str(Path.cwd()), str(Path.home()), getpass.getuser()} - {"root", "vm"}
    assert not [secret for secret in secrets if secret in text]


def test_provenance_is_the_same_each_time_and_never_shared():
    first = environment.provenance()
    first["versions"]["torch"] = "spoiled"
    assert environment.provenance() == environment.provenance() != first


def test_versions_do_not_import_the_packages():
    code = (
        "import sys; from ifbench.jobs.environment import provenance; provenance(); print('torch' in sys.modules, "
        "'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_package_that_is_not_installed_is_none():
    assert environment._installed("no-such-package-of-ifbench") is None


def test_commit_of_a_clean_checkout(checkout):
    commit, dirty = environment._git_state(checkout)
    assert len(commit) == 40
    assert dirty is False


def test_changed_or_new_code_is_dirty_and_results_are_not(checkout):
    (checkout / "leaderboards").mkdir()
    (checkout / "leaderboards" / "result").write_text("")
    assert environment._git_state(checkout)[1] is False
    environment._git_state.cache_clear()
    (checkout / "ifbench" / "new.py").write_text("")
    assert environment._git_state(checkout)[1] is True


def test_checkout_further_up_is_not_ours(checkout):
    assert environment._git_state(checkout / "ifbench") == (None, None)


def test_variables_of_a_git_hook_do_not_mislead(checkout, monkeypatch):
    expected = environment._git_state(checkout)
    environment._git_state.cache_clear()
    monkeypatch.setenv("GIT_DIR", str(checkout / "nowhere"))
    assert environment._git_state(checkout) == expected


def test_broken_checkout_and_missing_git_are_fine(tmp_path, monkeypatch):
    (tmp_path / ".git").write_text("junk")
    assert environment._git_state(tmp_path) == (None, None)
    environment._git_state.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert environment._git_state(tmp_path) == (None, None)


def test_checkout_without_a_commit_has_none(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("no git")
    git(tmp_path, "init", "-q")
    assert environment._git_state(tmp_path)[0] is None


def test_threads_follow_the_variable_until_torch_is_loaded(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment.provenance()["threads"] == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "nonsense")
    assert environment.provenance()["threads"] >= 1


def test_device_is_told_as_it_was_given():
    assert environment.provenance(device="cpu")["device"] == "cpu"


def test_report_tells_of_directories(tmp_path, monkeypatch):
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "not" / "yet"))
    monkeypatch.setenv("IFBENCH_DATA", str(tmp_path))
    told = environment.report()
    json.dumps(told)
    assert told["store"]["path"] == str(tmp_path / "not" / "yet")
    assert (told["store"]["exists"], told["store"]["writable"]) == (False, True)
    assert (told["data"]["exists"], told["data"]["writable"]) == (True, True)
    assert told["store"]["free_mb"] > 0
    assert told["cores"] >= 1
    assert 0 < told["memory_available_mb"] <= told["memory_mb"]
    assert "OMP_NUM_THREADS" in told["thread_variables"]


def test_report_without_variables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IFBENCH_STORE", raising=False)
    monkeypatch.delenv("IFBENCH_DATA", raising=False)
    told = environment.report()
    assert told["store"]["value"] is None
    assert told["store"]["path"] == str(tmp_path / ".ifbench")
    assert told["data"]["path"] is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    tmp_path.chmod(0o555)
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "store"))
    assert environment.report()["store"]["writable"] is False
    tmp_path.chmod(0o755)
