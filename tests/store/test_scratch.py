from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from ifbench.store.scratch import DAY_SECONDS, is_abandoned, scratch_name

PRINT_NAME = "from ifbench.store.scratch import scratch_name; print(scratch_name(), flush=True)"


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_names_are_unique_and_carry_the_process():
    assert scratch_name() != scratch_name()
    assert scratch_name().split("-")[1] == str(os.getpid())


def test_own_work_is_never_abandoned_however_old(tmp_path):
    age(tmp_path, 3 * DAY_SECONDS)
    assert not is_abandoned(tmp_path, scratch_name())


def test_work_of_a_living_process_is_kept_and_of_a_dead_one_abandoned(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", f"{PRINT_NAME}; input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        name = writer.stdout.readline().strip()
        assert not is_abandoned(tmp_path, name)
        writer.kill()
    assert is_abandoned(tmp_path, name)


@pytest.mark.parametrize("name", ["0123456789ab-1-aa", "something", ""])
def test_work_from_elsewhere_is_abandoned_after_a_day(tmp_path, name):
    assert not is_abandoned(tmp_path, name)
    age(tmp_path, DAY_SECONDS + 60)
    assert is_abandoned(tmp_path, name)


def test_what_is_gone_already_is_left_to_others(tmp_path):
    assert not is_abandoned(tmp_path / "gone", "elsewhere-1-aa")
