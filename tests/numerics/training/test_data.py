"""Reading data: what is refused, and the digest."""

import hashlib
from dataclasses import replace

import pytest
import torch

from ifbench.core import Batch, Dataset
from ifbench.core.errors import IfbenchError
from ifbench.numerics.training.data import check_dataset, digest_of


def made(n=6, **changes):
    def part():
        return Batch(torch.randn(n, 2, 3), torch.arange(n) % 3)

    return replace(Dataset(part(), part(), 3), **changes)


def test_a_sound_data_set_passes():
    check_dataset(made(suspect=torch.zeros(6, dtype=torch.bool)), where="", sizes=(6, 6))


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_a_value_that_is_not_finite_is_told_with_its_row(bad):
    data = made()
    data.test.inputs[4, 1, 0] = bad
    with pytest.raises(IfbenchError, match=r"test inputs hold a value that is not finite \(first in row 4\)"):
        check_dataset(data, where="")


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_told_with_its_row(label):
    data = made()
    data.train.targets[2] = label
    with pytest.raises(IfbenchError, match=f"train targets hold {label} in row 2, wanted a class from 0 to 2"):
        check_dataset(data, where="")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test": Batch(torch.zeros(0, 2, 3), torch.zeros(0, dtype=torch.int64))}, "the test part has 0 inputs"),
        ({"train": Batch(torch.zeros(4, 2, 3), torch.zeros(3, dtype=torch.int64))}, "4 inputs and 3 targets"),
        ({"test": Batch(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))}, r"\(n, \*\(2, 3\)\) to train but"),
        ({"suspect": torch.zeros(5, dtype=torch.bool)}, r"suspect has shape \(5,\)"),
        ({"train": made(7).train}, r"holds 7 \+ 6 examples, but was said to hold 6 \+ 6"),
    ],
)
def test_parts_that_do_not_fit_together_are_told(changes, message):
    with pytest.raises(IfbenchError, match=message):
        check_dataset(made(**changes), where="", sizes=(6, 6))


def test_the_digest_is_that_of_the_bytes():
    data = made()
    slow = hashlib.sha256()
    for part in (*data.train, *data.test):
        slow.update(f"{part.dtype}{tuple(part.shape)}".encode() + part.numpy().tobytes())
    assert digest_of(data) == slow.hexdigest()
    strided = replace(data, train=Batch(data.train.inputs.mT.contiguous().mT, data.train.targets))
    assert digest_of(strided) == slow.hexdigest()
