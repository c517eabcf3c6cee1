"""Keys numbered in order of first appearance: the typed side of `hashing`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np

from detector.kernel import hashing
from detector.kernel.rows import words

if TYPE_CHECKING:
    from detector.records import Int64s, UInt64s

_FIRST = 256


class Index:
    """Numbers for keys of `width` 64-bit words: 0, 1, 2, ... as they first appear.

    Takes 8 * width bytes a key and 16 to 32 for the table; at most 2**31 keys.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._seed = secrets.randbits(63)  # no sender can choose keys that collide
        self._count = 0
        self._known = np.empty((_FIRST, width), np.uint64)
        self._table = np.zeros(2 * _FIRST, np.uint64)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> UInt64s:
        """Every key, in order of its number: (len, width), a view."""
        return self._known[: self._count]

    def numbers(self, keys: UInt64s) -> Int64s:
        """The number of each key, new ones for keys that were not there: (n, width) -> (n,)."""
        if keys.ndim != 2 or keys.shape[1] != self._width:
            raise ValueError(f"keys of shape {keys.shape}, not of {self._width} words")
        self._grow(self._count + len(keys))
        found = np.empty(len(keys), np.int64)
        flat = np.require(keys, np.uint64, ["C", "W"])
        self._count = hashing.number(
            words(flat),
            self._width,
            self._seed,
            words(self._known),
            self._count,
            words(self._table),
            words(found),
        )
        return found

    def _grow(self, count: int) -> None:
        """Room for `count` keys."""
        if count > len(self._known):
            larger = np.empty((max(count, len(self._known) * 3 // 2), self._width), np.uint64)
            larger[: self._count] = self.keys
            self._known = larger
        if 2 * count > len(self._table):
            table = np.zeros(1 << (2 * count - 1).bit_length(), np.uint64)
            hashing.rehash(words(self._table), words(table))
            self._table = table
