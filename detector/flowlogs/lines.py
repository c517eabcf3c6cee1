"""A stream of text in blocks of whole lines, in bounded memory whatever the lines are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.flowlogs.contract import Account
    from detector.streams import Stream

BLOCK_BYTES: Final = 4 << 20
LONGEST: Final = 1 << 20
"""A line that is longer is left out: the longest of Suricata (with payload) has some 100 kB."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, without the newline of the last."""

    data: bytes
    line: int  # number of the first, counted from 1


def blocks(stream: Stream, account: Account) -> Iterator[Block]:
    """The lines of a stream.  Longer ones than LONGEST are counted as left out.  Raises StreamError."""
    number, rest, skipping = 1, b"", False
    room = bytearray(BLOCK_BYTES)
    while n := stream.readinto(room):
        data = rest + room[:n]
        if skipping:  # the rest of a line that is too long
            end = data.find(b"\n")
            if end < 0:
                rest = b""
                continue
            data, skipping, number = data[end + 1 :], False, number + 1
        end = data.rfind(b"\n")
        if end < 0:
            rest = data
        else:
            rest = data[end + 1 :]
            whole = data[:end]
            yield Block(bytes(whole), number)
            number += whole.count(b"\n") + 1
        if len(rest) > LONGEST:
            account.drop("line_too_long", number)
            rest, skipping = b"", True
    if rest:
        yield Block(bytes(rest), number)
