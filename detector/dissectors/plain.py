"""Text lines: one side of the few dialects that are no JSON, told by their first bytes.

Duino-Coin's miner says JOB, its server a version and two hashes; cgminer's management API
answers with STATUS=.  A line ends with a newline or a zero byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LINE: Final = 4096  # bytes; longer ones are dropped
MOST: Final = 128  # bytes of a beginning

_STARTS: Final = (b"JOB,", *(b"STATUS=%c,When=" % status for status in b"SIWEF"))
_JOB = re.compile(rb"(?:\d\.\d{1,2}\n?)?[0-9a-f]{40},[0-9a-f]{40},\d")
_MAY_BE_JOB = re.compile(rb"(?:\d(?:\.(?:\d{1,2}\n?)?)?)?(?:[0-9a-f]{1,40}|[0-9a-f]{40},[0-9a-f]{0,40},?)?")


@dataclass(frozen=True, slots=True)
class Text:
    """One line, as Latin-1."""

    line: str


def begins(data: bytes) -> bool | None:
    """Whether `data` begins one of them; None while it is too short to say."""
    if data.startswith(_STARTS) or _JOB.match(data):
        return True
    short = len(data) < MOST and _MAY_BE_JOB.fullmatch(data) is not None
    return None if short or any(start.startswith(data) for start in _STARTS) else False


class Lines:
    """Incremental splitter of one side into Text."""

    __slots__ = ("_buffer", "_skipping", "text")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipping = False
        self.text = False  # whatever a line is, the dissector will say

    @property
    def held(self) -> int:
        """Number of bytes held."""
        return len(self._buffer)

    def lose(self) -> list[Text]:
        """Bytes were lost: go on at the next line.  Nothing is told of the one at hand."""
        self._buffer.clear()
        self._skipping = True
        return []

    def feed(self, data: bytes) -> list[Text]:
        """Lines that `data` completes, in order; empty ones are left out."""
        *whole, rest = (bytes(self._buffer) + data).replace(b"\0", b"\n").split(b"\n")
        if whole and self._skipping:
            whole, self._skipping = whole[1:], False
        self._buffer = bytearray(b"" if self._skipping else rest)
        if len(self._buffer) > LINE:
            self.lose()
        return [Text(line.decode("latin-1").strip()) for line in whole if line.strip() and len(line) <= LINE]
