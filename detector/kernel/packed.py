"""Many rows of channel windows in little memory: the typed side of `packing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detector.kernel import layout, packing
from detector.kernel.rows import words

if TYPE_CHECKING:
    from detector.records import Int64s

_CHUNK = 1 << 18  # words of 4 bytes; what holds no row any more is given back by the chunk
_BLOCK = 4_096  # rows unpacked at a time where all are moved


class PackedRows:
    """Wide and narrow words of rows, without their zeros: 0.3 to 0.5 KB for a quiet one instead of 1.9.

    A row is known by its place, a number that `put` gives.  Rows that are let go leave
    holes, which `compact` closes.
    """

    def __init__(self) -> None:
        self._chunks: list[NDArray[np.uint32] | None] = []
        self._end = 0  # place behind the last row
        self._put = 0  # rows put since the last compaction

    def put(self, wide: Int64s, narrow: NDArray[np.uint32], rows: Int64s) -> Int64s:
        """Keep rows of a table: their places, (len(rows),)."""
        places = np.empty(len(rows) + 1, np.int64)
        rows = np.ascontiguousarray(rows, np.int64)
        done = 0
        while done < len(rows):
            number, places[done] = divmod(self._end, _CHUNK)
            if number == len(self._chunks):
                self._chunks.append(np.empty(_CHUNK, np.uint32))
            chunk = self._chunks[number]
            assert chunk is not None
            begin, done = (
                done,
                packing.pack(*_words(wide, narrow), words(rows), done, words(chunk), words(places)),
            )
            places[begin : done + 1] += number * _CHUNK
            self._end = int(places[done]) if done == len(rows) else (number + 1) * _CHUNK
        self._put += len(rows)
        return places[:-1]

    def get(self, places: Int64s) -> tuple[Int64s, NDArray[np.uint32]]:
        """Wide and narrow words of the rows at some places, in their order."""
        wide = np.zeros((len(places), layout.WIDE), np.int64)
        narrow = np.zeros((len(places), layout.NARROW), np.uint32)
        numbers = places // _CHUNK
        order = np.argsort(numbers, kind="stable")
        edges = np.flatnonzero(np.diff(numbers[order])) + 1
        for rows in np.split(order, edges) if len(places) else ():
            number = int(numbers[rows[0]])
            at = places[rows] - number * _CHUNK
            packing.unpack(words(self._chunk(number)), words(at), words(rows), *_words(wide, narrow))
        return wide, narrow

    def _chunk(self, number: int) -> NDArray[np.uint32]:
        chunk = self._chunks[number]
        assert chunk is not None, "a row that was let go"
        return chunk

    def sparse(self, live: int) -> bool:
        """Whether most of the room is holes, when `live` rows are still wanted."""
        return self._put > 2 * live + _BLOCK

    def compact(self, places: Int64s) -> Int64s:
        """Move the rows at these places, which are all that is still wanted, together: their new places."""
        old, moved = self._chunks, PackedRows()
        order = np.argsort(places, kind="stable")
        new = np.empty(len(places), np.int64)
        for begin in range(0, len(order), _BLOCK):
            block = order[begin : begin + _BLOCK]
            old[: int(places[block[0]]) // _CHUNK] = [None] * (int(places[block[0]]) // _CHUNK)
            wide, narrow = self.get(places[block])
            new[block] = moved.put(wide, narrow, np.arange(len(block)))
        self._chunks, self._end, self._put = moved._chunks, moved._end, moved._put
        return new


def _words(wide: Int64s, narrow: NDArray[np.uint32]) -> tuple[memoryview, memoryview]:
    return words(wide.view(np.uint64)), words(narrow.view(np.uint64))
