"""One side of a WebSocket connection, split into the JSON objects of its messages (RFC 6455, 7692).

Masks are taken off, fragments joined, control frames passed over, compressed messages read
up to a bound.  A message need not be one object: browsers' miners send lines.
"""

from __future__ import annotations

from typing import Any, Final

from detector.dissectors.inflate import RAW, Inflater
from detector.dissectors.lines import JsonLines

CONTINUATION, TEXT, BINARY, CONTROL = 0, 1, 2, 8
OPCODES: Final = frozenset({0, 1, 2, 8, 9, 10})
LONGEST: Final = 1 << 24  # bytes of a frame; no miner's is near it
FIN, COMPRESSED, RESERVED, MASKED = 0x80, 0x40, 0x30, 0x80


def begins(data: bytes) -> bool | None:
    """Whether `data` begins with a frame that begins a JSON object; None while it is too short to say."""
    if data[:1] not in (b"", b"\x81", b"\x82"):
        return False
    head = _head(data)
    if head is None:
        return None
    end, length, mask = head
    if end < 0 or not length:
        return False
    return _unmasked(data[end : end + 1], mask, 0) == b"{" if len(data) > end else None


class WebSocket:
    """Incremental splitter of one side; `text` once it is no WebSocket or holds no JSON."""

    __slots__ = (
        "_at",
        "_buffer",
        "_fin",
        "_inflater",
        "_left",
        "_lines",
        "_mask",
        "_opcode",
        "_packed",
        "text",
    )

    def __init__(self) -> None:
        self._buffer = bytearray()  # an unfinished head
        self._lines = JsonLines()
        self._inflater: Inflater | None = None
        self._mask = b""
        self._at = 0  # in the payload of the frame at hand
        self._left = 0
        self._opcode = 0
        self._fin = True
        self._packed = False  # the message at hand is compressed
        self.text = False

    @property
    def held(self) -> int:
        """Number of bytes held."""
        unpacker = 0 if self._inflater is None else self._inflater.held
        return len(self._buffer) + unpacker + self._lines.held

    def lose(self) -> list[Any]:
        """Bytes were lost: the next ones should begin a frame.  As in `JsonLines.lose`."""
        self._buffer.clear()
        self._left = 0
        self.text |= self._inflater is not None  # what was compressed refers to what is lost
        return self._lines.lose()

    def feed(self, data: bytes) -> list[Any]:
        """Objects that `data` completes, in order; MALFORMED for each that did not parse."""
        self._buffer += data
        values: list[Any] = []
        while not self.text and (self._left or self._buffer) and self._step(values):
            pass
        if self.text:
            self._buffer.clear()
        return values

    def _step(self, values: list[Any]) -> bool:
        """A head, or some payload; False when more bytes are needed."""
        if not self._left:
            return self._begin(values)
        piece = bytes(self._buffer[: self._left])
        del self._buffer[: len(piece)]
        if not piece:
            return False
        self._left -= len(piece)
        payload = _unmasked(piece, self._mask, self._at)
        self._at += len(piece)
        if self._opcode < CONTROL:
            self._take(payload, values)
        if not self._left:
            self._end(values)
        return True

    def _begin(self, values: list[Any]) -> bool:
        head = _head(bytes(self._buffer[:14]))
        if head is None:
            return False
        end, self._left, self._mask = head
        if end < 0:
            self.text = True
            return False
        first = self._buffer[0]
        del self._buffer[:end]
        self._at, self._opcode, self._fin = 0, first & 15, bool(first & FIN)
        if TEXT <= self._opcode < CONTROL:
            self._packed = bool(first & COMPRESSED)
        self._lines.resume()
        if not self._left:
            self._end(values)
        return True

    def _take(self, payload: bytes, values: list[Any]) -> None:
        if self._packed:
            self._inflater = self._inflater or Inflater(RAW)
            payload = self._inflater.feed(payload)
            self.text = self._inflater.failed
        self._read(payload, values)

    def _end(self, values: list[Any]) -> None:
        """A frame ended, and perhaps its message, whose last block RFC 7692 leaves to be added."""
        if self._opcode >= CONTROL or not self._fin:
            return
        if self._packed and self._inflater is not None:
            self._take(b"\0\0\xff\xff", values)
            self._inflater.restart()
        self._read(b"\n", values)

    def _read(self, payload: bytes, values: list[Any]) -> None:
        values += self._lines.feed(payload)
        while self._lines.stopped:
            values += self._lines.skip_line()
        self.text |= self._lines.text


def _head(data: bytes) -> tuple[int, int, bytes] | None:
    """(bytes of the head, of the payload, mask); (-1, 0, b"") for no head, None while it is too short."""
    if len(data) < 2:
        return None
    first, second = data[:2]
    length, at = second & 0x7F, 2
    wide = {126: 2, 127: 8}.get(length, 0)
    control = first & CONTROL and (length > 125 or not first & FIN)
    if first & 15 not in OPCODES or first & RESERVED or control:
        return -1, 0, b""
    end = at + wide + (4 if second & MASKED else 0)
    if len(data) < end:
        return None
    if wide:
        length = int.from_bytes(data[at : at + wide], "big")
    return (end, length, data[at + wide : end]) if length <= LONGEST else (-1, 0, b"")


def _unmasked(data: bytes, mask: bytes, at: int) -> bytes:
    """RFC 6455, 5.3: byte i is masked with byte i modulo 4 of the key."""
    if not mask or not data:
        return data
    turned = mask[at % 4 :] + mask[: at % 4]
    key = (turned * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")
