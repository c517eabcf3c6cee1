"""Fragments are counted to the channel of their first one; what cannot be is counted by reason."""

from __future__ import annotations

import struct
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, tables
from tests.detector.kernel.by_hand import (
    CLIENT,
    MS,
    SERVER,
    START,
    SYN,
    S,
    ether,
    ip,
    meter,
    pcap,
    tcp,
    udp,
    wide,
)
from tests.detector.kernel.stacks import TUNNELS, fragments

V6 = ("2001:db8::2", "2001:db8::7")
TEXT = bytes(range(256)) * 12


def fed(pieces: list[bytes], step: int = MS, **told: int) -> Meter:
    return meter(pcap([(START + i * step, ether(p)) for i, p in enumerate(pieces)], nano=True), **told)


def up(met: Meter, *names: str) -> dict[str, int]:
    table = met.windows(True)[0]
    assert len(table) == 1
    return {name: wide(table, name, "up") for name in names}


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([(CLIENT, SERVER), V6]), st.booleans(), st.integers(3, 180), st.integers(1, len(TEXT)),
    st.data(),
)  # fmt: skip
def test_a_datagram_in_pieces_counts_as_the_whole(
    ends: tuple[str, str], of_tcp: bool, units: int, length: int, data: st.DataObject
) -> None:
    """Whatever the order behind the first one, while all that came is two stretches."""
    make = tcp if of_tcp else udp
    packet = make(ends[0], 40_000, ends[1], 3333, TEXT[:length])
    pieces = fragments(packet, units * 8)
    behind = pieces[1:]
    order = data.draw(st.sampled_from(["as sent", "reversed", "last first"]))
    if order == "reversed":
        behind = behind[::-1]
    elif order == "last first":
        behind = behind[-1:] + behind[:-1]
    met = fed(pieces[:1] + behind)
    assert met.counters.undecodable == {}
    told = up(met, "PACKETS", "PAYLOAD_BYTES", "BYTES", "MESSAGES", "MESSAGE_BYTES")
    assert told["PACKETS"] == len(pieces)
    assert told["PAYLOAD_BYTES"] == length
    assert told["BYTES"] == sum(len(ether(p)) for p in pieces)
    if order == "as sent" or not of_tcp:
        assert (told["MESSAGES"], told["MESSAGE_BYTES"]) == (1, length)


def test_a_segment_in_pieces_is_read_in_order() -> None:
    """The dissectors get the bytes of all pieces; a SYN with data and the next segment fit to them."""
    login = b'{"method":"mining.subscribe","params":[]}' + bytes(200) + b"\n"
    pieces = [
        *fragments(tcp(CLIENT, 40_000, SERVER, 3333, login[:100], 1_000, SYN), 64, 1),
        *fragments(tcp(CLIENT, 40_000, SERVER, 3333, login[100:], 1_101), 64, 2),
    ]
    met = fed(pieces)
    payloads = met.payloads()
    assert b"".join(p.data for p in payloads) == login
    assert not any(p.gap for p in payloads[1:])


def test_pieces_of_both_directions_and_of_other_datagrams_do_not_mix() -> None:
    ask = fragments(udp(CLIENT, 40_000, SERVER, 53, TEXT[:1000]), 504, ident=9)
    answer = fragments(udp(SERVER, 53, CLIENT, 40_000, TEXT[:2000]), 504, ident=9)
    other = fragments(udp(CLIENT, 40_001, SERVER, 123, TEXT[:1500]), 504, ident=10)
    mixed = [p for rank in range(5) for pieces in (ask, answer, other) for p in pieces[rank : rank + 1]]
    met = fed(mixed)
    assert met.counters.undecodable == {}
    table = met.windows(True)[0]
    by_port = {int(table.port[i]): i for i in range(len(table))}
    assert wide(table, "PAYLOAD_BYTES", "up", by_port[53]) == 1000
    assert wide(table, "PAYLOAD_BYTES", "down", by_port[53]) == 2000
    assert wide(table, "PAYLOAD_BYTES", "up", by_port[123]) == 1500


@pytest.mark.parametrize(
    "packet", [udp(CLIENT, 1, SERVER, 2, TEXT[:900]), udp(V6[0], 1, V6[1], 2, TEXT[:900])]
)
def test_what_comes_before_its_first_fragment_is_counted_by_reason(packet: bytes) -> None:
    pieces = fragments(packet, 304)
    for order in permutations(range(3)):
        met = fed([pieces[i] for i in order])
        early = order.index(0)
        assert met.counters.undecodable == ({"fragment": early} if early else {})
        assert up(met, "PACKETS", "PAYLOAD_BYTES") == {"PACKETS": 3 - early, "PAYLOAD_BYTES": 900}


def test_the_first_fragment_is_forgotten_after_half_a_minute() -> None:
    pieces = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    assert fed(pieces, 15 * S).counters.undecodable == {}
    assert fed(pieces, 16 * S).counters.undecodable == {"fragment": 1}


def test_the_next_file_of_a_stream_knows_the_first_fragments_of_the_one_before() -> None:
    pieces = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    met = fed(pieces[:1])
    met.next_stream()
    met.feed(pcap([(START + MS, ether(p)) for p in pieces[1:]], nano=True))
    assert met.counters.undecodable == {} and met.counters.decoded == 2
    assert up(met, "PACKETS", "PAYLOAD_BYTES") == {"PACKETS": 3, "PAYLOAD_BYTES": 900}


def test_an_identification_that_comes_again_is_a_new_datagram() -> None:
    pieces = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    met = fed(pieces * 3)
    assert met.counters.undecodable == {}
    assert up(met, "MESSAGES", "MESSAGE_BYTES") == {"MESSAGES": 3, "MESSAGE_BYTES": 2700}


@pytest.mark.parametrize("version", [4, 6])
def test_overlapping_and_repeated_fragments(version: int) -> None:
    """RFC 1858 and 5722: what would write over the ports, and what is there already."""
    ends = (CLIENT, SERVER) if version == 4 else V6
    packet = tcp(ends[0], 1, ends[1], 2, TEXT[:900])
    a, b, c = fragments(packet, 320)
    over = fragments(packet, 8)[1]  # eight bytes into the TCP header
    met = fed([a, over, b, b, c])
    assert met.counters.undecodable == {"overlapping_fragment": 2}
    assert up(met, "PACKETS", "PAYLOAD_BYTES") == {"PACKETS": 3, "PAYLOAD_BYTES": 900}


@pytest.mark.parametrize("size", [8, 16])
def test_first_fragments_without_a_whole_transport_header(size: int) -> None:
    for ends in ((CLIENT, SERVER), V6):
        pieces = fragments(tcp(*ends[:1], 1, *ends[1:], 2, b""), size)
        reasons = fed(pieces).counters.undecodable
        assert reasons == {"tiny_fragment": 1, "fragment": len(pieces) - 1}
    options = fragments(tcp(CLIENT, 1, SERVER, 2, b"x", options=bytes(20)), 24)
    assert fed(options[:1]).counters.undecodable == {"tiny_fragment": 1}
    assert fed([ip(CLIENT, SERVER, 17, bytes(4), 0x2000)]).counters.undecodable == {"tiny_fragment": 1}


def test_the_ping_of_death_and_whatever_is_not_of_a_channel() -> None:
    a, _, c = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    beyond = bytearray(c)
    beyond[6:8] = struct.pack(">H", 0x1FFF)
    assert fed([a, bytes(beyond)]).counters.undecodable == {"bad_ip_header": 1}
    ping = fragments(ip(CLIENT, SERVER, 1, TEXT[:900]), 304)
    assert fed(ping).counters.undecodable == {"other_transport": 3}


def test_fragments_that_the_capture_cut() -> None:
    pieces = fragments(tcp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    met = meter(pcap([(START + i, ether(p)) for i, p in enumerate(pieces)], snap=60))
    assert up(met, "PACKETS", "PAYLOAD_BYTES") == {"PACKETS": 4, "PAYLOAD_BYTES": 900}


@pytest.mark.parametrize("tunnel", ["GRE", "VXLAN", "IPIP", "GTP-U"])
def test_a_tunnel_whose_packets_are_fragmented(tunnel: str) -> None:
    """The inner channel gets all of them, and its message once."""
    for make in (tcp, udp):
        inner = make("10.9.0.1", 40_000, "10.9.0.2", 3333, TEXT[:1400])
        met = fed(fragments(TUNNELS[tunnel][1](inner), 512))
        assert met.counters.undecodable == {}
        told = up(met, "PACKETS", "PAYLOAD_BYTES", "MESSAGES", "MESSAGE_BYTES")
        assert told == {"PACKETS": 3, "PAYLOAD_BYTES": 1400, "MESSAGES": 1, "MESSAGE_BYTES": 1400}


def test_fragments_inside_a_tunnel() -> None:
    pieces = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)
    met = fed([TUNNELS["GRE"][1](p) for p in pieces])
    assert met.counters.undecodable == {}
    assert up(met, "PACKETS", "PAYLOAD_BYTES") == {"PACKETS": 3, "PAYLOAD_BYTES": 900}


def test_a_flood_costs_no_memory_and_spares_who_is_quick() -> None:
    """20,000 datagrams without an end: the table keeps its size, a whole one still finds its way."""
    flood = [
        ip(f"192.0.2.{i % 250}", SERVER, 17, udp(CLIENT, 1, SERVER, 9, TEXT[:96])[20:], 0x2000)
        for i in range(250)
    ]
    frames = []
    for i in range(20_000):
        piece = bytearray(flood[i % 250])
        struct.pack_into(">H", piece, 4, i // 250)
        frames.append((START + i, ether(bytes(piece))))
    quick = fragments(udp(CLIENT, 40_000, SERVER, 53, TEXT[:900]), 304)
    frames += [(START + S + i, ether(p)) for i, p in enumerate(quick)]
    met = meter(pcap(frames, nano=True))
    assert met.counters.undecodable == {}
    assert met.counters.decoded == 20_003
    assert len(met._stream.state) == tables.WALK
    early = fragments(udp(CLIENT, 40_000, SERVER, 53, TEXT[:900]), 304, ident=999)
    pushed_out = [ether(early[0]), *(f for _, f in frames[:20_000]), ether(early[1])]
    met = meter(pcap([(START + i, f) for i, f in enumerate(pushed_out)], nano=True))
    assert met.counters.undecodable == {"fragment": 1}


def test_no_two_streams_put_fragments_into_the_same_places() -> None:
    """The hash has a secret seed a stream: no sender can aim at the entries of another."""
    piece = fragments(udp(CLIENT, 1, SERVER, 2, TEXT[:900]), 304)[0]
    places = set()
    for _ in range(20):
        met = fed([piece])
        table = met._stream.state[tables.FRAGMENTS :].reshape(-1, tables.FRAGMENT)
        places.add(int(table[:, tables.F_ID].nonzero()[0][0]))
    assert len(places) > 10


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8191), st.integers(0, 3), st.integers(0, 80), st.booleans()), max_size=60
    )
)
def test_no_fragments_escape(drawn: list[tuple[int, int, int, bool]]) -> None:
    frames = []
    for i, (offset, ident, length, more) in enumerate(drawn):
        piece = bytearray(
            ip(CLIENT, SERVER, 6 if ident & 1 else 17, TEXT[:length], more << 13 | offset * (i % 3 > 0))
        )
        struct.pack_into(">H", piece, 4, ident)
        frames.append((START + i, ether(bytes(piece))))
    met = meter(pcap(frames))
    counters = met.counters
    assert counters.packets == len(frames) == counters.decoded + sum(counters.undecodable.values())
    assert met.counters.decoded == sum(
        wide(t, "PACKETS", d, r)
        for t in [met.windows(True)[0]]
        for r in range(len(t))
        for d in ("up", "down")
    )
