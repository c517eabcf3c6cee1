"""EVE lines against the part of Suricata's own schema (etc/schema.json) that alerts use."""

import io
import json
from typing import Any

from jsonschema import Draft202012Validator

from detector.document import Context
from detector.records import Finding, Verdict
from detector.sinks import by_name
from tests.detector.sinks.samples import MODEL, allowed, clear, everything, metered, mining, pooled, undecided

ALERT = {
    "type": "object",
    "properties": {
        "action": {"enum": ["allowed", "blocked"]},
        "category": {"type": "string"},
        "gid": {"type": "integer"},
        "rev": {"type": "integer"},
        "severity": {"type": "integer", "minimum": 1, "maximum": 4},
        "signature": {"type": "string"},
        "signature_id": {"type": "integer", "minimum": 1_000_000, "maximum": 1_999_999},
        "metadata": {"additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
    "required": ["action", "category", "gid", "rev", "severity", "signature", "signature_id"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "timestamp": {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}[+\-]\d{4}$"},
        "event_type": {"const": "alert"},
        "src_ip": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "type": "string"},
        "dest_ip": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "type": "string"},
        "src_port": {"type": "integer"},
        "dest_port": {"type": "integer"},
        "proto": {"enum": ["TCP", "UDP"]},
        "community_id": {"type": "string"},
        "alert": ALERT,
    },
    "required": ["timestamp", "event_type", "alert"],
    "additionalProperties": False,
}
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def written(findings: list[Finding]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    by_name("eve").write(findings, stream, Context(model=MODEL))
    lines = stream.getvalue().splitlines()
    assert all(line.isascii() and line.isprintable() for line in lines)
    return [json.loads(line) for line in lines]


def test_every_line_is_an_alert() -> None:
    lines = written(everything())
    accused = [f for f in everything() if f.verdict in (Verdict.MINING, Verdict.SUSPICIOUS) and not f.allowed]
    assert len(lines) == len(accused)  # of which each has one channel or none
    for line in lines:
        VALIDATOR.validate(line)


def test_only_what_accuses_is_told() -> None:
    assert written([clear(), undecided(), allowed()]) == []


def test_a_line_a_channel() -> None:
    two = pooled()
    two.evidence.append(pooled(remote="198.51.100.9", client_port=50_000).evidence[0])
    assert [line["dest_ip"] for line in written([two])] == ["93.184.216.34", "198.51.100.9"]


def test_a_flow_joins_with_suricatas_own() -> None:
    (line,) = written([pooled()])
    flow = {
        name: line[name] for name in ("src_ip", "src_port", "dest_ip", "dest_port", "proto", "community_id")
    }
    assert flow == {
        "src_ip": "10.20.0.24",
        "src_port": 49152,
        "dest_ip": "93.184.216.34",
        "dest_port": 14444,
        "proto": "TCP",
        "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
    }


def test_metadata_names_the_technique_and_the_meter() -> None:
    (line,) = written([metered()])
    told = line["alert"]["metadata"]
    assert (told["mitre_technique_id"], told["host"]) == (["T1496.001"], ["PDU 7 | outlet=3"])
    assert "src_ip" not in line
    assert written([mining()])[0]["alert"]["signature_id"] == 1_496_001
