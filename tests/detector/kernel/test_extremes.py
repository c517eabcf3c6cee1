"""Numbers at the ends of what their fields hold: lengths, times, snap lengths, chains of headers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import tables
from tests.detector.kernel.by_hand import (
    CLIENT,
    SERVER,
    START,
    block,
    enhanced,
    ether,
    interface,
    ip,
    meter,
    pcap,
    rows,
    section,
    tcp,
    udp,
    wide,
)

FRAME = ether(tcp(CLIENT, 40_000, SERVER, 3333, b"hello"))
HEAD = pcap([])
V6 = ("2001:db8::2", "2001:db8::7")
V6_TALK = (V6[0], 40_000, V6[1], 53)
EDGES = [0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1]


def record(seconds: int, fraction: int, captured: int, wire: int, frame: bytes) -> bytes:
    return struct.pack("<IIII", seconds, fraction, captured, wire) + frame


@pytest.mark.parametrize("wire", EDGES)
def test_a_frame_is_as_long_as_it_says_and_no_shorter_than_what_is_there(wire: int) -> None:
    table = rows(HEAD + record(START // 10**9, 0, len(FRAME), wire, FRAME))
    assert wide(table, "BYTES", "up") == max(wire, len(FRAME))


@pytest.mark.parametrize("captured", [2**26 + 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_records_that_claim_gigabytes_end_the_stream(captured: int) -> None:
    fed = meter(HEAD + record(1, 0, len(FRAME), len(FRAME), FRAME) + record(1, 0, captured, captured, FRAME))
    assert fed.problem == f"impossible record of {captured} bytes (offset {40 + len(FRAME)})"
    assert fed.counters.decoded == 1


def test_the_largest_record_that_is_read() -> None:
    big = FRAME + bytes(tables.RECORD_LIMIT - len(FRAME))
    fed = meter(HEAD + record(1, 0, len(big), 2**32 - 1, big) + record(1, 0, len(FRAME), 0, FRAME))
    assert (fed.counters.decoded, fed.problem) == (2, None)


@pytest.mark.parametrize("kind", [6, 2, 3])
@pytest.mark.parametrize("captured", EDGES)
def test_blocks_that_claim_more_than_they_hold(kind: int, captured: int) -> None:
    heads = {
        6: struct.pack("<IIIII", 0, 0, 1, captured, captured),
        2: struct.pack("<HHIIII", 0, 0, 0, 1, captured, captured),
        3: struct.pack("<I", captured),
    }
    fed = meter(section() + interface() + block("<", kind, heads[kind] + FRAME))
    counters = fed.counters
    assert counters.packets == 1 == counters.decoded + sum(counters.undecodable.values())


@pytest.mark.parametrize("seconds", EDGES)
@pytest.mark.parametrize("fraction", EDGES)
def test_times_of_a_pcap_stay_in_range(seconds: int, fraction: int) -> None:
    table = rows(HEAD + record(seconds, fraction, len(FRAME), len(FRAME), FRAME))
    assert wide(table, "FIRST_NS") == min(max(seconds * 10**9 + fraction * 1000, 1), 2**62)


def test_times_that_go_backwards_and_before_1970_are_counted() -> None:
    times = [START // 10**9, START // 10**9 - 3600, 0, 2**32 - 1, START // 10**9]
    fed = meter(HEAD + b"".join(record(t, 0, len(FRAME), len(FRAME), FRAME) for t in times))
    assert fed.counters.decoded == len(times)
    table = fed.windows(True)[0]
    assert sum(wide(table, "PACKETS", "up", i) for i in range(len(table))) == len(times)


def test_a_snap_length_of_zero_is_none() -> None:
    assert rows(pcap([(START, FRAME)], snap=1 << 18).replace(struct.pack("<I", 1 << 18), bytes(4), 1))
    simple = block("<", 3, struct.pack("<I", len(FRAME)) + FRAME)
    unlimited = block("<", 1, struct.pack("<HHI", 1, 0, 0))
    short = block("<", 1, struct.pack("<HHI", 1, 0, 20))
    assert meter(section() + unlimited + simple).counters.decoded == 1
    assert meter(section() + short + simple).counters.undecodable == {"truncated_header": 1}


def test_packets_of_no_bytes_are_counted() -> None:
    fed = meter(HEAD + record(1, 0, 0, 0, b"") * 3 + record(1, 0, 0, 2**32 - 1, b""))
    assert fed.counters.undecodable == {"truncated_header": 4}
    fed = meter(section() + interface() + enhanced(b"", 1) * 2 + block("<", 3, bytes(4)))
    assert fed.counters.undecodable == {"truncated_header": 3}


def large(body: int, options: bytes) -> bytes:
    """An IPv6 packet with a payload length of 0: a jumbogram (RFC 2675), or a segment not cut yet."""
    packet = bytearray(tcp(*V6[:1], 40_000, *V6[1:], 3333) + b"x" * body)
    packet[4:7] = b"\0\0" + (b"\0" if options else b"\6")
    return bytes(packet[:40]) + options + bytes(packet[40:])


@pytest.mark.parametrize("jumbo", [b"", b"\6\0\xc2\4" + struct.pack(">I", 70_028)])
def test_jumbograms_are_as_long_as_their_frame(jumbo: bytes) -> None:
    frame = ether(large(70_000, jumbo))
    assert wide(rows(pcap([(START, frame)])), "PAYLOAD_BYTES", "up") == 70_000
    assert wide(rows(pcap([(START, frame)], snap=200)), "PAYLOAD_BYTES", "up") == 70_000


@pytest.mark.parametrize("wire", EDGES)
def test_a_jumbogram_that_claims_gigabytes(wire: int) -> None:
    frame = ether(large(10, b"\6\0\xc2\4\xff\xff\xff\xff"))
    table = rows(HEAD + record(1, 0, len(frame), wire, frame))
    assert 10 <= wide(table, "PAYLOAD_BYTES", "up") <= 10 + tables.RECORD_LIMIT


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 43, 44, 51, 60, 6, 17, 59, 135]), st.integers(0, 255)), max_size=12
    ),
    st.integers(0, 400),
)
def test_chains_of_extension_headers(chain: list[tuple[int, int]], cut: int) -> None:
    body = b""
    for i, (_, size) in enumerate(chain):
        following = chain[i + 1][0] if i + 1 < len(chain) else 6
        body += bytes([following, size]) + bytes(6 + size % 5 * 8)
    first = chain[0][0] if chain else 6
    frame = ether(ip(*V6, first, body + tcp(*V6[:1], 1, *V6[1:], 2)[40:]))[: 54 + cut]
    counters = meter(pcap([(START, frame)])).counters
    assert counters.packets == 1 == counters.decoded + sum(counters.undecodable.values())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 15), st.integers(0, 65_535), st.integers(0, 120))
def test_tcp_options_and_lengths_of_every_kind(options: bytes, offset: int, total: int, cut: int) -> None:
    packet = bytearray(tcp(CLIENT, 1, SERVER, 2, b"", options=options + bytes(-len(options) % 4)))
    packet[32] = offset << 4
    packet[2:4] = struct.pack(">H", total)
    counters = meter(pcap([(START, ether(bytes(packet))[:cut])])).counters
    assert counters.packets == 1 == counters.decoded + sum(counters.undecodable.values())


@pytest.mark.parametrize("length", [0, 7, 8, 9, 65_535])
def test_lengths_of_udp_do_not_matter_where_ip_says_its_own(length: int) -> None:
    packet = bytearray(udp(CLIENT, 1, SERVER, 2, b"hello"))
    packet[24:26] = struct.pack(">H", length)
    assert wide(rows(pcap([(START, ether(bytes(packet)))])), "PAYLOAD_BYTES", "up") == 5


ONES = ("ffff:ffff:ffff:ffff::1", "2001:db8::ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")


@pytest.mark.parametrize("ends", [*((one, V6[1]) for one in ONES), *((V6[0], one) for one in ONES)])
def test_an_address_of_ones_is_an_address(ends: tuple[str, str]) -> None:
    """Half of one is the number that C functions give for an error."""
    frames = [
        (START + i, ether(packet)) for i, packet in enumerate((udp(ends[0], 1, ends[1], 2), udp(*V6_TALK)))
    ]
    fed = meter(pcap(frames))
    assert (fed.counters.decoded, fed.problem) == (2, None)
    assert len(fed.windows(True)[0]) == 2
