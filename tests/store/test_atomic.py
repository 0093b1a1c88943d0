from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from ifbench.core.errors import StoreError
from ifbench.store.atomic import make_directory, store_errors, write_durably, write_text_atomic


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
