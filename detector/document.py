"""A finding as it is told: the document `minewatch.finding/1`, and what is told with it.

The schema is `data/finding.schema.json`.  Every key that it requires is always there; what is
not known is null; the others stand where they say something; times are RFC 3339 in UTC with microseconds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.records import BY_LENGTHS, Evidence, Finding, Tip, Verdict
from detector.text import plain, rfc3339

SCHEMA = "minewatch.finding/1"
WORST_FIRST = (Verdict.MINING, Verdict.SUSPICIOUS, Verdict.UNDECIDED, Verdict.CLEAR)
QUALITY: dict[str, Any] = {
    "packets": None,
    "undecodable": None,
    "lost": None,
    "windows": None,
    "resolution_s": None,
    "sources": [],
}
ENERGY = {"watts": None, "kwh": None, "co2e_kg": None, "measured": None}
GROUNDS = {
    "behaviour": "its traffic behaves like a miner's",
    "synchrony": "its traffic keeps time with that of another suspect",
    "serves_miners": "it serves miners",
    "works_for": "it takes work from a host at home that serves miners",
    "power": "it draws power like a miner",
    "feeder_balance": "a load that no meter sees is flat day and night",
}
GRADES = {
    Verdict.MINING: "likely",
    Verdict.SUSPICIOUS: "possible",
    Verdict.UNDECIDED: "cannot tell",
    Verdict.CLEAR: "nothing seen",
}
CHANNEL = dict.fromkeys(("remote", "port", "transport", "role", "client_port", "community_id"))


@dataclass(frozen=True, slots=True)
class Context:
    """What a sink or a report may need beside the findings."""

    model: Mapping[str, str] = field(default_factory=dict)  # id, schema_digest
    hidden: Sequence[Finding] = ()  # left out by --min-verdict; counted, not listed
    width: int | None = None  # columns of the terminal; None = as long as it gets
    colour: bool = False
    made_ns: int | None = None  # when; None leaves it unsaid


def document(finding: Finding, model: Mapping[str, str]) -> dict[str, Any]:
    """The finding as JSON values, in the order of the schema."""
    shown: dict[str, Any] = plain(_told(finding, model))
    return shown


def written(finding: Finding, model: Mapping[str, str], indent: int | None = None) -> str:
    """What `encoded` makes of the document; most findings hold nothing that JSON cannot, and need no copy."""
    told = _told(finding, model)
    try:
        text = encoded(told, indent)
    except (TypeError, ValueError):  # numpy's, NaN, a set: what `plain` is for
        return encoded(plain(told), indent)
    return encoded(plain(told), indent) if "\\ud" in text else text  # perhaps half of a pair of surrogates


def _told(finding: Finding, model: Mapping[str, str]) -> dict[str, Any]:
    """The document of values as they are in the finding."""
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "host": finding.host,
        "kind": finding.kind,
        "organisation": finding.organisation,
        "first_seen": rfc3339(finding.first_ns),
        "last_seen": rfc3339(finding.last_ns),
        "score": finding.score,
        "verdict": finding.verdict.value,
        "network_score": finding.network_score,
        "power_score": finding.power_score,
        "novelty": finding.novelty,
        "evidence": [_evidence(item) for item in finding.evidence],
        "counter_evidence": [_evidence(item) for item in finding.counter_evidence],
        "contributions": list(finding.contributions),
        "energy": None if finding.energy is None else ENERGY | dict(finding.energy),
        "quality": QUALITY | dict(finding.quality),
        "model": {"id": model.get("id"), "schema_digest": model.get("schema_digest")},
    }
    return told | _where_known(finding)


def encoded(value: Any, indent: int | None = None) -> str:
    """JSON in ASCII without control characters: DEL is the one that JSON lets through."""
    return json.dumps(value, allow_nan=False, indent=indent).replace("\x7f", "\\u007f")


def _where_known(finding: Finding) -> dict[str, Any]:
    """Keys that stand only in findings of which they say something."""
    told = {
        "explanation": finding.explanation,
        "course": [{"time": rfc3339(time_ns), "score": score} for time_ns, score in finding.course],
        "missing": finding.missing,
        "role": finding.role,
        "allowed": finding.allowed,
        "tips": [_tip(tip) for tip in finding.tips],
    }
    return {name: value for name, value in told.items() if value}


def _tip(tip: Tip) -> dict[str, Any]:
    return {"time": rfc3339(tip.time_ns), "text": tip.text, "source": tip.source}


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "weight": item.weight,
        "summary": item.summary,
        "first_seen": None if item.first_ns is None else rfc3339(item.first_ns),
        "last_seen": None if item.last_ns is None else rfc3339(item.last_ns),
        "channel": None if item.channel is None else CHANNEL | dict(item.channel),
        "facts": dict(item.facts),
    }


def since(finding: Finding) -> tuple[int, bool]:
    """(from when on it shows, ns; whether it may have begun before: the data begin there)."""
    moments = [item.facts.get("onset_ns") or item.first_ns for item in finding.evidence]
    known = [moment for moment in moments if isinstance(moment, int)]
    first_ns = min(known, default=finding.first_ns)
    resolution_s = finding.quality.get("resolution_s") or 0
    return first_ns, first_ns - finding.first_ns <= resolution_s * 1_000_000_000


def spoken(finding: Finding) -> tuple[str | None, str | None]:
    """(coin, dialect) of the heaviest evidence that names a dialect; None where it is not known."""
    for item in finding.evidence:
        dialect = item.facts.get("dialect")
        if dialect:
            coin = item.facts.get("coin")
            return (None if coin in {None, "", "unknown"} else str(coin)), str(dialect)
    return None, None


def heard(finding: Finding) -> bool:
    """Whether words of a mining dialogue were read, not only told by their lengths."""
    return any(
        item.facts.get("dialect") and item.facts.get("carrier") != BY_LENGTHS for item in finding.evidence
    )


def sureness(finding: Finding) -> tuple[str, str]:
    """(a grade, what it rests on)."""
    kinds = {item.kind for item in finding.evidence}
    grounds = [words for kind, words in GROUNDS.items() if kind in kinds]
    if heard(finding):
        grounds.insert(0, "a mining dialogue was read")
    elif spoken(finding)[1]:
        grounds.insert(0, "the lengths are those of a mining dialogue")
    sure = finding.verdict is Verdict.MINING and heard(finding)
    return "very sure" if sure else GRADES[finding.verdict], " and ".join(grounds)


def counts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """How many of each verdict, worst first, zeros included."""
    counted = Counter(finding.verdict for finding in findings)
    return {verdict: counted[verdict] for verdict in WORST_FIRST}


@dataclass(frozen=True, slots=True)
class Energy:
    """What the hosts that mine drew; kWh and kg CO2e are None where no finding gives them."""

    kwh: float | None
    co2e_kg: float | None
    measured: bool


def energy_of_mining(findings: Iterable[Finding]) -> Energy:
    """Sum over findings of verdict `mining`; measured only if all of it was."""
    known = [f.energy for f in findings if f.verdict is Verdict.MINING and f.energy is not None]
    kwh = [e["kwh"] for e in known if plain(e.get("kwh")) is not None]
    co2e = [e["co2e_kg"] for e in known if plain(e.get("co2e_kg")) is not None]
    return Energy(
        kwh=float(sum(kwh)) if kwh else None,
        co2e_kg=float(sum(co2e)) if co2e else None,
        measured=bool(kwh) and all(e.get("measured") for e in known),
    )
