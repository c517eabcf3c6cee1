"""What is worth telling: findings that changed since they were told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detector.records import Finding, Verdict

SCORE_STEP: Final = 0.05
"""A score that moved by at least this much is told again."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What was last said of a host."""

    verdict: Verdict
    score: float | None
    evidence: frozenset[str]
    last_ns: int


@dataclass(frozen=True, slots=True)
class Change:
    """A finding worth telling, and the verdict that was told of its host before; None = a new host."""

    finding: Finding
    before: Verdict | None


class Changes:
    """Remembers, a host, what was last told; memory depends on the number of hosts only."""

    def __init__(self, score_step: float = SCORE_STEP) -> None:
        self._step = score_step
        self._told: dict[tuple[str, str], _Told] = {}

    def news(self, findings: Iterable[Finding], final: bool = False) -> list[Change]:
        """Findings of hosts that are new, or whose verdict, score (by the step) or kinds of evidence changed.

        `final`: also those whose score or time moved at all, so that the last word on every
        host is what is believed at the end.
        """
        changed = []
        for finding in findings:
            key = (finding.kind, finding.host)
            now = _told(finding)
            before = self._told.get(key)
            if before is None or self._differs(before, now) or (final and before != now):
                self._told[key] = now
                changed.append(Change(finding, before.verdict if before else None))
        return changed

    def _differs(self, before: _Told, now: _Told) -> bool:
        if before.verdict is not now.verdict or now.evidence - before.evidence:
            return True
        if before.score is None or now.score is None:
            return before.score is not now.score
        return abs(before.score - now.score) >= self._step


def _told(finding: Finding) -> _Told:
    kinds = frozenset(item.kind for item in finding.evidence)
    return _Told(finding.verdict, finding.score, kinds, finding.last_ns)
