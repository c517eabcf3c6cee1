"""Raw JSON lines: every cut gives the same values, and nothing grows or raises (RFC 8259)."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors.lines import DEPTH, LIMIT, MALFORMED, JsonLines
from detector.dissectors.side import Side

VALUES = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
FRAGMENTS = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b"\n",
        b"\r\n",
        b":",
        b"1",
        b" ",
        b"\0",
        b"\xff",
        b"\x16\x03",
        b"POST / HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"\r\n\r\n",
        b'{"id":1}',
        b'"method":',
        b"NaN",
    ]
)


def read(data: bytes, cuts: list[int] | None = None) -> list[object]:
    """The parts of one side, cut at the given places."""
    side, parts = Side(), []
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts or [])})
    for start, end in itertools.pairwise(edges):
        parts += [value for value, _ in side.feed(data[start:end])]
    return parts


@given(
    st.lists(VALUES, min_size=1, max_size=4),
    st.sampled_from(["\n", "\r\n", "", " ", "\n\n"]),
    st.lists(st.integers(0, 4000)),
)
def test_values_come_back_however_they_are_cut(values: list[object], end: str, cuts: list[int]) -> None:
    data = "".join(json.dumps(value, ensure_ascii=False) + end for value in values).encode("utf-8", "replace")
    expected = [json.loads(json.dumps(v).encode("utf-8", "replace")) for v in values]
    whole = read(data)
    assert read(data, cuts) == whole
    if all(json.dumps(v, ensure_ascii=False).isascii() for v in values):
        assert whole == expected


@given(st.lists(st.binary(max_size=20) | FRAGMENTS, max_size=60), st.lists(st.integers(0, 4000), max_size=20))
def test_any_bytes_in_any_pieces(fragments: list[bytes], cuts: list[int]) -> None:
    data = b"".join(fragments)
    assert read(data, cuts) == read(data)


@given(st.lists(st.tuples(st.binary(max_size=30) | FRAGMENTS, st.booleans()), max_size=60))
def test_gaps_never_raise(pieces: list[tuple[bytes, bool]]) -> None:
    side = Side()
    for data, gap in pieces:
        side.feed(data, gap=gap)


def test_pretty_printed_object() -> None:
    value = {"id": 1, "params": [{"a": [1, 2]}, "{}"]}
    assert read(json.dumps(value, indent=2).encode()) == [value]


def test_brackets_and_quotes_within_strings() -> None:
    value = {"text": '}{"\\\\"[', "other": "\\"}
    data = json.dumps(value).encode()
    assert all(read(data, [cut]) == [value] for cut in range(len(data)))


def test_object_cut_short_costs_one_line() -> None:
    assert read(b'{"id":1}\n{"id":2,"params":[\n{"id":3}\n') == [{"id": 1}, MALFORMED, {"id": 3}]
    assert read(b'{"id":1}\n{"id":2,"method":"mini\n{"id":3}\n') == [{"id": 1}, MALFORMED, {"id": 3}]


def test_joined_within_a_line() -> None:
    assert read(b'on":"2.0"}}\n{"id":3}\n') == [{"id": 3}]


def test_after_a_gap_goes_on_at_the_next_line() -> None:
    side = Side()
    side.feed(b'{"id":1,"params":["ab')
    assert [v for v, _ in side.feed(b'{"x":1},"error":null}\n{"id":2}\n', gap=True)] == [
        {"id": 1},  # the member that was seen
        {"x": 1},
        {"id": 2},
    ]
    side.feed(b'{"id":3,"params":["ab')
    assert [v for v, _ in side.feed(b'cd"]}\n{"id":4}\n', gap=True)] == [{"id": 3}, {"id": 4}]


def test_two_lines_of_text_make_a_side_text() -> None:
    side = Side()
    assert side.feed(b'NICK bob\r\nUSER bob\r\n{"id":1}\n') == [] and side.text


def test_binary_makes_a_side_text_at_once() -> None:
    side = Side()
    assert side.feed(b'\x16\x03\x01\x02\n{"id":1}\n') == [] and side.text


def test_keepalive_byte_is_passed_over() -> None:
    assert read(b'\0{"id":1}\n\0{"id":2}\n') == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": ' + "9" * 101 + "}",
        '{"a": ' + "9" * 5000 + "}",
        '{"a" 1}',
        "{]}",
    ],
)
def test_what_is_no_json_is_malformed(text: str) -> None:
    assert read(b'{"id":1}' + text.encode()) == [{"id": 1}, MALFORMED]


def test_depth_is_bounded() -> None:
    deep = b'{"a":' + b"[" * (DEPTH - 1) + b"]" * (DEPTH - 1) + b"}"
    assert read(deep) != [MALFORMED]
    assert read(b'{"id":1}{"a":' + b"[" * DEPTH + b"]" * DEPTH + b'}\n{"id":2}\n') == [
        {"id": 1},
        MALFORMED,
        {"id": 2},
    ]
    assert read(b'{"id":1}\n{"a":' + b"[" * 200_000) == [{"id": 1}, MALFORMED]


@pytest.mark.parametrize("piece", [LIMIT * 3, 1000, 97])
def test_length_is_bounded(piece: int) -> None:
    long = b'{"id":1}\n{"a":"' + b"x" * LIMIT + b'"}\n{"id":2}\n'
    assert read(long, list(range(0, len(long), piece))) == [{"id": 1}, MALFORMED, {"id": 2}]
    lines = JsonLines()
    for start in range(0, len(long), piece):
        lines.feed(long[start : start + piece])
        assert lines.held <= LIMIT


def test_many_small_objects_in_one_piece() -> None:
    assert len(read(b"{}" * 50_000)) == 50_000


def test_members_before_a_cut() -> None:
    """A snap length leaves the head of each segment; the next one shows that bytes are missing."""
    side = Side()
    assert side.feed(b'{"id": 1, "a": ["},", {"b": ","}], "method": "mining.submit", "params": ["bo') == []
    assert side.feed(b'{"id": 2}\n', gap=True) == [
        ({"id": 1, "a": ["},", {"b": ","}], "method": "mining.submit"}, None),
        ({"id": 2}, None),
    ]
