"""Openings of connections: names on the channel, whatever the cuts; bounded; merged in any grouping."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors import Dissection, merge_names, without_lookups
from detector.dissectors.names import LOOKUPS
from detector.dissectors.openings import Openings
from detector.dissectors.tls import LIMIT, Flight
from detector.records import UDP, Lookup, Names
from tests.detector.dissectors import hellos
from tests.detector.dissectors.dialogue import START_NS, Piece
from tests.detector.dissectors.test_dns import response
from tests.detector.dissectors.test_hello import chrome

CLIENT = hellos.record(hellos.message(1, chrome()))
SERVER = hellos.record(
    hellos.message(2, hellos.server_hello()) + hellos.message(11, hellos.certificates(b"x"))
)
TOLD = Names(
    hellos=1,
    server_name="mail.example.org",
    alpn="h2",
    ja4="t13d1516h2_8daaf6152771_d8a2da3f94cd",
    version="1.2",
)


def read(*pieces: Piece) -> Names | None:
    openings, whole = Openings(), None
    for piece in pieces:
        whole = merge_names(whole, openings.read(piece))
    return whole


@pytest.mark.parametrize("cut", range(1, len(CLIENT)))
def test_a_hello_cut_at_every_byte(cut: int) -> None:
    pieces = [Piece(True, CLIENT[:cut]), Piece(True, CLIENT[cut:]), Piece(False, SERVER)]
    assert read(*pieces) == TOLD


def test_a_byte_at_a_time() -> None:
    assert read(*(Piece(True, CLIENT[i : i + 1]) for i in range(len(CLIENT)))) == replace(TOLD, version=None)


def test_in_many_records() -> None:
    """RFC 8446 5.1: messages may be fragmented across records."""
    message = hellos.message(1, chrome())
    data = b"".join(hellos.record(message[i : i + 7]) for i in range(0, len(message), 7))
    assert read(Piece(True, data)) == replace(TOLD, version=None)


def test_what_follows_lost_bytes_begins_anew() -> None:
    half = len(CLIENT) // 2
    assert read(Piece(True, CLIENT[:half]), Piece(True, CLIENT[half:], gap=True)) is None
    assert read(Piece(True, CLIENT[:half]), Piece(True, CLIENT, gap=True)) == replace(TOLD, version=None)


def test_a_flight_ends_with_another_record_or_its_bound() -> None:
    flight = Flight()
    assert flight.feed(SERVER + hellos.record(b"\1", 20)) and flight.over and not flight.waits
    flight = Flight()
    endless = hellos.record(hellos.message(11, bytes(1 << 20))[:16_000])
    assert flight.feed(endless) == [] and not flight.over
    assert flight.feed(endless) == [] and flight.over and not flight.waits and len(endless) < LIMIT


def test_unfinished_ones_are_bounded() -> None:
    openings = Openings(unfinished=2)
    for connection in range(5):
        openings.read(Piece(True, CLIENT[:100], connection=connection))
    assert len(openings._sides) == 2
    openings.close(4)
    assert len(openings._sides) == 1


def test_a_request() -> None:
    fields = b"host: Pool.example:8080\r\nUser-Agent: XMRig/6.21.0 (Linux)\r\n\r\n"
    told = Names(http_host="pool.example", http_agent="XMRig/6.21.0 (Linux)")
    assert read(Piece(True, b"GET /x?password=hunter2 HTTP/1.1\r\n" + fields)) == told
    assert read(Piece(True, b"GET / HTTP/1.0\r\n\r\n")) is None
    assert read(Piece(True, b"GET / HTTP/1.1\r\nHost: me:secret@pool.example\r\n\r\n")) is None


def test_datagrams() -> None:
    asked = response("pool.example", (1, b"\xcb\0\x71\5"))
    lookup = Lookup(START_NS, "pool.example", "203.0.113.5")
    assert read(Piece(False, asked, transport=UDP)) == Names(lookups=(lookup,))
    assert read(Piece(False, len(asked).to_bytes(2) + asked)) == Names(lookups=(lookup,))
    assert read(Piece(True, b"\xc3\0\0\0\1", transport=UDP)) == Names(quic=True)
    assert read(Piece(True, b"\xc3\1\0\0\1", transport=UDP)) is None


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80), st.booleans(), st.sampled_from([6, UDP]))))
def test_anything_is_survived(pieces: list[tuple[bool, bytes, bool, int]]) -> None:
    read(*(Piece(from_a, data, gap=gap, transport=kind) for from_a, data, gap, kind in pieces))


def test_names_stand_beside_facts() -> None:
    """An opening decides nothing, and brings no facts."""
    dissection = Dissection(300)
    assert dissection.feed([Piece(True, CLIENT, opening=True)]) == []
    assert not dissection.heard() and list(dissection.named()) == [7]
    dissection.join(7, 8)
    assert dissection.names(8, START_NS) == replace(TOLD, version=None) and not dissection.named()


LOOKUP = st.builds(Lookup, st.integers(1, 9), st.sampled_from("abcd"), st.sampled_from(["10.0.0.1", None]))
NAMES = st.builds(
    Names,
    hellos=st.integers(0, 3),
    server_name=st.sampled_from([None, "a", "b"]),
    http_host=st.sampled_from([None, "a", "b"]),
    certificate=st.sampled_from([(), ("a",), ("b",)]),
    self_signed=st.sampled_from([None, True, False]),
    lookups=st.lists(LOOKUP, max_size=5, unique_by=lambda one: (one.name, one.address)).map(tuple),
)


@given(st.one_of(st.none(), NAMES), st.one_of(st.none(), NAMES), st.one_of(st.none(), NAMES))
def test_merging_is_associative(a: Names | None, b: Names | None, c: Names | None) -> None:
    assert merge_names(merge_names(a, b), c) == merge_names(a, merge_names(b, c))


def test_merging_forgets_no_field() -> None:
    """Each field alone comes through from either side."""
    other: dict[str, Any] = {"str": "x", "int": 3, "bool": True, "tuple[str, ...]": ("x",)}
    other |= {"tuple[Lookup, ...]": (Lookup(1, "x", None),)}
    for item in fields(Names):
        one = Names(**{item.name: other[str(item.type).removesuffix(" | None")]})
        assert merge_names(one, Names()) == merge_names(Names(), one) == one, item.name


def test_lookups_are_bounded_and_taken_off() -> None:
    many = Names(lookups=tuple(Lookup(1, f"n{i}", None) for i in range(LOOKUPS)))
    whole = merge_names(many, Names(lookups=(Lookup(2, "late", None),)))
    assert whole is not None and whole.lookups == many.lookups
    assert without_lookups(many) is None
    assert without_lookups(replace(many, quic=True)) == Names(quic=True)
