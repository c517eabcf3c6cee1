"""Every link type, tag and tunnel, against tshark: one pcapng with an interface for each link type."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.detector.kernel.by_hand import START, enhanced, interface, section
from tests.detector.kernel.stacks import LINKS, TAGS, TUNNELS, tagged
from tests.detector.kernel.test_stacks import PACKETS, V4, V6

NAMES = ("TCP", "TCP6", "UDP", "UDP6")
SWITCHES = [name for name in LINKS if name.startswith("switch tag")]
DIFFERENT = {
    "Cisco HDLC with direction": "tshark 4.0 does not map link type 205",
    "frame relay with direction": "tshark 4.0 does not map link type 206",
    "MPLS": "tshark 4.0 does not map link type 219",
    **dict.fromkeys(SWITCHES, "tshark 4.0 does not map link types 281 to 285"),
    "L2TPv3": "tshark needs the control messages to know what is inside; here Ethernet has to fit",
    "L2TPv3 with cookie": "as L2TPv3",
    "L2TPv3 in UDP": "as L2TPv3",
}
"""What tshark does not read, and why; nothing else may differ."""
FIELDS = ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "udp.srcport", "tcp.len", "udp.length")
Said = tuple[bool, int, int]


def cases() -> list[tuple[str, int, str, bytes]]:
    """(name, number of the link type, packet, frame) of all there is."""
    ethernet = LINKS["ethernet"][1]
    out = [(k, number, n, wrap(PACKETS[n])) for k, (number, wrap) in LINKS.items() for n in NAMES]
    out += [(k, 1, n, tagged(k, PACKETS[n])) for k in TAGS for n in NAMES]
    return out + [(k, 1, n, ethernet(wrap(PACKETS[n]))) for k, (_, wrap) in TUNNELS.items() for n in NAMES]


def innermost(row: dict[str, str], name: str) -> Said | None:
    """(whether both addresses are in the packet, source port, payload); None where there is no transport."""
    if not (row["tcp.srcport"] or row["udp.srcport"]):
        return None
    source, destination = (V6 if "6" in name else V4)[:: 1 if "TCP" in name else -1]
    found = source in (row["ip.src"], row["ipv6.src"]) and destination in (row["ip.dst"], row["ipv6.dst"])
    payload = int(row["tcp.len"] or int(row["udp.length"]) - 8)
    return found, int(row["tcp.srcport"] or row["udp.srcport"]), payload


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    made = cases()
    links = sorted({number for _, number, _, _ in made})
    blocks = [interface(link=link) for link in links]
    blocks += [enhanced(frame, START // 1000, number=links.index(n)) for _, n, _, frame in made]
    path = tmp_path / "all.pcapng"
    path.write_bytes(section() + b"".join(blocks))
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-d",
        "udp.port==8472,vxlan",
        "-T",
        "fields",
        "-E",
        "occurrence=l",
    ]
    command += [part for name in FIELDS for part in ("-e", name)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(made)
    differ = set()
    for (case, _, name, _), line in zip(made, lines, strict=True):
        row = dict(zip(FIELDS, line.split("\t"), strict=True))
        ours = (True, 40_000 if "TCP" in name else 3333, 5)  # test_stacks holds the walk to this
        if innermost(row, name) != ours:
            differ.add(case)
    assert differ == set(DIFFERENT)
