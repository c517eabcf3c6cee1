"""One side of a raw connection, split into JSON objects: line-framed or not.

Stratum ends each message with a newline, but miners and pools forget it, send two in
one segment, or none at the end; so an object ends where its brackets close.  Newlines
serve to find the way back after garbage or lost bytes.  Bounded: an object above
`LIMIT` bytes or `DEPTH` brackets is skipped, numbers above `DIGITS` digits and the
constants that JSON (RFC 8259) lacks make it malformed.  The values do not depend on how
the bytes were cut into pieces.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

LIMIT: Final = 65_536
DEPTH: Final = 32
DIGITS: Final = 100
LINE: Final = 4096  # bytes; an object in a line of at most so many is looked for at once
MALFORMED: Final = object()
"""Stands for an object that did not parse."""

_TOKEN = re.compile(rb'["{}\[\]\n]')
_STRING_TOKEN = re.compile(rb'["\\\n]')
_CUT_TOKEN = re.compile(rb'\\.|["{}\[\],]', re.S)
_GZIP: Final = 0x1F  # a connection may go on compressed
_QUOTE, _BACKSLASH, _NEWLINE, _BRACE = b'"\\\n{'
_BLANK = re.compile(rb"[ \t\r\n\0]*")  # a TCP keepalive may carry one zero byte


class Cut(dict[str, Any]):
    """The members of an object that came before its bytes were lost: a capture cut at a snap length."""


class JsonLines:
    """Incremental splitter of one side.

    It stops (`stopped`) before bytes that begin no object, for the caller to say what
    they are; `skip_line` goes on.  `overlong`: the last object was above LIMIT.  `text`:
    this side is not made of JSON.  `strict` (HTTP bodies): an array may stand for an
    object, and nothing else may stand between the values.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_depth",
        "_good",
        "_in_string",
        "_junk",
        "_newline",
        "_skipping",
        "_strict",
        "overlong",
        "stopped",
        "text",
    )

    def __init__(self, *, strict: bool = False) -> None:
        self._buffer = bytearray()
        self._at = 0  # scanned so far
        self._depth = 0
        self._in_string = False
        self._newline = -2  # where the last one between strings stands
        self._skipping = False  # to the next newline
        self._good = 0
        self._junk = 0
        self._strict = strict
        self.stopped = False
        self.text = False
        self.overlong = False

    @property
    def rest(self) -> bytes:
        """The bytes held."""
        return bytes(self._buffer)

    @property
    def held(self) -> int:
        """Number of bytes held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Any]:
        """Values that `data` completes, in order; MALFORMED for each that did not parse."""
        if self.text:
            return []
        self._buffer += data
        values: list[Any] = []
        while self._buffer and not self.stopped and not self.text and self._step(values):
            pass
        return values

    def skip_line(self) -> list[Any]:
        """Give up the line that stopped the splitter; then as `feed`."""
        self.stopped = False
        self._count_junk()
        self._skipping = True
        return self.feed(b"")

    def lose(self) -> list[Any]:
        """Bytes were lost: go on at the next line.  Gives the members seen of the object at hand."""
        cut = _members(bytes(self._buffer)) if self._depth else None
        self._drop(len(self._buffer))
        self.stopped = False
        self._skipping = True
        return [cut] if cut else []

    def resume(self) -> None:
        """What comes next is known to begin a message."""
        self._skipping = False

    def _step(self, values: list[Any]) -> bool:
        """One step; False when more bytes are needed."""
        if self._skipping:
            return self._skip()
        if self._depth == 0:
            return self._open(values)
        return self._scan(values)

    def _skip(self) -> bool:
        end = self._buffer.find(b"\n")
        self._drop(end + 1 if end >= 0 else len(self._buffer))
        self._skipping = end < 0
        return end >= 0

    def _open(self, values: list[Any]) -> bool:
        """Find the first byte of an object; take it, where that is all there is to do."""
        blank = _BLANK.match(self._buffer)
        self._drop(blank.end() if blank else 0)
        if not self._buffer:
            return False
        first = self._buffer[0]
        if first in (b"{[" if self._strict else b"{"):
            if not self._take_line(values):
                self._depth, self._at = 1, 1
        elif self._strict or (not 0x20 <= first <= 0x7E and first != _GZIP):
            self._give_up()
        else:
            self.stopped = True
        return True

    def _take_line(self, values: list[Any]) -> bool:
        """Take an object that is whole, plain and on one line, as most are: what `_scan` comes to, by
        the parser alone.  False for any other, and where there may be more to say of it."""
        end = self._buffer.find(b"\n", 0, LINE)
        line = bytes(self._buffer[: end if end >= 0 else LINE])
        if not line.isascii() or (end < 0 and line[-1:] != b"}"):
            return False
        if line.count(b"{") + line.count(b"[") > DEPTH:
            return False
        try:
            value, n = _DECODER.raw_decode(line.decode("ascii"))
        except ValueError:
            return False
        values.append(value)
        self._good += 1
        self._drop(n)
        return True

    def _scan(self, values: list[Any]) -> bool:
        """Go on to the end of the object at hand, or to where it turns out to be none."""
        end = min(len(self._buffer), LIMIT)
        while self._at < end:
            token = (_STRING_TOKEN if self._in_string else _TOKEN).search(self._buffer, self._at, end)
            if token is None:
                self._at = end
                break
            start = token.start()
            self._at = start + 1
            if self._in_string:
                if not self._pass_string(start):
                    return self._bad(values, start + 1)
            elif not self._pass(start):
                return self._bad(values, start)
            elif self._depth == 0:
                return self._close(values)
            elif self._depth > DEPTH:
                return self._bad(values, start, skip=True)
        self.overlong = self._at >= LIMIT
        return self.overlong and self._bad(values, LIMIT, skip=True)

    def _pass_string(self, start: int) -> bool:
        """Take a token within a string; False for a newline, which JSON forbids there."""
        byte = self._buffer[start]
        if byte == _BACKSLASH:
            self._at = start + 2
        elif byte == _QUOTE:
            self._in_string = False
        return byte != _NEWLINE

    def _pass(self, start: int) -> bool:
        """Take a token between strings; False for an object that begins a line of its own:
        the one at hand was cut short."""
        byte = self._buffer[start]
        if byte == _NEWLINE:
            self._newline = start
        elif byte == _QUOTE:
            self._in_string = True
        elif byte in b"{[":
            self._depth += 1
            return self._strict or byte != _BRACE or self._newline != start - 1
        else:
            self._depth -= 1
        return True

    def _close(self, values: list[Any]) -> bool:
        value = _parsed(bytes(self._buffer[: self._at]))
        if value is MALFORMED:
            return self._bad(values, self._at)
        values.append(value)
        self._good += 1
        self._drop(self._at)
        return True

    def _bad(self, values: list[Any], cut: int, *, skip: bool = False) -> bool:
        values.append(MALFORMED)
        self._drop(cut)
        self._skipping = skip
        self._count_junk()
        return True

    def _count_junk(self) -> None:
        """One line in a dialogue may be lost or foreign; a side with more of those than objects is text."""
        self._junk += 1
        if self._strict or self._junk > 1 + self._good:
            self._give_up()

    def _give_up(self) -> None:
        self.text = True
        self._drop(len(self._buffer))

    def _drop(self, n: int) -> None:
        del self._buffer[:n]
        self._at = self._depth = 0
        self._newline = -2
        self._in_string = False


def _members(text: bytes) -> Cut | None:
    """The whole members at the head of an object whose end is missing."""
    depth, quoted, end = 0, False, 0
    for token in _CUT_TOKEN.finditer(text[:LIMIT]):
        match token.group():
            case b'"':
                quoted = not quoted
            case b"," if depth == 1 and not quoted:
                end = token.start()
            case b"{" | b"[" if not quoted:
                depth += 1
            case b"}" | b"]" if not quoted:
                depth -= 1
    value = _parsed(text[:end] + b"}") if end else None
    return Cut(value) if isinstance(value, dict) else None


def _parsed(text: bytes) -> Any:
    """The JSON value of `text`, or MALFORMED.  Nesting was bounded by the caller."""
    try:
        return _DECODER.decode(text.decode("utf-8", "replace"))
    except ValueError:
        return MALFORMED


def _bounded_int(digits: str) -> int:
    """Python itself refuses above 4300 digits, after quadratic work below that."""
    if len(digits) > DIGITS:
        raise ValueError("number too long")
    return int(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(strict=False, parse_int=_bounded_int, parse_constant=_refuse)
