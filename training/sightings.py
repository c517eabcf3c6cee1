"""Who was seen on which channel by which source: so that one conversation, told of twice, is one example.

A capture and a flow log of the same host and time tell of the same channels.  Under one group and label
they are one example; labels that differ contradict each other, and two groups that hold the same traffic
would stand on both sides of a split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.kernel import layout
from detector.records import ChannelWindows
from detector.windows.channel import keys
from training.labels import Label

ABOUT_NS = 120_000_000_000  # that two records of the same traffic begin and end apart, at most
ABOUT = 0.05  # that their packets differ by: what one of the two taps lost
FEWEST = 50  # packets: fewer are alike by chance


@dataclass(slots=True)
class Sighting:
    """A channel as one label's source told of it."""

    label: Label
    flow: bool
    host: str
    key: str  # of the channel, in hexadecimal
    first_ns: int
    last_ns: int
    packets: tuple[int, int]  # of the client and of the server, in the newest row
    since_ns: int  # of that row

    @property
    def example(self) -> str:
        """As `table.Rows.example` names it."""
        return f"{self.label.source}:{self.label.line}#{self.key}"

    def meets(self, other: Sighting) -> bool:
        """Whether both were seen at the same time."""
        return self.first_ns <= other.last_ns and other.first_ns <= self.last_ns

    def is_same_traffic(self, other: Sighting) -> bool:
        """Whether both counted the same packets, as far as counts tell."""
        if max(abs(self.since_ns - other.since_ns), abs(self.last_ns - other.last_ns)) > ABOUT_NS:
            return False
        pairs = list(zip(self.packets, other.packets, strict=True))
        alike = all(abs(one - two) <= ABOUT * max(one, two) for one, two in pairs)
        return alike and sum(self.packets) >= FEWEST


class Sightings:
    """Every channel of every label that was learnt from."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[tuple[int, bool], Sighting]] = {}

    def add(
        self, label: Label, rolled: ChannelWindows, ends: hosts.Ends, picked: NDArray[np.int64], *, flow: bool
    ) -> None:
        """Rows that a label speaks of, rolled up, in order of time."""
        ids, wide = keys(rolled), rolled.wide
        for row in picked.tolist():
            key, first, last = ids[row].hex(), int(wide[row, layout.FIRST_NS]), int(wide[row, layout.LAST_NS])
            packets = (
                int(wide[row, layout.UP + layout.PACKETS]),
                int(wide[row, layout.DOWN + layout.PACKETS]),
            )
            of = self._by_key.setdefault(key, {})
            known = of.get((label.line, flow))
            if known is None:
                host = hosts.text(ends.host[row])
                of[label.line, flow] = Sighting(label, flow, host, key, first, last, packets, first)
            else:
                known.first_ns, known.last_ns = min(known.first_ns, first), max(known.last_ns, last)
                known.packets, known.since_ns = packets, first

    def flows(self, line: int) -> list[Sighting]:
        """The channels of which flow logs told under one label."""
        return [of[line, True] for of in self._by_key.values() if (line, True) in of]

    def twins(self, one: Sighting) -> Iterator[Sighting]:
        """The same channel at the same time: of captures, and of flow logs of labels before this one's."""
        for other in sorted(self._by_key[one.key].values(), key=lambda of: (of.flow, of.label.line)):
            earlier = not other.flow or (one.flow and other.label.line < one.label.line)
            if other is not one and earlier and other.meets(one):
                yield other


def contradiction(one: Sighting, other: Sighting) -> str | None:
    """What is wrong with two labels that tell of one channel at one time; None of nothing."""
    if one.label.group == other.label.group:
        if one.label.mining == other.label.mining:
            return None
        where = f"({one.host}, same time, {other.label.source.name})"
        return f"contradicts the label of line {other.label.line} {where}"
    if not one.is_same_traffic(other):
        return None  # private addresses are the same at many sites
    groups = f"its group is {one.label.group!r}, not {other.label.group!r}"
    mine, theirs = one.label.source.name, other.label.source.name
    return f"{mine} holds traffic of {theirs} (line {other.label.line}), but {groups}"
