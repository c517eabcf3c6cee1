"""What was not heard for long counts for less: log-odds fall back by half in each half-life of silence.

Silence is time in which the site was watched (windows with traffic of any host) and the host did
nothing that speaks for mining.  What lies between two captures is not watched, and nothing is
forgotten in it; no clock is read.  So the monitor and `score` forget alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.findings.thinned import Thinned

if TYPE_CHECKING:
    from detector.findings.case import Case
    from detector.findings.ledger import PowerRecord

HOUR_NS: Final = 3_600_000_000_000
BESIDE_NS: Final = HOUR_NS  # windows no further apart are watched without a gap
SPANS: Final = 1_024  # of a site; the oldest are dropped, and nothing is forgotten for them
GRACE_NS: Final = HOUR_NS  # no silence yet: rows are rolled up over as much
FOREVER_NS: Final = 1 << 62
WINDOWS: Final = 192  # of a site that are remembered one by one, for pictures
REST: Final = -3.0  # log-odds that a suspicion falls back to: one in twenty
_WINDOW: Final = np.dtype([("window", "i8")])


class Watched:
    """Spans of time in which something of the site was seen, apart by more than BESIDE_NS."""

    def __init__(self, window_ns: int = 300_000_000_000) -> None:
        self.window_ns = window_ns
        self.windows = Thinned(_WINDOW, WINDOWS)  # in which something was seen, some of them
        self._newest = -1
        self._spans: list[tuple[int, int]] = []
        self._sums: list[int] | None = None  # of the lengths of spans before each; None = to be made anew

    def see(self, start_ns: int, end_ns: int) -> None:
        """Take in a span, in any order."""
        window = start_ns // self.window_ns
        if window > self._newest:
            self._newest = window
            self.windows.add((window,))
        spans = self._spans
        if spans and spans[-1][0] <= start_ns and end_ns <= spans[-1][1]:
            return
        at = bisect_left(spans, start_ns - BESIDE_NS, key=lambda span: span[1])
        stop = at
        while stop < len(spans) and spans[stop][0] <= end_ns + BESIDE_NS:
            start_ns, end_ns = min(start_ns, spans[stop][0]), max(end_ns, spans[stop][1])
            stop += 1
        spans[at:stop] = [(start_ns, end_ns)]
        self._sums = None
        del spans[:-SPANS]

    def during(self, start_ns: int, end_ns: int) -> bool:
        """Whether anything of the site was seen from `start_ns` until before `end_ns`."""
        at = bisect_left(self._spans, start_ns, key=lambda span: span[1])
        return at < len(self._spans) and self._spans[at][0] < end_ns

    def since(self, moment_ns: int, until_ns: int = FOREVER_NS) -> int:
        """How much of the time after `moment_ns` and before `until_ns` was watched, ns."""
        return max(0, self._before(until_ns) - self._before(moment_ns))

    def _before(self, moment_ns: int) -> int:
        """How much of the time before a moment was watched, as far as is remembered, ns."""
        if self._sums is None:
            self._sums = list(accumulate((end - start for start, end in self._spans), initial=0))
        at = bisect_left(self._spans, (moment_ns,))  # spans that begin before it
        return self._sums[at] - (max(0, self._spans[at - 1][1] - moment_ns) if at else 0)


def fade(case: Case, watched: Watched, half_life_ns: float) -> None:
    """Let a score that stands on what was heard long ago fall back, towards REST."""
    if not case.channels:  # most hosts: nothing was heard
        return
    case.heard_ns = heard_ns(max(channel.heard_ns for channel in case.channels), case.power)
    case.quiet_ns = quiet_ns(case.heard_ns, watched)
    if case.quiet_ns and case.score is not None and case.network_score is not None:
        kept = _kept(case.quiet_ns, half_life_ns)
        case.remembered, case.forgotten = case.score, lost(case.logit, kept)
        case.score = faded(case.score, case.logit, case.quiet_ns, half_life_ns)
        alone = _logit(case.network_score)
        case.network_score = faded(case.network_score, alone, case.quiet_ns, half_life_ns)


def heard_ns(by_traffic_ns: int, power: PowerRecord | None) -> int:
    """The last sign of mining; 0 where traffic gave none, of which alone anything is forgotten."""
    if by_traffic_ns and power and power.logit > 0:
        return max(by_traffic_ns, int(power.description["last_ns"]))
    return by_traffic_ns


def quiet_ns(heard_ns: int, watched: Watched, until_ns: int = FOREVER_NS) -> int:
    """Silence since the last sign of mining, as it was at a moment, beyond GRACE_NS."""
    return max(0, watched.since(heard_ns, until_ns) - GRACE_NS) if heard_ns else 0


def faded(score: float, logit: float, quiet_ns: int, half_life_ns: float) -> float:
    """A score after so much silence.  logit: the log-odds that it stands on."""
    change = lost(logit, _kept(quiet_ns, half_life_ns))
    return 1 / (1 + math.exp(-(logit + change))) if change < 0 else score


def _kept(quiet_ns: int, half_life_ns: float) -> float:
    """The share of what log-odds have above REST that so much silence leaves."""
    return float(2.0 ** (-quiet_ns / half_life_ns))


def lost(logit: float, kept: float) -> float:
    """What log-odds change by where a share of what they have above REST is kept: 0 or less."""
    return min(0.0, (REST - logit) * (1 - kept))


def _logit(score: float) -> float:
    score = min(max(score, 2**-53), 1 - 2**-53)
    return math.log(score) - math.log1p(-score)
