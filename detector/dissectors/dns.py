"""DNS answers: the name that was asked for and the addresses it was told (RFC 1035 4, RFC 3596 2.2).

An answer repeats its question, so questions need not be read: one that nobody answered led nowhere.
Nothing is ever resolved here.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from detector.dissectors.identity import host_name
from detector.kernel import answers

LENGTH_LIMIT: Final = 4096
"""Of a message over TCP that is read."""
KEPT: Final = 4096
"""Names and addresses whose spelling is remembered: most are asked for again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered question."""

    name: str
    addresses: tuple[str, ...]  # empty: there is no such name, or none of an address


def answer(message: bytes) -> Answer | None:
    """A response to one question of a host's name; None for anything else, malformed or cut."""
    told = answers.answer(message)
    name = told and _name(told[0])
    return Answer(name, tuple(map(_spelled, told[1]))) if told and name else None


@lru_cache(maxsize=KEPT)
def _name(name: bytes) -> str | None:
    return host_name(name.decode("latin-1"))


@lru_cache(maxsize=KEPT)
def _spelled(address: bytes) -> str:
    return ".".join(map(str, address)) if len(address) == 4 else str(ipaddress.IPv6Address(address))


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
