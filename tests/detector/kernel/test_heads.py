"""A word that is cut between segments is found, and what came before it is handed over with it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.dissectors import Dissection
from detector.kernel import Meter, keywords, tables
from detector.records import Facts
from detector.settings import MeterSettings
from tests.detector.dissectors import test_words
from tests.detector.dissectors.dialogue import Piece
from tests.detector.kernel.by_hand import ACK, CLIENT, MS, SERVER, START, SYN, ether, pcap, tcp

TALKS: dict[str, list[Piece]] = {
    name: value
    for name, value in vars(test_words).items()
    if name.isupper() and isinstance(value, list) and isinstance(value[0], Piece)
}
LOGIN = b'{"id":1,"method":"mining.subscribe","params":["cgminer/4.10"]}\n'


def fed(segments: list[tuple[bool, bytes]], skip: int = 0) -> Meter:
    """A connection of these segments (from the client or not), `skip` bytes lost before the second."""
    ends = (CLIENT, 40_000, SERVER, 3333), (SERVER, 3333, CLIENT, 40_000)
    number, frames = [1_000, 5_000], []
    frames.append(ether(tcp(*ends[0], b"", 999, SYN)))
    frames.append(ether(tcp(*ends[1], b"", 4_999, SYN | ACK)))
    for from_client, data in segments:
        side = not from_client
        for at in range(0, len(data), 1_400):
            frames.append(ether(tcp(*ends[side], data[at : at + 1_400], number[side])))
            number[side] += len(data[at : at + 1_400])
        number[side] += skip
        skip = 0
    met = Meter(MeterSettings())
    met.feed(pcap([(START + i * MS, frame) for i, frame in enumerate(frames)], nano=True))
    met.finish()
    return met


def facts_of(met: Meter) -> Facts | None:
    pieces = met.payloads()
    dissection = Dissection(300)
    dissection.feed(pieces)
    return dissection.facts(pieces[0].channel, START) if pieces else None


@pytest.mark.parametrize("name", TALKS)
def test_a_dialogue_is_known_wherever_its_first_message_is_cut(name: str) -> None:
    """At every byte, and into single bytes."""
    first, *rest = [(piece.from_a, piece.data) for piece in TALKS[name]]
    whole = facts_of(fed([first, *rest]))
    assert whole is not None
    side, data = first
    for at in range(1, len(data)):
        assert facts_of(fed([(side, data[:at]), (side, data[at:]), *rest])) == whole, at
    assert facts_of(fed([*((side, data[i : i + 1]) for i in range(len(data))), *rest])) == whole


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(TALKS)), st.lists(st.integers(1, 400), max_size=9))
def test_any_cuts(name: str, cuts: list[int]) -> None:
    (side, data), *rest = [(piece.from_a, piece.data) for piece in TALKS[name]]
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    pieces = [(side, data[a:b]) for a, b in itertools.pairwise(places)]
    assert facts_of(fed([*pieces, *rest])) == facts_of(fed([(side, data), *rest]))


def test_what_is_handed_over_is_what_was_sent() -> None:
    met = fed([(True, LOGIN[:10]), (True, LOGIN[10:22]), (True, LOGIN[22:])])
    pieces = met.payloads()
    assert b"".join(piece.data for piece in pieces) == LOGIN
    assert not any(piece.gap for piece in pieces)


def test_nothing_is_joined_over_a_hole() -> None:
    assert fed([(True, LOGIN[:22]), (True, LOGIN[22:])], skip=1).payloads() == []


def test_a_head_is_bounded() -> None:
    """A word behind the first KiB of a message in many segments is found only where it is whole."""
    long = b"{" + b" " * tables.HEAD_BYTES
    assert fed([(True, long[:600]), (True, long[600:] + LOGIN[:22]), (True, LOGIN[22:])]).payloads() == []
    met = fed([(True, long[:600]), (True, long[600:700] + LOGIN), (True, b"{}")])
    assert b"".join(piece.data for piece in met.payloads()) == long[:700] + LOGIN + b"{}"


def test_heads_of_connections_that_share_a_place_are_not_mixed() -> None:
    """So many connections at once: some find their place taken, none is given the bytes of another."""
    n, frames = tables.HEADS, []
    for part in (LOGIN[:22], LOGIN[22:]):
        for i in range(n):
            address = f"10.0.{i >> 8}.{i & 255}"
            at = 1_000 if part == LOGIN[:22] else 1_022
            frames.append(ether(tcp(address, 40_000, SERVER, 3333, part, at)))
    met = Meter(MeterSettings())
    met.feed(pcap([(START + i, frame) for i, frame in enumerate(frames)], nano=True))
    told: dict[int, bytes] = {}
    for piece in met.payloads():
        told[piece.connection] = told.get(piece.connection, b"") + piece.data
    assert n // 4 <= len(told) <= n
    assert set(told.values()) == {LOGIN}


def test_no_word_is_longer_than_what_is_looked_back() -> None:
    assert max(map(len, keywords.WORDS)) <= tables.LONGEST_WORD
