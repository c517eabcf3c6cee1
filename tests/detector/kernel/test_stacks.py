"""Every stack of headers that is built is read, whole and cut anywhere: link, tags, tunnels, transport."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, frames, tables
from detector.kernel.rows import words
from detector.kernel.stream import Stream
from detector.settings import TUNNELS as NAMES
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import CLIENT, SERVER, START, meter, pcap, pcapng, rows, tcp, udp, wide
from tests.detector.kernel.stacks import ENDS, ENDS6, LINKS, TAGS, TUNNELS, mapped, tagged

ALL = MeterSettings(tunnels=NAMES, tunnel_depth=8)
V4, V6 = (CLIENT, SERVER), ("2001:db8::2", "2001:db8::7")
PACKETS = {
    "TCP": tcp(V4[0], 40_000, V4[1], 3333, b"hello", seq=5),
    "TCP6": tcp(V6[0], 40_000, V6[1], 3333, b"hello", seq=5),
    "UDP": udp(V4[1], 3333, V4[0], 40_000, b"hello"),
    "UDP6": udp(V6[1], 3333, V6[0], 40_000, b"hello"),
    "TCP with options": tcp(V4[0], 40_000, V4[1], 3333, b"hello", seq=5, options=b"\1\1\x08\x0a" + bytes(8)),
}


class Described(NamedTuple):
    """A descriptor, with its payload taken out of the window."""

    ends: tuple[int, int, int, int]
    ports: tuple[int, int]
    transport: int
    from_b: bool
    flags: int
    ts_ns: int
    wire: int
    payload: int
    data: bytes
    sequence: int


def described(data: bytes, told: MeterSettings = ALL) -> tuple[list[Described], dict[str, int]]:
    """What one walk over a capture in a window of its size makes of it."""
    stream, batch = Stream(told), np.zeros(tables.BATCH * tables.DESCRIPTOR, np.uint64)
    stream.room(len(data))[: len(data)] = data
    window = stream.advance(len(data))
    assert window is not None
    stream.walked(frames.walk(window, 0, stream.state_view, stream.interfaces_view, words(batch)))
    n = int(stream.state[tables.BATCHED])
    out = []
    for d in batch.reshape(-1, tables.DESCRIPTOR)[:n].tolist():
        key, bits, at, captured = d[tables.KEY], d[tables.BITS], d[tables.OFFSET], d[tables.CAPTURED]
        out.append(
            Described(
                (d[0], d[1], d[2], d[3]), (key >> 48, key >> 32 & 0xFFFF), key & 0xFF,
                bool(bits & tables.FROM_B), bits & 0xFF, d[tables.TIME], d[tables.WIRE], d[tables.PAYLOAD],
                bytes(window[at : at + captured]), d[tables.SEQUENCE],
            )
        )  # fmt: skip
    counters = stream.counters()
    assert counters.packets == n + sum(counters.undecodable.values())
    return out, counters.undecodable


def expected(name: str, wire: int) -> Described:
    """What a packet of PACKETS says, whatever it is wrapped in."""
    client, server = (mapped(a) for a in (V6 if "6" in name else V4))
    transport = 6 if "TCP" in name else 17
    return Described(
        (*client, *server), (40_000, 3333), transport, transport == 17, 24 if transport == 6 else 0, START,
        wire, 5, b"hello", 5 if transport == 6 else 0,
    )  # fmt: skip


def framed_by(link: str, tag: str | None, packet: bytes) -> tuple[int, bytes]:
    number, wrap = LINKS[link]
    return (1, tagged(tag, packet)) if tag else (number, wrap(packet))


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("link", LINKS)
def test_link_types(link: str, name: str) -> None:
    number, wrap = LINKS[link]
    frame = wrap(PACKETS[name])
    assert described(pcap([(START, frame)], number))[0] == [expected(name, len(frame))]


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("tag", TAGS)
def test_tags(tag: str, name: str) -> None:
    frame = tagged(tag, PACKETS[name])
    assert described(pcap([(START, frame)]))[0] == [expected(name, len(frame))]


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("tunnel", TUNNELS)
def test_tunnels(tunnel: str, name: str) -> None:
    setting, wrap = TUNNELS[tunnel]
    outer = wrap(PACKETS[name])
    frame = LINKS["ethernet"][1](outer)
    assert described(pcap([(START, frame)]))[0] == [expected(name, len(frame))]
    closed, reasons = described(pcap([(START, frame)]), MeterSettings(tunnels=()))
    if outer[9 if outer[0] >> 4 == 4 else 6] == 17:
        assert closed[0].ends in {(*mapped(a), *mapped(b)) for a, b in (ENDS, ENDS6)}
    else:
        assert reasons == {"other_transport": 1}
    others = tuple(n for n in NAMES if n not in {setting, "6in4", "ipip"})
    if setting != "ipip" and "6" not in name:
        assert described(pcap([(START, frame)]), MeterSettings(tunnels=others))[0] == closed


stack = st.tuples(
    st.sampled_from(sorted(LINKS)),
    st.none() | st.sampled_from(sorted(TAGS)),
    st.lists(st.sampled_from(sorted(TUNNELS)), max_size=4),
    st.sampled_from(sorted(PACKETS)),
)


@settings(max_examples=400, deadline=None)
@given(stack, st.booleans(), st.sampled_from(["<", ">"]))
def test_stacks_are_read_as_built(
    built: tuple[str, str | None, list[str], str], ng: bool, order: str
) -> None:
    link, tag, tunnels, name = built
    packet = PACKETS[name]
    for tunnel in tunnels:
        packet = TUNNELS[tunnel][1](packet)
    number, frame = framed_by(link, tag, packet)
    if number == 239 and order == ">":
        return  # written in the byte order of the other host
    data = (pcapng if ng else pcap)([(START, frame)], number, order)  # type: ignore[operator]
    told, reasons = described(data)
    assert told == [expected(name, len(frame))], reasons


@pytest.mark.parametrize("name", ["TCP", "UDP6"])
@pytest.mark.parametrize(
    "wrapping",
    [*(("link", k) for k in LINKS), *(("tag", k) for k in TAGS), *(("tunnel", k) for k in TUNNELS)],
    ids=str,
)
def test_cut_at_every_byte_is_counted_and_never_raises(wrapping: tuple[str, str], name: str) -> None:
    """The record ends where the window ends: one byte too far would be an IndexError."""
    what, key = wrapping
    packet = PACKETS[name]
    number, frame = {
        "link": lambda: (LINKS[key][0], LINKS[key][1](packet)),
        "tag": lambda: (1, tagged(key, packet)),
        "tunnel": lambda: (1, LINKS["ethernet"][1](TUNNELS[key][1](packet))),
    }[what]()
    for n in range(len(frame) + 1):
        told, reasons = described(pcap([(START, frame)], number, snap=n))
        assert len(told) + sum(reasons.values()) == 1
        if told and told[0].ends == expected(name, 0).ends:
            assert told[0].payload == 5
            assert b"hello".startswith(told[0].data)
    assert told[0].data == b"hello"


@settings(max_examples=500, deadline=None)
@given(stack, st.data())
def test_mutated_stacks_never_escape(
    built: tuple[str, str | None, list[str], str], data: st.DataObject
) -> None:
    link, tag, tunnels, name = built
    packet = PACKETS[name]
    for tunnel in tunnels:
        packet = TUNNELS[tunnel][1](packet)
    number, made = framed_by(link, tag, packet)
    frame = bytearray(made)
    for _ in range(data.draw(st.integers(1, 6))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    del frame[data.draw(st.integers(0, len(frame))) :]
    fed = meter(pcap([(START, bytes(frame))], number))
    assert fed.counters.packets == 1 == fed.counters.decoded + sum(fed.counters.undecodable.values())
    assert len(fed.windows(True)[0]) == fed.counters.decoded


def test_wire_bytes_are_those_of_the_frame_and_the_channel_is_the_inner_one() -> None:
    frame = LINKS["ethernet"][1](TUNNELS["VXLAN"][1](PACKETS["TCP"]))
    table = rows(pcap([(START, frame)]))
    assert wide(table, "BYTES", "up") == len(frame)
    assert wide(table, "PAYLOAD_BYTES", "up") == 5
    assert int(table.port[0]) == 3333
    assert (int(table.server[0, 0]), int(table.server[0, 1])) == mapped(SERVER)


def test_depth_is_limited() -> None:
    packet = PACKETS["TCP"]
    for _ in range(3):
        packet = TUNNELS["IPIP"][1](packet)
    frame = pcap([(START, LINKS["ethernet"][1](packet))])
    assert len(described(frame, MeterSettings(tunnel_depth=3))[0]) == 1
    assert described(frame, MeterSettings(tunnel_depth=2)) == ([], {"too_many_tunnels": 1})
    endless = PACKETS["TCP"]
    while len(endless) < 60_000:
        endless = TUNNELS["IPIP"][1](endless)
    assert described(pcap([(START, LINKS["ethernet"][1](endless))]))[1] == {"too_many_tunnels": 1}
    datagram = TUNNELS["VXLAN"][1](TUNNELS["VXLAN"][1](PACKETS["TCP"]))
    told, reasons = described(pcap([(START, LINKS["ethernet"][1](datagram))]), MeterSettings(tunnel_depth=1))
    assert (told[0].transport, told[0].ports[0], reasons) == (17, 50_000, {})


def test_settings_reach_the_walk() -> None:
    frame = pcap([(START, LINKS["ethernet"][1](TUNNELS["GRE"][1](PACKETS["TCP"])))])
    fed = Meter(MeterSettings(tunnels=("vxlan",)))
    fed.feed(frame)
    assert fed.counters.undecodable == {"other_transport": 1}
