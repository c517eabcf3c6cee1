"""Power logs as text tables: comma, semicolon, tab or pipe, any of the usual encodings.

The file is streamed; what a hostile one can make us hold is bounded by the longest line
(1 MiB).  A row is a line: one that ends inside a quoted cell is left out and counted, since
a single stray quote would swallow all rows behind it.  Where damage ends the file, its last
line is left out, too: the number that it was cut in may lack digits.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from typing import IO, TYPE_CHECKING, Any, Final

from detector.tables import UTF16, mark_of
from detector.telemetry.collect import Collector
from detector.telemetry.columns import TIMES, find_layout, normal
from detector.telemetry.contract import Hints, TelemetryError
from detector.text import grouped

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
    if head.startswith(UTF16):
        return True
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return bool(start) and not start.startswith((b"<", b"{", b"[{")) and _BINARY.search(head[:4096]) is None


def read(stream: Stream, hints: Hints) -> Iterator[Readings]:
    """All readings of the table in `stream`, up to damage, in parts.  Raises TelemetryError, OSError."""
    import pandas as pd  # noqa: PLC0415

    path = stream.path
    encoding = _encoding(stream.head(MAX_LINE, least=MAX_LINE))
    text = io.TextIOWrapper(io.BufferedReader(_Lines(stream)), encoding, errors="replace", newline=None)
    names, line, mark = _header(text, path)
    layout = find_layout(names, f"{path}: line {line}", hints)
    collector = Collector(path, layout, hints)
    codes = [f"c{i}" for i in range(len(names) + 1)]  # the last one takes what rows have too much
    wanted = sorted({codes[names.index(column)] for column in layout.columns} | {codes[-1]})
    source: Any = _Rows(text, stream, mark, codes, line)
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
    collector.dropped["quoted cell without an end"] += source.torn
    for readings in collector.finish():
        readings.notes += source.notes
        yield readings


def _header(text: IO[str], path: str) -> tuple[list[str], int, str]:
    """(names, line number, separator) of the first line with the name of a time; else of the first line."""
    first: tuple[list[str], int, str] | None = None
    for number in range(1, PREAMBLE + 1):
        line = text.readline()
        if not line:
            break
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        mark = mark_of(line)
        names = [cell.strip().strip('"') for cell in line.rstrip("\r\n").lstrip("\ufeff").split(mark)]
        if len(names) > MAX_COLUMNS:
            raise TelemetryError(f"{path}: line {number}: more than {grouped(MAX_COLUMNS)} columns")
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
    if head.startswith(UTF16):
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


class _Rows:
    """The lines below the header, whole ones alone, behind a header of our own that fixes the columns."""

    def __init__(self, text: IO[str], stream: Stream, mark: str, codes: list[str], line: int) -> None:
        self.torn = 0  # lines left out since they end inside a quoted cell
        self.notes: list[str] = []
        self._text, self._stream, self._mark = text, stream, mark
        self._header = mark.join(codes) + "\n"
        self._rest = ""  # of the text that was read: a line without its end
        self._line = line  # number of the last one that was looked at

    def read(self, size: int = -1) -> str:
        """Some lines; empty at the end."""
        if self._header:
            header, self._header = self._header, ""
            return header
        while more := self._text.read(size):
            lines, end, self._rest = (self._rest + more).rpartition("\n")
            if whole := self._whole(lines + end):
                return whole
        last, self._rest = self._rest, ""
        return "" if self._stream.problem else self._whole(last)

    def _whole(self, text: str) -> str:
        begin, self._line = self._line + 1, self._line + text.count("\n")
        lines = text.split("\n")
        if '"' not in text or _closed(lines, self._mark):
            return text
        torn = [i for i, line in enumerate(lines) if '"' in line and not _closed([line], self._mark)]
        if torn and not self.torn:
            self.notes.append(f"line {begin + torn[0]}: a quoted cell without an end; the line is left out")
        self.torn += len(torn)
        for i in reversed(torn):
            del lines[i : i + 1]
        return "\n".join(lines)

    def __iter__(self) -> Iterator[str]:  # pandas asks for it, and reads
        return iter(self._text)


def _closed(lines: list[str], mark: str) -> bool:
    """Whether every line is a row: an open cell would take the empty line behind them."""
    rows = csv.reader([*lines, ""], delimiter=mark, skipinitialspace=True)
    try:
        return sum(1 for _ in rows) == len(lines) + 1
    except csv.Error:  # a cell of more than csv's 128 KiB
        return False


class _Lines(io.RawIOBase):
    """A byte stream that ends before a line of more than MAX_LINE bytes, and says so in its `problem`."""

    def __init__(self, plain: Stream) -> None:
        self._plain = plain
        self._since_line = 0  # bytes since the last end of a line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._plain.read(min(len(buffer), 1 << 16)) or b""
        buffer[: len(data)] = data
        end = data.rfind(b"\n")
        self._since_line = self._since_line + len(data) if end < 0 else len(data) - end
        if self._since_line > MAX_LINE:
            self._plain.problem = self._plain.problem or (
                f"{self._plain.path}: a line of more than 1 MiB: this is no table of readings; "
                "it and what lies behind it is left out"
            )
            return 0
        return len(data)
