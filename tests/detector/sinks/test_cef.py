"""CEF lines, read back by the rules of the standard: escapes, keys, lengths."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.document import Context
from detector.records import Finding
from detector.sinks import by_name
from detector.text import printable
from tests.detector.sinks.samples import HOSTILE, allowed, clear, everything, hostile, metered, mining, pooled

# Of the dictionary of the standard: key -> (pattern, longest).
DICTIONARY = {
    "rt": (r"-?\d+", 20), "start": (r"-?\d+", 20), "end": (r"-?\d+", 20), "externalId": (r"\S+", 40),
    "cat": (r".*", 1023), "msg": (r".*", 1023), "shost": (r".*", 1023),
    "src": (r"\d+\.\d+\.\d+\.\d+", 15), "dst": (r"\d+\.\d+\.\d+\.\d+", 15), "proto": (r"TCP|UDP", 31),
    "spt": (r"\d+", 5), "dpt": (r"\d+", 5), "c6a2": (r"[0-9a-f:.]+", 45), "c6a3": (r"[0-9a-f:.]+", 45),
    "c6a2Label": (r".*", 1023), "c6a3Label": (r".*", 1023),
    "cfp1": (r"[0-9.e-]+", 30), "cfp1Label": (r".*", 1023),
    **{f"cs{n}": (r".*", 4000) for n in range(1, 7)}, **{f"cs{n}Label": (r".*", 1023) for n in range(1, 7)},
}  # fmt: skip


def written(findings: list[Finding]) -> list[str]:
    stream = io.StringIO()
    by_name("cef").write(findings, stream, Context())
    return stream.getvalue().splitlines()


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """Header fields and extension; every `|`, `=` and backslash that is text must be escaped."""
    match = re.fullmatch(r"CEF:0\|" + r"((?:[^|\\]|\\[|\\])*)\|" * 6 + "(.*)", line)
    assert match, line
    *header, extension = match.groups()
    starts = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", extension))
    ends = [*(start.start() for start in starts[1:]), len(extension)]
    pairs: dict[str, str] = {}
    for start, end in zip(starts, ends, strict=True):
        value = extension[start.end() : end]
        assert re.fullmatch(r"(?:[^\\=]|\\[\\=rn])*", value), value
        assert start[1] not in pairs
        pairs[start[1]] = re.sub(r"\\(.)", r"\1", value)
    return [re.sub(r"\\(.)", r"\1", field) for field in header], pairs


def test_every_finding_is_one_event_of_known_keys() -> None:
    lines = written(everything())
    assert len(lines) == len(everything())
    for line in lines:
        header, pairs = parsed(line)
        assert line.isprintable() and 0 <= int(header[5]) <= 10
        for key, value in pairs.items():
            pattern, longest = DICTIONARY[key]
            assert re.fullmatch(pattern, value) and len(value) <= longest, (key, value)


def test_what_the_flow_was() -> None:
    header, pairs = parsed(written([pooled()])[0])
    assert header[:2] == ["minewatch", "minewatch"] and header[3:] == ["mining", "Cryptocurrency mining", "8"]
    assert {key: pairs[key] for key in ("src", "spt", "dst", "dpt", "proto")} == {
        "src": "10.20.0.24", "spt": "49152", "dst": "93.184.216.34", "dpt": "14444", "proto": "TCP",
    }  # fmt: skip
    labelled = {pairs[f"{key}Label"]: value for key, value in pairs.items() if f"{key}Label" in pairs}
    assert labelled["mitreTechnique"] == "T1496.001"
    assert labelled["communityId"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="


def test_addresses_of_version_6_have_fields_of_their_own() -> None:
    _, pairs = parsed(written([pooled("2001:db8::7", "2606:2800:220:1::1")])[0])
    assert (pairs["c6a2"], pairs["c6a3"]) == ("2001:db8::7", "2606:2800:220:1::1")
    assert "src" not in pairs and "dst" not in pairs


def test_a_meter_is_named() -> None:
    _, pairs = parsed(written([metered()])[0])
    assert pairs["shost"] == "PDU 7 | outlet=3"


def test_what_is_allowed_weighs_nothing() -> None:
    header, pairs = parsed(written([allowed()])[0])
    assert header[3:] == ["mining", "Cryptocurrency mining", "0"]
    assert "Blockchain lab | licence=7" in pairs.values() and "T1496" not in str(pairs)


def test_who_is_clear_is_not_said_to_hijack() -> None:
    _, pairs = parsed(written([clear()])[0])
    assert "T1496" not in str(pairs)


@pytest.mark.parametrize("text", [*HOSTILE, "a=b", "x|y", "back\\slash", "\\=", " = ", "cs1=fake cs1Label=x"])
def test_text_stays_in_its_field(text: str) -> None:
    (line,) = written([hostile(text)])
    _, pairs = parsed(line)
    assert pairs["msg"] == printable(text)


@given(st.text(max_size=60))
def test_any_reason_is_read_back(why: str) -> None:
    (line,) = written([mining(why=why)])
    assert parsed(line)[1].get("msg", "") == printable(why)
