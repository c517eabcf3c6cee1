"""The second opinion: tshark through pyshark gives the windows that the native decoder gives."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from detector.capture import CaptureError
from detector.capture.deep import MOST_VALUES, channel_filter, collect, look
from detector.capture.pyshark_child import describe, nanoseconds, problem_of
from detector.metering import channel_windows
from detector.records import SourceReport
from detector.settings import Settings
from detector.windows.channel import concatenate
from tests.detector.kernel.by_hand import (
    CLIENT,
    MS,
    RST,
    SERVER,
    START,
    SYN,
    canonical,
    ether,
    ethertype,
    ip,
    pcap,
    pcapng,
    tcp,
    udp,
)
from tests.detector.kernel.stacks import TUNNELS, fragments

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("MINEWATCH_DATA", ROOT.parent / "shared" / "data")) / "net"
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
REAL = (
    "DanieleDeSensi__peafowl/test/pcaps/monero.pcap",
    "nesfit__DI-cryptominingdetection/PCAPs/zec-eu.suprnova.cc.pcapng",
    "nesfit__DI-cryptominingdetection/PCAPs/cgminer.s0.pcapng",  # resets that carry payload
    "ntop__nDPI/tests/cfgs/default/pcap/http_ipv6.pcap",
    "nfstream__nfstream/tests/pcaps/dhcp_little_endian.pcapng",  # the year 151 991
)
V6 = ("2001:db8::2", "2001:db8::7")


def windows(path: Path, engine: str) -> tuple[list[Any], SourceReport]:
    report = SourceReport(source=str(path))
    tables = list(channel_windows(str(path), Settings(), engine, report))
    return sorted(canonical(concatenate(tables)), key=repr), report


def same(path: Path) -> SourceReport:
    native, told = windows(path, "native")
    other, report = windows(path, "pyshark")
    assert other == native
    assert native
    assert (report.packets, report.decoded) == (told.packets, told.decoded)
    return report


@needs_tshark
@pytest.mark.parametrize("name", REAL)
def test_real_captures_give_the_same_windows(name: str) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"no {name} (set MINEWATCH_DATA)")
    same(DATA / name)


def talk(a: str, b: str) -> list[bytes]:
    """A short dialogue with a loss, a retransmission, a reset and datagrams."""
    login = b'{"id":1,"method":"mining.subscribe","params":["x/1"]}\n'
    options = b"\x01\x01\x08\x0a" + bytes(8)
    return [
        tcp(a, 4000, b, 3333, seq=99, flags=SYN),
        tcp(b, 3333, a, 4000, seq=499, flags=SYN | 16),
        tcp(a, 4000, b, 3333, login, 100, options=options),
        tcp(a, 4000, b, 3333, login, 100),
        tcp(b, 3333, a, 4000, b'{"id":1,"result":[[],"00",4],"error":null}\n', 500),
        tcp(a, 4000, b, 3333, b"later", 1100),
        tcp(b, 3333, a, 4000, b"gone", 543, flags=RST | 16),
        udp(a, 5353, b, 53, b"question"),
        udp(b, 53, a, 5353, b"answer!"),
        udp(b, 53, a, 5353),
        ip(a, b, 132, b"\0" * 20),
    ]


def cooked(packet: bytes) -> bytes:
    return b"\0\0\0\1\0\6" + bytes(8) + ethertype(packet).to_bytes(2, "big") + packet


def cooked_2(packet: bytes) -> bytes:
    return ethertype(packet).to_bytes(2, "big") + b"\0\0\0\0\0\1\0\1\0\6" + bytes(8) + packet


SHAPES: dict[str, Any] = {
    "ethernet": (1, ether),
    "vlan": (1, lambda p: ether(p, 0x8100)),
    "qinq": (1, lambda p: ether(p, 0x88A8, 0x8100)),
    "cooked": (113, cooked),
    "cooked 2": (276, cooked_2),
    "raw": (101, lambda p: p),
    "null": (0, lambda p: (2 if p[0] >> 4 == 4 else 24).to_bytes(4, "little") + p),
}


@needs_tshark
@pytest.mark.parametrize("shape", SHAPES)
def test_link_layers_made_by_hand(shape: str, tmp_path: Path) -> None:
    """IPv4, then IPv6."""
    link, wrap = SHAPES[shape]
    packets = talk(CLIENT, SERVER) + talk(*V6)
    frames = [(START + i * 400 * MS, wrap(packet)) for i, packet in enumerate(packets)]
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap(frames, link=link, nano=True))
    report = same(path)
    assert report.undecodable == {"other_transport": 2}


@needs_tshark
def test_snapped_capture_and_pcapng(tmp_path: Path) -> None:
    frames = [(START + i * 400 * MS, ether(packet)) for i, packet in enumerate(talk(CLIENT, SERVER))]
    (tmp_path / "cut.pcap").write_bytes(pcap(frames, snap=70))
    same(tmp_path / "cut.pcap")
    (tmp_path / "ng.pcapng").write_bytes(pcapng(frames))
    same(tmp_path / "ng.pcapng")


@needs_tshark
def test_what_only_wireshark_opens(tmp_path: Path) -> None:
    """Token ring: the native engine says that it does not know it, tshark does."""
    head = b"\x10\x40" + bytes(5) + b"\2" + bytes(5) + b"\1\xaa\xaa\3\0\0\0\x08\0"
    frames = [(START + i * MS, head + p) for i, p in enumerate(talk(CLIENT, SERVER))]
    path = tmp_path / "ring.pcap"
    path.write_bytes(pcap(frames, link=6))
    assert windows(path, "native")[0] == []
    rows, report = windows(path, "pyshark")
    assert len(rows) == 2
    assert report.decoded == 10


@needs_tshark
def test_tunnels_are_opened_alike(tmp_path: Path) -> None:
    """All but L2TPv3, which tshark cannot open without the control messages of its session."""
    wraps = [wrap for name, wrap in TUNNELS.values() if name != "l2tpv3"]
    packets = [wrap(p) for wrap in wraps for p in (*talk(CLIENT, SERVER)[:-1], *talk(*V6)[:-1])]
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(START + i * MS, ether(p)) for i, p in enumerate(packets)], nano=True))
    assert same(path).undecodable == {}


@needs_tshark
def test_fragments_are_counted_but_not_joined(tmp_path: Path) -> None:
    """The one difference that is meant: later fragments, and with them the length of a datagram."""
    path = tmp_path / "made.pcap"
    pieces = fragments(udp(CLIENT, 5353, SERVER, 53, bytes(900)), 304)
    path.write_bytes(pcap([(START + i * MS, ether(p)) for i, p in enumerate(pieces)], nano=True))
    _, native = windows(path, "native")
    _, other = windows(path, "pyshark")
    assert (native.decoded, native.undecodable) == (3, {})
    assert (other.decoded, other.undecodable) == (1, {"fragment": 2})


@needs_tshark
def test_cut_file_is_told_and_what_came_before_is_kept(tmp_path: Path) -> None:
    frames = [(START + i * 400 * MS, ether(packet)) for i, packet in enumerate(talk(CLIENT, SERVER))]
    path = tmp_path / "half.pcap"
    path.write_bytes(pcap(frames)[:-30])
    rows, report = windows(path, "pyshark")
    assert rows == windows(path, "native")[0]
    assert report.problem is not None
    assert report.problem.startswith(f"{path}: tshark: ")
    assert "cut short" in report.problem
    assert "\n" not in report.problem


@needs_tshark
@pytest.mark.parametrize("content", [b"", b"no capture at all\n", bytes(64)])
def test_no_capture_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(content)
    try:
        rows, report = windows(path, "pyshark")
    except CaptureError as error:
        told = str(error)
    else:
        assert rows == []
        told = report.problem or f"{path}: nothing in it"
    assert told.startswith(f"{path}: ")
    assert "\n" not in told


def test_missing_tshark_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([]))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaptureError, match=r"tshark is not installed: sudo apt install tshark"):
        windows(path, "pyshark")
    with pytest.raises(CaptureError, match="tshark is not installed"):
        look(str(path), SERVER, 3333, "tcp")


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"nothing: no such file"):
        windows(tmp_path / "nothing", "pyshark")


@needs_tshark
def test_in_a_running_loop_and_in_a_thread(tmp_path: Path) -> None:
    """Where pyshark itself fails: Jupyter, web servers, workers."""
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(START, ether(p)) for p in talk(CLIENT, SERVER)]))
    expected = windows(path, "native")[0]

    async def inside() -> list[Any]:
        return windows(path, "pyshark")[0]

    assert asyncio.run(inside()) == expected
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.extend(windows(path, "pyshark")[0]))
    thread.start()
    thread.join(30)
    assert got == expected


@needs_tshark
def test_without_child_watchers_as_in_python_3_14(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(START, ether(p)) for p in talk(CLIENT, SERVER)]))
    program = (
        "import asyncio, sys\n"
        "for name in ('set_child_watcher', 'get_child_watcher', 'SafeChildWatcher'):\n"
        "    delattr(asyncio, name) if hasattr(asyncio, name) else None\n"
        "from detector.capture import pyshark_child\n"
        "print(sum(1 for _ in pyshark_child.packets(sys.argv[1])))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program, str(path)],
        check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.stdout.strip() == "11", ran.stderr


@needs_tshark
def test_folder_that_is_worked_in_cannot_name_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pyshark reads ./config.ini, Python would import ./json.py: neither from where captures lie."""
    evil = tmp_path / "evil"
    evil.write_text("#!/bin/sh\ntouch ran\n")
    evil.chmod(0o755)
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {evil}\n")
    (tmp_path / "json.py").write_text("raise SystemExit('imported')\n")
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(START, ether(p)) for p in talk(CLIENT, SERVER)]))
    monkeypatch.chdir(tmp_path)
    assert len(windows(Path("made.pcap"), "pyshark")[0]) == 2
    assert not list(tmp_path.glob("**/ran"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1490000000.123456789", 1_490_000_000_123_456_789),
        ("1490000000", 1_490_000_000_000_000_000),
        ("1490000000.5", 1_490_000_000_500_000_000),
        ("2017-03-20T08:53:20.123456789Z", 1_490_000_000_123_456_789),  # tshark 4.6
        ("2017-03-20T09:53:20+01:00", 1_490_000_000_000_000_000),
        ("4734231571822.539464000", 1 << 62),
        ("-5.25", 1),
        ("0.000000000", 1),
    ],
)
def test_times_of_all_tsharks(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["", "Mar 20, 2017", "nan", "1e9", "2017-13-20T09:53:20Z", "1.2.3"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        nanoseconds(text)


class Layer:
    """As much of a pyshark layer as is used."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def get_field(self, name: str) -> Any:
        if name not in self._fields:
            raise AttributeError(name)
        return self._fields[name]


def test_odd_packets_are_counted_and_never_raise() -> None:
    def packet(protocols: str, **layers: Layer) -> Any:
        class Fake(dict[str, Layer]):
            frame_info = Layer(protocols=protocols, cap_len="60")
            length, sniff_timestamp = "60", "5.0"

        return Fake(layers)

    v4 = Layer(src="10.0.0.1", dst="10.0.0.2", len="40", hdr_len="20", frag_offset="0")
    assert describe(packet("eth:ethertype:arp")) == "not_ip"
    assert describe(packet("")) == "not_ip"
    assert describe(packet("eth:ethertype:ip:icmp:ip:tcp", ip=v4)) == "other_transport"
    assert describe(packet("eth:ethertype:ip:data", ip=Layer(frag_offset="185"))) == "fragment"
    assert describe(packet("eth:ethertype:ip:tcp", ip=v4, tcp=Layer(srcport="1"))) == "truncated_header"
    bad = Layer(srcport="99999", dstport="1", hdr_len="20", flags="0x10", seq_raw="1")
    assert describe(packet("ip:tcp", ip=v4, tcp=bad)) == "truncated_header"
    short = Layer(srcport="1", dstport="1", hdr_len="8", flags="0x10", seq_raw="1")
    assert describe(packet("ip:tcp", ip=v4, tcp=short)) == "bad_transport_header"
    assert describe(packet("ip:tcp", ip=Layer(src="::bad::"), tcp=short)) == "bad_transport_header"
    listed = Layer(srcport=["7", "8"], dstport="1", hdr_len="20", flags="0x10", seq_raw="1", payload="ab:cd")
    assert isinstance(describe(packet("ip:tcp", ip=v4, tcp=listed)), bytes)


def test_last_words_of_tshark() -> None:
    crash = RuntimeError(
        "TShark (pid 1) seems to have crashed (retcode: 2).\nLast error line: tshark: no\nTry"
    )
    assert problem_of(crash) == "tshark: no"
    assert problem_of(ValueError()) == "ValueError"


@needs_tshark
def test_deep_finds_the_name_behind_an_address(tmp_path: Path) -> None:
    request = (
        b"POST / HTTP/1.1\r\nHost: pool.example\r\nUser-Agent: miner/1\r\nAuthorization: Basic x\r\n\r\n"
    )
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0\4pool\7example\0\0\1\0\1"
    answer = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7"
    packets = [
        udp(CLIENT, 5000, "10.0.0.1", 53, query),
        udp("10.0.0.1", 53, CLIENT, 5000, answer),
        tcp(CLIENT, 4000, SERVER, 80, request, 100),
        tcp(CLIENT, 4001, "203.0.113.8", 80, request.replace(b"pool", b"other"), 100),
    ]
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap([(START + i * MS, ether(p)) for i, p in enumerate(packets)]))
    assert look(str(path), SERVER, 80, "tcp") == {
        "dns_names": ["pool.example"],
        "http_host": ["pool.example"],
        "http_user_agent": ["miner/1"],
    }
    assert look(str(path), "192.0.2.1", 80, "tcp") == {}


def test_deep_facts_are_bounded_and_printable() -> None:
    blank = [""] * 11
    line = ["\x1f".join(f"n{i}.\x1b[2J\u202e" for i in range(100)), *blank[1:]]
    facts = collect(["\t".join(line), "\t".join(blank), "too\tfew", "\t".join(["x" * 5000, *blank[1:]])])
    assert list(facts) == ["tls_server_name"]
    assert len(facts["tls_server_name"]) == MOST_VALUES
    assert facts["tls_server_name"][0] == "n0.?[2J?"


@pytest.mark.parametrize(
    ("remote", "port", "transport"),
    [("1.2.3.4 || tcp", 1, "tcp"), ("fe80::1", 1, "sctp"), ("1.2.3.4", 70000, "tcp"), ("x", 1, "udp")],
)
def test_no_filter_is_made_of_what_is_no_channel(remote: str, port: int, transport: str) -> None:
    with pytest.raises(ValueError):
        channel_filter(remote, port, transport)


def test_filters() -> None:
    assert channel_filter("203.0.113.7", 3333, "tcp") == (
        "(ip.addr == 203.0.113.7 && tcp.port == 3333) || dns.a == 203.0.113.7"
    )
    scoped = channel_filter("2001:db8::7%x || frame", 443, "udp")
    assert scoped == "(ipv6.addr == 2001:db8::7 && udp.port == 443) || dns.aaaa == 2001:db8::7"
