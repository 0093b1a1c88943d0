"""What stands on private names of torch."""

import torch

from ifbench.numerics.derivatives.private import Computed
from ifbench.numerics.derivatives.tracing import record


def test_views_and_writes_are_not_counted():
    values = torch.zeros(10, dtype=torch.float64)
    with Computed() as computed:
        values.view(2, 5).t()
        values.add_(1)
        assert computed.n_byte == 0
        (values + 1).view(5, 2)
    assert computed.n_byte == 80


def test_a_torch_without_shared_stand_ins_records_the_same(monkeypatch):
    def function(x):
        return (x.view(-1).exp() + torch.ones(4, dtype=x.dtype),)

    values = torch.arange(4.0, dtype=torch.float64).view(2, 2)
    usual = [str(node.target) for node in record(function, values).graph.nodes]
    monkeypatch.delattr("torch._guards.tracing")
    recorded = record(function, values)
    assert [str(node.target) for node in recorded.graph.nodes] == usual
    assert torch.equal(recorded(values)[0], function(values)[0])
