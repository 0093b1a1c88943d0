"""What training and a Hessian product of BERT cost with frozen layers: against transformers and autograd, `make bench`.

The rivals are what one writes without thinking: `BertForSequenceClassification`, its parameters frozen by
`requires_grad`, and `torch.optim.Adam`, or autograd twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ifbench.core import Batch, Dataset
from ifbench.core.data.text import encode
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.numerics.prepare import prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.suite.cells import Choice, Task
from tests.benchmarks.paired import compare

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

transformers = pytest.importorskip("transformers")
pytest.importorskip("all_minilm_l6_v2")

N_TEXT, N_STEP, LENGTH = 64, 10, 20
WORDS = ["a", "film", "so", "dull", "and", "long", "that", "not", "one", "could", "like", "but", "end", "was", "fine"]


def made_up() -> Dataset:
    """Texts of words drawn at random, and classes."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(WORDS), (N_TEXT, LENGTH), generator=generator).tolist()
    inputs = encode([" ".join(WORDS[word] for word in row) for row in rows], 200)
    batch = Batch(inputs, torch.randint(2, (N_TEXT,), generator=generator))
    return Dataset(batch, Batch(*(part[:8] for part in batch)), n_output=2)


@pytest.fixture(scope="module")
def task() -> Trained:
    """MiniLM, of whose six layers the last trains."""
    registry = load_registry()
    params = registry.find("architecture", "bert").spec.params(
        weights="all-minilm-l6-v2", max_length=LENGTH, trainable=1
    )
    architecture = Choice("architecture", "bert", "bert", params.plain())
    recipe = Recipe(optimizer="adam", batch_size=16, steps=N_STEP, learning_rate=1e-4)
    whole = Task(Choice("data", "iris", "iris"), architecture, recipe, 0, "float32")
    return prepare(whole, registry, loaded=(made_up(), ""))


@pytest.fixture(scope="module")
def plain(task: Trained) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The same network as transformers has it, with token numbers and mask."""
    network = task.objective.model.module.network
    own = transformers.BertForSequenceClassification(network.config)
    own.load_state_dict(network.state_dict())
    own.set_attn_implementation("sdpa")
    for param, given in zip(own.parameters(), network.parameters(), strict=True):
        param.requires_grad_(given.requires_grad)
    ids = task.objective.model.tokens.rows(
        [bytes(row).rstrip(b"\0").decode() for row in made_up().train.inputs.numpy()], LENGTH
    )
    return own.eval(), ids, (ids != task.objective.model.tokens.pad).long()


@pytest.fixture(autouse=True)
def _only_when_asked(benchmark: BenchmarkFixture) -> None:
    if not benchmark.enabled:
        pytest.skip("a measurement: make bench")


@pytest.mark.benchmark(group="frozen layers of BERT")
def test_updates_of_the_last_layer(benchmark: BenchmarkFixture, task: Trained, plain: tuple) -> None:
    network, ids, mask = plain
    targets = task.data.train.targets
    optimizer = torch.optim.Adam([param for param in network.parameters() if param.requires_grad], lr=1e-4)

    def loop() -> None:
        for _ in range(N_STEP):
            rows = torch.randperm(N_TEXT)[:16]
            optimizer.zero_grad()
            logits = network(input_ids=ids[rows], attention_mask=mask[rows]).logits
            torch.nn.functional.cross_entropy(logits, targets[rows]).backward()
            optimizer.step()

    what = f"{N_STEP} updates of Adam, MiniLM's last layer, batches of 16, over transformers"
    compare(benchmark, what, task.train, loop, limit="1")


@pytest.mark.benchmark(group="frozen layers of BERT")
def test_hessian_product_of_the_last_layer(benchmark: BenchmarkFixture, task: Trained, plain: tuple) -> None:
    network, ids, mask = plain
    network.set_attn_implementation("eager")
    params = [param for param in network.parameters() if param.requires_grad]
    problem = TrainedProblem(task)
    vector = torch.randn(1, problem.n_param, generator=torch.Generator().manual_seed(1))
    tangents = [torch.randn_like(param) for param in params]
    targets = task.data.train.targets

    def twice() -> None:
        logits = network(input_ids=ids, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits, targets)
        slopes = torch.autograd.grad(loss, params, create_graph=True)
        torch.autograd.grad(
            sum((slope * tangent).sum() for slope, tangent in zip(slopes, tangents, strict=True)), params
        )

    what = f"a Hessian product, the same layer, {N_TEXT} sentences, over autograd twice"
    compare(benchmark, what, lambda: problem.hessian_product(vector), twice, limit="1")
