"""`--format ocsf`: one Detection Finding (class 2004) a line, Open Cybersecurity Schema Framework 1.5.0.

https://schema.ocsf.io/1.5.0/classes/detection_finding.  Every finding is told; `is_alert` says which
accuse.  What OCSF has no word for stands in `unmapped`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

from detector import __version__, vocabulary
from detector.document import Context, document, encoded
from detector.records import Evidence, Finding, Verdict
from detector.text import harmless

VERSION: Final = "1.5.0"
SEVERITY: Final = {
    Verdict.MINING: (4, "High"),
    Verdict.SUSPICIOUS: (3, "Medium"),
    Verdict.UNDECIDED: (1, "Informational"),
    Verdict.CLEAR: (1, "Informational"),
}
PROTOCOLS: Final = {"tcp": 6, "udp": 17}
IP_ADDRESS: Final = 2  # observable.type_id
LEARNING: Final = 4  # analytic.type_id
INBOUND, OUTBOUND = 1, 2  # connection_info.direction_id
UNMAPPED: Final = (
    "verdict",
    "network_score",
    "power_score",
    "novelty",
    "energy",
    "quality",
    "role",
    "allowed",
)
_MS: Final = 1_000_000


class Ocsf:
    """Detection Findings as JSON lines."""

    name = "ocsf"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Every finding, in the order given."""
        for finding in findings:
            stream.write(encoded(harmless(detection(finding, context))) + "\n")


def detection(finding: Finding, context: Context) -> dict[str, Any]:
    """The finding as OCSF says it."""
    severity_id, severity = SEVERITY[vocabulary.weighed(finding)]
    told = document(finding, context.model)
    return {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200401,
        "type_name": "Detection Finding: Create",
        "time": finding.last_ns // _MS,
        "start_time": finding.first_ns // _MS,
        "end_time": finding.last_ns // _MS,
        "timezone_offset": 0,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 3 if finding.allowed else 1,
        "status": "Suppressed" if finding.allowed else "New",
        "status_detail": finding.allowed and f"allowed: {finding.allowed}",
        "is_alert": vocabulary.accuses(finding),
        "confidence_score": vocabulary.percent(finding.score),
        "message": finding.why,
        "metadata": _metadata(),
        "finding_info": _information(finding, told),
        "evidences": [_evidence(item, between) for item, between in vocabulary.channels(finding)],
        "resources": [_resource(finding)],
        "observables": _observables(finding),
        "unmapped": {name: told.get(name) for name in UNMAPPED},
    }


def _metadata() -> dict[str, Any]:
    product = {"name": vocabulary.PRODUCT, "vendor_name": vocabulary.PRODUCT, "version": __version__}
    return {"version": VERSION, "product": product}


def _information(finding: Finding, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uid": vocabulary.finding_id(finding),
        "title": vocabulary.TITLES[finding.verdict],
        "desc": finding.why,
        "types": ["Cryptocurrency mining"],
        "created_time": finding.last_ns // _MS,
        "first_seen_time": finding.first_ns // _MS,
        "last_seen_time": finding.last_ns // _MS,
        "analytic": {
            "type_id": LEARNING,
            "type": "Learning (ML/DL)",
            "name": vocabulary.PRODUCT,
            "uid": told["model"]["id"],
        },
        "attacks": [_attack()] if vocabulary.accuses(finding) else [],
        "data_sources": told["quality"]["sources"],
    }


def _attack() -> dict[str, Any]:
    named = {
        "tactic": vocabulary.TACTIC,
        "technique": vocabulary.TECHNIQUE,
        "sub_technique": vocabulary.SUBTECHNIQUE,
    }
    spelled = {
        key: {"uid": uid, "name": name, "src_url": vocabulary.REFERENCES[uid]}
        for key, (uid, name) in named.items()
    }
    return {"version": vocabulary.ATTACK, **spelled}


def _evidence(item: Evidence, between: vocabulary.Ends) -> dict[str, Any]:
    protocol = {"protocol_name": between.transport, "protocol_num": PROTOCOLS.get(between.transport or "")}
    return {
        "name": item.kind,
        "src_endpoint": {"ip": between.source, "port": between.client_port} if between.source else None,
        "dst_endpoint": {"ip": between.destination, "port": between.port} if between.destination else None,
        "connection_info": {
            "direction_id": INBOUND if between.serving else OUTBOUND,
            "community_uid": between.community_id,
            **protocol,
        },
        "data": {"summary": item.summary, "weight": item.weight, **vocabulary.spoken_facts(item)},
    }


def _resource(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.host or "unnamed",
        "type": finding.kind,
        "ip": vocabulary.alone(finding).host,
        "group": {"name": finding.organisation} if finding.organisation else None,
    }


def _observables(finding: Finding) -> list[dict[str, Any]]:
    named = [("resources[].ip", vocabulary.alone(finding).host)]
    for _, between in vocabulary.channels(finding):
        named.append((f"evidences[].{'src' if between.serving else 'dst'}_endpoint.ip", between.remote))
    return [
        {"name": name, "type_id": IP_ADDRESS, "type": "IP Address", "value": value}
        for name, value in dict.fromkeys(named)
        if value
    ]
