"""Conversations for the tests of the dissectors: written as lines, cut into pieces, read to facts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from detector.dissectors import Dissection, merge_facts
from detector.records import TCP, Facts

WINDOW_S = 300
START_NS = 1_772_323_200 * 1_000_000_000  # 2026-03-01, a multiple of the window
BEFORE_MERGE_NS = 1_484_582_100 * 1_000_000_000  # 2017-01-16, a multiple of the window


@dataclass(frozen=True)
class Piece:
    from_a: bool
    data: bytes
    ts_ns: int = START_NS
    gap: bool = False
    connection: int = 1
    channel: int = 7
    transport: int = TCP
    opening: bool = False


def line(value: Any, end: str = "\n") -> bytes:
    return (json.dumps(value) + end).encode()


def miner(*values: Any, ts_ns: int = START_NS, a: bool = True) -> list[Piece]:
    return [Piece(a, v if isinstance(v, bytes) else line(v), ts_ns) for v in values]


def pool(*values: Any, ts_ns: int = START_NS, a: bool = True) -> list[Piece]:
    return [Piece(not a, v if isinstance(v, bytes) else line(v), ts_ns) for v in values]


def facts_of(pieces: Iterable[Piece]) -> Facts | None:
    """All facts of channel 7, over all windows, in order of time."""
    pieces = list(pieces)
    dissection = Dissection(WINDOW_S)
    dissection.feed(pieces)
    window_ns = WINDOW_S * 1_000_000_000
    total: Facts | None = None
    for start in sorted({p.ts_ns // window_ns * window_ns for p in pieces}):
        total = merge_facts(total, dissection.facts(7, start))
    return total


def cut_at(pieces: Sequence[Piece], offset: int) -> list[Piece]:
    """The same bytes, each piece cut in two at `offset`."""
    cut = []
    for piece in pieces:
        halves = [piece.data[:offset], piece.data[offset:]]
        cut += [
            dataclasses.replace(piece, data=half, gap=piece.gap and first)
            for half, first in zip(halves, (True, False), strict=True)
            if half
        ]
    return cut


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Runs of one side in one piece each."""
    runs: list[Piece] = []
    for piece in pieces:
        if runs and runs[-1].from_a == piece.from_a and runs[-1].ts_ns == piece.ts_ns:
            runs[-1] = dataclasses.replace(runs[-1], data=runs[-1].data + piece.data)
        else:
            runs.append(piece)
    return runs


def reordered(pieces: Sequence[Piece]) -> list[Piece]:
    """Keys of each object in reverse order, and odd spacing; newlines only where lines end."""
    return [
        dataclasses.replace(piece, data=b"".join(_odd(text) for text in piece.data.splitlines()))
        for piece in pieces
    ]


def _odd(text: bytes) -> bytes:
    value = json.loads(text)
    return (" " + json.dumps(dict(reversed(value.items())), separators=(" ,\t", " :  ")) + " \r\n").encode()


def swapped(pieces: Sequence[Piece]) -> list[Piece]:
    """The same dialogue with a and b exchanged."""
    return [dataclasses.replace(piece, from_a=not piece.from_a) for piece in pieces]


def assert_indifferent(pieces: Sequence[Piece]) -> None:
    """The facts of a raw dialogue do not depend on segments, key order, spacing or the side's name."""
    expected = facts_of(pieces)
    assert expected is not None and expected.client_is_a is True
    for offset in range(1, max(len(piece.data) for piece in pieces)):
        assert facts_of(cut_at(pieces, offset)) == expected, f"cut at {offset}"
    assert facts_of(joined(pieces)) == expected
    assert facts_of([dataclasses.replace(p, data=p.data.rstrip(b"\n")) for p in pieces]) == expected
    assert facts_of(reordered(pieces)) == expected
    assert facts_of(swapped(pieces)) == dataclasses.replace(expected, client_is_a=False)
