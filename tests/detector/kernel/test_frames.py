"""Record walk and header decode, against files built by hand and against tshark."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, Peek
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import (
    CLIENT,
    SERVER,
    START,
    SYN,
    S,
    block,
    enhanced,
    ether,
    ethertype,
    interface,
    ip,
    meter,
    option,
    pcap,
    pcapng,
    rows,
    section,
    tcp,
    udp,
    wide,
)

PACKET = tcp(CLIENT, 40_000, SERVER, 3333, b"hello", seq=5)
PACKET6 = tcp("2001:db8::1", 40_000, "2001:db8::2", 3333, b"hello", seq=5)


def undecodable(data: bytes) -> dict[str, int]:
    return meter(data).counters.undecodable


def assert_hello(data: bytes, first_ns: int = START) -> None:
    """One packet with five bytes of payload came through whole."""
    table = rows(data)
    assert len(table) == 1
    assert wide(table, "PAYLOAD_BYTES", "up") == 5
    assert wide(table, "FIRST_NS") == first_ns


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_both_byte_orders_and_resolutions(order: str, nano: bool) -> None:
    at = START + 123_456_789
    expected = at if nano else at // 1000 * 1000
    assert_hello(pcap([(at, ether(PACKET))], order=order, nano=nano), expected)


def test_modified_pcap_has_longer_record_headers() -> None:
    data = bytearray(pcap([(START, ether(PACKET))]))
    data[:4] = b"\x34\xcd\xb2\xa1"
    assert_hello(bytes(data[:40] + bytes(8) + data[40:]))


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_both_byte_orders(order: str) -> None:
    assert_hello(pcapng([(START, ether(PACKET))], order=order))


def test_sections_change_byte_order_and_forget_interfaces() -> None:
    frame = ether(PACKET)
    one = section("<") + interface("<", 1) + enhanced(frame, START // 1000, "<")
    two = section(">") + interface(">", 113) + interface(">", 1) + enhanced(frame, START // 1000, ">", 1)
    stray = section("<") + enhanced(frame, START // 1000, "<")
    fed = meter(one + two + stray)
    assert fed.counters.packets == 3
    assert fed.counters.undecodable == {"bad_record": 1}
    assert wide(fed.windows(True)[0], "PACKETS", "up") == 2


@pytest.mark.parametrize(
    ("resolution", "ticks"),
    [(3, START // 1_000_000), (9, START), (0x80 | 10, (START // S) << 10), (0x80 | 31, (START // S) << 31)],
)
def test_timestamp_resolution(resolution: int, ticks: int) -> None:
    tick = interface(options=option("<", 9, bytes([resolution])))
    assert_hello(section() + tick + enhanced(ether(PACKET), ticks))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("offset", [3600, -3600, 5_000_000_000 // 2])
def test_timestamp_offset(order: str, offset: int) -> None:
    shifted = interface(order, options=option(order, 14, struct.pack(order + "q", offset)))
    assert_hello(section(order) + shifted + enhanced(ether(PACKET), START // 1000, order), START + offset * S)


@pytest.mark.parametrize("resolution", [0, 18, 127, 0x80, 0x80 | 62, 255])
@pytest.mark.parametrize("offset", [0, 2**63 - 1, -(2**63), 1 - 2**32, 2**32])
def test_absurd_clocks_stay_in_range(resolution: int, offset: int) -> None:
    options = option("<", 9, bytes([resolution])) + option("<", 14, struct.pack("<q", offset))
    table = rows(section() + interface(options=options) + enhanced(ether(PACKET), 2**64 - 1))
    assert 1 <= wide(table, "FIRST_NS") <= 2**62


def test_simple_and_obsolete_packet_blocks() -> None:
    frame = ether(PACKET)
    simple = block("<", 3, struct.pack("<I", len(frame)) + frame)
    old = block(
        "<", 2, struct.pack("<HHIIII", 0, 0, *divmod(START // 1000, 2**32), len(frame), len(frame)) + frame
    )
    table = rows(section() + interface() + old)
    assert wide(table, "FIRST_NS") == START
    assert meter(section() + interface() + simple).counters.decoded == 1


@pytest.mark.parametrize("packet", [PACKET, PACKET6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("link", "head"),
    [
        (113, lambda p: bytes(14) + struct.pack(">H", ethertype(p))),
        (276, lambda p: struct.pack(">H", ethertype(p)) + bytes(18)),
        (0, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else 30)),
        (0, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 24)),
        (108, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 28)),
        (12, lambda p: b""), (14, lambda p: b""), (101, lambda p: b""),
    ],
)  # fmt: skip
def test_link_layers(link: int, head, packet: bytes) -> None:  # type: ignore[no-untyped-def]
    assert_hello(pcap([(START, head(packet) + packet)], link))


@pytest.mark.parametrize(("link", "packet"), [(228, PACKET), (229, PACKET6)])
def test_raw_links_of_one_version(link: int, packet: bytes) -> None:
    assert_hello(pcap([(START, packet)], link))


@pytest.mark.parametrize("tags", [(), (0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100, 0x8100)])
def test_vlan_tags(tags: tuple[int, ...]) -> None:
    assert_hello(pcap([(START, ether(PACKET, *tags))]))


def test_pppoe_mpls_and_snap() -> None:
    mac = b"\x02" * 12
    pppoe = mac + struct.pack(">HBBHHH", 0x8864, 0x11, 0, 1, len(PACKET) + 2, 0x21)
    mpls = mac + struct.pack(">HII", 0x8847, 16 << 12, 17 << 12 | 1 << 8)
    snap = mac + struct.pack(">H", len(PACKET) + 8) + b"\xaa\xaa\x03\0\0\0\x08\0"
    for head in (pppoe, mpls, snap):
        assert_hello(pcap([(START, head + PACKET)]))


def test_padding_is_no_payload() -> None:
    short = ether(tcp(CLIENT, 40_000, SERVER, 3333, b"")) + bytes(6)
    table = rows(pcap([(START, short)]))
    assert wide(table, "PAYLOAD_BYTES", "up") == 0
    assert wide(table, "BYTES", "up") == len(short)


def test_total_length_zero_means_offloaded_segmentation() -> None:
    packet = bytearray(PACKET)
    packet[2:4] = b"\0\0"
    assert_hello(pcap([(START, ether(bytes(packet)))]))


def test_payload_counts_by_the_header_where_the_capture_is_cut() -> None:
    frame = ether(tcp(CLIENT, 40_000, SERVER, 3333, b"x" * 1000))
    table = rows(pcap([(START, frame)], snap=60))
    assert wide(table, "PAYLOAD_BYTES", "up") == 1000
    assert wide(table, "BYTES", "up") == len(frame)
    assert wide(table, "MESSAGE_BYTES", "up") == 1000


def extended(headers: bytes, first: int, packet: bytes = PACKET6) -> bytes:
    body = headers + packet[40:]
    return packet[:4] + struct.pack(">HB", len(body), first) + packet[7:40] + body


def test_ipv6_extension_headers() -> None:
    options = bytes([60, 0]) + bytes(6)  # hop by hop, then destination options
    destination = bytes([51, 1]) + bytes(14)  # 16 bytes, then AH
    authentication = bytes([44, 4]) + bytes(22)  # 24 bytes, then fragment header
    first_fragment = bytes([6, 0, 0, 1, 0, 0, 0, 9])
    assert_hello(pcap([(START, ether(extended(options + destination + authentication + first_fragment, 0)))]))
    later = bytes([6, 0, 0, 9, 0, 0, 0, 9])
    assert undecodable(pcap([(START, ether(extended(later, 44)))])) == {"fragment": 1}
    endless = bytes([60, 0]) + bytes(6)
    assert undecodable(pcap([(START, ether(extended(endless * 12, 60)))])) == {"bad_ip_header": 1}


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x02" * 12 + b"\x08\x06" + bytes(28), "not_ip"),
        (b"\x02" * 10, "truncated_header"),
        (ether(b"\x44" + PACKET[1:]), "bad_ip_header"),
        (ether(PACKET[:2] + b"\0\x13" + PACKET[4:]), "bad_ip_header"),
        (ether(PACKET[:32] + b"\x40" + PACKET[33:]), "bad_transport_header"),
        (ether(PACKET[:32] + b"\xf0" + PACKET[33:]), "bad_transport_header"),
        (ether(ip(CLIENT, SERVER, 17, bytes(4)) + bytes(9)), "bad_transport_header"),
        (ether(ip(CLIENT, SERVER, 1, bytes(8))), "other_transport"),
        (ether(PACKET)[:47], "truncated_header"),
    ],
)
def test_every_packet_that_does_not_decode_has_a_reason(frame: bytes, reason: str) -> None:
    assert undecodable(pcap([(START, frame)])) == {reason: 1}


def test_unknown_link_types_are_counted_by_number() -> None:
    fed = meter(pcap([(START, b"abc"), (START, b"abc")], link=220))
    assert fed.counters.undecodable == {"unknown_linktype:220": 2}
    assert fed.counters.links == {220: 2}


def test_impossible_records_end_the_stream_with_the_offset() -> None:
    data = bytearray(pcap([(START, ether(PACKET))] * 2))
    at = 24 + 16 + len(ether(PACKET))
    data[at + 8 : at + 12] = struct.pack("<I", 0xFFFF_FFF0)
    fed = meter(bytes(data))
    assert fed.counters.packets == 1
    assert fed.problem == f"impossible record of {0xFFFFFFF0} bytes (offset {at})"
    fed.feed(b"more")
    assert fed.counters.packets == 1
    for length in (0, 13, 2**27):
        broken = section() + struct.pack("<III", 6, length, 0) + bytes(40)
        assert f"impossible record of {length} bytes" in str(meter(broken).problem)
    assert "byte order" in str(meter(block("<", 0x0A0D0D0A, bytes(16))).problem)


def test_the_end_of_the_stream_names_the_record_it_cut() -> None:
    data = pcap([(START, ether(PACKET))] * 2)
    assert meter(data).counters.cut_at is None
    assert meter(data[:-1]).counters.cut_at == 24 + 16 + len(ether(PACKET))
    assert meter(data[:10]).problem == "cut short in its header (offset 10)"
    assert meter(b"").problem == "empty"
    assert meter(b"hello, world").problem == "not a capture: starts with 68 65 6c 6c (offset 0)"


def test_peek_finds_the_first_packet_that_decodes() -> None:
    data = pcap([(START, b"\x02" * 60), (START + S, ether(PACKET)), (START + 2 * S, ether(PACKET))])
    peek = Peek()
    for byte in data:
        peek.room(1)[0] = byte
        peek.advance(1)
    assert peek.first_ns == START + S


SAMPLES = [
    ether(PACKET), ether(PACKET6), ether(udp(CLIENT, 5353, SERVER, 53, b"query")),
    ether(PACKET, 0x88A8, 0x8100),
    ether(tcp(CLIENT, 1, SERVER, 2, b'{"method":"mining.submit"}' * 3, flags=SYN)),
    ether(extended(bytes([60, 0]) + bytes(6) + bytes([51, 1]) + bytes(14) + bytes([6, 2]) + bytes(14), 0)),
    ether(tcp(CLIENT, 1, SERVER, 2, b"\x17\x03\x03\x00\x20" + bytes(40))),
]  # fmt: skip


@pytest.mark.parametrize("sample", range(len(SAMPLES)))
def test_packets_cut_at_every_length_in_exact_windows(sample: int) -> None:
    """The record is all of the window, so that one byte too far would be an IndexError."""
    frame = SAMPLES[sample]
    for link in (0, 1, 12, 101, 108, 113, 228, 229, 276):
        for n in range(len(frame) + 1):
            for data in (pcap([(START, frame[:n])], link), pcapng([(START, frame[:n])], link)):
                assert meter(data).counters.packets == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_packets_never_escape(data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(0, 6))):
        frame[data.draw(st.integers(0, min(len(frame), 90) - 1))] = data.draw(st.integers(0, 255))
    frame = frame[: data.draw(st.integers(0, len(frame)))]
    link = data.draw(st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276]))
    made = data.draw(st.sampled_from([pcap, pcapng]))([(START, bytes(frame))], link)
    fed = meter(made)
    counters = fed.counters
    assert counters.packets == 1 == counters.decoded + sum(counters.undecodable.values())
    assert len(fed.windows(True)[0]) == counters.decoded


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([pcap([]), pcap([], order=">"), section(), section(">"), section() + interface(), b""]),
)
def test_random_bytes_never_escape(noise: bytes, head: bytes) -> None:
    fed = Meter(MeterSettings())
    fed.feed(head + noise)
    fed.finish()
    assert fed.counters.packets >= 0
