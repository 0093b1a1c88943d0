"""Iris: 150 flowers, 4 measurements, 3 species."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import DatasetSpec, Params, hookimpl, param
from ifbench.interfaces import Batch, Dataset

N_TRAIN, N_TEST = 120, 30


class IrisParams(Params):
    """How the flowers are divided."""

    split_seed: int = param(0, ge=0, about="seeds the stratified split into 120 training and 30 test flowers")


def load(params: IrisParams) -> Dataset:
    """Inputs (n, 4) standardised by the training set's mean and deviation, float64; species as int64."""
    import torch
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    inputs, species = load_iris(return_X_y=True)
    train_inputs, test_inputs, train_species, test_species = train_test_split(
        inputs, species, test_size=N_TEST, stratify=species, random_state=params.split_seed
    )
    mean, deviation = train_inputs.mean(0), train_inputs.std(0)

    def batch(rows: object, targets: object) -> Batch:
        return Batch(torch.as_tensor((rows - mean) / deviation), torch.as_tensor(targets, dtype=torch.int64))

    return Dataset(batch(train_inputs, train_species), batch(test_inputs, test_species), n_output=3)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Iris."""
    yield DatasetSpec(
        name="iris",
        factory=f"{__name__}:load",
        params=IrisParams,
        sizes=lambda _: (N_TRAIN, N_TEST),
        gives="vectors",
        summary="150 flowers, 4 standardised measurements, 3 species; 120 to train, 30 to test",
        source="Anderson 1936, Fisher 1936; the copy in scikit-learn",
    )
