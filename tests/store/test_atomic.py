from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from ifbench.core.errors import StoreError
from ifbench.store.atomic import (
    DAY_SECONDS,
    is_abandoned,
    make_directory,
    scratch_name,
    store_errors,
    write_durably,
    write_text_atomic,
)

PRINT_NAME = "from ifbench.store.atomic import scratch_name; print(scratch_name(), flush=True)"


def test_text_is_written_as_it_is_and_directories_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "text"
    assert write_text_atomic(path, "é\r\n\n")
    assert path.read_bytes() == "é\r\n\n".encode()
    assert [file.name for file in path.parent.iterdir()] == ["text"]


def test_unchanged_text_is_not_touched(tmp_path):
    path = tmp_path / "text"
    write_text_atomic(path, "same")
    os.utime(path, (1, 1))
    assert not write_text_atomic(path, "same")
    assert path.stat().st_mtime == 1
    assert write_text_atomic(path, "other")
    assert path.read_text() == "other"


def test_failed_write_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "text"
    write_text_atomic(path, "old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="cannot write text: No space left on device") as caught:
            write_text_atomic(path, "new")
    assert "the same command goes on where it stopped" in caught.value.hint
    assert "--out" in caught.value.hint
    assert [file.name for file in tmp_path.iterdir()] == ["text"]
    assert path.read_text() == "old"


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from ifbench.store import atomic
atomic.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
atomic.write_text_atomic(Path(sys.argv[1]), "never finished")
"""
    path = tmp_path / "text"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert not path.exists()
    write_text_atomic(path, "finished")
    assert [file.name for file in tmp_path.iterdir()] == ["text"]


def _write_often(path, letter):
    for _ in range(30):
        write_text_atomic(path, letter * 100_000)


def test_reader_never_sees_a_part_while_two_processes_write(tmp_path):
    path = tmp_path / "text"
    write_text_atomic(path, "a" * 100_000)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_often, args=(path, letter)) for letter in "bc"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        text = path.read_text()
        assert len(text) == 100_000
        assert len(set(text)) == 1
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["text"]


def test_new_file_is_not_written_over(tmp_path):
    write_durably(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "file", b"second")


def test_making_a_directory_twice_is_fine(tmp_path):
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_error_names_the_file_the_system_named(tmp_path):
    with pytest.raises(StoreError) as caught, store_errors("read it", tmp_path, elsewhere="IFBENCH_STORE"):
        (tmp_path / "missing").read_bytes()
    assert caught.value.where == str(tmp_path / "missing")
    assert "IFBENCH_STORE" in caught.value.hint


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
