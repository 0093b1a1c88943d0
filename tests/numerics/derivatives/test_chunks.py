"""What a pass computes, and how rows are divided."""

import pytest
import torch

from ifbench.numerics.derivatives.chunks import CACHE_BYTES, PARAMETER_FACTOR, computed_bytes, pass_bytes, pieces


@pytest.mark.parametrize(
    ("n", "largest", "wanted"), [(10, 4, [4, 4, 2]), (9, 4, [3, 3, 3]), (8, 100, [8]), (3, 0, [1, 1, 1]), (0, 5, [0])]
)
def test_rows_in_nearly_equal_pieces(n, largest, wanted):
    assert [len(piece) for piece in pieces(torch.arange(n), largest)] == wanted
    assert torch.equal(torch.cat(list(pieces(torch.arange(n), largest))), torch.arange(n))


def test_views_and_writes_are_not_counted():
    values = torch.zeros(10, dtype=torch.float64)
    with computed_bytes() as computed:
        values.view(2, 5).t()
        values.add_(1)
        assert computed["total"] == 0
        (values + 1).view(5, 2)
    assert computed["total"] == 80


def test_a_chunk_outweighs_its_parameters():
    assert pass_bytes(torch.device("cpu"), 10) == CACHE_BYTES
    assert pass_bytes(torch.device("cpu"), CACHE_BYTES) == PARAMETER_FACTOR * CACHE_BYTES
    assert pass_bytes(torch.device("cpu"), 10, n_call=1000) > CACHE_BYTES, "nor do calls outweigh what they compute"
