"""Iris: 150 flowers, 4 measurements, 3 species."""

from __future__ import annotations

from collections.abc import Iterable

from ifbench import DatasetSpec, Params, hookimpl, param
from ifbench.interfaces import Batch, Dataset

N_FLOWER = 150


class IrisParams(Params):
    """How the flowers are divided and scaled."""

    split_seed: int = param(0, ge=0, about="seeds the stratified split into training and test flowers")
    n_test: int = param(30, ge=3, le=147, about="flowers kept for testing", unit="flowers")
    standardise: bool = param(
        True, about="scale by the training set's mean and deviation; else centimetres as they are"
    )


def load(params: IrisParams) -> Dataset:
    """Inputs (n, 4), float64; species as int64."""
    import torch
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    inputs, species = load_iris(return_X_y=True)
    train_inputs, test_inputs, train_species, test_species = train_test_split(
        inputs, species, test_size=params.n_test, stratify=species, random_state=params.split_seed
    )
    if params.standardise:
        mean, deviation = train_inputs.mean(0), train_inputs.std(0)
        train_inputs, test_inputs = (train_inputs - mean) / deviation, (test_inputs - mean) / deviation

    def batch(rows: object, targets: object) -> Batch:
        return Batch(torch.as_tensor(rows), torch.as_tensor(targets, dtype=torch.int64))

    return Dataset(batch(train_inputs, train_species), batch(test_inputs, test_species), n_output=3)


@hookimpl
def ifbench_datasets() -> Iterable[DatasetSpec]:
    """Iris."""
    yield DatasetSpec(
        name="iris",
        factory=f"{__name__}:load",
        params=IrisParams,
        sizes=lambda params: (N_FLOWER - params.n_test, params.n_test),
        summary="150 flowers, 4 measurements, 3 species; by default standardised, 120 to train, 30 to test",
        source="Anderson 1936, Fisher 1936; the copy in scikit-learn",
    )
