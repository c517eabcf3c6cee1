"""ECS lines against the fields, types and words of the schema that Elastic publishes."""

import io
import ipaddress
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from detector.document import Context
from detector.records import Finding
from detector.sinks import by_name
from tests.detector.sinks.samples import MODEL, allowed, clear, everything, mining, pooled

# Of generated/csv/fields.csv of ECS 9.4 (the same in 8.11): name -> type, "[]" where it is an array.
FIELDS = {
    "@timestamp": "date", "message": "text", "ecs.version": "keyword",
    "event.kind": "keyword", "event.category": "keyword[]", "event.type": "keyword[]",
    "event.module": "keyword", "event.dataset": "keyword", "event.provider": "keyword", "event.id": "keyword",
    "event.start": "date", "event.end": "date", "event.severity": "long", "event.risk_score": "float",
    "event.reason": "keyword",
    "observer.vendor": "keyword", "observer.product": "keyword", "observer.version": "keyword",
    "rule.name": "keyword", "rule.category": "keyword", "rule.ruleset": "keyword", "rule.version": "keyword",
    "threat.framework": "keyword", "threat.tactic.id": "keyword[]", "threat.tactic.name": "keyword[]",
    "threat.tactic.reference": "keyword[]", "threat.technique.id": "keyword[]",
    "threat.technique.name": "keyword[]", "threat.technique.reference": "keyword[]",
    "threat.technique.subtechnique.id": "keyword[]", "threat.technique.subtechnique.name": "keyword[]",
    "threat.technique.subtechnique.reference": "keyword[]",
    "host.name": "keyword", "host.ip": "ip[]", "organization.name": "keyword",
    "source.ip": "ip", "source.address": "keyword", "source.port": "long",
    "destination.ip": "ip", "destination.address": "keyword", "destination.port": "long",
    "network.transport": "keyword", "network.type": "keyword", "network.protocol": "keyword",
    "network.community_id": "keyword", "network.direction": "keyword",
    "related.ip": "ip[]", "related.hosts": "keyword[]",
}  # fmt: skip
WORDS = {"event.kind": {"alert", "event"}, "network.direction": {"inbound", "outbound"}}


def written(findings: list[Finding]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    by_name("ecs").write(findings, stream, Context(model=MODEL))
    lines = stream.getvalue().splitlines()
    assert all(line.isascii() and line.isprintable() for line in lines)
    return [json.loads(line) for line in lines]


def flat(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flat(item, f"{before}{key}.")
        else:
            yield before + key, item


def fits(value: Any, kind: str) -> bool:
    if kind.endswith("[]"):
        return isinstance(value, list) and all(fits(item, kind[:-2]) for item in value)
    if kind in ("keyword", "text"):
        return isinstance(value, str)
    if kind == "ip":
        return bool(ipaddress.ip_address(value))
    if kind == "date":
        return datetime.fromisoformat(value).tzinfo is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_every_field_is_of_the_schema_or_our_own() -> None:
    lines = written(everything())
    assert len(lines) == len(everything())
    for line in lines:
        own = line.pop("minewatch")
        assert own["verdict"]
        for name, value in flat(line):
            assert fits(value, FIELDS[name]), (name, value)
            assert value in WORDS.get(name, {value} if not isinstance(value, list) else [value])


@pytest.mark.parametrize("finding", [mining(), pooled()])
def test_what_is_always_there(finding: Finding) -> None:
    names = {name for name, _ in flat(written([finding])[0])}
    assert {"@timestamp", "ecs.version", "event.kind", "event.id", "source.ip", "destination.ip"} <= names


def test_kinds_and_technique() -> None:
    accused, other = written([mining(), clear()])
    assert (accused["event"]["kind"], other["event"]["kind"]) == ("alert", "event")
    assert accused["threat"]["technique"]["subtechnique"]["id"] == ["T1496.001"]
    assert "threat" not in other


def test_what_is_allowed_is_told_and_no_alert() -> None:
    (line,) = written([allowed()])
    assert (line["event"]["kind"], line["event"]["severity"]) == ("event", 0)
    assert (line["minewatch"]["verdict"], line["minewatch"]["allowed"]) == (
        "mining",
        "Blockchain lab | licence=7",
    )


def test_a_flow_joins_with_others() -> None:
    (line,) = written([pooled()])
    assert line["network"]["community_id"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert line["source"]["port"] == 49152
    assert line["related"]["ip"] == ["10.20.0.24", "93.184.216.34"]
    (line,) = written([pooled(role="server")])
    assert (line["source"]["ip"], line["network"]["direction"]) == ("93.184.216.34", "inbound")
