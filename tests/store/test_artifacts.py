from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from ifbench.core.errors import StoreError
from ifbench.store.artifacts import Store, StoreWarning
from ifbench.store.format import ARRAYS, META

ID = "ab" + "0" * 30
DATA = {"effects": np.arange(6.0).reshape(2, 3)}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def entry(store, key=ID, kind="truth"):
    return store.root / kind / key[:2] / key


def leftovers(store):
    return sorted((store.root / "tmp").iterdir())


def test_put_then_get_gives_the_same(store):
    store.put("truth", ID, DATA, {"seconds": 1.5})
    got = store.get("truth", ID)
    np.testing.assert_array_equal(got.arrays["effects"], DATA["effects"])
    assert got.meta == {"seconds": 1.5}
    assert sorted(path.name for path in entry(store).iterdir()) == [ARRAYS, META]
    assert leftovers(store) == []


def test_missing_is_none_and_creates_nothing(store):
    assert not store.has("truth", ID)
    assert store.get("truth", ID) is None
    assert list(store.entries("truth")) == []
    assert not store.remove("truth", ID)
    assert not store.root.exists()


def test_kinds_are_apart(store):
    store.put("truth", ID, DATA, {})
    assert store.has("truth", ID)
    assert not store.has("score", ID)


def test_second_put_keeps_the_first(store):
    store.put("truth", ID, DATA, {"by": "first"})
    store.put("truth", ID, {}, {"by": "second"})
    assert store.get("truth", ID).meta == {"by": "first"}


def test_put_that_loses_the_race_keeps_the_first(store, monkeypatch):
    store.put("truth", ID, DATA, {"by": "first"})
    monkeypatch.setattr(store, "has", lambda kind, key: False)
    store.put("truth", ID, {}, {"by": "second"})
    assert store.get("truth", ID).meta == {"by": "first"}
    assert leftovers(store) == []


def test_entries_are_sorted(store):
    ids = [f"{number:032x}" for number in (2**125, 3, 2**127)]
    for key in ids:
        store.put("truth", key, {}, {"id": key})
    assert list(store.entries("truth")) == [(key, {"id": key}) for key in sorted(ids)]


def test_removed_artifact_can_be_put_again(store):
    store.put("truth", ID, DATA, {})
    assert store.remove("truth", ID)
    assert not store.has("truth", ID)
    assert leftovers(store) == []
    store.put("truth", ID, DATA, {"again": True})
    assert store.get("truth", ID).meta == {"again": True}


def damage_bytes(path):
    content = bytearray((path / ARRAYS).read_bytes())
    content[-1] ^= 1
    (path / ARRAYS).write_bytes(content)


def truncate_arrays(path):
    os.truncate(path / ARRAYS, 10)


def edit_meta(path):
    (path / META).write_text((path / META).read_text().replace("1.5", "2.5"))


def make_arrays_a_directory(path):
    (path / ARRAYS).unlink()
    (path / ARRAYS).mkdir()


DAMAGES = [
    damage_bytes,
    truncate_arrays,
    edit_meta,
    make_arrays_a_directory,
    lambda path: (path / ARRAYS).unlink(),
    lambda path: (path / META).unlink(),
    lambda path: (path / META).write_bytes(b""),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_broken_artifact_is_put_aside_with_a_warning_and_made_again(store, damage):
    store.put("truth", ID, DATA, {"seconds": 1.5})
    damage(entry(store))
    with pytest.warns(StoreWarning, match=f"truth {ID} in the store is broken") as caught:
        assert store.get("truth", ID) is None
    assert len(caught) == 1
    (aside,) = (store.root / "quarantine").iterdir()
    assert str(aside) in str(caught[0].message)
    assert not store.has("truth", ID)
    store.put("truth", ID, DATA, {"seconds": 1.5})
    assert store.get("truth", ID) is not None


def test_put_replaces_an_entry_without_meta(store):
    entry(store).mkdir(parents=True)
    (entry(store) / ARRAYS).write_bytes(b"junk")
    with pytest.warns(StoreWarning, match="incomplete"):
        store.put("truth", ID, DATA, {})
    assert store.get("truth", ID) is not None


def test_file_in_the_place_of_an_entry_is_put_aside(store):
    entry(store).parent.mkdir(parents=True)
    entry(store).write_text("junk")
    with pytest.warns(StoreWarning):
        store.put("truth", ID, DATA, {})
    assert store.get("truth", ID) is not None


def test_entries_put_broken_ones_aside_and_go_on(store):
    other = "cd" + "1" * 30
    for key in (ID, other):
        store.put("truth", key, DATA, {"seconds": 1.5})
    edit_meta(entry(store))
    with pytest.warns(StoreWarning):
        assert [key for key, _ in store.entries("truth")] == [other]


def test_two_broken_entries_warn_twice(store):
    for _ in range(2):
        store.put("truth", ID, DATA, {})
        truncate_arrays(entry(store))
        with pytest.warns(StoreWarning):
            store.get("truth", ID)
    assert len(list((store.root / "quarantine").iterdir())) == 2


@pytest.mark.parametrize("name", ["", "a", "../x", "a/b", ".hidden", "a\nb", "aa\n"])
def test_names_that_cannot_be_files_are_refused(store, name):
    with pytest.raises(ValueError, match="cannot name an artifact"):
        store.put("truth", name, {}, {})
    with pytest.raises(ValueError, match="cannot name an artifact"):
        store.get(name, ID)


@pytest.mark.parametrize("kind", ["tmp", "quarantine", "logs"])
def test_own_directories_are_no_kinds(store, kind):
    with pytest.raises(ValueError, match="cannot name"):
        list(store.entries(kind))


def test_default_is_the_variable_or_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IFBENCH_STORE", raising=False)
    assert Store.default().root == tmp_path / ".ifbench"
    monkeypatch.setenv("IFBENCH_STORE", str(tmp_path / "elsewhere"))
    assert Store.default().root == tmp_path / "elsewhere"


def test_log_is_kept_by_job(store):
    path = store.log(ID, "Traceback\n")
    store.log(ID, "another\n")
    assert path == store.root / "logs" / f"{ID}.txt"
    assert path.read_text() == "another\n"


@pytest.mark.parametrize("call", range(4))
def test_full_disk_at_any_point_shows_nothing_and_says_how_to_go_on(store, monkeypatch, call):
    store.put("truth", "cd" + "1" * 30, {}, {})
    calls = iter(range(100))
    real = os.fsync

    def fail_once(descriptor):
        if next(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_once)
        with pytest.raises(StoreError, match="No space left on device") as caught:
            store.put("truth", ID, DATA, {})
    assert f"cannot write truth {ID}" in caught.value.message
    assert caught.value.where.startswith(str(store.root))
    assert "free some space" in caught.value.hint
    assert "IFBENCH_STORE" in caught.value.hint
    assert "the same command goes on" in caught.value.hint
    assert leftovers(store) == []
    assert not store.has("truth", ID)
    store.put("truth", ID, DATA, {})
    assert store.get("truth", ID) is not None


def test_real_limit_on_file_size_shows_nothing(store):
    store.put("truth", "cd" + "1" * 30, {}, {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreError, match="File too large"):
            store.put("truth", ID, {"big": np.zeros(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert leftovers(store) == []
    assert store.get("truth", ID) is None


def test_full_file_system_shows_nothing(tmp_path):
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "ifbench-test", str(mounted)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a file system here")
    try:
        store = Store(mounted / "store")
        store.put("truth", "cd" + "1" * 30, DATA, {})
        with pytest.raises(StoreError, match="No space left on device"):
            store.put("truth", ID, {"big": np.zeros(100_000)}, {})
        assert leftovers(store) == []
        assert store.get("truth", ID) is None
        assert store.get("truth", "cd" + "1" * 30) is not None
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_store_can_be_read_but_not_written(store):
    store.put("truth", ID, DATA, {})
    for path in [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]:
        path.chmod(0o555)
    try:
        assert Store(store.root).get("truth", ID) is not None
        with pytest.raises(StoreError, match="Permission denied"):
            store.put("score", ID, DATA, {})
    finally:
        for path in [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]:
            path.chmod(0o755)


def test_read_only_file_system_is_told(store, monkeypatch):
    def refuse(path, *args, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match="Read-only file system"):
        store.put("truth", ID, DATA, {})


def test_store_that_is_a_file_is_told(tmp_path):
    (tmp_path / "store").write_text("")
    store = Store(tmp_path / "store")
    with pytest.raises(StoreError, match="cannot write truth"):
        store.put("truth", ID, DATA, {})


def test_dead_writers_are_swept_and_living_ones_kept(store):
    code = "from ifbench.store.atomic import scratch_name; print(scratch_name(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        left = store.root / "tmp" / writer.stdout.readline().strip()
        left.mkdir(parents=True)
        (left / ARRAYS).write_bytes(b"half")
        Store(store.root)
        assert left.exists()
        writer.kill()
    Store(store.root)
    assert not left.exists()


def _put_all(root, ids, name, barrier):
    store = Store(root)
    barrier.wait()
    for key in ids:
        store.put("truth", key, {"by": np.full(1000, name)}, {"by": name})


def test_two_processes_putting_the_same_artifacts_leave_each_whole(store):
    ids = [f"{number:032x}" for number in range(40)]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_put_all, args=(store.root, ids, name, barrier)) for name in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    assert [writer.exitcode for writer in writers] == [0, 0]
    for key in ids:
        got = store.get("truth", key)
        assert (got.arrays["by"] == got.meta["by"]).all()
    assert leftovers(store) == []


WRITER = """
import itertools, os, sys
from pathlib import Path
import numpy as np
from ifbench.store.artifacts import Store
store = Store(Path(sys.argv[1]))
for number in itertools.count():
    key = f"{number % 100:02d}{os.getpid():010d}{number:020d}"
    store.put("truth", key, {"a": np.full(50_000, number)}, {"n": number})
    print(number, flush=True)
"""


def test_killed_writers_leave_a_readable_store(store):
    draw = random.Random(0)
    seen = 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.root)], stdout=subprocess.PIPE, text=True
        ) as writer:
            writer.stdout.readline()
            time.sleep(draw.uniform(0.0, 0.04))
            writer.kill()
            acknowledged = 1 + len(writer.stdout.read().splitlines())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            after = Store(store.root)
            stored = [(after.get("truth", key), meta) for key, meta in after.entries("truth")]
        assert all((artifact.arrays["a"] == meta["n"]).all() for artifact, meta in stored)
        assert len(stored) >= seen + acknowledged  # what a writer was told is stored stays stored
        assert leftovers(after) == []
        seen = len(stored)
