"""Copies of one capture or flow log, under other names or packed otherwise: counted twice, they would
double what a host sent.  Contents are compared only where the first bytes are the same."""

from __future__ import annotations

import contextlib
import io

from detector.settings import InputSettings
from detector.streams import StreamError, open_stream

LEAST = 64  # bytes: a capture without a packet is nothing that could be counted twice
_PIECE = 1 << 20


class Copies:
    """Files that were taken, by their first bytes, unpacked."""

    def __init__(self, settings: InputSettings) -> None:
        self._settings = settings
        self._taken: dict[bytes, list[str]] = {}

    def original(self, path: str, head: bytes) -> str | None:
        """The file taken earlier that holds the same, to the last byte; else None, and `path` is taken."""
        if len(head) < LEAST:
            return None
        like = self._taken.setdefault(head, [])
        first = next((other for other in like if self._same(other, path)), None)
        if first is None:
            like.append(path)
        return first

    def _same(self, one: str, other: str) -> bool:
        with contextlib.suppress(OSError, StreamError), contextlib.ExitStack() as opened:
            streams = [
                io.BufferedReader(opened.enter_context(open_stream(path, self._settings)), _PIECE)
                for path in (one, other)
            ]
            while True:
                pieces = [stream.read(_PIECE) for stream in streams]
                if pieces[0] != pieces[1]:
                    return False
                if not pieces[0]:
                    return True
        return False  # who is damaged is read, and told
