"""SST-2 and text with labels in doubt."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ifbench.core.data.text import decode
from ifbench.core.errors import IfbenchError

from .conftest import REAL

VOTES = "text,against,for\none,3,0\ntwo,2,1\nthree,0,3\nfour,1,2\n"


def write(folder, **parts):
    folder.mkdir()
    for name, rows in parts.items():
        lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in rows)]
        (folder / f"{name}.tsv").write_text("\n".join(lines))


def pairs(batch):
    return list(zip(decode(batch.inputs), batch.targets.tolist(), strict=True))


def test_sst2_in_three_files_and_in_the_layout_of_glue(root, load, sizes):
    rows = [('so "good" ', 1), ("bad", 0), ("fine", 1)]
    write(root / "SST-2", train=rows, dev=rows[:1], test=[])
    data = load("sst2", n_train=3)
    assert pairs(data.train) == rows
    assert pairs(data.test) == rows[:1]
    assert data.source == "SST-2"
    write(root / "sst2", train=rows[:2], dev=rows[2:], test=rows[1:])
    data = load("sst2", max_bytes=4)
    assert [label for _, label in pairs(data.train)] == [1, 0, 1]
    assert pairs(data.test) == pairs(data.test)[:2] == [("bad", 0), ("fine", 1)]
    assert data.source == "sst2"
    assert sizes("sst2", limit=1) == (1, 1)


def test_sst2_from_the_hub_when_datasets_is_installed(root, registry, sizes, monkeypatch):
    asked = []

    def load_dataset(name, *, split, download_config):
        asked.append((name, split, download_config.local_files_only))
        return {"sentence": ["good", "bad"], "label": [1, 0]}

    fake = SimpleNamespace(load_dataset=load_dataset, DownloadConfig=SimpleNamespace, __spec__=object())
    monkeypatch.setitem(sys.modules, "datasets", fake)
    spec = registry.dataset("sst2")
    data = spec.load()(spec.params(download=True))
    assert pairs(data.test) == [("good", 1), ("bad", 0)]
    assert data.source == "Hugging Face, stanfordnlp/sst2"
    assert asked == [("stanfordnlp/sst2", "train", False), ("stanfordnlp/sst2", "validation", False)]
    assert sizes("sst2") == (67_349, 872)
    fake.load_dataset = lambda *_, **__: (_ for _ in ()).throw(ConnectionError("offline\nagain"))
    with pytest.raises(IfbenchError, match="cannot be had: offline again"):
        spec.load()(spec.params())


def test_missing_sst2_is_told_with_the_ways_to_get_it(root, load, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        IfbenchError, match=r"SST-2 not found: looked for .*sst2/test.tsv and .*SST-2/dev.tsv"
    ) as caught:
        load("sst2")
    assert "install the package datasets and give `download: true`" in (caught.value.hint or "")


def test_split_votes_make_a_label_suspect(root, load):
    (root / "own.csv").write_text(VOTES)
    (tidy := load("noisy-text", path="own.csv", votes=["against", "for"], test_share=0.5))
    told = {**dict(pairs(tidy.train)), **dict(pairs(tidy.test))}
    assert told == {"one": 0, "two": 0, "three": 1, "four": 1}
    suspects = [text for text, doubt in zip(decode(tidy.train.inputs), tidy.suspect, strict=True) if doubt]
    assert set(suspects) == {"two", "four"} & set(decode(tidy.train.inputs))
    lenient = load("noisy-text", path="own.csv", votes=["against", "for"], agreement=0.6)
    assert not lenient.suspect.any()


def test_given_labels_are_trained_on_and_clean_ones_tested_on(root, load):
    given = [row % 2 for row in range(10)]
    rows = [f"text {row}\t{given[row]}\t{1 if row < 6 else given[row]}" for row in range(10)]
    (root / "own.tsv").write_text("\n".join(["text\tnoisy\tclean", *rows]))
    data = load("noisy-text", path="own.tsv", target="noisy", clean="clean")
    for (text, label), doubt in zip(pairs(data.train), data.suspect.tolist(), strict=True):
        row = int(text.split()[1])
        assert label == given[row]
        assert doubt == (row < 6 and given[row] == 0)
    assert all(label == 1 for text, label in pairs(data.test) if int(text.split()[1]) < 6)


def test_what_is_wrong_with_votes_is_told(root, load):
    (root / "own.csv").write_text(VOTES + "five,0,0\n")
    with pytest.raises(IfbenchError, match=r"own.csv:6: no vote at all"):
        load("noisy-text", path="own.csv", votes=["against", "for"])
    with pytest.raises(IfbenchError, match="not said which labels are in doubt"):
        load("noisy-text", path="own.csv", target="for")


@pytest.mark.skipif(not (Path(REAL) / "sst2").exists() or not REAL, reason="IFBENCH_DATA has no sst2")
def test_the_real_sentences(load):
    data = load("sst2", n_train=1000)
    assert len(data.test.inputs) == 872
    assert len(data.train.inputs) == 1000
    assert abs(float(data.train.targets.double().mean()) - 0.558) < 0.005


@pytest.mark.skipif(not (Path(REAL) / "hate_speech").exists() or not REAL, reason="IFBENCH_DATA has no hate_speech")
def test_the_real_votes_agree_with_the_majority_class(load):
    votes = ["hate_speech", "offensive_language", "neither"]
    path = "hate_speech/labeled_data.csv"
    data = load("noisy-text", path=path, text="tweet", votes=votes, target="class", n_train=2000)
    assert data.n_output == 3
    assert 0.2 < float(data.suspect.double().mean()) < 0.4
