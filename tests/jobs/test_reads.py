"""A run reads each artifact once for each job that builds on it, and once for the tables."""

from __future__ import annotations

import unittest.mock
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ifbench.jobs.forecast import forecast
from ifbench.store import format as artifact_format
from tests.measured import pieces, planned
from tests.running import SUITE, ifbench_here, write_suite


@contextmanager
def counted_reads() -> Iterator[Counter[str]]:
    """How many artifacts of each kind are read with their arrays."""
    reads: Counter[str] = Counter()
    read = artifact_format.read

    def counting(path: Path, key: tuple[str, str]) -> artifact_format.Artifact:
        reads[key[0].split("-")[0]] += 1
        return read(path, key)

    with unittest.mock.patch.object(artifact_format, "read", counting):
        yield reads


def test_four_cells_read_each_score_and_truth_once_and_a_training_once_a_job(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("  - tracin\n", ""))
    with counted_reads() as reads:
        done = ifbench_here(tmp_path, "tiny.yaml")
    truths = len(pieces(tmp_path))
    assert f"{2 + 4 + truths} jobs computed for 4 cells" in done.stderr
    assert reads == {"train": 4 + truths, "score": 4, "truth": truths}  # all but trainings build on a training
    with counted_reads() as reads:
        done = ifbench_here(tmp_path, "tiny.yaml")
    assert "nothing to do" in done.stderr
    assert reads == {"score": 4, "truth": truths}


def test_a_plan_whose_examples_are_drawn_reads_no_array(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("  - {top: 10, by: hif}\n", "").replace("[0, 1]", "[0]"))
    assert ifbench_here(tmp_path, "tiny.yaml").returncode == 0
    with counted_reads() as reads:
        assert all(line.to_run == 0 for line in forecast(*planned(tmp_path)).lines)
    assert not reads


def test_a_plan_of_what_is_stored_reads_each_score_that_chooses_once(tmp_path: Path) -> None:
    write_suite(tmp_path, SUITE.replace("[0, 1]", "[0]"))
    assert ifbench_here(tmp_path, "tiny.yaml").returncode == 0
    with counted_reads() as reads:
        assert all(line.to_run == 0 for line in forecast(*planned(tmp_path)).lines)
    assert reads == {"score": 1}  # of hif
