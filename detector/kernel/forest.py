"""A forest as checked arrays: the typed side of `kernel.trees`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from detector.kernel import trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.records import Floats

    V = memoryview
    Views = tuple[V, V, V, V, V, V, V]

MOST_TREES = 5_000
MOST_NODES = 2_000_000


@dataclass(frozen=True, slots=True)
class Trees:
    """A forest as flat arrays, checked on construction: see `kernel.trees`.  Raises ValueError.

    feature (nodes,) int32; threshold, value (nodes,) float64; children (2 * nodes,) int32, right before
    left; missing_left (nodes,) uint8; root (trees,) int32.
    """

    n_features: int
    feature: NDArray[np.int32]
    threshold: Floats
    children: NDArray[np.int32]
    missing_left: NDArray[np.uint8]
    value: Floats
    root: NDArray[np.int32]
    depth: NDArray[np.int32]

    ARRAYS: ClassVar[dict[str, Any]] = {
        "feature": np.int32,
        "threshold": np.float64,
        "children": np.int32,
        "missing_left": np.uint8,
        "value": np.float64,
        "root": np.int32,
    }

    @classmethod
    def of(cls, n_features: int, arrays: Mapping[str, NDArray[Any]]) -> Trees:
        """Trees over `n_features` columns from their named arrays."""
        named = {name: flat_array(arrays, name, dtype) for name, dtype in cls.ARRAYS.items()}
        n_trees, n_nodes = len(named["root"]), len(named["feature"])
        if not 0 < n_trees <= MOST_TREES or not 0 < n_nodes <= MOST_NODES:
            raise ValueError(f"{n_trees} trees of {n_nodes} nodes")
        forest = cls(n_features, **named, depth=np.zeros(n_trees, np.int32))
        trees.check(n_features, *forest.views())
        return forest

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of` takes."""
        return {name: getattr(self, name) for name in self.ARRAYS}

    def walk(self, rows: Floats, base: float) -> Floats:
        """Base plus the leaf values of all trees: rows (n, n_features) -> (n,)."""
        if rows.shape[1] != self.n_features:
            raise ValueError(f"{rows.shape[1]} columns for trees over {self.n_features}")
        out = np.empty(len(rows))
        if len(rows):
            trees.walk(_writable(rows).data, *self.views(), base, out.data)
        return out

    def contribute(self, row: Floats) -> tuple[Floats, float]:
        """Path contributions of one row (n_features,): what each column adds, and the start they add to."""
        out = np.zeros(self.n_features)
        start = trees.contribute(_writable(row).data, *self.views()[:-1], out.data)
        return out, start

    def views(self) -> Views:
        """The arrays as the kernel takes them."""
        return (
            self.feature.data,
            self.threshold.data,
            self.children.data,
            self.missing_left.data,
            self.value.data,
            self.root.data,
            self.depth.data,
        )


def flat_array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: Any) -> NDArray[Any]:
    """The array `name`, when it is one-dimensional of `dtype`.  Raises KeyError, ValueError."""
    array = arrays[name]
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"array {name} is {array.ndim}-d {array.dtype}, not 1-d {np.dtype(dtype)}")
    return np.require(array, requirements=["C", "W"])


def _writable(array: Floats) -> Floats:
    """C-contiguous float64 that the kernel's views can be taken of."""
    return np.require(array, dtype=np.float64, requirements=["C", "W"])
