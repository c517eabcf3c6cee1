"""One side of a connection: raw JSON lines, HTTP or Stratum V2 frames, found by content.

A side begins as lines and becomes HTTP at the first bytes that begin an HTTP message, so
a request whose header went by unseen (its body came in a later segment) still leads over.
Frames are told by the first bytes, of the connection or after lost ones.
"""

from __future__ import annotations

from typing import Any

from detector.dissectors import sv2
from detector.dissectors.http import STARTS, HttpStream, Part
from detector.dissectors.lines import JsonLines
from detector.dissectors.sv2 import Sv2Frames


class Side:
    """The framing of one side, bounded and indifferent to how the bytes were cut."""

    __slots__ = ("_begins", "_frames", "_head", "_http", "_lines")

    def __init__(self) -> None:
        self._lines = JsonLines()
        self._http: HttpStream | None = None
        self._frames: Sv2Frames | None = None
        self._begins = True  # the next bytes begin a message
        self._head = b""  # of which nobody can say yet what they begin

    @property
    def held(self) -> int:
        """Number of bytes held."""
        return len(self._head) + (self._http or self._frames or self._lines).held

    @property
    def text(self) -> bool:
        """Whether this side turned out to be none of the three."""
        return self._http is None and (self._frames or self._lines).text

    def feed(self, data: bytes, *, gap: bool = False) -> list[Part]:
        """(value, HTTP envelope or None) of each message that `data` completes, in order.

        `gap`: bytes are missing before `data`.  A value is an object (dict; a
        Cut where `gap` took its end), a Frame or MALFORMED.
        """
        values: list[Any] = self._lose(data) if gap else []
        if self._http is not None:
            return self._http.feed(data)
        if self._begins:
            data, self._head = self._head + data, b""
            framed = sv2.begins(data)
            if framed is None:
                self._head = data
                return _raw(values)
            self._begins = False
            self._frames = Sv2Frames() if framed else None
        if self._frames is not None:
            return _raw([*values, *self._frames.feed(data)])
        return [*_raw(values), *self._read_lines(data)]

    def _read_lines(self, data: bytes) -> list[Part]:
        values = self._lines.feed(data)
        while self._lines.stopped:
            rest = self._lines.rest
            if rest.startswith(STARTS):
                self._http = HttpStream()
                return [*_raw(values), *self._http.feed(rest)]
            if _may_start(rest):
                break
            values += self._lines.skip_line()
        return _raw(values)

    def _lose(self, data: bytes) -> list[Any]:
        """Go on at the next line, or here where a message visibly begins (one a segment is usual)."""
        if self._http is not None:
            self._http.lose()
            return []
        self._head = b""
        if self._frames is not None:
            self._frames.lose()
            return []
        self._begins = True
        values = self._lines.lose()
        if data.startswith((b"{", *STARTS)) or _may_start(data):
            self._lines.resume()
        return values


def _may_start(data: bytes) -> bool:
    """Whether `data` is the beginning of the beginning of an HTTP message."""
    return any(start.startswith(data) for start in STARTS)


def _raw(values: list[Any]) -> list[Part]:
    return [(value, None) for value in values]
