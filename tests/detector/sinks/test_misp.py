"""MISP events against the project's own library, its types and its object templates (pymisp)."""

import copy
import io
import json
import warnings
from pathlib import Path
from typing import Any

import pymisp
import pytest
from jsonschema import Draft4Validator

from detector.document import Context
from detector.records import Finding
from detector.sinks import by_name
from detector.sinks.misp import TEMPLATE
from tests.detector.sinks.samples import HOSTILE, allowed, clear, everything, hostile, metered, mining, pooled

DATA = Path(pymisp.__file__).parent / "data"
TYPES = json.loads((DATA / "describeTypes.json").read_text())["result"]
PUBLISHED = json.loads(
    (DATA / "misp-objects" / "objects" / "network-connection" / "definition.json").read_text()
)
NEWER = {"object_relation", "first_seen", "last_seen"}  # than the published schema of attributes
SCHEMA = Draft4Validator(json.loads((DATA / "schema.json").read_text()))


def written(findings: list[Finding]) -> dict[str, Any]:
    stream = io.StringIO()
    by_name("misp").write(findings, stream, Context(made_ns=10**18))
    assert stream.getvalue().isascii() and stream.getvalue().replace("\n", "").isprintable()
    told: dict[str, Any] = json.loads(stream.getvalue())
    return told


def attributes(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [*event["Event"]["Attribute"], *(a for o in event["Event"]["Object"] for a in o["Attribute"])]


@pytest.mark.parametrize("findings", [everything(), [], [clear()]], ids=["everything", "nothing", "clear"])
def test_the_event_is_of_the_published_schema(findings: list[Finding]) -> None:
    """The schema is older than objects: their attributes are held against it as attributes of the event."""
    event = written(findings)
    plain = [{key: a[key] for key in a.keys() - NEWER} for a in attributes(event)]
    SCHEMA.validate({"Event": {key: event["Event"][key] for key in event["Event"].keys() - {"Object"}}})
    SCHEMA.validate({"Event": {"Attribute": plain}})
    for attribute in plain:
        assert attribute["type"] in TYPES["category_type_mappings"][attribute["category"]]


def test_objects_follow_the_published_template() -> None:
    assert {key: TEMPLATE[key] for key in ("name", "meta-category", "description")} == {
        key: PUBLISHED[key] for key in ("name", "meta-category", "description")
    }
    assert (TEMPLATE["template_uuid"], TEMPLATE["template_version"]) == (
        PUBLISHED["uuid"], str(PUBLISHED["version"]),
    )  # fmt: skip
    for item in written(everything())["Event"]["Object"]:
        relations = {attribute["object_relation"]: attribute["type"] for attribute in item["Attribute"]}
        assert len(relations) == len(item["Attribute"])
        for relation, kind in relations.items():
            assert PUBLISHED["attributes"][relation]["misp-attribute"] == kind
        assert relations.keys() & set(PUBLISHED["requiredOneOf"])


def test_the_library_reads_all_of_it() -> None:
    told = written(everything())
    event = pymisp.MISPEvent()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        event.load(copy.deepcopy(told))  # which takes it apart
    assert len(event.objects) == len(told["Event"]["Object"])
    assert sum(len(item.attributes) for item in event.objects) + len(event.attributes) == len(
        attributes(told)
    )
    assert event.published is False


def test_the_library_can_refuse() -> None:
    told = written([pooled()])
    told["Event"]["Object"][0]["Attribute"][0]["type"] = "no such type"
    with pytest.raises(pymisp.exceptions.PyMISPError):
        pymisp.MISPEvent().load(told)


def test_a_connection_and_the_technique() -> None:
    told = written([pooled()])["Event"]
    (item,) = told["Object"]
    values = {attribute["object_relation"]: attribute["value"] for attribute in item["Attribute"]}
    assert (values["ip-src"], values["src-port"], values["ip-dst"]) == (
        "10.20.0.24",
        "49152",
        "93.184.216.34",
    )
    assert values["community-id"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert any("T1496.001" in tag["name"] for tag in told["Tag"])
    assert told["info"] == "Cryptocurrency mining by 1 host (minewatch)"


def test_nothing_is_meant_for_blocking_or_sharing() -> None:
    told = written(everything())
    assert written([allowed()])["Event"]["Object"] == []
    assert not any(attribute["to_ids"] for attribute in attributes(told))
    assert (told["Event"]["published"], told["Event"]["distribution"]) == (False, "0")


def test_a_meter_is_named() -> None:
    (attribute,) = written([metered()])["Event"]["Attribute"]
    assert (attribute["type"], attribute["value"]) == ("text", "PDU 7 | outlet=3")


@pytest.mark.parametrize("text", HOSTILE)
def test_uuids_are_stable_and_differ(text: str) -> None:
    told = written([hostile(text), mining(), pooled()])
    assert told == written([hostile(text), mining(), pooled()])
    uuids = [attribute["uuid"] for attribute in attributes(told)]
    assert len(uuids) == len(set(uuids))
