"""What a model is fitted on: feature rows with label, group, example, origin and weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Texts = NDArray[np.object_]  # of str: a fixed width would cost 4 bytes a character of the longest, a row
Indices = NDArray[np.intp]


class DatasetError(ValueError):
    """Dataset that nothing can be fitted on; one line that says why."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows of F columns; all arrays (n,) but `values`.  Made by `dataset_of`, which checks."""

    names: tuple[str, ...]
    values: Floats  # (n, F), NaN = unknown
    labels: Mask  # True = mining
    groups: Texts  # never on both sides of a split
    examples: Texts  # what is judged once (a channel's session, a meter's day), named within its group
    simulated: Mask
    weights: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, which: Mask | Indices) -> Dataset:
        """Some of the rows."""
        columns = [getattr(self, item.name)[which] for item in fields(self)[1:]]
        return Dataset(self.names, *columns)


def dataset_of(
    values: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    names: Sequence[str],
    *,
    examples: Sequence[str] | None = None,
    simulated: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Dataset:
    """Checked rows; by default each is its own example, real, of weight 1.  Raises DatasetError."""
    y = np.asarray(labels, bool)
    n = len(y)
    rows = Dataset(
        tuple(names),
        np.asarray(values, np.float64),
        y,
        np.asarray(groups, object),
        np.arange(n).astype(str).astype(object) if examples is None else np.asarray(examples, object),
        np.zeros(n, bool) if simulated is None else np.asarray(simulated, bool),
        np.ones(n) if weights is None else np.asarray(weights, np.float64),
    )
    _check(rows)
    return rows


def _check(rows: Dataset) -> None:
    n = len(rows)
    flat = (rows.groups, rows.examples, rows.simulated, rows.weights)
    if rows.values.shape != (n, len(rows.names)) or any(column.shape != (n,) for column in flat):
        raise DatasetError(f"columns differ: values {rows.values.shape}, {n} labels, {len(rows.names)} names")
    if not rows.labels.any() or rows.labels.all():
        only = "mining" if n and rows.labels.all() else "benign"
        raise DatasetError(f"all {n} rows are {only}; both classes are needed")
    if not (np.isfinite(rows.weights) & (rows.weights > 0)).all():
        raise DatasetError("weights must be above 0")
    named = set(zip(rows.groups.tolist(), rows.examples.tolist(), strict=True))
    labelled = set(zip(rows.groups.tolist(), rows.examples.tolist(), rows.labels.tolist(), strict=True))
    if len(labelled) != len(named):
        raise DatasetError("an example has rows of both labels")
