"""JSON, JSON Lines and CSV: valid by the published schema, and harmless."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from detector.document import Context, document, encoded
from detector.records import Evidence, Finding, Verdict
from detector.sinks import SINKS, by_name
from tests.detector.sinks.samples import HOSTILE, MODEL, clear, hostile, mining, undecided

SCHEMA = Path(__file__).resolve().parents[3] / "detector" / "data" / "finding.schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=FormatChecker())

VALUES = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(HOSTILE),
        lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=8,
    ),
)  # of facts


def written(name: str, findings: list[Finding]) -> str:
    stream = io.StringIO()
    by_name(name).write(findings, stream, Context(model=MODEL))
    return stream.getvalue()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


def test_the_schema_can_refuse() -> None:
    """A schema that takes everything would make the other tests empty."""
    told = document(mining(), MODEL)
    for broken in (
        told | {"verdict": "guilty"},
        told | {"score": 1.5},
        told | {"first_seen": "yesterday"},
        told | {"extra": 1},
        {key: value for key, value in told.items() if key != "energy"},
    ):
        assert not VALIDATOR.is_valid(broken)


def test_document_of_the_design() -> None:
    """The finding of the design page, key by key, in its order."""
    assert document(mining(), MODEL) == {
        "schema": "minewatch.finding/1",
        "host": "10.20.0.23",
        "kind": "ip",
        "organisation": None,
        "first_seen": "2026-03-02T10:00:00.000000Z",
        "last_seen": "2026-03-02T11:00:00.000000Z",
        "score": 0.9996,
        "verdict": "mining",
        "network_score": 0.9996,
        "power_score": None,
        "novelty": 0.12,
        "evidence": [
            {
                "kind": "cryptonote",
                "weight": 4.1,
                "summary": "XMRig/6.21.0 logged in and submitted 12 shares",
                "first_seen": "2026-03-02T10:00:00.000000Z",
                "last_seen": "2026-03-02T11:00:00.000000Z",
                "channel": {
                    "remote": "203.0.113.5",
                    "port": 3333,
                    "transport": "tcp",
                    "role": None,
                    "client_port": None,
                    "community_id": None,
                },
                "facts": {"dialect": "cryptonote", "coin": "XMR", "agent": "XMRig/6.21.0"},
            }
        ],
        "counter_evidence": [],
        "contributions": [{"feature": "channel.down.modal_length_share", "value": 0.93, "contribution": 1.7}],
        "energy": {"watts": 640.0, "kwh": 12.8, "co2e_kg": 7.3, "measured": True},
        "quality": {
            "packets": 912,
            "undecodable": 0,
            "lost": None,
            "windows": 12,
            "resolution_s": 300,
            "sources": ["campus-hour.pcapng"],
        },
        "model": MODEL,
        "course": [
            {"time": "2026-03-02T10:00:00.000000Z", "score": 0.71},
            {"time": "2026-03-02T11:00:00.000000Z", "score": 0.9996},
        ],
    }


@pytest.mark.parametrize("finding", [mining(), clear(), undecided(), *map(hostile, HOSTILE)])
def test_every_line_is_a_valid_document(finding: Finding) -> None:
    (line,) = written("jsonl", [finding]).splitlines()
    VALIDATOR.validate(json.loads(line))
    assert line.isascii() and line.isprintable()


@given(
    text=st.text(max_size=40),
    number=st.one_of(st.none(), st.floats(), st.integers(-(2**63), 2**63 - 1)),
    at=st.integers(-(2**63), 2**63 - 1),
)
def test_nothing_that_a_finding_holds_breaks_the_document(text: str, number: float | None, at: int) -> None:
    """Any text, any float and any 64-bit time: one valid line, without NaN."""
    item = Evidence(text, 0.5, text, at, None, None, {text: number, "n": np.float64(math.nan), "l": [text]})
    score = number if isinstance(number, float) and 0 <= number <= 1 else math.nan
    finding = clear(text, score=score, first_ns=at, last_ns=at, evidence=[item])
    (line,) = written("jsonl", [finding]).splitlines()
    VALIDATOR.validate(json.loads(line))
    assert line.isprintable()
    assert line == encoded(document(finding, MODEL))  # whichever way it was written


@given(facts=VALUES, number=st.floats(0, 1))
def test_a_finding_is_written_as_its_document_is(facts: dict[str, object], number: float) -> None:
    finding = clear(score=number, evidence=[Evidence("kind", 0.5, "words", facts=facts)])
    (line,) = written("jsonl", [finding]).splitlines()
    assert line == encoded(document(finding, MODEL))


def test_numpy_values_become_numbers() -> None:
    finding = clear(score=np.float64(0.25), quality={"packets": np.int64(3), "windows": np.uint32(1)})
    told = json.loads(written("jsonl", [finding]))
    assert (told["score"], told["quality"]["packets"], told["quality"]["windows"]) == (0.25, 3, 1)


def test_array_holds_the_same_documents_as_lines() -> None:
    findings = [mining(), undecided(), clear()]
    lines = [json.loads(line) for line in written("jsonl", findings).splitlines()]
    assert json.loads(written("json", findings)) == lines
    assert json.loads(written("json", [])) == []
    assert written("jsonl", []) == ""


@pytest.mark.parametrize("text", [*HOSTILE, "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1"])  # noqa: RUF001
def test_csv_cells_are_no_formulas(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(written("csv", [hostile(text)])))
    for name in ("host", "organisation", "why", "coin", "dialect"):
        assert row[name].isprintable()
        assert not row[name].lstrip().startswith(tuple("=+-@＝＋－＠|%"))  # noqa: RUF001


def test_csv_keeps_numbers_and_empties() -> None:
    row, other = csv.DictReader(io.StringIO(written("csv", [mining(), undecided()])))
    assert (row["score"], row["kwh"], row["coin"], row["energy_measured"]) == (
        "0.9996",
        "12.8",
        "XMR",
        "true",
    )
    assert (other["score"], other["kwh"], other["verdict"]) == ("", "", Verdict.UNDECIDED.value)


def test_formats_in_the_order_of_the_design() -> None:
    assert [sink.name for sink in SINKS] == [
        "table", "jsonl", "json", "csv", "ocsf", "ecs", "eve", "cef", "stix", "misp",
    ]  # fmt: skip
