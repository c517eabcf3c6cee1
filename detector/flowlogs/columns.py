"""Columns of text and of decoded JSON as arrays: numbers, times, addresses.

Both kinds of columns give the same arrays, so that a format in two spellings (Zeek's) has one reading.
Nothing here raises on what a file holds.
"""

from __future__ import annotations

import math
import re
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from detector.records import Int64s, UInt64s

    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

ABSENT: Final = -1
"""Instead of a number or time that is not there, or is none."""
_NUMBER: Final = r"^[0-9]{1,18}$"
_DECIMAL: Final = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
_LATEST_S: Final = float(1 << 33)
_MAPPED: Final = 0xFFFF << 32
_WORDS: Final = struct.Struct(">2Q")


class Columns(Protocol):
    """n rows of named columns."""

    def __len__(self) -> int: ...
    def __contains__(self, name: str) -> bool: ...

    def whole(self, name: str) -> Int64s:
        """Numbers from 0; ABSENT."""
        ...

    def ns(self, name: str) -> Int64s:
        """Seconds (since the epoch, or of a stretch of time) or RFC 3339, to the microsecond; ABSENT."""
        ...

    def texts(self, name: str) -> list[str | None]: ...

    def coded(self, name: str, code: Callable[[str | None], int]) -> Int64s:
        """`code` of each text; it is called once a text."""
        ...

    def addresses(self, name: str) -> tuple[UInt64s, Mask]:
        """(n, 2) words of addresses, and which of them are some."""
        ...


class Listed:
    """Columns as lists of what JSON holds: numbers, texts, None."""

    def __init__(self, columns: dict[str, list[Any]], n: int) -> None:
        self._columns = columns
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def whole(self, name: str) -> Int64s:
        values = self._columns.get(name)
        if values is None:
            return np.full(self._n, ABSENT, np.int64)
        return np.array([ABSENT if value is None else value for value in values], np.int64)

    def ns(self, name: str) -> Int64s:
        values = self._columns.get(name)
        if values is None:
            return np.full(self._n, ABSENT, np.int64)
        if any(isinstance(value, str) for value in values):
            import pyarrow as pa  # noqa: PLC0415

            return _moments(pa.array([value if isinstance(value, str) else None for value in values]))
        seconds = np.array([math.nan if value is None else value for value in values], np.float64)
        return _nanoseconds(seconds)

    def texts(self, name: str) -> list[str | None]:
        return self._columns.get(name) or [None] * self._n

    def coded(self, name: str, code: Callable[[str | None], int]) -> Int64s:
        texts = self.texts(name)
        codes = {text: code(text) for text in set(texts)}
        return np.array([codes[text] for text in texts], np.int64)

    def addresses(self, name: str) -> tuple[UInt64s, Mask]:
        return addresses(self.texts(name))


class Written:
    """Columns of an Arrow table of texts."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._names = frozenset(table.column_names)

    def __len__(self) -> int:
        n: int = self._table.num_rows
        return n

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def whole(self, name: str) -> Int64s:
        import pyarrow.compute as pc  # noqa: PLC0415

        if name not in self._names:
            return np.full(len(self), ABSENT, np.int64)
        column = pc.utf8_trim_whitespace(self._table[name])
        kept = pc.if_else(pc.match_substring_regex(column, _NUMBER), column, None)
        found: Int64s = _array(pc.fill_null(kept.cast("int64"), ABSENT))
        return found

    def ns(self, name: str) -> Int64s:
        import pyarrow.compute as pc  # noqa: PLC0415

        if name not in self._names:
            return np.full(len(self), ABSENT, np.int64)
        column = pc.utf8_trim_whitespace(self._table[name])
        known = column.drop_null()
        if len(known) and not _DIGITS.match(known[0].as_py()):
            return _moments(column.combine_chunks())
        kept = pc.if_else(pc.match_substring_regex(column, _DECIMAL), column, None)
        return _nanoseconds(_array(pc.fill_null(kept.cast("float64"), math.nan)))

    def texts(self, name: str) -> list[str | None]:
        if name not in self._names:
            return [None] * len(self)
        values: list[str | None] = self._table[name].to_pylist()
        return values

    def coded(self, name: str, code: Callable[[str | None], int]) -> Int64s:
        texts, places = self._distinct(name)
        return np.array(list(map(code, texts)), np.int64)[places]

    def addresses(self, name: str) -> tuple[UInt64s, Mask]:
        texts, places = self._distinct(name)
        words, are = addresses(texts)
        return words[places], are[places]

    def _distinct(self, name: str) -> tuple[list[str | None], Int64s]:
        """Each text of a column once, and which of them each row holds."""
        if name not in self._names or not len(self):
            return [None], np.zeros(len(self), np.int64)
        column = self._table[name].combine_chunks().dictionary_encode("encode")
        return column.dictionary.to_pylist(), column.indices.to_numpy(zero_copy_only=False).astype(np.int64)


_DIGITS: Final = re.compile(r"[0-9]+(\.[0-9]*)?$")


def _array(column: Any) -> Any:
    return column.combine_chunks().to_numpy(zero_copy_only=False) if column.num_chunks else column.to_numpy()


def _nanoseconds(seconds: Any) -> Int64s:
    """Seconds as ns, to the microsecond: what a float64 of this age holds.  ABSENT for what is no time."""
    with np.errstate(invalid="ignore"):
        known = (seconds >= 0) & (seconds < _LATEST_S)
    microseconds = np.rint(np.where(known, seconds, 0.0) * 1e6).astype(np.int64)
    return np.where(known, microseconds * 1_000, ABSENT)


def _moments(texts: Any) -> Int64s:
    """Arrow texts of RFC 3339 and its like ("2026-03-01 00:00:00.5", "2026/03/01T...+0000") as ns.

    Without an offset, UTC.  ABSENT for what is no time.
    """
    import pyarrow as pa  # noqa: PLC0415

    try:
        stamps = texts.cast(pa.timestamp("us", "UTC"))  # most logs: every line has an offset
    except pa.ArrowInvalid:
        stamps = _in_any_spelling(texts)
    microseconds = stamps.cast("int64").fill_null(0).to_numpy(zero_copy_only=False)
    inside = (microseconds > 0) & (microseconds < int(_LATEST_S) * 1_000_000)
    return np.where(inside, microseconds * 1_000, ABSENT)


def _in_any_spelling(texts: Any) -> Any:
    """The same as Arrow timestamps; null for what is no time."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    parts = pc.extract_regex(pc.replace_substring(texts, "/", "-"), _MOMENT)
    plain = _text_of(parts, "at")
    try:
        stamps = plain.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # one of them is of a month that there is not: each by itself
        stamps = pa.array([_one(one) for one in plain], pa.timestamp("us"))
    ahead = _number_of(parts, "hours") * 3600 + _number_of(parts, "minutes") * 60
    behind = pc.equal(_text_of(parts, "sign"), "-").fill_null(False).to_numpy(zero_copy_only=False)
    shift = pa.array(np.where(behind, -ahead, ahead) * 1_000_000, pa.int64())
    return pc.subtract(stamps.cast("int64"), shift)


_MOMENT: Final = (
    r"^ *(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)[0-9]*"
    r" ?(?:[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))? *$"
)


def _text_of(parts: Any, name: str) -> Any:
    """A part of a matched text; null where nothing matched."""
    import pyarrow.compute as pc  # noqa: PLC0415

    text = pc.struct_field(parts, name)
    return pc.if_else(pc.equal(text, ""), None, text)


def _number_of(parts: Any, name: str) -> Int64s:
    found: Int64s = _text_of(parts, name).cast("int64").fill_null(0).to_numpy(zero_copy_only=False)
    return found


def _one(value: Any) -> Any:
    """The moment of one text; None where the calendar has none."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        return value.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None


def addresses(texts: Iterable[str | None]) -> tuple[UInt64s, Mask]:
    """(n, 2) words of addresses, and which of them are some: (n,) bool."""
    known: dict[str | None, int] = {}
    places = [known.setdefault(text, len(known)) for text in texts]
    words = [_words(text) for text in known]
    table = np.array([word or (0, 0) for word in words], np.uint64).reshape(-1, 2)
    are = np.array([word is not None for word in words], np.bool_)
    at = np.array(places, np.int64)
    return table[at], are[at]


def _words(text: str | None) -> tuple[int, int] | None:
    """As `hosts.words`, in a tenth of the time; None for what is no address."""
    if not text:
        return None
    text = text.strip()
    try:
        if ":" not in text:
            return 0, _MAPPED | int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
        high, low = _WORDS.unpack(socket.inet_pton(socket.AF_INET6, text.partition("%")[0]))
    except (OSError, ValueError):
        return None
    return high, low
