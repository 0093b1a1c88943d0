"""How rows are divided, and how many fit a budget."""

import pytest
import torch

from ifbench.numerics.derivatives.chunks import CACHE_BYTES, PARAMETER_FACTOR, pass_bytes, pieces


@pytest.mark.parametrize(
    ("n", "largest", "wanted"), [(10, 4, [4, 4, 2]), (9, 4, [3, 3, 3]), (8, 100, [8]), (3, 0, [1, 1, 1]), (0, 5, [0])]
)
def test_rows_in_nearly_equal_pieces(n, largest, wanted):
    assert [len(piece) for piece in pieces(torch.arange(n), largest)] == wanted
    assert torch.equal(torch.cat(list(pieces(torch.arange(n), largest))), torch.arange(n))


def test_a_chunk_outweighs_its_parameters():
    assert pass_bytes(torch.device("cpu"), 10) == CACHE_BYTES
    assert pass_bytes(torch.device("cpu"), CACHE_BYTES) == PARAMETER_FACTOR * CACHE_BYTES
    assert pass_bytes(torch.device("cpu"), 10, n_call=1000) > CACHE_BYTES, "nor do calls outweigh what they compute"
