"""What meters drew in earlier runs, in one SQLite file: read, joined with what is new, and put back.

A run that reads one month sees no start of last month.  With a history it does: see `windows.carried`
for what is kept.  The file holds names of meters and their hourly windows, packed; every part that is
judged is one transaction, so that a run may be stopped at any moment and repeated.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from detector.records import PowerWindows
from detector.text import plural
from detector.windows import carried
from detector.windows.power import COLUMNS, DAY_S

FILE: Final = "power.sqlite"
FORMAT: Final = 1
MOST_ROWS: Final = carried.KEPT_DAYS * 24 * 2  # of a meter; more is no history of ours
_HEAD: Final = struct.Struct("<IB")  # rows, whether the source estimates
_ROW: Final = 8 + 4 + 4 * len(COLUMNS)  # bytes of a row: start, length, columns
_ASKED: Final = 500  # names in a query; SQLite takes 999
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS meter (name TEXT PRIMARY KEY, windows BLOB NOT NULL) WITHOUT ROWID"
)


class HistoryError(ValueError):
    """A history that cannot be used; one line, `path: what`."""


class History:
    """The windows that are remembered of each meter."""

    def __init__(self, folder: str) -> None:
        """Opens the history in `folder`, or begins it there.  Raises HistoryError, OSError."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        self._path = str(place / FILE)
        self._damaged = 0  # meters
        self.problems: list[str] = []  # one line each; once there is one, nothing more is written
        try:
            self._file = sqlite3.connect(self._path)
            version = self._file.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise HistoryError(
                    f"{self._path}: of format {version}, not {FORMAT}: written by another version"
                )
            self._file.execute(_TABLE)
            self._file.execute(f"PRAGMA user_version = {FORMAT}")
            self._file.commit()
        except sqlite3.Error as error:
            raise HistoryError(f"{self._path}: no history of power ({error})") from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        if self._damaged:
            damaged = plural(self._damaged, "meter")
            self.problems.append(f"{self._path}: what it held of {damaged} was damaged; begun anew")

    def recalled(self, names: list[str]) -> PowerWindows:
        """What is remembered of those meters: nothing where the file fails."""
        meters: list[str] = []
        found: list[np.ndarray[Any, Any]] = []
        estimated = False
        for name, packed in self._rows(names):
            unpacked = _unpacked(packed)
            if unpacked is None:
                self._damaged += 1
                continue
            meters.append(name)
            found.append(unpacked[0])
            estimated |= unpacked[1]
        if not found:
            return PowerWindows([], *(np.empty(0, np.int64),) * 2, np.empty(0), np.empty((0, len(COLUMNS))))
        rows = np.concatenate(found)
        return PowerWindows(
            meters,
            np.repeat(np.arange(len(found)), [len(one) for one in found]),
            rows["start"].astype(np.int64),
            rows["length"].astype(np.float64),
            rows["columns"].astype(np.float64),
            estimated,
        )

    def keep(self, windows: PowerWindows, onset_ns: Mapping[str, int | None]) -> None:
        """Remembers meters anew; `onset_ns` as in `carried.thinned`."""
        if self.problems:
            return
        kept = carried.thinned(windows, [onset_ns.get(name) for name in windows.meters])
        ends = np.searchsorted(kept.meter, np.arange(len(kept.meters) + 1)).tolist()
        packed = [
            (name, _packed(kept, slice(begin, end)))
            for name, begin, end in zip(kept.meters, ends, ends[1:], strict=False)
            if end > begin
        ]
        try:
            with self._file:
                self._file.executemany("INSERT OR REPLACE INTO meter VALUES (?, ?)", packed)
        except sqlite3.Error as error:
            self.problems.append(f"{self._path}: not written ({error})")

    def _rows(self, names: list[str]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        try:
            for begin in range(0, len(names), _ASKED):
                asked = names[begin : begin + _ASKED]
                marks = ",".join("?" * len(asked))
                query = f"SELECT name, windows FROM meter WHERE name IN ({marks})"  # noqa: S608  marks alone
                found += self._file.execute(query, asked).fetchall()
        except sqlite3.Error as error:
            self.problems.append(f"{self._path}: damaged ({error}); remove it to begin anew")
        return found


_KIND: Final = np.dtype([("start", "<i8"), ("length", "<f4"), ("columns", "<f4", (len(COLUMNS),))])


def _packed(windows: PowerWindows, rows: slice) -> bytes:
    """Columns as single precision, byte by byte of all rows: what is alike stands together and packs well."""
    table = np.empty(rows.stop - rows.start, _KIND)
    table["start"], table["length"] = windows.window_ns[rows], windows.window_s[rows]
    table["columns"] = windows.columns[rows]
    turned = table.view(np.uint8).reshape(len(table), _ROW).T
    return _HEAD.pack(len(table), windows.estimated) + zlib.compress(turned.tobytes(), 6)


def _unpacked(packed: object) -> tuple[np.ndarray[Any, Any], bool] | None:
    """The rows of a meter and whether they are estimated; None where they are damaged."""
    if not isinstance(packed, bytes) or len(packed) < _HEAD.size:
        return None
    n, estimated = _HEAD.unpack_from(packed)
    if not 0 < n <= MOST_ROWS:
        return None
    try:
        plain = zlib.decompressobj().decompress(packed[_HEAD.size :], n * _ROW + 1)
    except zlib.error:
        return None
    if len(plain) != n * _ROW:
        return None
    rows = np.ascontiguousarray(np.frombuffer(plain, np.uint8).reshape(_ROW, n).T).view(_KIND).reshape(n)
    return (rows, bool(estimated)) if _sound(rows) else None


def _sound(rows: np.ndarray[Any, Any]) -> bool:
    """Whether rows are such as `power_windows` makes: in order, of known lengths, with readings."""
    start, length = rows["start"], rows["length"]
    finite = np.isfinite(rows["columns"][:, : COLUMNS.index("sum_step")]).all()
    ordered = (start[1:] >= start[:-1]).all() and start[0] >= 0
    counted = (rows["columns"][:, 0] >= 1).all()
    return bool(finite and ordered and counted and np.isin(length, (carried.HOUR_S, DAY_S)).all())
