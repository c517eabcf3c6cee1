"""One side of an HTTP/1 connection, split into the JSON values of its messages (RFC 9112).

Bodies are delimited by Content-Length, chunked coding or the end of the connection; gzip
and deflate are undone up to a bound.  A body that is no JSON, is coded otherwise or is too
long yields an empty value: the message was there.  Where the connection stops being HTTP
(WebSocket, CONNECT) the splitter stops.  After lost bytes it goes on at the next line that
begins a message.  Of the header only what tells a miner is kept; a password never.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from detector.dissectors.contract import Envelope
from detector.dissectors.identity import agent_name, host_name, printable
from detector.dissectors.inflate import ANY, Inflater
from detector.dissectors.lines import JsonLines

HEAD_LIMIT: Final = 16_384
TARGET_LIMIT: Final = 256
BATCH: Final = 16
"""Values taken of one body (JSON-RPC batches)."""
STARTS: Final = (
    b"POST ",
    b"GET ",
    b"PUT ",
    b"HEAD ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"CONNECT ",
    b"HTTP/1.",
)

_REQUEST_LINE = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.[01]\r?")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?\r?")
# After lost bytes the rest of a body may stand before it on its line.
_START_LINE = re.compile(
    rb"(?:(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT) \S+ HTTP/1\.[01]"
    rb"|HTTP/1\.[01] \d{3}(?: [^\n]*)?)\r?$"
)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?")

Part = tuple[Any, Envelope | None]


@dataclass(frozen=True, slots=True)
class Switch:
    """What the rest of the connection is, and where a proxy was asked to lead it."""

    carrier: str  # "websocket" or "connect"
    host: str | None = None


class _State(Enum):
    SEEK = 0  # a line that begins a message
    HEAD = 1
    FIXED = 2  # `left` bytes of body
    CHUNK = 3  # `left` bytes of a chunk
    CHUNK_LINE = 4  # a chunk's size
    TRAILER = 5
    OPEN = 6  # a body up to the end of the connection


class HttpStream:
    """Incremental splitter of one side; `feed` gives (value, envelope), value {} for no JSON."""

    __slots__ = ("_body", "_buffer", "_envelope", "_given", "_inflater", "_led", "_left", "_state", "switch")

    def __init__(self, *, led: bool = False) -> None:
        """`led`: the other side asked a proxy to be led on (CONNECT)."""
        self._led = led
        self._buffer = bytearray()
        self._state = _State.SEEK
        self._envelope: Envelope | None = None
        self._body = JsonLines(strict=True)
        self._inflater: Inflater | None = None
        self._left = 0
        self._given = 0
        self.switch: Switch | None = None  # where it stopped, before `rest`

    @property
    def rest(self) -> bytes:
        """The bytes held after a switch."""
        return bytes(self._buffer)

    @property
    def held(self) -> int:
        """Number of bytes held."""
        unpacker = 0 if self._inflater is None else self._inflater.held
        return len(self._buffer) + unpacker + self._body.held

    def lose(self) -> None:
        """Bytes were lost: forget the message at hand."""
        self._buffer.clear()
        self._state = _State.SEEK

    def feed(self, data: bytes) -> list[Part]:
        """Values of the messages that `data` completes, in order."""
        self._buffer += data
        parts: list[Part] = []
        while self._buffer and self.switch is None and self._step(parts):
            pass
        return [] if self._led else parts  # the proxy's own

    def _step(self, parts: list[Part]) -> bool:
        """One step; False when more bytes are needed."""
        match self._state:
            case _State.SEEK:
                return self._seek()
            case _State.HEAD:
                return self._head(parts)
            case _State.CHUNK_LINE:
                return self._chunk_line()
            case _State.TRAILER:
                return self._trailer(parts)
            case _:
                return self._take_body(parts)

    def _line(self) -> bytes | None:
        """The next line, taken out; None when it is not whole yet (a too long one is dropped)."""
        end = self._buffer.find(b"\n", 0, HEAD_LIMIT)
        if end < 0:
            if len(self._buffer) >= HEAD_LIMIT:
                del self._buffer[:HEAD_LIMIT]
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _seek(self) -> bool:
        end = self._buffer.find(b"\n", 0, HEAD_LIMIT)
        start = _START_LINE.search(bytes(self._buffer[:end])) if end >= 0 else None
        if start is not None:
            del self._buffer[: start.start()]
            self._state = _State.HEAD
            return True
        before = len(self._buffer)
        return self._line() is not None or len(self._buffer) < before

    def _head(self, parts: list[Part]) -> bool:
        end = _HEAD_END.search(self._buffer, 0, HEAD_LIMIT)
        if end is None:
            if len(self._buffer) >= HEAD_LIMIT:
                del self._buffer[:HEAD_LIMIT]
                self._state = _State.SEEK
                return True
            return False
        start, *lines = bytes(self._buffer[: end.start()]).split(b"\n")
        del self._buffer[: end.end()]
        fields = _fields(lines)
        self._envelope = _envelope(start.rstrip(b"\r"), fields)
        self.switch = _switch(start, self._envelope, fields, self._led)
        if self.switch is None:
            self._begin_body(fields, parts)
        return True

    def _begin_body(self, fields: dict[str, str], parts: list[Part]) -> None:
        """How the body is delimited: RFC 9112, 6.3."""
        assert self._envelope is not None
        self._body, self._given = JsonLines(strict=True), 0
        coded = fields.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate")
        self._inflater = Inflater(ANY) if coded else None
        length = fields.get("content-length", "")
        status = self._envelope.status
        if status in (204, 304) or 100 <= status < 200:
            self._state = _State.SEEK
        elif "chunked" in fields.get("transfer-encoding", "").lower():
            self._state = _State.CHUNK_LINE
        elif length.isascii() and length.isdigit() and len(length) <= 12:
            self._state, self._left = _State.FIXED, int(length)
        elif self._envelope.request:
            self._state, self._left = _State.FIXED, 0
        else:
            self._state = _State.OPEN
        if self._state is _State.FIXED and self._left == 0:
            self._end(parts)

    def _take_body(self, parts: list[Part]) -> bool:
        n = len(self._buffer) if self._state is _State.OPEN else min(self._left, len(self._buffer))
        piece = bytes(self._buffer[:n])
        del self._buffer[:n]
        self._left -= n
        if self._inflater is not None:
            piece = self._inflater.feed(piece)
        for value in self._body.feed(piece):
            self._give(value, parts)
        if self._body.overlong and self._given == 0 and self._envelope is not None:
            parts.append(({}, replace(self._envelope, cut=True)))
            self._given = 1
        if self._state is _State.FIXED and self._left == 0:
            self._end(parts)
        elif self._state is _State.CHUNK and self._left == 0:
            self._state = _State.CHUNK_LINE
        return True

    def _give(self, value: Any, parts: list[Part]) -> None:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and self._given < BATCH:
                parts.append((item, self._envelope))
                self._given += 1

    def _chunk_line(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = _CHUNK_SIZE.fullmatch(line)
        if size is not None:
            self._left = int(size[1], 16)
            self._state = _State.CHUNK if self._left else _State.TRAILER
        elif line:  # the line end after a chunk is empty; anything else means that bytes are missing
            self._state = _State.SEEK
        return True

    def _trailer(self, parts: list[Part]) -> bool:
        line = self._line()
        if line == b"":
            self._end(parts)
        return line is not None

    def _end(self, parts: list[Part]) -> None:
        self._inflater = None
        if self._given == 0:
            parts.append(({}, self._envelope))
        self._state = _State.SEEK


def _fields(lines: list[bytes]) -> dict[str, str]:
    """Header fields by lower-case name; the first of each counts."""
    fields: dict[str, str] = {}
    for line in lines[:64]:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _switch(start: bytes, envelope: Envelope, fields: dict[str, str], led: bool) -> Switch | None:
    """Whether HTTP ends with this head: RFC 6455, 4 and RFC 9110, 9.3.6.

    An answer to CONNECT describes no content; where the request was not seen, its reason tells.
    """
    if "websocket" in fields.get("upgrade", "").lower() and (envelope.request or envelope.status == 101):
        return Switch("websocket", envelope.host)
    if start.startswith(b"CONNECT "):
        return Switch("connect", host_name(envelope.target))
    content = {"content-length", "transfer-encoding", "content-type"} & fields.keys()
    led = led or b"established" in start.lower()
    return Switch("connect") if led and envelope.status == 200 and not content else None


def _envelope(start: bytes, fields: dict[str, str]) -> Envelope:
    status = _STATUS_LINE.fullmatch(start)
    if status is not None:
        return Envelope(request=False, status=int(status[1]))
    request = _REQUEST_LINE.fullmatch(start)
    target = request[1].decode("latin-1") if request else ""
    return Envelope(
        request=True,
        target=printable(target, TARGET_LIMIT) or "",
        host=host_name(fields.get("host")),
        agent=agent_name(fields.get("user-agent")),
        user=_user(fields.get("authorization", "")),
    )


def _user(authorization: str) -> str | None:
    """The user's name of Basic authentication (RFC 7617); nothing where no colon ends it."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic" or len(token) > 1024:
        return None
    try:
        user, colon, _ = base64.b64decode(token, validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return None
    return printable(user, 2 * TARGET_LIMIT) if colon else None
