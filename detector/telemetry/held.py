"""Rows of a power file while it is read: in memory while they are few, else parted by meter on disk.

A province's month is 3e9 readings, told meter by meter or, as head-ends export it, time by time:
no meter is whole before the last row.  Rows that do not fit are put into `BUCKETS` by the number of
their meter, in one temporary file without a name, and come back some buckets at a time.
"""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Floats, Int64s

    Rows = tuple[Int64s, Int64s, Floats]  # meter, time_ns, value; (n,)

MOST: Final = 3_000_000  # rows in memory, 20 bytes each; sorting and judging them takes ten times that
BUCKETS: Final = 512


class _Segment(NamedTuple):
    """Rows of one bucket that were put away together."""

    place: int  # in the file
    packed: int  # bytes there
    rows: int


class Held:
    """Takes rows in any order, gives them back in parts; all rows of a meter are in one part."""

    def __init__(self, together: int = 1, most: int = MOST) -> None:
        """`together`: so many meters that follow one another by number stay in one part.

        most: rows that are kept in memory, and about what a part holds.
        """
        self._together, self._most = together, most
        self._rows: list[Rows] = []
        self._n = 0
        self._file: IO[bytes] | None = None
        self._segments: list[list[_Segment]] = [[] for _ in range(BUCKETS)]

    @property
    def parted(self) -> bool:
        """Whether there are more parts than one."""
        return self._file is not None

    def add(self, meter: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Rows of meters by number."""
        self._rows.append((meter.astype(np.int32), time_ns, value))
        self._n += len(meter)
        if self._n > self._most:
            self._put_away()

    def parts(self) -> Iterator[Rows]:
        """All rows, each once: one part where they fitted into memory, an empty one where there are none.

        Rows of a meter keep the order in which they came.
        """
        if self._file is None:
            rows, self._rows = self._rows, []
            yield _concatenated(rows)
            return
        self._put_away()
        gathered: list[Rows] = []
        n = 0
        for segments in self._segments:
            held = sum(segment.rows for segment in segments)
            if gathered and n + held > self._most:
                yield _concatenated(gathered)
                gathered, n = [], 0
            gathered += map(self._fetched, segments)
            n += held
        yield _concatenated(gathered)
        self._file.close()

    def _put_away(self) -> None:
        """The rows in memory to their buckets on disk."""
        import lz4.frame  # noqa: PLC0415

        self._file = self._file or tempfile.TemporaryFile(prefix="minewatch-")  # noqa: SIM115
        columns = _concatenated(self._rows)
        self._rows, self._n = [], 0
        bucket = columns[0] // self._together % BUCKETS
        order = np.argsort(bucket, kind="stable")
        sizes = np.bincount(bucket, minlength=BUCKETS)
        ends = np.cumsum(sizes)
        kept = [column[order] for column in (columns[0].astype(np.int32), *columns[1:])]
        place = self._file.seek(0, 2)
        for number in np.flatnonzero(sizes).tolist():
            mine = slice(ends[number] - sizes[number], ends[number])
            packed = lz4.frame.compress(b"".join(column[mine].tobytes() for column in kept))
            self._file.write(packed)
            self._segments[number].append(_Segment(place, len(packed), int(sizes[number])))
            place += len(packed)

    def _fetched(self, segment: _Segment) -> Rows:
        import lz4.frame  # noqa: PLC0415

        assert self._file is not None
        self._file.seek(segment.place)
        plain = lz4.frame.decompress(self._file.read(segment.packed))
        n = segment.rows
        meter: Int64s = np.frombuffer(plain, np.int32, n, 0).astype(np.int64)
        return meter, np.frombuffer(plain, np.int64, n, 4 * n), np.frombuffer(plain, np.float64, n, 12 * n)


def _concatenated(rows: list[Rows]) -> Rows:
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    meter, time_ns, value = (np.concatenate(column) for column in zip(*rows, strict=True))
    return meter.astype(np.int64), time_ns, value
