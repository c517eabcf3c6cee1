"""Packets and TCP payload of each connection and direction, against tshark on real captures."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from detector.kernel import layout
from tests.detector.kernel.by_hand import meter

DATA = Path(os.environ.get("MINEWATCH_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "net"
CAPTURES = (
    "DanieleDeSensi__peafowl/test/pcaps/ethereum.pcap",
    "nesfit__DI-cryptominingdetection/PCAPs/cgminer.s1.pcapng",
    "nesfit__DI-cryptominingdetection/PCAPs/zec-eu1.nanopool.org.pcapng",
    "ntop__nDPI/tests/cfgs/default/pcap/zoom.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/skype-conference-call.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/1kxun.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/http_ipv6.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/443-git.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/gnutella.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/sites.pcapng",
)
FIELDS = (
    "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
    "udp.dstport", "tcp.len", "udp.length", "frame.len",
)  # fmt: skip
Key = tuple[int, int, int]  # source, destination, transport


def said_by_tshark(path: Path) -> dict[Key, Counter[str]]:
    """Counts by (source, destination, transport) of the outermost headers; `occurrence=f` is the first."""
    fields = [part for name in FIELDS for part in ("-e", name)]
    whole = ("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")
    outer = ("-Y", "not icmp and not icmpv6")  # errors quote the headers of others
    command = ["tshark", "-n", "-r", str(path), *whole, *outer, "-T", "fields", "-E", "occurrence=f", *fields]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    counts: dict[Key, Counter[str]] = {}
    for line in out.splitlines():
        row = dict(zip(FIELDS, line.split("\t"), strict=True))
        if not (row["tcp.srcport"] or row["udp.srcport"]):
            continue
        transport = 6 if row["tcp.srcport"] else 17
        payload = int(row["tcp.len"]) if transport == 6 else int(row["udp.length"]) - 8
        key = (
            address(row["ip.src"] or row["ipv6.src"]),
            address(row["ip.dst"] or row["ipv6.dst"]),
            transport,
        )
        counts.setdefault(key, Counter()).update(packets=1, payload=payload, wire=int(row["frame.len"]))
    return counts


def address(text: str) -> int:
    value = ipaddress.ip_address(text)
    return int(value) if value.version == 6 else 0xFFFF << 32 | int(value)


def said_by_us(path: Path) -> dict[Key, Counter[str]]:
    table, _ = meter(path.read_bytes(), tunnels=()).windows(True)  # the outermost headers, too
    counts: dict[Key, Counter[str]] = {}
    for i in range(len(table)):
        client, server = (int(a[i, 0]) << 64 | int(a[i, 1]) for a in (table.client, table.server))
        for ends, block in (((client, server), layout.UP), ((server, client), layout.DOWN)):
            words = table.wide[i, block : block + layout.DIRECTION].tolist()
            if words[layout.PACKETS]:
                counts.setdefault((*ends, int(table.transport[i])), Counter()).update(
                    packets=words[layout.PACKETS],
                    payload=words[layout.PAYLOAD_BYTES],
                    wire=words[layout.BYTES],
                )
    return counts


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
@pytest.mark.parametrize("name", CAPTURES)
def test_counts_agree_with_tshark(name: str) -> None:
    if not (DATA / name).is_file():
        pytest.skip(f"no real captures at {DATA} (set MINEWATCH_DATA)")
    ours, theirs = said_by_us(DATA / name), said_by_tshark(DATA / name)
    assert ours == theirs
    assert ours
