"""Suspect channels of different hosts to different services that are pushed to at the same moments.

Pools of one coin push work when a block is found, whoever runs them, so their pushes share a
clock.  Timers of one period may meet by chance, and busy services meet by being busy; but
shifted against each other by seconds they meet as often as before, and a block clock does not.
Where times of blocks are given, one channel's pushes are held against them in the same way.
Only suspect channels are remembered, at most CHANNELS of a site with PUSHES moments each.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from detector.kernel import layout

if TYPE_CHECKING:
    from detector.findings.ledger import ChannelRecord
    from detector.records import Int64s

CHANNELS = 64
PUSHES = 256  # Bitcoin finds six blocks an hour, and a pool may push twice a minute
LEAST = 6  # moments at which two channels must have met
NEAR_NS = 1_000_000_000  # pools hear of a block within about a second of each other
EARLY_NS, LATE_NS = 500_000_000, 2_500_000_000
"""How long before and after a node hears of a block a pool's push comes."""
SHIFTS_NS = np.concatenate([np.arange(-150, -4, 3), np.arange(5, 151, 3)]) * 1_000_000_000
"""Clear of NEAR_NS, and near enough to a multiple of every period that timers have."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Pushes of a channel that came with those of another host's."""

    other: ChannelRecord
    pushes: int  # while both were heard
    met: int
    by_chance: int  # at the shift at which the most meet


@dataclass(frozen=True, slots=True)
class Followed:
    """Blocks of a chain that a channel's pushes followed."""

    chain: str
    blocks: int  # while it was heard
    met: int
    by_chance: int  # at the shift at which the most are met


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What clocks say of channels, by their key."""

    meetings: Mapping[bytes, Meeting]
    followed: Mapping[bytes, Followed]


@dataclass(slots=True)
class _Heard:
    record: ChannelRecord
    moments: Int64s  # ascending


class BlockClock:
    """The pushes of a site's suspect channels."""

    def __init__(self, blocks: Mapping[str, Int64s] | None = None) -> None:
        """`blocks`: chain -> times of its blocks in ns, ascending, where they are known."""
        self._heard: dict[bytes, _Heard] = {}
        self._blocks = blocks or {}

    def hear(self, record: ChannelRecord, wide: Int64s) -> None:
        """Take in the newest messages of a suspect channel: its row, rolled up or not."""
        known = self._heard.get(record.key)
        if known is None:
            if len(self._heard) >= CHANNELS and not self._made_room(record):
                return
            known = self._heard[record.key] = _Heard(record, np.zeros(0, np.int64))
        known.moments = np.union1d(known.moments, pushes(wide))[-PUSHES:]

    def _made_room(self, record: ChannelRecord) -> bool:
        """Forget the least suspect channel, where this one is more so."""
        least = min(self._heard.values(), key=lambda heard: heard.record.logit)
        if least.record.logit >= record.logit:
            return False
        del self._heard[least.record.key]
        return True

    def witnesses(self) -> Witnesses:
        """Of all that was heard."""
        return Witnesses(self.meetings(), self.followed())

    def meetings(self) -> dict[bytes, Meeting]:
        """By key of a channel the other with which it met most often, where that is no chance."""
        found: dict[bytes, Meeting] = {}
        enough = [heard for heard in self._heard.values() if len(heard.moments) >= LEAST]
        for one, other in itertools.permutations(enough, 2):
            if one.record.host == other.record.host or one.record.end[0] == other.record.end[0]:
                continue
            meeting = _meeting(one, other)
            known = found.get(one.record.key)
            if meeting is not None and (known is None or known.met < meeting.met):
                found[one.record.key] = meeting
        return found

    def followed(self) -> dict[bytes, Followed]:
        """By key of a channel the chain of which it followed the most blocks, where that is no chance."""
        found: dict[bytes, Followed] = {}
        for heard in self._heard.values():
            told = [_followed(heard, chain, times) for chain, times in self._blocks.items()]
            best = max((one for one in told if one), key=lambda one: one.met, default=None)
            if best is not None:
                found[heard.record.key] = best
        return found


Told = TypeVar("Told", Meeting, Followed)


def strongest(
    channels: Sequence[ChannelRecord], told: Mapping[bytes, Told]
) -> tuple[ChannelRecord, Told] | None:
    """The channel of which most was met, and what; None where nothing is told of any."""
    if not told:  # most sites
        return None
    known = [(one, told[one.key]) for one in channels if one.key in told]
    return max(known, key=lambda pair: pair[1].met, default=None)


def pushes(wide: Int64s) -> Int64s:
    """When the newest messages of a row came that nothing of the client had prompted; ascending.

    What was before the oldest of them is not known, so it is none.
    """
    ring = wide[layout.TAIL : layout.TAIL + 2 * layout.TAIL_EVENTS].reshape(-1, 2)
    ring = ring[ring[:, 0] > 0]
    moments, asked = [], int(ring[0, 0]) if len(ring) else 0
    for time_ns, event in ring[1:].tolist():
        if event >> 32 == 0:
            asked = time_ns
        elif time_ns - asked > layout.PROMPT_NS:
            moments.append(time_ns)
    return np.array(moments, np.int64)


def _meeting(one: _Heard, other: _Heard) -> Meeting | None:
    theirs = other.moments
    mine = one.moments[(one.moments >= theirs[0] - NEAR_NS) & (one.moments <= theirs[-1] + NEAR_NS)]
    if len(mine) < LEAST or (met := _met_now(mine, theirs, NEAR_NS)) < LEAST:
        return None
    by_chance = int(_met(mine, theirs, SHIFTS_NS, NEAR_NS).max())
    return Meeting(other.record, len(mine), met, by_chance) if met >= 2 * max(by_chance, 1) else None


def _followed(heard: _Heard, chain: str, times: Int64s) -> Followed | None:
    pushed = heard.moments
    if len(pushed) < LEAST:
        return None
    heard_of = times[(times >= pushed[0] - LATE_NS) & (times <= pushed[-1] + EARLY_NS)]
    mine, near_ns = heard_of + (LATE_NS - EARLY_NS) // 2, (LATE_NS + EARLY_NS) // 2
    if len(mine) < LEAST or (met := _met_now(mine, pushed, near_ns)) < LEAST:
        return None
    by_chance = int(_met(mine, pushed, SHIFTS_NS, near_ns).max())
    return Followed(chain, len(mine), met, by_chance) if met >= 2 * max(by_chance, 1) else None


def _met_now(mine: Int64s, theirs: Int64s, near_ns: int) -> int:
    return int(_met(mine, theirs, np.zeros(1, np.int64), near_ns)[0])


def _met(mine: Int64s, theirs: Int64s, shifts: Int64s, near_ns: int) -> Int64s:
    """How many of `mine`, moved by each shift, have one of `theirs` near; (len(shifts),)."""
    moved = mine + shifts[:, None]  # (s, n)
    after = np.searchsorted(theirs, moved)
    near = np.abs(theirs[np.minimum(after, len(theirs) - 1)] - moved) <= near_ns
    near |= np.abs(theirs[np.maximum(after - 1, 0)] - moved) <= near_ns
    count: Int64s = near.sum(axis=1)
    return count
