"""Labels held against findings, host by host: rates with their bounds, overall and by what a label says.

A host of a source counts when one label speaks of its whole record.  Found and false alarm are
matters of the verdict.  A mining host that is `undecided` was not found; a benign one is no alarm,
but no merit either: false alarms are told over the benign hosts that could be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from detector.records import Finding, Verdict
from detector.text import rfc3339
from training import bootstrap, metrics
from training.labels import EVERY_HOST, Label, label_of
from training.sources import kind_of

SCHEMA = "minewatch.evaluation/1"
LEVELS = {"mining": (Verdict.MINING,), "suspicious": (Verdict.MINING, Verdict.SUSPICIOUS)}
BY = ("kind", "group", "source", "coin", "variant", "half")
UNSAID = "-"  # a label without coin or variant
BINS = 10
PREVALENCE = 1e-3  # of hosts: what the table of precision marks
PREVALENCES = (1e-1, 1e-2, 1e-3, 1e-4)
DAY_NS = 86_400_000_000_000
SIMULATED = "simulated/"  # how groups of this project's simulations begin


@dataclass(frozen=True, slots=True)
class Held:
    """One host of one source, and the label that is true of it."""

    host: str
    source: str  # relative to the labels, where it can be
    label: Label
    verdict: Verdict
    score: float | None
    days: float  # from its first packet or reading to its last
    novelty: float | None = None
    first_ns: int = 0
    delay: Mapping[str, int | None] | None = None  # windows until it was called so; None: not measured
    network_score: float | None = None  # of its traffic alone
    power_score: float | None = None
    kind: str = UNSAID  # of source: capture, flow, power, or several


@dataclass(slots=True)
class Hosts:
    """Every labelled host of the sources scored so far."""

    counted: list[Held] = field(default_factory=list)
    partly: list[dict[str, str]] = field(default_factory=list)  # seen beyond what a label speaks of
    unseen: list[dict[str, str | int]] = field(default_factory=list)  # labels that met no host
    unlabelled: int = 0

    def hold(
        self,
        labels: Sequence[Label],
        findings: Iterable[Finding],
        folder: Path,
        joined: Mapping[str, str] | None = None,
        delays: Mapping[str, Mapping[str, int | None]] | None = None,
        *,
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        """The labels of one source against its findings.

        folder: of the labels, for short names.  joined: meter -> address of the same asset, under
        which its finding is told.  delays: of its mining hosts, by `training.delay`.  kinds: of source,
        by `sources.kinds_of`.
        """
        seen = {finding.host: finding for finding in findings}
        named = [_as_told(label, seen, joined or {}) for label in labels]
        for finding in seen.values():
            self._one(named, finding, folder, (delays or {}).get(finding.host), kind_of(finding, kinds or {}))
        for label in named:
            if not (seen if label.host == EVERY_HOST else label.host in seen):
                source = _short(label.source, folder)
                self.unseen.append({"line": label.line, "source": source, "host": label.host})

    def _one(
        self,
        labels: Sequence[Label],
        finding: Finding,
        folder: Path,
        delay: Mapping[str, int | None] | None,
        kind: str,
    ) -> None:
        label = label_of(labels, finding.host, finding.first_ns, finding.last_ns)
        if label is not None:
            days = (finding.last_ns - finding.first_ns) / DAY_NS
            source = _short(label.source, folder)
            said = (finding.verdict, finding.score, days, finding.novelty, finding.first_ns)
            parts = (finding.network_score, finding.power_score)
            late = delay if label.mining else None
            self.counted.append(Held(finding.host, source, label, *said, late, *parts, kind))
        elif any(label.host in (EVERY_HOST, finding.host) for label in labels):
            times = {"first_seen": rfc3339(finding.first_ns), "last_seen": rfc3339(finding.last_ns)}
            self.partly.append({"source": _short(labels[0].source, folder), "host": finding.host, **times})
        else:
            self.unlabelled += 1


def _as_told(label: Label, seen: Mapping[str, Finding], joined: Mapping[str, str]) -> Label:
    address = joined.get(label.host, "")
    return replace(label, host=address) if address in seen else label


def _short(path: Path, folder: Path) -> str:
    base = folder.resolve()
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def document(hosts: Hosts, prevalence: float = PREVALENCE) -> dict[str, Any]:
    """All that is measured, in JSON types; every rate with its n and 95 % bound.

    prevalence: share of hosts that mine where the model is to be used, for what an alarm is worth.
    """
    held = hosts.counted
    judged = _judged(held)
    mining = sum(one.label.mining for one in held)
    days = sum(one.days for one in judged)
    return {
        "schema": SCHEMA,
        "hosts": {
            "counted": len(held),
            "mining": mining,
            "benign": len(held) - mining,
            "simulated": sum(one.label.group.startswith(SIMULATED) for one in held),
            "unlabelled": hosts.unlabelled,
        },
        "overall": rates(held),
        "benign_host_days": days,
        "false_alarms_per_1000_host_days": {
            level: metrics.per_thousand_host_days(_called(judged, level), days).document() for level in LEVELS
        },
        "groups": groups(held),
        "precision": precision(held, prevalence),
        "detection_delay": delays(held),
        "calibration": calibration(held),
        "by": {name: by(held, name) for name in BY},
        "wrong": [_wrong(one) for one in held if _is_wrong(one)],
        "not_counted": hosts.partly,
        "not_seen": hosts.unseen,
    }


def against(hosts: Hosts, other: Hosts) -> dict[str, Any]:
    """The same hosts by another bundle: its rates, and each host that the two call otherwise."""
    by_other = {(one.host, one.source, one.label.line): one for one in other.counted}
    pairs = [(one, by_other.get((one.host, one.source, one.label.line))) for one in hosts.counted]
    differ = [(one, two) for one, two in pairs if two is not None and two.verdict != one.verdict]
    return {
        "overall": rates(other.counted),
        "differ": [_wrong(one) | {"against": two.verdict.value} for one, two in differ],
    }


def rates(held: Sequence[Held]) -> dict[str, Any]:
    """Recall and false alarms at both levels; `suspicious` is that verdict or `mining`."""
    mining, benign = _mining(held), _judged(held)
    out: dict[str, Any] = {
        level: {
            "recall": metrics.clopper_pearson(_called(mining, level), len(mining)).document(),
            "false_alarms": metrics.clopper_pearson(_called(benign, level), len(benign)).document(),
        }
        for level in LEVELS
    }
    undecided = [one.label.mining for one in held if one.verdict is Verdict.UNDECIDED]
    return out | {"undecided": {"mining": sum(undecided), "benign": len(undecided) - sum(undecided)}}


def groups(held: Sequence[Held]) -> dict[str, Any]:
    """The same rates with a bound over groups: hosts of one site are alike, so groups are drawn anew."""
    out: dict[str, Any] = {}
    for level, verdicts in LEVELS.items():
        out[level] = {}
        for what, part in (("recall", _mining(held)), ("false_alarms", _judged(held))):
            hit = [one.verdict in verdicts for one in part]
            out[level][what] = bootstrap.share(hit, [one.label.group for one in part]).document()
    return out


def precision(held: Sequence[Held], prevalence: float) -> list[dict[str, Any]]:
    """What an alarm is worth where so many hosts mine, from recall and false alarms as measured."""
    told = rates(held)
    rows = []
    for share in sorted({*PREVALENCES, prevalence}, reverse=True):
        values = {
            level: metrics.precision_at(share, told[level]["recall"], told[level]["false_alarms"])
            for level in LEVELS
        }
        rows.append({"prevalence": share, "asked": share == prevalence, **values})
    return rows


def delays(held: Sequence[Held]) -> dict[str, Any]:
    """Windows from the first of a mining host to that in which it was first called so."""
    measured = [one.delay for one in held if one.delay is not None]
    out: dict[str, Any] = {"hosts": len(measured)}
    for level in LEVELS:
        found = sorted(windows for delay in measured if (windows := delay.get(level)) is not None)
        out[level] = {
            "found": len(found),
            "median_windows": float(np.median(found)) if found else None,
            "most_windows": found[-1] if found else None,
        }
    return out


def _mining(held: Sequence[Held]) -> list[Held]:
    return [one for one in held if one.label.mining]


def _judged(held: Sequence[Held]) -> list[Held]:
    return [one for one in held if _is_judged_benign(one)]


def by(held: Sequence[Held], name: str) -> dict[str, Any]:
    """`rates` of each value of "kind" (of source), "source", "half" (of the hosts in order of time) or of a
    column of the labels; nothing where no label states one."""
    parts: dict[str, list[Held]] = {}
    middle = float(np.median([one.first_ns for one in held])) if held else 0.0
    for one in held:
        if name == "half":
            value = "earlier" if one.first_ns <= middle else "later"
        else:
            value = getattr(one if name in {"kind", "source"} else one.label, name)
        parts.setdefault(value or UNSAID, []).append(one)
    return {value: rates(parts[value]) for value in sorted(parts)} if set(parts) != {UNSAID} else {}


def calibration(held: Sequence[Held]) -> dict[str, Any]:
    """Brier score and reliability of the hosts that have a score: what was said, and what was true."""
    scored = [one for one in held if one.score is not None]
    score = np.array([one.score for one in scored], float)
    label = np.array([one.label.mining for one in scored], bool)
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = place == number
        share = metrics.clopper_pearson(int(label[inside].sum()), int(inside.sum()))
        mean = float(score[inside].mean()) if inside.any() else None
        bins.append(
            {"low": number / BINS, "high": (number + 1) / BINS, "mean": mean, "mining": share.document()}
        )
    return {"n": len(scored), "brier": metrics.brier(label, score) if scored else None, "bins": bins}


def _is_judged_benign(one: Held) -> bool:
    return not one.label.mining and one.verdict is not Verdict.UNDECIDED


def _called(held: Sequence[Held], level: str) -> int:
    return sum(one.verdict in LEVELS[level] for one in held)


def _is_wrong(one: Held) -> bool:
    alarmed = one.verdict in LEVELS["suspicious"]
    return one.verdict is not Verdict.MINING if one.label.mining else alarmed


def _wrong(one: Held) -> dict[str, Any]:
    return {
        "host": one.host,
        "source": one.source,
        "label": "mining" if one.label.mining else "benign",
        "verdict": one.verdict.value,
        "score": one.score,
        "group": one.label.group,
        "variant": one.label.variant,
    }
