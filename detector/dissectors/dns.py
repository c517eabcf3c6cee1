"""DNS answers: the name that was asked for and the addresses it was told (RFC 1035 4, RFC 3596 2.2).

An answer repeats its question, so questions need not be read: one that nobody answered led nowhere.
Nothing is ever resolved here.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from detector.dissectors.identity import host_name

ADDRESSES: Final = 8
"""Of one answer that are kept."""
RECORDS: Final = 64
"""Of one answer that are looked at."""
LENGTH_LIMIT: Final = 4096
"""Of a message over TCP that is read."""
_HEADER = struct.Struct(">HHHHHH")  # id, flags, counts of questions, answers, authorities, others
_RECORD = struct.Struct(">HHIH")  # type, class, time to live, length
_RESPONSE, _OPCODE = 0x8000, 0x7800
_LENGTHS: Final = {1: 4, 28: 16}  # of the data of A and AAAA
_INTERNET: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered question."""

    name: str
    addresses: tuple[str, ...]  # empty: there is no such name, or none of an address


def answer(message: bytes) -> Answer | None:
    """A response to one question of a host's name; None for anything else, malformed or cut."""
    try:
        _, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
        if flags & (_RESPONSE | _OPCODE) != _RESPONSE or questions != 1:
            return None
        name, at = _question(message)
        return Answer(name, _addresses(message, at, answers)) if name else None
    except (IndexError, struct.error):
        return None


def _question(message: bytes) -> tuple[str | None, int]:
    """(name, offset behind the question); a question is not compressed.  Raises IndexError."""
    labels, at = [], 12
    while size := message[at]:
        if size > 63 or at > 12 + 255:
            raise IndexError("label")
        labels.append(message[at + 1 : at + 1 + size])
        at += 1 + size
    return host_name(b".".join(labels).decode("latin-1")), at + 5


def _addresses(message: bytes, at: int, answers: int) -> tuple[str, ...]:
    """Addresses of the answer's records, whatever alias each is of.  Raises IndexError, struct.error."""
    found: dict[str, None] = {}
    for _ in range(min(answers, RECORDS)):
        at = _behind_name(message, at)
        kind, group, _, size = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        data = message[at : at + size]
        at += size
        if group == _INTERNET and _LENGTHS.get(kind) == size == len(data) and len(found) < ADDRESSES:
            found[_spelled(data)] = None
    return tuple(found)


def _spelled(address: bytes) -> str:
    return ".".join(map(str, address)) if len(address) == 4 else str(ipaddress.IPv6Address(address))


def _behind_name(message: bytes, at: int) -> int:
    """The offset behind a name, compressed or not (RFC 1035 4.1.4); no pointer is followed."""
    while size := message[at]:
        if size >= 192:
            return at + 2
        at += 1 + size
    return at + 1


class Stream:
    """Messages over TCP, each behind two bytes of its length (RFC 1035 4.2.2), in whatever pieces."""

    __slots__ = ("_buffer", "over")

    def __init__(self) -> None:
        self._buffer = b""
        self.over = False

    @property
    def waits(self) -> bool:
        """Whether it is in the middle of a message."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that `data` completes."""
        found = []
        self._buffer += b"" if self.over else data
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2])
            if end > LENGTH_LIMIT:
                self.over, self._buffer = True, b""
            if len(self._buffer) < end:
                break
            told = answer(self._buffer[2:end])
            self._buffer = self._buffer[end:]
            found += [told] if told else []
        return found
