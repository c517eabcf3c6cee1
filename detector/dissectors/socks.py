"""The opening of a proxied connection: SOCKS 4, 4a and 5 (RFC 1928, 1929), either side of it.

The two sides are told apart by their bytes.  User names and passwords are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detector.dissectors.identity import host_name

MOST: Final = 1024  # bytes of an opening
_METHODS: Final = (0, 2)  # none, user name and password


@dataclass(frozen=True, slots=True)
class Opening:
    """What stands before the dialogue."""

    size: int  # bytes
    version: int  # of SOCKS, 4 or 5
    host: str | None = None  # where the client asked to be led


def opening(data: bytes) -> Opening | bool | None:
    """The opening at the head of `data`; False where there is none, None while it is too short to say."""
    found: list[Opening | None] = []
    for read in (_client5, _server5, _client4, _server4):
        try:
            told = read(data)
        except IndexError:
            found.append(None)
        else:
            if told is not None:
                return told
    return None if found and len(data) < MOST else False


def _client5(data: bytes) -> Opening | None:
    """Methods, perhaps a user name and a password, then CONNECT to an address."""
    if data[0] != 5 or not 1 <= data[1] <= 8:
        return None
    at = 2 + data[1]
    if data[at] == 1:  # RFC 1929
        at += 2 + data[at + 1]
        at += 1 + data[at]
    if (data[at], data[at + 1], data[at + 2]) != (5, 1, 0):
        return None
    end = _address5(data, at + 3)
    if end is None:
        return None
    name = data[at + 5 : end - 2].decode("latin-1") if data[at + 3] == 3 else None
    return Opening(end, 5, host_name(name))


def _server5(data: bytes) -> Opening | None:
    """The method taken, perhaps the user accepted, then the address bound."""
    if data[0] != 5 or data[1] not in _METHODS:
        return None
    at = 2
    if data[1] == 2:
        if (data[2], data[3]) != (1, 0):
            return None
        at = 4
    if (data[at], data[at + 1], data[at + 2]) != (5, 0, 0):
        return None
    end = _address5(data, at + 3)
    return None if end is None else Opening(end, 5)


def _address5(data: bytes, at: int) -> int | None:
    """Where an address and its port end: IPv4, a name, or IPv6."""
    if data[at] not in (1, 3, 4):
        return None
    end = at + 3 + {1: 4, 4: 16}.get(data[at], 1 + data[at + 1])
    data[end - 1]
    return end


def _client4(data: bytes) -> Opening | None:
    """CONNECT, port, address, user; with an address of 0.0.0.x a name follows (4a)."""
    if data[0] != 4 or data[1] != 1:
        return None
    named = data[4:7] == b"\0\0\0" and data[7] != 0
    end = _terminated(data, 8)
    if not named:
        return Opening(end, 4)
    last = _terminated(data, end)
    return Opening(last, 4, host_name(data[end : last - 1].decode("latin-1")))


def _server4(data: bytes) -> Opening | None:
    """Granted, port, address."""
    if data[0] != 0 or data[1] != 0x5A:
        return None
    data[7]
    return Opening(8, 4)


def _terminated(data: bytes, at: int) -> int:
    """Where a text that ends with a zero byte ends."""
    end = data.find(b"\0", at)
    if end < 0:
        raise IndexError
    return end + 1
