"""`--format stix`: the findings that accuse as one STIX 2.1 bundle (OASIS Standard, 10 June 2021).

A finding is a sighting of ATT&CK's technique, with the channels as observed data; the service of a
dialogue that was heard is an indicator.  Marked TLP:AMBER: addresses of hosts are in it.  Ids are made
of the content, so that a bundle imported twice adds nothing.
"""

from __future__ import annotations

import ipaddress
import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

from detector import vocabulary
from detector.document import Context, encoded
from detector.records import Evidence, Finding, Verdict
from detector.text import harmless, plain, rfc3339

OBSERVABLES: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # section 2.9
AMBER: Final = {  # section 7.2.1.4, to the letter
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "created": "2017-01-20T00:00:00.000Z",
    "definition_type": "tlp",
    "name": "TLP:AMBER",
    "definition": {"tlp": "amber"},
}
HIJACKING: Final = {  # MITRE's own object, shortened
    "type": "attack-pattern",
    "spec_version": "2.1",
    "id": "attack-pattern--a718a0c8-5768-41a1-9958-a1cc3f995e99",
    "created": "2024-09-25T13:34:30.100Z",
    "modified": "2025-04-15T22:08:46.014Z",
    "name": vocabulary.SUBTECHNIQUE[1],
    "external_references": [
        {
            "source_name": "mitre-attack",
            "external_id": vocabulary.SUBTECHNIQUE[0],
            "url": vocabulary.REFERENCES[vocabulary.SUBTECHNIQUE[0]],
        }
    ],
    "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "impact"}],
}
FOUNDED: Final = "2026-01-01T00:00:00.000Z"  # created and modified of what never changes
HEARD: Final = ("stratum", "getwork")  # kinds of evidence that a dialogue was heard


class Stix:
    """One bundle, an object at a time in the order of reference."""

    name = "stix"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Findings that accuse."""
        objects = {item["id"]: item for item in _objects(findings)}
        name = vocabulary.identity("bundle", *sorted(objects))
        bundle = {"type": "bundle", "id": f"bundle--{name}", "objects": list(objects.values())}
        stream.write(encoded(bundle, indent=2) + "\n")


def _objects(findings: Sequence[Finding]) -> Iterator[dict[str, Any]]:
    yield from (AMBER, HIJACKING, author := _someone(vocabulary.PRODUCT, "system"))
    for finding in findings:
        if vocabulary.accuses(finding):
            yield from _of_finding(finding, author["id"])


def _of_finding(finding: Finding, author: str) -> Iterator[dict[str, Any]]:
    observed = []
    for item, between in vocabulary.channels(finding):
        traffic = list(_traffic(finding, item, between))
        yield from traffic
        observed.append(_observed(finding, item, [one["id"] for one in traffic], author))
        if finding.verdict is Verdict.MINING and item.kind in HEARD and _is_public(between):
            yield from _indicator(finding, item, between, author)
    host = vocabulary.alone(finding).host
    if host and not observed:
        yield (seen := _address(host))
        observed.append(_observed(finding, None, [seen["id"]], author))
    yield from observed
    where = _someone(finding.organisation, "organization") if finding.organisation else None
    if not host:
        where = _someone(finding.host, "system")
    if where:
        yield where
    yield _sighting(finding, [one["id"] for one in observed], where["id"] if where else author, author)


def _common(kind: str, key: uuid.UUID, author: str | None, first_ns: int, last_ns: int) -> dict[str, Any]:
    """Properties of every domain object; a later look at the same finding is its next version."""
    common: dict[str, Any] = {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{key}",
        "created": rfc3339(min(first_ns, last_ns)),
        "modified": rfc3339(max(first_ns, last_ns)),
        "object_marking_refs": [AMBER["id"]],
    }
    return common | ({"created_by_ref": author} if author else {})


def _someone(name: str, kind: str) -> dict[str, Any]:
    someone = _common("identity", vocabulary.identity("identity", kind, name), None, 0, 0)
    shown: dict[str, Any] = harmless({"name": name, "identity_class": kind})
    return someone | {"created": FOUNDED, "modified": FOUNDED, "name": "unnamed"} | shown


def _observable(kind: str, **properties: Any) -> dict[str, Any]:
    """A cyber-observable, whose id is made of what identifies it (section 2.9)."""
    name = json.dumps(properties, sort_keys=True, separators=(",", ":"))
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid.uuid5(OBSERVABLES, name)}",
        **properties,
    }


def _address(value: str) -> dict[str, Any]:
    return _observable(f"ipv{ipaddress.ip_address(value).version}-addr", value=value)


def _span(finding: Finding, item: Evidence | None) -> tuple[int, int]:
    first = finding.first_ns if item is None or item.first_ns is None else item.first_ns
    last = finding.last_ns if item is None or item.last_ns is None else item.last_ns
    return min(first, last), max(first, last)


def _shortest(ns: int) -> str:
    """A time without zeros at its end, as the OASIS library writes it: the id is made of the spelling."""
    return rfc3339(ns).rstrip("Z").rstrip("0").rstrip(".") + "Z"


def _traffic(finding: Finding, item: Evidence, between: vocabulary.Ends) -> Iterator[dict[str, Any]]:
    """The addresses of a channel, and the traffic between them."""
    refs: dict[str, str] = {}
    for role, value in (("src_ref", between.source), ("dst_ref", between.destination)):
        if value:
            yield (seen := _address(value))
            refs[role] = seen["id"]
    first, last = _span(finding, item)
    version = ipaddress.ip_address(between.remote or between.host or "").version
    protocols = [f"ipv{version}", *([between.transport] if between.transport else [])]
    named = {"src_port": between.client_port, "dst_port": between.port}
    ports = {name: port for name, port in named.items() if port is not None}
    span = {"start": _shortest(first), "end": _shortest(last)}
    yield _observable("network-traffic", **span, protocols=protocols, **refs, **ports) | {"is_active": False}


def _observed(finding: Finding, item: Evidence | None, refs: list[str], author: str) -> dict[str, Any]:
    first, last = _span(finding, item)
    key = vocabulary.identity("observed", vocabulary.finding_id(finding), *refs)
    return _common("observed-data", key, author, first, last) | {
        "first_observed": rfc3339(first),
        "last_observed": rfc3339(last),
        "number_observed": 1,
        "object_refs": refs,
    }


def _is_public(between: vocabulary.Ends) -> bool:
    """Whether others can make use of the service's address."""
    remote = between.remote
    known = remote is not None and between.port is not None and between.transport is not None
    return known and not between.serving and ipaddress.ip_address(remote or "").is_global


def _indicator(
    finding: Finding, item: Evidence, between: vocabulary.Ends, author: str
) -> Iterator[dict[str, Any]]:
    remote = between.remote or ""
    kind = f"ipv{ipaddress.ip_address(remote).version}-addr"
    pattern = (
        f"[network-traffic:dst_ref.type = '{kind}' AND network-traffic:dst_ref.value = '{remote}'"
        f" AND network-traffic:dst_port = {between.port}"
        f" AND network-traffic:protocols[*] = '{between.transport}']"
    )
    span = _span(finding, item)
    made = _common("indicator", vocabulary.identity("indicator", pattern), author, *span)
    told = {"name": f"Mining pool {remote} port {between.port}", "description": harmless(item.summary)}
    yield (
        made
        | told
        | {
            "indicator_types": ["anomalous-activity"],
            "pattern": pattern,
            "pattern_type": "stix",
            "valid_from": rfc3339(span[0]),
        }
    )
    relation = vocabulary.identity("relationship", pattern)
    yield _common("relationship", relation, author, *span) | {
        "relationship_type": "indicates",
        "source_ref": made["id"],
        "target_ref": HIJACKING["id"],
    }


def _sighting(finding: Finding, observed: list[str], where: str, author: str) -> dict[str, Any]:
    first, last = _span(finding, None)
    key = vocabulary.identity("sighting", vocabulary.finding_id(finding))
    sure = vocabulary.percent(plain(finding.score))
    known: dict[str, Any] = harmless({"description": finding.why, "observed_data_refs": observed})
    return (
        _common("sighting", key, author, first, last)
        | known
        | {
            "first_seen": rfc3339(first),
            "last_seen": rfc3339(last),
            "sighting_of_ref": HIJACKING["id"],
            "where_sighted_refs": [where],
            **({} if sure is None else {"confidence": sure}),
        }
    )
