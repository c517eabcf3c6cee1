"""Compressed bytes, bounded: gzip and zlib (RFC 1950 to 1952) of HTTP bodies and of Alephium's
connections, raw deflate of WebSocket messages (RFC 7692).

What comes out does not depend on how the bytes were cut, nor on where in a piece an error
stands.
"""

from __future__ import annotations

import zlib
from typing import Final

RAW: Final = -15  # no header: WebSocket
ANY: Final = 47  # gzip or zlib, by the header
LIMIT: Final = 1 << 20
"""Bytes that may come out before somebody vouches for the stream by `restart`: a bomb gives 1000 for one."""


STATE: Final = 40_960
"""Bytes that zlib holds for a stream: a window of 32 KiB and its tables (zlib.h, memory requirements)."""


class Inflater:
    """An incremental decompressor; `failed` once the stream is wrong or gives more than LIMIT."""

    __slots__ = ("_given", "_stream", "_window", "failed")

    def __init__(self, window: int) -> None:
        self._window = window
        self._stream = zlib.decompressobj(window)
        self._given = 0
        self.failed = False

    @property
    def held(self) -> int:
        """Number of bytes held."""
        return STATE

    def restart(self) -> None:
        """A message ended: the next one may be as long again."""
        self._given = 0

    def feed(self, data: bytes) -> bytes:
        """What `data` yields; where one stream ends the next may begin."""
        out = b""
        while data and not self.failed:
            out += self._some(data)
            if not self._stream.eof:
                break
            data = self._stream.unused_data
            self._stream = zlib.decompressobj(self._window)
        return out

    def _some(self, data: bytes) -> bytes:
        room = LIMIT - self._given
        before = self._stream.copy()
        try:
            out = self._stream.decompress(data, room + 1)
        except zlib.error:
            self.failed = True
            out = _up_to_the_error(before, data, room)
        self.failed |= len(out) > room
        self._given += len(out)
        return out[:room]


def _up_to_the_error(stream: zlib._Decompress, data: bytes, room: int) -> bytes:
    """What came before the byte that is wrong: as if the bytes had come one by one."""
    out = b""
    try:
        for i in range(len(data)):
            out += stream.decompress(data[i : i + 1], max(room + 1 - len(out), 1))
    except zlib.error:
        pass
    return out
