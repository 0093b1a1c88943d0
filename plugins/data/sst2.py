"""SST-2: sentences from film reviews, positive or negative."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ifbench import DatasetSpec, hookimpl, param
from ifbench.core import Batch, Dataset, IfbenchError
from ifbench.core.data import Subset, choose, classes_of, how_many, not_found, read_table, under_root

WHERE = "data 'sst2'"
HUB, HUB_PACKAGE = "stanfordnlp/sst2", "datasets"
N_TRAIN, N_TEST = 67_349, 872
NAMES = ("negative", "positive")


class Layout(NamedTuple):
    """Files of a folder: those to train and that to test on, all with the columns sentence and label."""

    train: Sequence[str]
    test: str


LAYOUTS = (
    Layout(("sst2/train.tsv", "sst2/dev.tsv"), "sst2/test.tsv"),
    Layout(("SST-2/train.tsv",), "SST-2/dev.tsv"),  # GLUE's own; its test.tsv has no labels
)


class Sst2Params(Subset):
    """How many sentences, and where they are cut."""

    max_bytes: int = param(256, ge=1, about="where a sentence is cut", unit="bytes")
    download: bool = param(
        False, about=f"fetch the copy of the Hugging Face hub with the package {HUB_PACKAGE}", identity=False
    )


class Sentences(NamedTuple):
    """A part of the data."""

    texts: Sequence[str]
    labels: np.ndarray


def load(params: Sst2Params) -> Dataset:
    """Sentences as bytes (n, max_bytes); 1 positive, 0 negative, int64.

    Raises:
        IfbenchError: There are neither files nor a copy of the hub's.
    """
    import torch

    from ifbench.core.data import encode

    layout = _layout()
    train, test = _read(layout) if layout is not None else _read_hub(params)

    def batch(some: Sentences, part: Any) -> Batch:  # Any: one of two words
        rows, targets = choose(params, some.labels, part, n_class=2, names=NAMES, where=WHERE)
        return Batch(encode([some.texts[row] for row in rows], params.max_bytes), torch.from_numpy(targets))

    source = str(Path(layout.test).parent) if layout is not None else f"Hugging Face, {HUB}"
    return Dataset(batch(train, "train"), batch(test, "test"), 2, source=source, classes=("negative", "positive"))


def _layout() -> Layout | None:
    for layout in LAYOUTS:
        places = [under_root(name) for name in (*layout.train[:1], layout.test)]
        if all(place is not None and place.exists() for place in places):
            return layout
    return None


def _read(layout: Layout) -> tuple[Sentences, Sentences]:
    def part(names: Iterable[str]) -> Sentences:
        places = [place for place in map(under_root, names) if place is not None and place.exists()]
        tables = [read_table(place, where=WHERE, delimiter="\t", quoted=False) for place in places]
        texts = [text for table in tables for text in table.column("sentence", where=WHERE)]
        return Sentences(
            texts, np.concatenate([classes_of(table, "label", ("0", "1"), where=WHERE) for table in tables])
        )

    return part(layout.train), part([layout.test])


def _read_hub(params: Sst2Params) -> tuple[Sentences, Sentences]:
    if find_spec(HUB_PACKAGE) is None:
        raise not_found(
            "SST-2",
            [layout.test for layout in LAYOUTS],
            where=WHERE,
            other=f"install the package {HUB_PACKAGE} and give `download: true`, which fetches it from the hub",
        )
    from datasets import DownloadConfig, load_dataset

    try:
        parts = [
            load_dataset(HUB, split=part, download_config=DownloadConfig(local_files_only=not params.download))
            for part in ("train", "validation")
        ]
    except Exception as error:
        raise IfbenchError(
            f"the copy of the Hugging Face hub cannot be had: {' '.join(str(error).split())[:300]}",
            where=WHERE,
            hint="give `download: true` where there is a network, or put the files under IFBENCH_DATA: "
            + " or ".join(layout.test for layout in LAYOUTS),
        ) from error
    train, test = (Sentences(list(part["sentence"]), np.asarray(part["label"], dtype=np.int64)) for part in parts)
    return train, test


def sizes(params: Sst2Params) -> tuple[int, int]:
    """(n_train, n_test), from the files where there are any, else as GLUE has it.

    Raises:
        IfbenchError: `classes` is given and there are no files, or the files hold less than is asked for.
    """
    layout = _layout()
    if layout is None:
        if params.classes:
            raise IfbenchError("classes: SST-2 has but two", where=WHERE, hint="leave it out")
        return how_many(params, N_TRAIN, "train", where=WHERE), how_many(params, N_TEST, "test", where=WHERE)
    train, test = _read(layout)
    return tuple(  # type: ignore[return-value]
        len(choose(params, some.labels, part, n_class=2, names=NAMES, where=WHERE).rows)  # type: ignore[arg-type]
        for some, part in ((train, "train"), (test, "test"))
    )


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """SST-2."""
    yield DatasetSpec(
        name="sst2",
        factory=f"{__name__}:load",
        params=Sst2Params,
        sizes=sizes,
        gives="text",
        summary="68,221 sentences and phrases out of film reviews, negative (0) or positive (1)",
        source="Socher et al. 2013, as in GLUE (Wang et al. 2019): its training set to train, its dev set to test",
        needs=(f"IFBENCH_DATA: a folder that holds sst2/ or SST-2/; or the package {HUB_PACKAGE}",),
    )
