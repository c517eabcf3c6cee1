"""STIX bundles, read by the library of OASIS (stix2), which refuses what the standard does."""

import io
import json
import re
from typing import Any

import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.document import Context
from detector.records import Finding, Verdict
from detector.sinks import by_name
from detector.sinks.stix import AMBER
from tests.detector.sinks.samples import HOSTILE, allowed, clear, everything, hostile, metered, mining, pooled


def text(findings: list[Finding]) -> str:
    stream = io.StringIO()
    by_name("stix").write(findings, stream, Context())
    return stream.getvalue()


def objects(findings: list[Finding]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(text(findings))["objects"]
    return told


def of_type(kind: str, findings: list[Finding]) -> list[dict[str, Any]]:
    return [item for item in objects(findings) if item["type"] == kind]


def read(bundle: str) -> Any:
    """The bundle as the library reads it, indicators' patterns included."""
    return stix2.parse(bundle, allow_custom=False)


@pytest.mark.parametrize(
    "findings", [everything(), [], [clear(), allowed()]], ids=["everything", "nothing", "clear"]
)
def test_the_bundle_is_valid(findings: list[Finding]) -> None:
    bundle = text(findings)
    assert bundle.isascii() and bundle.replace("\n", "").isprintable()
    assert len(read(bundle).objects) == len(objects(findings))
    ids = {item["id"] for item in objects(findings)}
    refs = re.findall(r'"([a-z-]+--[0-9a-f-]{36})"', bundle)
    assert set(refs) - ids == {json.loads(bundle)["id"]}  # nothing is referred to that is not in it


@pytest.mark.parametrize(
    "broken",
    [
        {"sighting_of_ref": "nothing"},
        {"first_seen": "yesterday"},
        {"last_seen": "1999-01-01T00:00:00Z"},
        {"own": 1},
    ],
)
def test_the_library_can_refuse(broken: dict[str, Any]) -> None:
    bundle = json.loads(text([mining()]))
    bundle["objects"][-1] |= broken
    with pytest.raises((stix2.exceptions.STIXError, ValueError)):
        read(json.dumps(bundle))


@settings(max_examples=30, deadline=None)
@given(text_=st.text(max_size=40), first=st.integers(0, 2**62), last=st.integers(0, 2**62))
def test_nothing_that_a_finding_holds_breaks_the_bundle(text_: str, first: int, last: int) -> None:
    finding = hostile(text_)
    finding.first_ns, finding.last_ns = first, last
    read(text([finding]))


def test_marking_is_the_one_of_the_standard() -> None:
    assert json.loads(stix2.TLP_AMBER.serialize()) == AMBER
    marked = [item for item in objects([pooled()]) if "created_by_ref" in item]
    assert marked and all(item["object_marking_refs"] == [AMBER["id"]] for item in marked)


def test_ids_of_observables_are_those_of_the_library() -> None:
    classes = {
        "ipv4-addr": stix2.IPv4Address,
        "ipv6-addr": stix2.IPv6Address,
        "network-traffic": stix2.NetworkTraffic,
    }
    told = [item for item in objects(everything()) if item["type"] in classes]
    assert {item["type"] for item in told} == set(classes)
    for item in told:
        properties = {key: value for key, value in item.items() if key not in ("type", "spec_version", "id")}
        assert classes[item["type"]](**properties).id == item["id"]


def test_a_sighting_of_compute_hijacking_and_an_indicator() -> None:
    (sighting,) = of_type("sighting", [pooled()])
    (pattern,) = of_type("attack-pattern", [pooled()])
    (indicator,) = of_type("indicator", [pooled()])
    assert sighting["sighting_of_ref"] == pattern["id"]
    assert pattern["external_references"][0]["external_id"] == "T1496.001"
    assert "93.184.216.34" in indicator["pattern"] and "= 14444" in indicator["pattern"]


@pytest.mark.parametrize(
    "finding",
    [
        pooled(role="server"),  # the host's own service
        pooled(remote="10.20.0.9"),  # nobody else's
        mining(),  # 203.0.113.0/24 is for documentation
        pooled(remote="not an address"),
    ],
)
def test_no_indicator_where_others_could_not_use_it(finding: Finding) -> None:
    assert of_type("indicator", [finding]) == []
    finding.verdict = Verdict.SUSPICIOUS
    assert of_type("indicator", [finding]) == []


def test_what_is_allowed_is_no_sighting() -> None:
    assert of_type("sighting", [clear(), allowed()]) == []


def test_a_meter_is_an_identity_where_it_was_sighted() -> None:
    (sighting,) = of_type("sighting", [metered()])
    names = {item["id"]: item["name"] for item in of_type("identity", [metered()])}
    assert [names[ref] for ref in sighting["where_sighted_refs"]] == ["PDU 7 | outlet=3"]


def test_exported_twice_is_the_same() -> None:
    assert text([pooled(), mining()]) == text([pooled(), mining()])
    later = pooled()
    later.last_ns += 10**9
    (one,), (other,) = of_type("sighting", [pooled()]), of_type("sighting", [later])
    assert one["id"] == other["id"] and one["modified"] < other["modified"]


@pytest.mark.parametrize("hostile_text", HOSTILE)
def test_hostile_text_is_only_text(hostile_text: str) -> None:
    kinds = {item["type"] for item in read(text([hostile(hostile_text)])).objects}
    assert kinds == {"marking-definition", "attack-pattern", "identity", "sighting"}
