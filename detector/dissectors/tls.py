"""The clear part of a TLS handshake: records of one side -> handshake messages (RFC 8446 4 and 5.1).

Versions up to 1.2 hello and show the server's certificate in the clear, 1.3 only the hellos.
Nothing after the handshake is looked at; SSL 2 is not read.
"""

from __future__ import annotations

from typing import Final

CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
CERTIFICATE: Final = 11
LIMIT: Final = 16_384
"""Bytes read of a side: hellos have up to 2 kB, chains of certificates 3 to 6."""
_HANDSHAKE: Final = 22


class Flight:
    """One side's handshake messages, in whatever pieces its bytes come."""

    __slots__ = ("_left", "_messages", "_records", "_seen", "over")

    def __init__(self) -> None:
        self._records = b""  # the beginning of a record's header
        self._left = 0  # bytes of the record at hand that have not come
        self._messages = b""  # content of the records, from the message at hand on
        self._seen = 0
        self.over = False  # nothing more is to be read

    @property
    def waits(self) -> bool:
        """Whether it is in the middle of something."""
        return not self.over and bool(self._records or self._left or self._messages)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """(type, body) of each message that `data` completes, in order.  Never raises."""
        if self.over:
            return []
        self._seen += len(data)
        self._take(self._records + data)
        found = self._complete()
        if self._seen > LIMIT:
            self.over = True
        if self.over:
            self._records = self._messages = b""
        return found

    def _take(self, data: bytes) -> None:
        """Joins the content of handshake records; the first record of another type is the end."""
        at = 0
        while at < len(data):
            if self._left:
                self._messages += data[at : at + self._left]
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
                continue
            if data[at] != _HANDSHAKE or data[at + 1 : at + 2] not in (b"", b"\x03"):
                self.over = True
                return
            if at + 5 > len(data):
                break
            self._left = int.from_bytes(data[at + 3 : at + 5])
            at += 5
        self._records = data[at:]

    def _complete(self) -> list[tuple[int, bytes]]:
        """The whole messages, taken out: type, three bytes of length, body (RFC 8446 4)."""
        found, at, joined = [], 0, self._messages
        while at + 4 <= len(joined):
            end = at + 4 + int.from_bytes(joined[at + 1 : at + 4])
            if end > len(joined):
                break
            found.append((joined[at], joined[at + 4 : end]))
            at = end
        self._messages = joined[at:]
        return found
