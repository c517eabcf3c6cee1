"""OCSF lines against the schema of OCSF itself, as its maintainers' release holds it."""

import io
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from detector.document import Context
from detector.records import Finding
from detector.sinks import by_name
from detector.sinks.ocsf import VERSION
from tests.detector.sinks.samples import MODEL, allowed, clear, everything, metered, mining, pooled


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION)).get_class_schema("detection_finding")
    return Draft202012Validator(schema)


def written(findings: list[Finding]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    by_name("ocsf").write(findings, stream, Context(model=MODEL))
    lines = stream.getvalue().splitlines()
    assert all(line.isascii() and line.isprintable() for line in lines)
    return [json.loads(line) for line in lines]


def test_every_finding_is_a_detection_finding(validator: Draft202012Validator) -> None:
    lines = written(everything())
    assert len(lines) == len(everything())
    for line in lines:
        validator.validate(line)


def test_the_schema_can_refuse(validator: Draft202012Validator) -> None:
    (line,) = written([mining()])
    assert not validator.is_valid(line | {"severity_id": 12})
    assert not validator.is_valid(line | {"own": 1})
    assert not validator.is_valid({key: value for key, value in line.items() if key != "finding_info"})


def test_what_accuses_is_an_alert_of_compute_hijacking() -> None:
    accused, other = written([mining(), clear()])
    assert accused["is_alert"] and not other["is_alert"]
    assert accused["finding_info"]["attacks"][0]["sub_technique"]["uid"] == "T1496.001"
    assert "attacks" not in other["finding_info"]
    assert (accused["severity"], other["severity"]) == ("High", "Informational")
    assert accused["confidence_score"] == 99  # cut, not rounded: 0.9996 is not certain


def test_what_is_allowed_is_told_and_no_alert() -> None:
    (line,) = written([allowed()])
    assert (line["is_alert"], line["status"], line["severity"]) == (False, "Suppressed", "Informational")
    assert line["status_detail"] == "allowed: Blockchain lab | licence=7"
    assert line["unmapped"]["verdict"] == "mining"


def test_ends_of_the_channel_and_its_community_id() -> None:
    client, server = written([pooled(), pooled(role="server")])
    (evidence,) = client["evidences"]
    assert evidence["src_endpoint"] == {"ip": "10.20.0.24", "port": 49152}
    assert evidence["dst_endpoint"] == {"ip": "93.184.216.34", "port": 14444}
    assert evidence["connection_info"]["community_uid"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert server["evidences"][0]["dst_endpoint"]["ip"] == "10.20.0.24"


def test_a_meter_has_a_name_and_no_address() -> None:
    (line,) = written([metered()])
    assert line["resources"] == [{"name": "PDU 7 | outlet=3", "type": "meter"}]
    assert "observables" not in line and "evidences" not in line
