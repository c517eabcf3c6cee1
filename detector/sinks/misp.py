"""`--format misp`: the findings that accuse as one MISP event, to be imported by hand.

The MISP core format (draft-dulaunoy-misp-core-format), objects by the template `network-connection`.
It is not published, goes to nobody but the own organisation, and no attribute is meant for a detection
system until a person says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

from detector import vocabulary
from detector.document import Context, encoded
from detector.records import Evidence, Finding
from detector.text import harmless, plural, printable, rfc3339

TEMPLATE: Final = {
    "name": "network-connection",
    "meta-category": "network",
    "description": "A local or remote network connection.",
    "template_uuid": "af16764b-f8e5-4603-9de1-de34d272f80b",
    "template_version": "7",
}
TAGS: Final = (
    "tlp:amber",
    f'misp-galaxy:mitre-attack-pattern="{vocabulary.SUBTECHNIQUE[1]} - {vocabulary.SUBTECHNIQUE[0]}"',
)
MEDIUM, INITIAL, OWN_ORGANISATION, INHERIT = "2", "0", "0", "5"  # threat level, analysis, distribution
TYPES: Final = {  # relation in the template -> type of the attribute
    "ip-src": "ip-src",
    "ip-dst": "ip-dst",
    "src-port": "port",
    "dst-port": "port",
    "layer4-protocol": "text",
    "layer7-protocol": "text",
    "first-packet-seen": "datetime",
    "last-packet-seen": "datetime",
    "community-id": "community-id",
}
CATEGORIES: Final = {"text": "Other", "datetime": "Other"}  # of a type; else network activity
_S: Final = 1_000_000_000


class Misp:
    """One event, `{"Event": {...}}`."""

    name = "misp"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Findings that accuse; an event without any says so in its title."""
        accused = [finding for finding in findings if vocabulary.accuses(finding)]
        stream.write(encoded({"Event": _event(accused, context)}, indent=2) + "\n")


def _event(accused: Sequence[Finding], context: Context) -> dict[str, Any]:
    last_ns = max((finding.last_ns for finding in accused), default=context.made_ns or 0)
    ids = [vocabulary.finding_id(finding) for finding in accused]
    return {
        "uuid": str(vocabulary.identity("misp", *sorted(ids))),
        "info": f"Cryptocurrency mining by {plural(len(accused), 'host')} (minewatch)",
        "date": rfc3339(last_ns)[:10],
        "timestamp": str(max(last_ns // _S, 0)),
        "threat_level_id": MEDIUM,
        "analysis": INITIAL,
        "distribution": OWN_ORGANISATION,
        "published": False,
        "Tag": [{"name": name} for name in TAGS],
        "Attribute": [one for finding in accused for one in _plain_attributes(finding)],
        "Object": [one for finding in accused for one in _connections(finding)],
    }


def _attribute(kind: str, value: Any, comment: str, *key: object) -> dict[str, Any]:
    return {
        "uuid": str(vocabulary.identity("attribute", kind, value, *key)),
        "type": kind,
        "category": CATEGORIES.get(kind, "Network activity"),
        "value": printable(value),
        "comment": printable(comment),
        "to_ids": False,
        "distribution": INHERIT,
    }


def _plain_attributes(finding: Finding) -> Iterator[dict[str, Any]]:
    """Of a finding without a channel, such as a meter's: it must be named somewhere."""
    if any(vocabulary.channels(finding)):
        return
    host = vocabulary.alone(finding).host
    named = harmless({"value": finding.host}).get("value", "unnamed")
    yield _attribute("ip-src" if host else "text", host or named, _comment(finding), finding.kind)


def _comment(finding: Finding) -> str:
    return f"{finding.verdict.value}: {finding.why}"


def _connections(finding: Finding) -> Iterator[dict[str, Any]]:
    """One object a channel of the evidence."""
    for number, (item, between) in enumerate(vocabulary.channels(finding)):
        key = (vocabulary.finding_id(finding), number)
        told = _told(finding, item, between)
        attributes = [
            _attribute(TYPES[relation], value, "", relation, *key) | {"object_relation": relation}
            for relation, value in told.items()
            if value not in (None, "")
        ]
        uuid = str(vocabulary.identity("object", *key))
        comment = printable(f"{finding.verdict.value}: {item.summary}")
        yield TEMPLATE | {
            "uuid": uuid,
            "comment": comment,
            "distribution": INHERIT,
            "Attribute": attributes,
        }


def _told(finding: Finding, item: Evidence, between: vocabulary.Ends) -> dict[str, Any]:
    first = finding.first_ns if item.first_ns is None else item.first_ns
    last = finding.last_ns if item.last_ns is None else item.last_ns
    return {
        "ip-src": between.source,
        "ip-dst": between.destination,
        "src-port": between.client_port,
        "dst-port": between.port,
        "layer4-protocol": between.transport and between.transport.upper(),
        "layer7-protocol": item.facts.get("dialect"),
        "first-packet-seen": rfc3339(first),
        "last-packet-seen": rfc3339(last),
        "community-id": between.community_id,
    }
