"""Networks that read text: their losses, their training and every estimator on them; all share one slow import."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from ifbench.core import Batch, Dataset
from ifbench.core.data.text import decode, encode
from ifbench.core.errors import IfbenchError
from ifbench.core.recipe import Recipe
from ifbench.core.registry import load_registry
from ifbench.jobs.work import Context
from ifbench.numerics.prepare import encoded, prepare
from ifbench.numerics.problem import TrainedProblem
from ifbench.numerics.trained import Trained
from ifbench.numerics.training.modes import check_modes
from ifbench.suite.cells import Choice, Task
from ifbench.testing import objective_of, params_to_check

transformers = pytest.importorskip("transformers")

TEXTS = ["A fine film!", "dull, dull and long", "good", "I like it not.", "what a bore", "fine and good", "", "a long"]
CLASSES = [1, 0, 1, 0, 0, 1, 0, 1]
SMALL = {"width": 4, "depth": 1, "max_length": 6, "vocabulary": 8}
BOTH = pytest.mark.parametrize("name", ["bert", "t5"])
REGISTRY = load_registry()


def texts(n_test=3):
    test = Batch(encode(TEXTS[:n_test], 40), torch.tensor(CLASSES[:n_test]))
    return Dataset(Batch(encode(TEXTS, 40), torch.tensor(CLASSES)), test, n_output=2)


def build(name, data=None, *, dtype=torch.float64, **values):
    """Model and the data as it takes them."""
    spec, data = REGISTRY.find("architecture", name).spec, data or texts()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        size = {} if "weights" in values else SMALL
        model = spec.load()(spec.params(**{**size, **values}), data)
    model.module.to(dtype).eval()
    with torch.no_grad():  # the initial ones are so small that nothing would show
        for param in model.module.parameters():
            param.copy_(torch.randn(param.shape, generator=torch.Generator().manual_seed(param.numel()), dtype=dtype))
    return model, encoded(model, data)


def losses(model, batch):
    module = model.module
    return model.losses(dict(module.named_parameters()), dict(module.named_buffers()), batch)


@BOTH
def test_losses_and_gradients_are_those_of_transformers(name):
    model, data = build(name, labels=["bad", "very good"]) if name == "t5" else build(name)
    ids, targets = data.train
    network = model.module.network
    ours = losses(model, data.train)
    slopes = torch.autograd.grad(ours.sum(), list(network.parameters()), allow_unused=True)
    plain = type(network)(network.config).double().eval()
    plain.load_state_dict(network.state_dict())
    plain.set_attn_implementation("eager")
    if name == "bert":
        logits = plain(input_ids=ids, attention_mask=(ids != 0).long()).logits
        theirs = nn.functional.cross_entropy(logits, targets, reduction="none")
    else:
        labels = model.tokens.rows(["bad", "very good"], 4)[targets]
        logits = plain(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels.where(labels != 0, -100)).logits
        each = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=0)
        theirs = each.sum(1)
    tolerance = (
        {"rtol": 1e-9, "atol": 1e-10} if name == "bert" else {"rtol": 1e-4, "atol": 1e-5}
    )  # theirs: float32 norms
    torch.testing.assert_close(ours, theirs, **tolerance)
    wanted = torch.autograd.grad(theirs.sum(), list(plain.parameters()), allow_unused=True)
    for slope, theirs_slope in zip(slopes, wanted, strict=True):
        torch.testing.assert_close(slope, theirs_slope, **tolerance)


@BOTH
def test_padding_and_company_change_no_loss(name):
    model, data = build(name, max_length=16)
    full = losses(model, data.train)
    short = Batch(data.train.inputs[:, :10], data.train.targets)  # nothing but padding is cut off
    assert (data.train.inputs[:, 10:] == model.tokens.pad).all()
    torch.testing.assert_close(losses(model, short), full, rtol=1e-12, atol=1e-12)
    for row in range(len(full)):
        alone = Batch(*(part[row : row + 1] for part in short))
        torch.testing.assert_close(losses(model, alone)[0], full[row], rtol=1e-12, atol=1e-12)


@BOTH
def test_predictions_are_of_least_loss(name):
    model, data = build(name)
    tensors = dict(model.module.named_parameters()), dict(model.module.named_buffers())
    either = [losses(model, data.train._replace(targets=torch.full((8,), label))) for label in (0, 1)]
    assert torch.equal(model.predict(*tensors, data.train), torch.stack(either).argmin(0))


@BOTH
def test_dropout_follows_its_noise_and_is_off_in_evaluation(name):
    still, data = build(name)
    model, _ = build(name, dropout=0.3)
    check_modes(model, data.train, where="test")
    torch.testing.assert_close(losses(model, data.train), losses(still, data.train))
    tensors = dict(model.module.named_parameters()), dict(model.module.named_buffers())
    shapes = model.noise_shapes(data.train)
    assert (8, 2, 6, 6) in map(tuple, shapes)  # attention has dropout too
    for fill, same in ((0.99, False), (0.0, False)):
        noise = [torch.full(shape, fill) for shape in shapes]
        trained, _ = model.training_losses(*tensors, data.train, noise)
        again, _ = model.training_losses(*tensors, data.train, noise)
        assert torch.equal(trained, again)
        assert torch.allclose(trained, losses(still, data.train)) is same


@pytest.mark.parametrize("trainable", [0, 1, 2])
def test_frozen_layers_run_once_and_change_nothing(trainable):
    model, data = build("bert", depth=2, trainable=trainable)
    ids = model.tokens.rows(decode(texts().train.inputs), SMALL["max_length"])
    assert data.train.inputs.shape == (8, 6, SMALL["width"] + 1)
    assert (ids == model.tokens.pad).any()
    begun, whole = losses(model, data.train), losses(model, data.train._replace(inputs=ids))
    torch.testing.assert_close(begun, whole, rtol=1e-12, atol=1e-12)
    params = [param for param in model.module.parameters() if param.requires_grad]
    slopes, wanted = (torch.autograd.grad(each.sum(), params) for each in (begun, whole))
    for slope, one in zip(slopes, wanted, strict=True):
        torch.testing.assert_close(slope, one, rtol=1e-9, atol=1e-12)


def test_frozen_layers_run_anew_where_they_drop_or_their_outputs_are_too_many(monkeypatch):
    _, data = build("bert", depth=2, trainable=1, dropout=0.1)
    assert data.train.inputs.dtype == torch.int64
    monkeypatch.setattr(
        sys.modules[REGISTRY.find("architecture", "bert").spec.load().__module__], "MOST_KEPT", 11 * 6 * 4 - 1
    )
    _, data = build("bert", depth=2, trainable=1)
    assert data.train.inputs.dtype == torch.int64


def test_what_trains():
    model, _ = build("bert", depth=2, trainable=1)
    names = {name.removeprefix("network.") for name, param in model.module.named_parameters() if param.requires_grad}
    assert {name.split(".")[0] for name in names} == {"bert", "classifier"}
    assert all(name.startswith(("classifier", "bert.pooler", "bert.encoder.layer.1.")) for name in names)
    model, _ = build("t5", depth=2, trainable=1)
    frozen = {name for name, param in model.module.named_parameters() if not param.requires_grad}
    assert "network.shared.weight" in frozen
    assert {name.split(".")[1:4:2][0] for name in frozen} == {"shared", "encoder", "decoder"}
    assert all(".block.0." in name or "shared" in name for name in frozen)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("bert", {"trainable": 3}, "has 1 layers"),
        ("bert", {"width": 5}, "no multiple of heads"),
        ("t5", {"labels": ["good"]}, "1 given, but the data have 2 classes"),
        ("t5", {"labels": ["Good", "good"]}, "not told apart"),
        ("bert", {"weights": "nobody/no-such-network"}, "not found"),
        ("t5", {"weights": "click"}, "no installed package with weights"),
    ],
)
def test_what_cannot_be_built_says_why(name, values, message):
    with pytest.raises(IfbenchError, match=message) as caught:
        build(name, **values)
    assert name in (caught.value.where or "")


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_a_size_beside_weights_is_refused(name):
    make = load_registry().find("architecture", name).spec.params
    with pytest.raises(ValidationError, match="width, depth: the size of a random network, wanted nothing beside"):
        make(weights="somewhere", width=8, depth=1)
    assert make(weights="somewhere", width=32).plain()["weights"] == "somewhere"


def test_other_inputs_are_refused():
    numbers = Batch(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(IfbenchError, match="expected text"):
        build("bert", Dataset(numbers, numbers, n_output=2))


def test_without_transformers_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(IfbenchError, match=r"pip install 'ifbench\[text\]'"):
        build("bert")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny BERT with a tokenizer, as `save_pretrained` writes them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    path = tmp_path_factory.mktemp("weights")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "fine", "film", "dull", "good"]
    tokenizer = Tokenizer(models.WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(path)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=10,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(path)
    return path


def raw(name, seed, **values):
    spec = REGISTRY.find("architecture", name).spec
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return spec.load()(spec.params(**values), texts())


def test_weights_of_a_folder(folder, tmp_path):
    first, second, other = (raw("bert", seed, weights=str(folder), max_length=6) for seed in (0, 0, 1))
    state = first.module.state_dict()
    for name, value in other.module.state_dict().items():
        assert torch.equal(value, state[name]) is not name.startswith("network.classifier.weight"), name
        assert torch.equal(second.module.state_dict()[name], state[name])
    assert first.encode(texts().train.inputs[:3]).tolist() == [
        [2, 1, 4, 5, 1, 3],
        [2, 6, 1, 6, 1, 3],
        [2, 7, 3, 0, 0, 0],
    ]
    with pytest.raises(IfbenchError, match="have 10 places"):
        raw("bert", 0, weights=str(folder), max_length=11)
    with pytest.raises(IfbenchError, match="not of 't5'"):
        raw("t5", 0, weights=str(folder))
    with pytest.raises(IfbenchError, match=r"no config\.json"):
        raw("bert", 0, weights=str(tmp_path))


def test_changed_weights_are_noticed(folder):
    before = raw("bert", 0, weights=str(folder), max_length=6).weights_digest
    config = folder / "config.json"
    told = config.read_text()
    config.write_text(json.dumps({**json.loads(told), "layer_norm_eps": 0.1}))
    assert raw("bert", 0, weights=str(folder), max_length=6).weights_digest != before
    config.write_text(told)
    assert raw("bert", 0, weights=str(folder), max_length=6).weights_digest == before
    assert build("bert")[0].weights_digest is None


def task(folder, tmp_path):
    """A task on a table of texts, with weights from a folder."""
    table = tmp_path / "texts.tsv"
    lines = [f"{text or 'none'}\t{label}" for text, label in zip(TEXTS, CLASSES, strict=True)]
    table.write_text("\n".join(["text\tlabel", *lines]) + "\n")
    data = Choice("data", "tsv", "tsv", {"path": str(table), "text": "text", "target": "label", "test_share": 0.25})
    recipe = Recipe(steps=1, learning_rate=0.1)
    return Task(
        data, Choice("architecture", "bert", "bert", {"weights": str(folder), "max_length": 6}), recipe, 0, "float64"
    )


def test_a_prepared_task_holds_tokens_and_draws_new_beginnings(folder, tmp_path):
    found = prepare(task(folder, tmp_path), REGISTRY)
    assert found.data.train.inputs.dtype == torch.int64
    assert found.data.train.inputs.shape == (6, 6)
    assert found.initial(0).dtype == torch.float64
    assert not torch.equal(found.initial(1), found.initial(0))


def test_a_training_from_other_weights_is_refused(folder, tmp_path):
    asked = task(folder, tmp_path)
    found = prepare(asked, REGISTRY)
    digests = {"data_digest": found.data_digest, "weights_digest": found.weights_digest}
    meta = {**digests, "engine": {"width": 1, "compiled": False}}
    arrays = {"test_losses": np.zeros(6)}
    store = SimpleNamespace(get=lambda kind, name: SimpleNamespace(meta=meta, arrays=arrays))
    context, job = Context(store, REGISTRY), SimpleNamespace(train=SimpleNamespace(id="id"), task=asked, label="score")
    context.trained(job)
    meta["weights_digest"] = "of others"
    with pytest.raises(IfbenchError, match="not those this task started from"):
        context.trained(job)


DAMPING, DECAY = 2.0, 0.01


@pytest.fixture(scope="module", params=["bert", pytest.param("t5", marks=pytest.mark.slow)])
def problem(request):
    """A tiny network, trained for a few steps."""
    model, data = build(request.param, trainable=1)
    with torch.no_grad():
        for param in model.module.parameters():
            param.mul_(0.5)
    objective = objective_of(model, decay=DECAY)
    recipe = Recipe(steps=4, learning_rate=0.01, optimizer="adam", batch_size=4, weight_decay=DECAY, checkpoints=2)
    initial = objective.layout.flatten(dict(model.module.named_parameters()))
    return TrainedProblem(Trained.of(objective, data, recipe, initial=lambda _: initial).train())


@pytest.fixture(scope="module")
def dense(problem):
    """(gradients of examples, gradients of queries, Hessian), by ordinary autograd."""

    evaluated = problem.objective.losses

    def value(params):
        return evaluated(params, problem.point.buffers, problem.data.train).mean() + DECAY * params @ params

    tables = []
    for part in (problem.data.train, problem.data.test):
        params = problem.params.detach().requires_grad_()
        each = evaluated(params, problem.point.buffers, part)
        tables.append(torch.stack([torch.autograd.grad(loss, params, retain_graph=True)[0] for loss in each]))
    return *tables, torch.autograd.functional.hessian(value, problem.params)


def scores(problem, name, **values):
    spec = REGISTRY.estimator(name)
    estimator = spec.load()(params_to_check(spec, **values))
    estimator.fit(problem)
    found = estimator.score(problem, torch.arange(problem.n_train), torch.arange(problem.n_test))
    assert found.isfinite().all()
    return found


def test_gradient_estimators(problem, dense):
    train, test, _ = dense
    torch.testing.assert_close(scores(problem, "grad-dot"), train @ test.T, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(scores(problem, "tracin"), 0.01 * train @ test.T, rtol=1e-8, atol=1e-10)
    cosine = nn.functional.cosine_similarity(train[:, None], test[None], dim=2)
    torch.testing.assert_close(scores(problem, "grad-cos"), cosine, rtol=1e-8, atol=1e-10)
    assert scores(problem, "random").shape == (8, 3)


def test_hessian_product(problem, dense):
    vector = torch.randn(1, problem.n_param, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.testing.assert_close(problem.hessian_product(vector), vector @ dense[2], rtol=1e-8, atol=1e-10)


@pytest.mark.slow
def test_hessian_estimators(problem, dense):
    train, test, hessian = dense
    damping = DAMPING + max(0.0, -2 * float(torch.linalg.eigvalsh(hessian)[0]))
    wanted = train @ torch.linalg.solve(hessian + damping * torch.eye(len(hessian), dtype=hessian.dtype), test.T)
    for solver in ("cg", "block-cg", "cr"):
        found = scores(problem, "hif", solver=solver, damping=damping, tolerance=1e-11)
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)
    setting = {"iterations": problem.n_param, "projectors": problem.n_param, "tolerance": 0.0, "damping": damping}
    torch.testing.assert_close(scores(problem, "abif", **setting), wanted, rtol=1e-5, atol=1e-7)
    largest = float(torch.linalg.eigvalsh(hessian)[-1]) + damping
    found = scores(problem, "lissa", damping=damping, scale=3 * largest, depth=600, batch_size=64, repeats=2)
    assert (found - wanted).norm() < 0.2 * wanted.norm()


@pytest.mark.slow
def test_trajectory_estimator(problem):
    found, forwards = (scores(problem, "trajectory", steps=2, mode=mode) for mode in ("adjoint", "forward"))
    torch.testing.assert_close(found, forwards, rtol=1e-7, atol=1e-9)


@pytest.mark.slow
def test_minilm_trains_from_its_package():
    pytest.importorskip("all_minilm_l6_v2")
    model, data = raw("bert", 0, weights="all-minilm-l6-v2", max_length=12, trainable=1), texts()
    data = encoded(model, data)
    objective = objective_of(model)
    initial = objective.layout.flatten(dict(model.module.named_parameters()))
    recipe = Recipe(steps=20, learning_rate=1e-3, optimizer="adam")
    state = Trained.of(objective, data, recipe, initial=lambda _: initial).train().state
    ends = [objective.losses(params, initial[:0], data.train).mean() for params in (initial, state.params)]
    assert ends[1] < 0.1 * ends[0]
