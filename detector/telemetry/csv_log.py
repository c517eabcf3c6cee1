"""Power logs as text tables: comma, semicolon, tab or pipe, any of the usual encodings.

The file is streamed; what a hostile one can make us hold is bounded by the longest line
and the longest quoted cell (1 MiB each).
"""

from __future__ import annotations

import io
import re
import warnings
from typing import IO, TYPE_CHECKING, Any, Final

from detector.telemetry.collect import Collector
from detector.telemetry.columns import TIMES, find_layout, normal
from detector.telemetry.contract import Hints, TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.records import Readings
    from detector.streams import Stream

MAX_LINE: Final = 1 << 20
CHUNK_ROWS: Final = 250_000
PREAMBLE: Final = 50  # lines before the header that are looked at
MAX_COLUMNS: Final = 20_000
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def sniff(head: bytes, name: str) -> bool:
    """Text that is no HTML, JSON or XML."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return bool(start) and not start.startswith((b"<", b"{", b"[{")) and _BINARY.search(head[:4096]) is None


def read(stream: Stream, hints: Hints) -> Readings:
    """All readings of the table in `stream`.  Raises TelemetryError, StreamError, OSError."""
    encoding = _encoding(stream.head(MAX_LINE, least=MAX_LINE))
    lines = io.BufferedReader(_Lines(stream))
    return _read(io.TextIOWrapper(lines, encoding, errors="replace", newline=None), stream.path, hints)


def _read(text: IO[str], path: str, hints: Hints) -> Readings:
    import pandas as pd  # noqa: PLC0415

    names, line, mark = _header(text, path)
    layout = find_layout(names, f"{path}: line {line}", hints)
    collector = Collector(path, layout, hints)
    codes = [f"c{i}" for i in range(len(names) + 1)]  # the last one takes what rows have too much
    wanted = sorted({codes[names.index(column)] for column in layout.columns} | {codes[-1]})
    source: Any = _Headed(text, mark.join(codes))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", pd.errors.ParserWarning)
        try:
            frames = pd.read_csv(
                source, sep=mark, usecols=wanted, index_col=False,
                dtype=str, keep_default_na=False, na_filter=False, skipinitialspace=True,
                on_bad_lines="warn", chunksize=CHUNK_ROWS, low_memory=False,
            )  # fmt: skip
            for frame in frames:
                surplus = (frame.pop(codes[-1]).fillna("") != "").to_numpy(dtype=bool)
                collector.dropped["more cells than the header"] += int(surplus.sum())
                collector.add(frame[~surplus].rename(columns=dict(zip(codes, names, strict=False))))
        except pd.errors.EmptyDataError as error:
            raise TelemetryError(f"{path}: line {line}: no rows below the header") from error
        except pd.errors.ParserError as error:
            raise TelemetryError(f"{path}: the table breaks: {_first_line(error)}") from error
    collector.dropped["more cells than the header"] += sum(
        str(w.message).count("Skipping line") for w in told
    )
    return collector.finish()


def _header(text: IO[str], path: str) -> tuple[list[str], int, str]:
    """(names, line number, separator) of the first line with the name of a time; else of the first line."""
    first: tuple[list[str], int, str] | None = None
    for number in range(1, PREAMBLE + 1):
        line = text.readline()
        if not line:
            break
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        mark = max(",;\t|", key=line.count)
        names = [cell.strip().strip('"') for cell in line.rstrip("\r\n").lstrip("\ufeff").split(mark)]
        if len(names) > MAX_COLUMNS:
            raise TelemetryError(f"{path}: line {number}: more than {MAX_COLUMNS:,} columns")
        if any(normal(name) in TIMES for name in names):
            return _distinct(names), number, mark
        first = first or (_distinct(names), number, mark)
    if first is None:
        raise TelemetryError(f"{path}: the file is empty")
    if all(re.fullmatch(r"[\d.,:/ TZ+-]*", name) for name in first[0]):
        raise TelemetryError(f"{path}: line {first[1]}: no header; add one such as time,meter,watts")
    return first


def _distinct(names: list[str]) -> list[str]:
    """Names, the second of a kind numbered."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return result


def _encoding(head: bytes) -> str:
    """By byte order mark, else UTF-8 where the first 1 MiB is valid, else GBK or Latin-1."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    cut = head.rsplit(b"\n", 1)[0]
    try:
        cut.decode("utf-8")
        return "utf-8-sig"
    except UnicodeDecodeError:
        pass
    high = len(re.findall(rb"[\x80-\xff]", cut))
    paired = 2 * len(re.findall(rb"[\xa1-\xfe]{2}", cut))  # hanzi are two such bytes, accents stand alone
    return "gbk" if paired >= 0.9 * high else "latin-1"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120]


class _Headed:
    """A text stream with a header of our own before it, which fixes the number of columns."""

    def __init__(self, text: IO[str], header: str) -> None:
        self._text, self._header = text, header + "\n"

    def read(self, size: int = -1) -> str:
        header, self._header = self._header, ""
        return header or self._text.read(size)

    def __iter__(self) -> Iterator[str]:  # pandas asks for it, and reads
        return iter(self._text)


class _Lines(io.RawIOBase):
    """A byte stream that refuses lines, and cells in quotes, of more than MAX_LINE bytes."""

    def __init__(self, plain: Stream) -> None:
        self._plain = plain
        self._since_line = 0  # bytes since the last end of a line outside quotes
        self._open = False  # inside quotes at that place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._plain.read(min(len(buffer), 1 << 16)) or b""
        buffer[: len(data)] = data
        end = data.rfind(b"\n")
        if end >= 0:
            self._open ^= data[:end].count(b'"') % 2 == 1
        if end >= 0 and not self._open:
            self._since_line = len(data) - end
        else:
            self._since_line += len(data)
        if end >= 0:
            self._open ^= data[end:].count(b'"') % 2 == 1
        else:
            self._open ^= data.count(b'"') % 2 == 1
        if self._since_line > MAX_LINE:
            raise TelemetryError(
                f"{self._plain.path}: a line or quoted cell of more than 1 MiB: this is no table of readings"
            )
        return len(data)
