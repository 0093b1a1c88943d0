from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from ifbench.jobs import cost as timing
from ifbench.jobs.cost import measure

HELD = 0.1
"""Seconds that memory is held: samples are taken in between, also on a machine that has much to do."""


def kernel_or_samples():
    watcher = timing._watch_memory()
    watcher.stop()
    return watcher


@pytest.fixture(params=["kernel", "sampled"])
def way(request, monkeypatch, tmp_path):
    """Both ways of seeing the peak; without the file to reset it, it is sampled."""
    if request.param == "sampled":
        monkeypatch.setattr(timing, "CLEAR_REFS", tmp_path / "missing" / "clear_refs")
    elif not isinstance(kernel_or_samples(), timing._KernelPeak):
        pytest.skip("the kernel's peak cannot be reset here")
    return request.param


def allocate(megabytes):
    return np.ones(megabytes * 1_000_000 // 8)


def test_seconds_are_those_of_the_block():
    before = time.perf_counter()
    with measure() as cost:
        time.sleep(0.05)
    assert 0.05 <= cost.seconds <= time.perf_counter() - before


def test_allocation_that_stays_is_seen(way):
    with measure() as cost:
        kept = allocate(200)
        time.sleep(HELD)
    assert 180 <= cost.peak_memory_mb <= 260
    del kept


def test_allocation_that_is_freed_inside_is_seen(way):
    with measure() as cost:
        for _ in range(3):  # freed each time: the peak is that of one
            kept = allocate(200)
            time.sleep(HELD)
            del kept
    assert 180 <= cost.peak_memory_mb <= 260


def test_idle_block_shows_nothing(way):
    earlier = allocate(100)
    del earlier  # a peak from before does not count
    with measure() as cost:
        time.sleep(HELD)
    assert 0 <= cost.peak_memory_mb < 5


def test_freeing_what_was_there_before_is_not_negative(way):
    before = allocate(100)
    with measure() as cost:
        del before
    assert 0 <= cost.peak_memory_mb < 5


def test_inner_block_hides_no_peak_from_the_outer(way):
    with measure() as outer:
        first = allocate(200)
        time.sleep(HELD)
        del first
        with measure() as inner:
            second = allocate(50)
            time.sleep(HELD)
            del second
    assert 180 <= outer.peak_memory_mb <= 260
    assert 40 <= inner.peak_memory_mb <= 80


def test_memory_that_the_allocator_kept_of_earlier_work_hides_none():
    blocks, last = [bytes(100_000) for _ in range(4000)], bytes(100_000)
    del blocks  # 400 MB that stay with the process, for the heap ends with what is still in use
    for _ in range(2):
        with measure() as cost:
            kept = allocate(200)
            del kept
        assert 180 <= cost.peak_memory_mb <= 260
    assert len(last) == 100_000


def test_memory_is_left_alone_where_only_time_is_asked_for(monkeypatch):
    monkeypatch.setattr(timing, "_watch_memory", lambda: pytest.fail("looked at the memory"))
    with measure(memory=False) as cost:
        time.sleep(0.01)
    assert cost.seconds >= 0.01
    assert np.isnan(cost.peak_memory_mb)


def test_block_that_raises_is_measured_and_leaves_no_thread(way):
    with pytest.raises(ZeroDivisionError), measure() as cost:
        _ = 1 / 0
    assert cost.seconds >= 0
    assert cost.peak_memory_mb >= 0
    assert "ifbench-memory" not in {thread.name for thread in threading.enumerate()}
    assert timing._KernelPeak._watching == []


def test_kernel_that_ignores_the_reset_is_not_believed(monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "STATUS", tmp_path / "status")
    monkeypatch.setattr(timing, "CLEAR_REFS", tmp_path / "clear_refs")
    (tmp_path / "status").write_text("VmHWM:\t  900000 kB\nVmRSS:\t  100000 kB\n")
    assert isinstance(kernel_or_samples(), timing._SampledPeak)


def test_empty_block_costs_next_to_no_time():
    seconds = []
    for _ in range(20):
        with measure() as cost:
            pass
        seconds.append(cost.seconds)
    assert min(seconds) < 1e-4


def test_gpu_in_use_is_waited_for_before_and_after(monkeypatch):
    calls = []
    cuda = SimpleNamespace(is_initialized=lambda: True, synchronize=lambda: calls.append("sync"))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    with measure():
        calls.append("work")
    assert calls == ["sync", "work", "sync"]


def test_gpu_not_in_use_is_left_asleep(monkeypatch):
    cuda = SimpleNamespace(is_initialized=lambda: False, synchronize=lambda: pytest.fail("woke the GPU"))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    with measure():
        pass
