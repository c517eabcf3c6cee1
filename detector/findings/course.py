"""How the fused score of a host came about: what would have been said of it at the end of each window.

Remembered is what the fusion model would have been given, of hosts from their first suspect window on;
what it would have said is worked out when it is told, with power as it is known then.  A course is
thinned when it grows long, and few hosts have one: so memory is bounded by hosts and steps, not by time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.features import fusion
from detector.findings.forgetting import Watched, faded, heard_ns, quiet_ns
from detector.findings.fused import as_evidence, fused, ranked
from detector.findings.thinned import Thinned, thin
from detector.records import Finding, Vectors, Verdict
from detector.text import grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.findings.case import Case
    from detector.findings.ledger import ChannelRecord
    from detector.model import Model
    from detector.records import Floats, Int64s

MOST: Final = 96  # steps of a host that are told: eight hours of windows, or thinned ones
HOSTS: Final = 2_048  # that have a course; about 20 MB where all are long
_STEP: Final = np.dtype([("window", "i8"), ("heard_ns", "i8"), ("row", "f8", (len(fusion.NAMES),))])
_POWER: Final = int(np.flatnonzero(fusion.OF_POWER)[0])


class Courses:
    """The courses of a site's hosts, by number of the host."""

    def __init__(self, most: int = HOSTS) -> None:
        self._most = most
        self._of: dict[int, Thinned] = {}
        self._touched: dict[int, dict[bytes, ChannelRecord]] = {}

    def touch(self, number: int, channels: dict[bytes, ChannelRecord], suspect: bool) -> None:
        """A row of a host was judged.  suspect: it looks like mining, or words of mining were heard in it."""
        if suspect or number in self._of:
            self._touched[number] = channels

    def step(self, window: int) -> None:
        """A window is over: remember what is known of the hosts that were touched in it.

        Where there is no room for all that come, keys of their channels decide: numbers depend on the
        order of rows.
        """
        touched, self._touched = self._touched, {}
        come = [number for number in touched if number not in self._of]
        room = self._most - len(self._of)
        if len(come) > room:
            for number in sorted(come, key=lambda number: min(touched[number]))[room:]:
                del touched[number]
        if not touched:
            return
        rows = fusion.extract([as_evidence(ranked(channels.values())) for channels in touched.values()])
        for (number, channels), row in zip(touched.items(), rows.values, strict=True):
            course = self._of.setdefault(number, Thinned(_STEP, MOST))
            heard_ns = max(channel.heard_ns for channel in channels.values())
            course.add((window, heard_ns, row))

    def of(self, number: int) -> Thinned | None:
        """The course of a host; None where it has none."""
        return self._of.get(number)


def tell(pairs: Iterable[tuple[Finding, Case]], watched: Watched, model: Model, half_life_ns: float) -> None:
    """Write into findings how their score came about; those whose host has no course have none."""
    known = [(finding, host, host.record.course) for finding, host in pairs]
    told = [
        (finding, host, _with_silence(course.rows, course.step, watched.windows.rows["window"]))
        for finding, host, course in known
        if course is not None
    ]
    if not told:
        return
    rows = np.concatenate([_with_power(steps["row"], host) for _, host, steps in told])
    scores = fused(Vectors(fusion.NAMES, rows), model)
    odds = iter(zip(scores.probability.tolist(), scores.logit.tolist(), strict=True))
    for finding, host, steps in told:
        windows = (steps["window"] * watched.window_ns).tolist()
        heard = [heard_ns(by_traffic, host.power) for by_traffic in steps["heard_ns"].tolist()]
        finding.course = [
            (
                start_ns,
                max(host.by_power, faded(*next(odds), quiet_ns(last, watched, start_ns), half_life_ns)),
            )
            for start_ns, last in zip(windows, heard, strict=True)
        ]


def without_course(findings: Iterable[Finding]) -> list[str]:
    """A line on suspect hosts whose score's course is not told, for want of room; none where all are."""
    missed = sum(
        finding.traffic is not None and not finding.course and finding.verdict is not Verdict.CLEAR
        for finding in findings
    )
    if not missed:
        return []
    told = f"{grouped(HOSTS)} hosts, the first suspect ones: not of {grouped(missed)}"
    return [f"how the score came about is told of {told}"]


def _with_silence(rows: NDArray[Any], step: int, seen: Int64s) -> NDArray[Any]:
    """The steps of a course, and between them windows in which only others were seen, MOST in all.

    Only those before the step of the next row: in that one, rows may have been thinned out.
    """
    windows = rows["window"]
    after = np.searchsorted(windows, seen, side="right")  # number of the row that comes next
    ends = np.append(windows // step * step, np.iinfo(np.int64).max)
    silent = (after > 0) & (seen < ends[after]) & (seen > windows[after - 1])
    whole = np.concatenate([rows, rows[after[silent] - 1]])
    whole["window"][len(rows) :] = seen[silent]
    return thin(whole[np.argsort(whole["window"], kind="stable")], MOST)


def _with_power(rows: Floats, host: Case) -> Floats:
    rows = rows.copy()
    rows[:, _POWER] = host.power.logit if host.power else np.nan
    return rows
