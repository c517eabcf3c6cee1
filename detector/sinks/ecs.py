"""`--format ecs`: one event a line (ndjson) in the Elastic Common Schema 9.0.

https://www.elastic.co/docs/reference/ecs.  Every finding is told; `event.kind` is `alert` where it
accuses.  Source and destination are of its heaviest channel; all of them, and what ECS has no field for,
stand under `minewatch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

from detector import __version__, vocabulary
from detector.document import Context, document, encoded
from detector.records import Evidence, Finding, Verdict
from detector.text import harmless

VERSION: Final = "9.0.0"
SEVERITY: Final = {Verdict.MINING: 73, Verdict.SUSPICIOUS: 47, Verdict.UNDECIDED: 21, Verdict.CLEAR: 0}
"""Those of Elastic's detection rules: low 21, medium 47, high 73."""
OWN: Final = (
    "verdict", "score", "network_score", "power_score", "novelty", "energy", "quality", "role", "allowed",
)  # fmt: skip
IPV6: Final = ":"


class Ecs:
    """ECS events as JSON lines."""

    name = "ecs"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Every finding, in the order given."""
        for finding in findings:
            stream.write(encoded(harmless(event(finding, context))) + "\n")


def event(finding: Finding, context: Context) -> dict[str, Any]:
    """The finding as ECS says it, objects nested."""
    told = document(finding, context.model)
    channels = list(vocabulary.channels(finding))
    accused = vocabulary.accuses(finding)
    host = vocabulary.alone(finding).host
    addresses = dict.fromkeys([host, *(between.remote for _, between in channels)])
    return {
        "@timestamp": told["last_seen"],
        "ecs": {"version": VERSION},
        "message": finding.why,
        "event": _event(finding, told),
        "observer": {"vendor": vocabulary.PRODUCT, "product": vocabulary.PRODUCT, "version": __version__},
        "rule": {
            "name": vocabulary.TITLES[finding.verdict],
            "category": "Cryptocurrency mining",
            "ruleset": vocabulary.PRODUCT,
            "version": told["model"]["id"],
        },
        "threat": _threat() if accused else None,
        "host": {"name": finding.host, "ip": [host] if host else None},
        "organization": {"name": finding.organisation},
        **(_flow(*channels[0]) if channels else {}),
        "related": {"ip": [one for one in addresses if one], "hosts": [finding.host]},
        "minewatch": {
            **{name: told.get(name) for name in OWN},
            "evidence": [_evidence(item, vocabulary.ends(finding, item)) for item in finding.evidence],
        },
    }


def _event(finding: Finding, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "alert" if vocabulary.accuses(finding) else "event",
        "category": ["intrusion_detection"],
        "type": ["info"],
        "module": vocabulary.PRODUCT,
        "dataset": f"{vocabulary.PRODUCT}.finding",
        "provider": vocabulary.PRODUCT,
        "id": vocabulary.finding_id(finding),
        "start": told["first_seen"],
        "end": told["last_seen"],
        "severity": SEVERITY[vocabulary.weighed(finding)],
        "risk_score": vocabulary.percent(finding.score),
        "reason": finding.why,
    }


def _threat() -> dict[str, Any]:
    tactic, technique, subtechnique = (
        {"id": [uid], "name": [name], "reference": [vocabulary.REFERENCES[uid]]}
        for uid, name in (vocabulary.TACTIC, vocabulary.TECHNIQUE, vocabulary.SUBTECHNIQUE)
    )
    return {
        "framework": "MITRE ATT&CK",
        "tactic": tactic,
        "technique": {**technique, "subtechnique": subtechnique},
    }


def _flow(item: Evidence, between: vocabulary.Ends) -> dict[str, Any]:
    known = between.remote or between.host or ""
    return {
        "source": {"ip": between.source, "address": between.source, "port": between.client_port},
        "destination": {"ip": between.destination, "address": between.destination, "port": between.port},
        "network": {
            "transport": between.transport,
            "type": "ipv6" if IPV6 in known else "ipv4",
            "protocol": str(item.facts.get("dialect") or "").lower(),
            "community_id": between.community_id,
            "direction": "inbound" if between.serving else "outbound",
        },
    }


def _evidence(item: Evidence, between: vocabulary.Ends | None) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": item.kind, "weight": item.weight, "summary": item.summary}
    if between:
        told |= {"remote": between.remote, "port": between.port, "community_id": between.community_id}
    return told | vocabulary.spoken_facts(item)
