"""Real captures: the right dialect and coin where a miner speaks, no facts where none does.

Captures are in $MINEWATCH_DATA or ../shared/data beside the repository; skipped without.
TCP payload comes from dpkt here, so that only the dissectors are on trial.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt
import pytest

from detector.dissectors import Dissection, merge_facts
from detector.records import Facts
from tests.detector.dissectors.dialogue import Piece

DATA = Path(os.environ.get("MINEWATCH_DATA", Path(__file__).parents[4] / "shared/data")) / "net"
PEAFOWL, NESFIT, NDPI = (
    "DanieleDeSensi__peafowl/test/pcaps",
    "nesfit__DI-cryptominingdetection/PCAPs",
    "ntop__nDPI",
)
FOREVER_S = 1 << 33  # one window for a whole capture
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no captures in $MINEWATCH_DATA or ../shared/data")


def packets(path: Path) -> Iterator[tuple[float, Any]]:
    """(time, IP packet) of every readable Ethernet, cooked, loopback or raw frame."""
    with path.open("rb") as file:
        pcapng = file.read(4) == b"\x0a\x0d\x0d\x0a"
        file.seek(0)
        reader = dpkt.pcapng.Reader(file) if pcapng else dpkt.pcap.Reader(file)
        links = {1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL, 0: dpkt.loopback.Loopback}
        link = links.get(reader.datalink())
        for ts, data in reader:
            try:
                packet = link(data).data if link else dpkt.ip.IP(data)
            except (dpkt.dpkt.Error, IndexError, ValueError):
                continue
            if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(packet.data, dpkt.tcp.TCP):
                yield ts, packet


def pieces(path: Path) -> Iterator[Piece]:
    """New TCP payload in the order seen; each connection is its own channel."""
    connections: dict[Any, int] = {}
    expected: dict[Any, int] = {}
    for ts, packet in packets(path):
        tcp = packet.data
        sides = sorted([(packet.src, tcp.sport), (packet.dst, tcp.dport)])
        connection = connections.setdefault(tuple(sides), len(connections))
        from_a = (packet.src, tcp.sport) == sides[0]
        if not tcp.data:
            continue
        ahead = (tcp.seq - expected.get((connection, from_a), tcp.seq)) & 0xFFFFFFFF
        known = (1 << 32) - ahead if ahead >= 1 << 31 else 0
        if len(tcp.data) > known:
            expected[connection, from_a] = (tcp.seq + len(tcp.data)) & 0xFFFFFFFF
            gap = 0 < ahead < 1 << 31
            yield Piece(from_a, tcp.data[known:], int(float(ts) * 1e9), gap, connection, connection)


def facts_of_capture(path: Path) -> list[Facts]:
    """Facts of every channel that has some."""
    dissection = Dissection(FOREVER_S)
    channels = set()
    for piece in pieces(path):
        channels.add(piece.channel)
        dissection.feed([piece])
    return [facts for c in sorted(channels) if (facts := dissection.facts(c, 0)) is not None]


@needs_data
@pytest.mark.parametrize(
    ("name", "dialect", "coin", "channels", "shares"),
    [
        (f"{PEAFOWL}/ethereum.pcap", "ethproxy", "ETH", 2, 10),
        (f"{PEAFOWL}/monero.pcap", "cryptonote", "XMR", 1, 30),
        (f"{PEAFOWL}/stratum.pcap", "zcash", "ZEC", 2, 47),
        (f"{NESFIT}/eth-eu1.nanopool.org.pcapng", "ethproxy", "ETH", 1, 1),
        (f"{NESFIT}/pool.eth.pp.ua.pcapng", "getwork", "ETH", 1, 0),
        (f"{NESFIT}/xmr-eu1.nanopool.org.pcapng", "cryptonote", "XMR", 1, 0),
        (f"{NESFIT}/xmr.suprnova.cc.pcapng", "cryptonote", "XMR", 1, 5),
        (f"{NESFIT}/zec-eu.suprnova.cc.pcapng", "zcash", "ZEC", 1, 11),
        (f"{NESFIT}/zec-eu1.nanopool.org.pcapng", "zcash", "ZEC", 1, 6),
    ],
)
def test_miners(name: str, dialect: str, coin: str, channels: int, shares: int) -> None:
    found = facts_of_capture(DATA / name)
    assert [(f.dialect, f.coin) for f in found] == [(dialect, coin)] * channels
    assert sum(f.shares for f in found) == shares
    assert all(f.jobs and f.errors == 0 and f.client_is_a is not None for f in found)


@needs_data
def test_a_merge_of_captures_holds_their_facts() -> None:
    found = facts_of_capture(DATA / NDPI / "tests/cfgs/default/pcap/mining.pcapng")
    assert sorted((f.dialect, f.coin) for f in found) == [
        ("cryptonote", "XMR"),
        ("ethproxy", "ETH"),
        ("zcash", "ZEC"),
        ("zcash", "ZEC"),
    ]


@needs_data
def test_without_its_beginning_a_dialogue_tells_the_same_dialect() -> None:
    for name, dialect in ((f"{PEAFOWL}/monero.pcap", "cryptonote"), (f"{PEAFOWL}/stratum.pcap", "zcash")):
        dissection = Dissection(FOREVER_S)
        dissection.feed(list(pieces(DATA / name))[20:])
        facts = dissection.facts(0, 0)
        assert facts is not None and (facts.dialect, facts.logins) == (dialect, 0)


@needs_data
@pytest.mark.parametrize("name", ["g0", "g2", "s0", "s1", "s2"])
def test_prober(name: str) -> None:
    """cgminer tries a catalogue of pools: hundreds of channels, and work from those that answer."""
    found = facts_of_capture(DATA / NESFIT / f"cgminer.{name}.pcapng")
    assert {f.dialect for f in found} <= {"stratum", "zcash", "getwork", "getblocktemplate"}
    assert len(found) > 10 and sum(f.shares for f in found) == 0
    total = None
    for facts in found:
        total = merge_facts(total, facts)
    assert total is not None and total.agent is not None and "cgminer" in total.agent.replace(" ", "").lower()


@needs_data
def test_no_facts_in_any_benign_capture() -> None:
    unread = []
    with (DATA / "labels.tsv").open() as table:
        rows = [
            r
            for r in csv.DictReader(table, delimiter="\t")
            if r["label"] != "mining" and r["role"] == "traffic"
        ]
    assert len(rows) > 900
    for row in rows:
        try:
            assert facts_of_capture(DATA / row["path"]) == [], row["path"]
        except (dpkt.dpkt.Error, ValueError, EOFError):  # dpkt's reader, not ours
            unread.append(row["path"])
    assert len(unread) <= 5
