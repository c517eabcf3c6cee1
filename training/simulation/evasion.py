"""What a miner may do to look like something else, and what it pays: padded records and delayed messages.

No stock miner does either (network facts, section 5); a wrapper of TLS 1.3 could, since records may
be padded (RFC 8446 section 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass

from training.simulation.draw import Draw
from training.simulation.script import DOWN, Event

_ANSWER_S = 2.0  # what the server says within so long is an answer, and cannot come before its question


@dataclass(frozen=True, slots=True)
class Evasion:
    """TLS 1.3 records padded to a multiple of `padding` bytes (0 = not padded, None = as stacks are drawn),
    messages late by `jitter_s` on average."""

    padding: int | None = None
    jitter_s: float = 0.0

    def delayed(self, draw: Draw, events: list[Event], rtt_s: float) -> list[Event]:
        """The events in their new order; each side's own order stays, and answers follow their questions."""
        if not self.jitter_s:
            return events
        made: list[Event] = []
        last, asked, asked_at = [0.0, 0.0], -_ANSWER_S, 0.0
        for time, way, what in events:
            late = max(time + draw.exponential(self.jitter_s), last[way])
            if way != DOWN:
                asked, asked_at = time, late
            elif time - asked < _ANSWER_S:
                late = max(late, asked_at + rtt_s)
            last[way] = late
            made.append((late, way, what))
        return sorted(made, key=lambda event: event[0])


PLAIN = Evasion()
