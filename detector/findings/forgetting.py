"""What was not heard for long counts for less: log-odds fall back by half in each half-life of silence.

Silence is time in which the site was watched (windows with traffic of any host) and the host did
nothing that speaks for mining.  What lies between two captures is not watched, and nothing is
forgotten in it; no clock is read.  So the monitor and `score` forget alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from detector.findings.case import Case

HOUR_NS: Final = 3_600_000_000_000
BESIDE_NS: Final = HOUR_NS  # windows no further apart are watched without a gap
SPANS: Final = 1_024  # of a site; the oldest are dropped, and nothing is forgotten for them
GRACE_NS: Final = HOUR_NS  # no silence yet: rows are rolled up over as much
REST: Final = -3.0  # log-odds that a suspicion falls back to: one in twenty


class Watched:
    """Spans of time in which something of the site was seen, apart by more than BESIDE_NS."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def see(self, start_ns: int, end_ns: int) -> None:
        """Take in a span, in any order."""
        spans = self._spans
        if spans and spans[-1][0] <= start_ns and end_ns <= spans[-1][1]:
            return
        at = bisect_left(spans, start_ns - BESIDE_NS, key=lambda span: span[1])
        stop = at
        while stop < len(spans) and spans[stop][0] <= end_ns + BESIDE_NS:
            start_ns, end_ns = min(start_ns, spans[stop][0]), max(end_ns, spans[stop][1])
            stop += 1
        spans[at:stop] = [(start_ns, end_ns)]
        del spans[:-SPANS]

    def during(self, start_ns: int, end_ns: int) -> bool:
        """Whether anything of the site was seen from `start_ns` until before `end_ns`."""
        at = bisect_left(self._spans, start_ns, key=lambda span: span[1])
        return at < len(self._spans) and self._spans[at][0] < end_ns

    def since(self, moment_ns: int) -> int:
        """How much of the time after `moment_ns` was watched, ns."""
        return sum(end - max(start, moment_ns) for start, end in self._spans if end > moment_ns)


def fade(case: Case, watched: Watched, half_life_ns: float) -> None:
    """Let a score that stands on what was heard long ago fall back, towards REST."""
    heard = [channel.heard_ns for channel in case.channels if channel.heard_ns]
    if heard and case.power and case.power.logit > 0:
        heard.append(case.power.description["last_ns"])
    if not heard:
        return
    case.heard_ns = max(heard)
    case.quiet_ns = max(0, watched.since(case.heard_ns) - GRACE_NS)
    kept = 2.0 ** (-case.quiet_ns / half_life_ns)
    if kept < 1 and case.score is not None and case.network_score is not None:
        case.remembered, case.forgotten = case.score, lost(case.logit, kept)
        case.score = _lowered(case.score, case.logit, kept)
        case.network_score = _lowered(case.network_score, _logit(case.network_score), kept)


def lost(logit: float, kept: float) -> float:
    """What log-odds change by where a share of what they have above REST is kept: 0 or less."""
    return min(0.0, (REST - logit) * (1 - kept))


def _lowered(score: float, logit: float, kept: float) -> float:
    change = lost(logit, kept)
    return 1 / (1 + math.exp(-(logit + change))) if change < 0 else score


def _logit(score: float) -> float:
    score = min(max(score, 2**-53), 1 - 2**-53)
    return math.log(score) - math.log1p(-score)
