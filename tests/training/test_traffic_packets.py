"""Simulated packets held against tshark, dpkt and worked values."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import dpkt
import numpy as np
import pytest

from training.simulation.capture import drawn_ends
from training.simulation.catalogue import FAMILIES
from training.simulation.conversation import Conversation, simulate
from training.simulation.draw import Draw
from training.simulation.frames import Ends, tcp_packets
from training.simulation.pcap import WHOLE, pcap_bytes
from training.simulation.script import DOWN, UP, Link
from training.simulation.tcp import ACK, FIN, PSH, SYN, Stack, transmit
from training.simulation.wrapping import Wrapping

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
QUIET = Stack(
    rtt_s=0.04, near_s=0.001, mss=1460, offload=1, timestamps=False, delayed_ack_s=(0.04, 0.04), joins_s=0.0,
    loss=0.0, retransmit_s=0.2, keepalive_s=(0, 0), probe_bytes=0,
)  # fmt: skip
MACS = (b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2")
ENDS = Ends(IPv4Address("10.0.0.7"), IPv4Address("203.0.113.9"), 50_000, 443, MACS, None, (64, 55))


def pcap_of(conversation: Conversation, *, port: int | None = None, snap: int = WHOLE) -> bytes:
    ends = drawn_ends(Draw("ends"), conversation.remotes)
    if port:
        ends = [replace(one, server_port=port) for one in ends]
    return pcap_bytes(conversation.packets(ends, snap), ends[0].link, 1_760_000_000 * 10**9, snap)


def tshark(pcap: bytes, folder: Path, *arguments: str) -> list[str]:
    path = folder / "x.pcap"
    path.write_bytes(pcap)
    command = [str(TSHARK), "-r", str(path), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [line for line in run.stdout.splitlines() if line.strip()]


CHECKED = [
    option
    for name in ("tcp", "udp", "ip")
    for option in ("-o", f"{name}.check_checksum:TRUE")
]  # fmt: skip


@needs_tshark
@pytest.mark.parametrize("family", [family.name for family in FAMILIES][::9])
def test_checksums_and_acknowledgements_are_right(family: str, tmp_path: Path) -> None:
    wrong = "tcp.checksum.status==0 || udp.checksum.status==0 || ip.checksum.status==0"
    lost = "tcp.analysis.ack_lost_segment"
    conversation = simulate(family, 3, duration_s=120, whole=True)
    conversation.stack = replace(conversation.stack, loss=0.0)
    pcap = pcap_of(conversation)
    assert not tshark(pcap, tmp_path, *CHECKED, "-Y", f"{wrong} || {lost} || tcp.analysis.lost_segment")
    assert len(tshark(pcap, tmp_path, *CHECKED, "-Y", "tcp.checksum.status==1 || udp.checksum.status==1")) > 0


@needs_tshark
@pytest.mark.parametrize("wrap", ["tls13", "tls12", "tls12cbc", "wss"])
def test_tls_is_read_as_tls_without_malformed_records(wrap: str, tmp_path: Path) -> None:
    conversation = simulate("kawpow", 5, duration_s=90, wrap=wrap, tunnel="", whole=True)
    conversation.stack = replace(conversation.stack, loss=0.0)  # tshark joins no segments out of order
    pcap = pcap_of(conversation, port=443)
    assert not tshark(pcap, tmp_path, "-Y", "_ws.malformed || tls.alert_message")
    kinds = set(",".join(tshark(pcap, tmp_path, "-T", "fields", "-e", "tls.handshake.type")).split(","))
    assert {"1", "2"} <= kinds
    records = ",".join(tshark(pcap, tmp_path, "-T", "fields", "-e", "tls.record.content_type"))
    opaque = ",".join(tshark(pcap, tmp_path, "-T", "fields", "-e", "tls.record.opaque_type"))
    assert (records + opaque).count("23") > 5
    if wrap.startswith("tls12"):
        assert "11" in kinds
        fields = ("-T", "fields", "-e", "x509sat.uTF8String")
        assert any(".example.net" in line for line in tshark(pcap, tmp_path, *fields))


@needs_tshark
@pytest.mark.parametrize("family", ["stratum", "cryptonote", "ethproxy"])
def test_tshark_follows_the_very_text(family: str, tmp_path: Path) -> None:
    conversation = simulate(family, 8, duration_s=90, wrap="none", tunnel="", whole=True)
    said = b"".join(data for _, way, data in conversation.connections[0].writes if way == UP)
    lines = tshark(pcap_of(conversation, port=49_000), tmp_path, "-q", "-z", "follow,tcp,raw,0")
    heard = "".join(
        line for line in lines if line and line[0] != "\t" and all(c in "0123456789abcdef" for c in line)
    )
    assert bytes.fromhex(heard) == said


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_streams_reassemble_to_what_was_written(loss: float) -> None:
    generator = np.random.default_rng(4)
    writes = [(0.01 + 0.05 * n, n % 2, generator.bytes(int(generator.integers(1, 6_000)))) for n in range(60)]
    said = [b"".join(data for _, way, data in writes if way == side) for side in (UP, DOWN)]
    segments = transmit(writes, replace(QUIET, loss=loss), Draw(1), 10.0, "client_fin")
    packets = tcp_packets(segments, (said[UP], said[DOWN]), ENDS, QUIET, draw=Draw(2), snap=WHOLE)
    heard: list[dict[int, bytes]] = [{}, {}]
    for _, frame in dpkt.pcap.Reader(io.BytesIO(pcap_bytes(packets, 1, 0))):
        tcp = dpkt.ethernet.Ethernet(frame).data.data
        if tcp.data:
            heard[int(tcp.sport == 443)].setdefault(tcp.seq, bytes(tcp.data))
    for side in (UP, DOWN):
        assert b"".join(heard[side][number] for number in sorted(heard[side])) == said[side]


def test_a_worked_exchange() -> None:
    """100 bytes up, 3 000 down after a round trip: three segments down, every second acknowledged at once."""
    writes = [(0.0, UP, bytes(100)), (0.05, DOWN, bytes(3_000))]
    segments = transmit(writes, QUIET, Draw(1), 1.0, "client_fin")
    rows = list(zip(*(getattr(segments, name).tolist() for name in ("way", "flags", "length")), strict=True))
    assert rows[:3] == [(UP, SYN, 0), (DOWN, SYN | ACK, 0), (UP, ACK, 0)]
    assert rows[3] == (UP, PSH | ACK, 100)
    assert [row for row in rows if row[2]] == [
        (UP, PSH | ACK, 100), (DOWN, PSH | ACK, 1460), (DOWN, PSH | ACK, 1460), (DOWN, PSH | ACK, 80),
    ]  # fmt: skip
    assert [row[1] & FIN for row in rows].count(FIN) == 2
    acknowledged = segments.acknowledged[(segments.way == UP) & (segments.length == 0)].tolist()
    assert acknowledged == [
        0,
        0,
        2920,
        3000,
        3000,
        3001,
    ]  # SYN, its answer's, two segments', the last's, FINs


def test_keepalive_probes_are_below_the_next_byte() -> None:
    writes = [(0.0, UP, bytes(50)), (0.05, DOWN, bytes(50))]
    stack = replace(QUIET, keepalive_s=(60, 0), probe_bytes=1)
    segments = transmit(writes, stack, Draw(1), 400.0, "none")
    probes = [n for n, time in enumerate(segments.time) if time > 30 and segments.way[n] == UP]
    assert len(probes) == 6
    assert {int(segments.sequence[n]) for n in probes} == {49}


@pytest.mark.parametrize(("kind", "more"), [("tls13", 22), ("tls12", 29), ("wss", 22 + 2 + 4)])
def test_records_grow_messages_by_what_the_rfcs_say(kind: str, more: int) -> None:
    wrapping = Wrapping.drawn(Draw(3), kind)
    wrapping.padding, wrapping.record_size = 0, 16_384
    writes = wrapping.writes([(1.0, UP, 100)], Link(0.03, 0.01), again=False)
    assert len(writes[-1][2]) == 100 + more
    assert writes[-1][2][:3] == b"\x17\x03\x03"


def test_stratum2_has_the_lengths_of_the_specification() -> None:
    conversation = simulate("stratum2", 4, duration_s=900, tunnel="", whole=True)
    writes = conversation.connections[0].writes
    lengths = [(way, len(data)) for _, way, data in writes[:4]]
    assert lengths[:2] == [(UP, 64), (DOWN, 234)]
    assert lengths[3] == (DOWN, 44)
    assert conversation.wrap == "noise"
    shares = {len(data) for time, way, data in writes if way == UP and time > 1.0}
    assert shares <= {62, *range(63 + 4, 63 + 17)}


def test_ipv6_vlan_and_raw_frames_parse() -> None:
    writes = [(0.0, UP, b"hello"), (0.05, DOWN, b"world")]
    six = replace(ENDS, client=IPv6Address("fd00::7"), server=IPv6Address("2001:db8::9"), vlan=7)
    for ends in (six, replace(six, macs=None, vlan=None)):
        segments = transmit(writes, QUIET, Draw(1), 1.0, "none")
        packets = tcp_packets(segments, (b"hello", b"world"), ends, QUIET, draw=Draw(2), snap=WHOLE)
        said = []
        for frame in packets.frames:
            packet = dpkt.ip6.IP6(frame) if ends.macs is None else dpkt.ethernet.Ethernet(frame).data
            said.append(bytes(packet.data.data))
        assert [text for text in said if text] == [b"hello", b"world"]
