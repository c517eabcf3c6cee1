"""Suspect channels of different hosts to different services that are pushed to at the same moments.

Pools of one coin push work when a block is found, whoever runs them, so their pushes share a
clock.  Timers of one period may meet by chance, and busy services meet by being busy; but
shifted against each other by seconds they meet as often as before, and a block clock does not.
Only suspect channels are remembered, at most CHANNELS of a site with PUSHES moments each.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.kernel import layout

if TYPE_CHECKING:
    from detector.findings.ledger import ChannelRecord
    from detector.records import Int64s

CHANNELS = 64
PUSHES = 64
LEAST = 6  # moments at which two channels must have met
NEAR_NS = 1_000_000_000  # pools hear of a block within about a second of each other
SHIFTS_NS = np.concatenate([np.arange(-150, -4, 3), np.arange(5, 151, 3)]) * 1_000_000_000
"""Clear of NEAR_NS, and near enough to a multiple of every period that timers have."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Pushes of a channel that came with those of another host's."""

    other: ChannelRecord
    pushes: int  # while both were heard
    met: int
    by_chance: int  # at the shift at which the most meet


@dataclass(slots=True)
class _Heard:
    record: ChannelRecord
    moments: Int64s  # ascending


class BlockClock:
    """The pushes of a site's suspect channels."""

    def __init__(self) -> None:
        self._heard: dict[bytes, _Heard] = {}

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
    if len(mine) < LEAST or (met := int(_met(mine, theirs, np.zeros(1, np.int64))[0])) < LEAST:
        return None
    by_chance = int(_met(mine, theirs, SHIFTS_NS).max())
    return Meeting(other.record, len(mine), met, by_chance) if met >= 2 * max(by_chance, 1) else None


def _met(mine: Int64s, theirs: Int64s, shifts: Int64s) -> Int64s:
    """How many of `mine`, moved by each shift, have one of `theirs` near; (len(shifts),)."""
    moved = mine + shifts[:, None]  # (s, n)
    after = np.searchsorted(theirs, moved)
    near = np.abs(theirs[np.minimum(after, len(theirs) - 1)] - moved) <= NEAR_NS
    near |= np.abs(theirs[np.maximum(after - 1, 0)] - moved) <= NEAR_NS
    count: Int64s = near.sum(axis=1)
    return count
