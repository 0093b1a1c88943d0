"""Tables of one's own: numbers and text, one file or two."""

import pytest
import torch

from ifbench.core.data.text import decode
from ifbench.core.errors import IfbenchError

ROWS = [(row, row % 3, f"c{row % 2}") for row in range(12)]
NUMBERS = "a,b,label\n" + "".join(f"{a},{b},{label}\n" for a, b, label in ROWS)


def test_columns_of_numbers_are_standardised_on_the_training_set(root, load):
    (root / "own.csv").write_text(NUMBERS)
    (root / "test.csv").write_text(NUMBERS)
    data = load("csv", path="own.csv", test_path="test.csv")
    a = torch.arange(12, dtype=torch.float64)
    torch.testing.assert_close(data.test.inputs[:, 0], (a - a.mean()) / a.std(correction=0))
    assert data.train.targets.tolist() == [0, 1] * 6
    only = load("csv", path="own.csv", features=["b"], standardise=False)
    assert sorted(torch.cat([only.train.inputs, only.test.inputs]).flatten().tolist()) == sorted(b for _, b, _ in ROWS)
    assert len(only.test.inputs) == 2


def test_a_column_of_text_becomes_bytes_and_names_choose_classes(root, load, sizes):
    lines = [f'say "{word}" é\t{kind}' for word, kind in [("yes", "for"), ("no", "against"), ("hm", "neither")] * 4]
    (root / "own.tsv").write_text("\n".join(["sentence\tstance", *lines]), encoding="utf-8")
    options = {
        "path": "own.tsv",
        "text": "sentence",
        "target": "stance",
        "classes": ["for", "against"],
        "max_bytes": 12,
    }
    data = load("tsv", **options)
    assert set(zip(decode(data.train.inputs), data.train.targets.tolist(), strict=True)) == {
        ('say "yes" é', 0),
        ('say "no" é', 1),
    }
    assert data.train.inputs.shape == (sizes("tsv", **options)[0], 12)


def test_wrong_tables_are_told(root, load):
    (root / "own.csv").write_text(NUMBERS)
    (root / "test.csv").write_text("a,b,label\n1,2,c0\n3,4,c2\n")
    with pytest.raises(IfbenchError, match=r"test.csv:3: label 'c2' in column 'label', wanted one of c0, c1"):
        load("csv", path="own.csv", test_path="test.csv")
    with pytest.raises(IfbenchError, match=r"own.csv:2: column 'label' holds 'c0', wanted a finite number"):
        load("csv", path="own.csv", features=["label"])
    (root / "test.csv").write_text("label\nc0\nc1\n")
    with pytest.raises(IfbenchError, match="has no column but 'label'"):
        load("csv", path="test.csv")
