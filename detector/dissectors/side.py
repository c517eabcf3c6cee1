"""One side of a connection: what wraps it is taken off, what is inside is framed, both told by content.

Inside: raw JSON lines, HTTP, Stratum V2 frames or text lines.  A side begins as lines and becomes HTTP
at the first bytes that begin an HTTP message, so a request whose header went by unseen
(its body came in a later segment) still leads over.  Around it: SOCKS, HTTP's CONNECT,
WebSocket, and Alephium's gzip.  Frames, text and SOCKS are told by the first bytes, of the
connection, after its wrapper, or after lost ones.
"""

from __future__ import annotations

from typing import Any, Final

from detector.dissectors import plain, socks, sv2, websocket
from detector.dissectors.http import STARTS, HttpStream, Part
from detector.dissectors.inflate import ANY, Inflater
from detector.dissectors.lines import JsonLines
from detector.dissectors.sv2 import Sv2Frames
from detector.dissectors.websocket import WebSocket

GZIP: Final = b"\x1f\x8b"  # RFC 1952, 2.3.1


class Side:
    """The framing of one side, bounded and indifferent to how the bytes were cut."""

    __slots__ = (
        "_begins",
        "_frames",
        "_gzip",
        "_head",
        "_http",
        "_lines",
        "carrier",
        "host",
        "led",
        "spoken",
    )

    def __init__(self) -> None:
        self._lines = JsonLines()
        self._http: HttpStream | None = None
        self._frames: Sv2Frames | WebSocket | plain.Lines | None = None
        self._gzip: Inflater | None = None
        self._begins = True  # the next bytes begin a message
        self._head = b""  # of which nobody can say yet what they begin
        self.carrier: str | None = None  # what was taken off, the outermost first
        self.host: str | None = None  # where a wrapper leads
        self.led = False  # the other side asked a proxy to be led on
        self.spoken = False  # the other side speaks in text lines

    @property
    def held(self) -> int:
        """Number of bytes held."""
        unpacker = 0 if self._gzip is None else self._gzip.held
        return len(self._head) + unpacker + (self._http or self._frames or self._lines).held

    @property
    def speaks(self) -> bool:
        """Whether this side speaks in text lines."""
        return isinstance(self._frames, plain.Lines)

    @property
    def text(self) -> bool:
        """Whether this side turned out to be none of all that."""
        broken = self._gzip is not None and self._gzip.failed
        return broken or (self._http is None and (self._frames or self._lines).text)

    def feed(self, data: bytes, *, gap: bool = False) -> list[Part]:
        """(value, HTTP envelope or None) of each message that `data` completes, in order.

        `gap`: bytes are missing before `data`.  A value is an object (dict; a
        Cut where `gap` took its end), a Frame, a Text or MALFORMED.
        """
        parts = _raw(self._lose(data)) if gap else []
        if self._gzip is not None:
            data = self._gzip.feed(data)
        parts += self._read(data)
        while self._http is not None and self._http.switch is not None:
            parts += self._leave_http(self._http)
        return parts

    def _read(self, data: bytes) -> list[Part]:
        if self._http is not None:
            return self._http.feed(data)
        if self._begins:
            data, self._head = self._head + data, b""
            data = self._begin(data)
        if self._frames is not None:
            return _raw(self._frames.feed(data))
        return self._read_lines(data) if data else []

    def _begin(self, data: bytes) -> bytes:
        """Tells what `data` begins; gives what is left of it to read, nothing while nobody can say."""
        wrapper = socks.opening(data)
        while isinstance(wrapper, socks.Opening):
            self._unwrap(f"socks{wrapper.version}", wrapper.host)
            data = data[wrapper.size :]
            wrapper = socks.opening(data)
        framed, carried = sv2.begins(data), websocket.begins(data)
        spoken = self.spoken or plain.begins(data)
        if framed:
            self._frames = Sv2Frames()
        elif carried:
            self._unwrap("websocket", None)
            self._frames = WebSocket()
        elif spoken:
            self._frames = plain.Lines()
        elif None in (wrapper, framed, carried, spoken):
            self._head = data
            return b""
        self._begins = False
        return data

    def _unwrap(self, carrier: str, host: str | None) -> None:
        known = self.carrier.split("+") if self.carrier else []
        if carrier not in known:
            self.carrier = "+".join([*known, carrier])
        self.host = host or self.host

    def _leave_http(self, http: HttpStream) -> list[Part]:
        """HTTP has led to something else, and ends."""
        assert http.switch is not None
        self._unwrap(http.switch.carrier, http.switch.host)
        self._http = None
        if http.switch.carrier == "websocket":
            self._frames = WebSocket()
        else:
            self._lines, self._begins = JsonLines(), True
        return self._read(http.rest)

    def _read_lines(self, data: bytes) -> list[Part]:
        values = self._lines.feed(data)
        while self._lines.stopped:
            rest = self._lines.rest
            if rest.startswith(STARTS):
                self._http = HttpStream(led=self.led and "connect" not in (self.carrier or ""))
                return [*_raw(values), *self._http.feed(rest)]
            if rest.startswith(GZIP) and self._gzip is None:
                return [*_raw(values), *self._unpack(rest)]
            if _may_start(rest):
                break
            values += self._lines.skip_line()
        return _raw(values)

    def _unpack(self, rest: bytes) -> list[Part]:
        """connection.set_gzip was agreed on."""
        self._unwrap("gzip", None)
        self._gzip, self._lines = Inflater(ANY), JsonLines()
        return self._read_lines(self._gzip.feed(rest))

    def _lose(self, data: bytes) -> list[Any]:
        """Go on at the next line, or here where a message visibly begins (one a segment is usual)."""
        if self._http is not None:
            self._http.lose()
            return []
        self._head = b""
        if self._frames is not None:
            return self._frames.lose()
        self._begins = True
        values = self._lines.lose()
        if data.startswith((b"{", *STARTS)) or _may_start(data):
            self._lines.resume()
        return values


def _may_start(data: bytes) -> bool:
    """Whether `data` is the beginning of the beginning of what may follow lines."""
    return any(start.startswith(data) for start in (*STARTS, GZIP))


def _raw(values: list[Any]) -> list[Part]:
    return [(value, None) for value in values]
