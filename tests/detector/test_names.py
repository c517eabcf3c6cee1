"""Names from packets to findings: what the kernel hands over, against tshark; one way for all commands."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from detector import hosts
from detector.metering import channel_windows
from detector.pipeline import Request, score
from detector.records import Names, SourceReport, Verdict
from detector.settings import FindingSettings, Settings
from tests.detector.dissectors import hellos
from tests.detector.dissectors.test_dns import response
from tests.detector.dissectors.test_hello import chrome
from tests.detector.kernel.by_hand import CLIENT, MS, SERVER, START, S, Talk, ether, pcap, udp
from training import corpora

CLIENT_HELLO = hellos.record(hellos.message(1, chrome()))
SERVER_FLIGHT = hellos.record(
    hellos.message(2, hellos.server_hello()) + hellos.message(11, hellos.certificates(b"x" * 3_000))
)
DATA = hellos.record(b"d" * 40, 23)
JA4 = "t13d1516h2_8daaf6152771_d8a2da3f94cd"
TOLD = Names(hellos=1, server_name="mail.example.org", alpn="h2", ja4=JA4, version="1.2")
Channel = tuple[str, str, int]


def names(path: Path, settings: Settings | None = None) -> dict[Channel, list[Names]]:
    """Names of each (client, server, port), in order of window."""
    found = defaultdict(list)
    report = SourceReport(str(path))
    for table in channel_windows(str(path), settings or Settings(), "native", report):
        for row, told in enumerate(table.names):
            if told is not None:
                ends = hosts.text(table.client[row]), hosts.text(table.server[row])
                found[*ends, int(table.port[row])].append(told)
    return dict(found)


def of_talk(talk: Talk, tmp_path: Path) -> list[Names]:
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(talk.frames))
    return next(iter(names(path).values()), [])


def spoken(*pieces: tuple[bool, bytes], dport: int = 443) -> Talk:
    talk = Talk(dport=dport).open()
    for i, (up, payload) in enumerate(pieces):
        talk.say((i + 1) * 10 * MS, up, payload)
    return talk


@pytest.mark.parametrize("cut", [*range(1, 12), 40, len(CLIENT_HELLO) - 1])
def test_a_hello_cut_in_segments(cut: int, tmp_path: Path) -> None:
    pieces = (True, CLIENT_HELLO[:cut]), (True, CLIENT_HELLO[cut:]), (False, SERVER_FLIGHT), (True, DATA)
    assert of_talk(spoken(*pieces), tmp_path) == [TOLD]


def test_a_long_flight_of_a_server_is_followed_to_its_end(tmp_path: Path) -> None:
    parts = [SERVER_FLIGHT[i : i + 1_000] for i in range(0, len(SERVER_FLIGHT), 1_000)]
    finished = hellos.record(hellos.message(2, hellos.server_hello(version=0x0301)))  # too late to be heard
    later = hellos.record(b"\1", 20), DATA, finished
    pieces = [(True, CLIENT_HELLO), *((False, part) for part in (*parts, *later))]
    assert of_talk(spoken(*pieces), tmp_path) == [TOLD]


def test_one_connection_of_a_window_is_read(tmp_path: Path) -> None:
    first, second = spoken((True, CLIENT_HELLO)), Talk(sport=40_001, dport=443).open(1 * S)
    second.say(2 * S, True, hellos.record(hellos.message(1, hellos.client_hello((0x002F,)))))
    first.frames += second.frames
    assert of_talk(first, tmp_path) == [replace(TOLD, version=None)]


def test_a_request_is_read_once_a_channel_goes_on(tmp_path: Path) -> None:
    get = b"GET / HTTP/1.1\r\nHost: pool.example\r\nUser-Agent: ccminer\r\n\r\n"
    assert of_talk(spoken((True, get), (False, b"HTTP/1.1 200 OK\r\n\r\n"), dport=80), tmp_path) == []
    (told,) = of_talk(spoken(*[(True, get)] * 8, dport=80), tmp_path)
    assert told == Names(http_host="pool.example", http_agent="ccminer")


def test_look_ups_name_what_is_called_and_a_listed_name_is_no_verdict(tmp_path: Path) -> None:
    """From packets to a finding: the host asked for a listed name and called it, and is clear."""
    listed = tmp_path / "own.txt"
    listed.write_text("pool.example\n")
    told = response("xmr.pool.example", (1, bytes(map(int, SERVER.split(".")))))
    talk = spoken((True, CLIENT_HELLO), *[(up, DATA) for up in (False, True) * 6])
    answer = ether(udp("10.0.0.1", 53, CLIENT, 5_353, told))
    path = tmp_path / "asked.pcap"
    path.write_bytes(pcap([(START, answer), *talk.frames]))
    chosen = Settings(findings=FindingSettings(pools=str(listed)))
    findings = {found.host: found for found in score(Request((str(path),), settings=chosen)).findings}
    found = findings[CLIENT]
    assert found.verdict not in (Verdict.MINING, Verdict.SUSPICIOUS)
    assert f"looked up as xmr.pool.example (listed) at {SERVER}:443" in [e.summary for e in found.evidence]


def test_multicast_names_are_not_read(tmp_path: Path) -> None:
    """mDNS (RFC 6762) and LLMNR (RFC 4795) are answers of neighbours, on ports of their own."""
    told = response("printer.example", (1, b"\x0a\0\0\x09"))
    path = tmp_path / "mdns.pcap"
    frames = [ether(udp("10.0.0.9", port, CLIENT, 5_353, told)) for port in (5_353, 5_355)]
    path.write_bytes(pcap([(START, frame) for frame in frames]))
    assert names(path) == {}


# --- against tshark, on real captures

MIRROR = corpora.mirror()
TSHARK = shutil.which("tshark")
FIELDS = (
    "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.dstport", "tls.handshake.extensions_server_name",
    "tls.handshake.version", "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite",
    "tls.handshake.extension.type", "tls.handshake.sig_hash_alg", "tls.handshake.extensions_alpn_str",
)  # fmt: skip
GREASE = range(0x0A0A, 0x10000, 0x1010)  # RFC 8701 2
DELEGATED = 34  # tshark lists the algorithms of delegated credentials (RFC 9345) with the client's own
COMPARED = (
    "ntop__nDPI/tests/cfgs/default/pcap/tls_port_80.pcapng",  # on port 80 tshark 4.0 reads it as HTTP
    "ntop__nDPI/tests/cfgs/default/pcap/long_tls_certificate.pcap",
    "ntop__nDPI/tests/cfgs/default/pcap/tls_1.2_unidirectional_client.pcapng",
    "ntop__nDPI/tests/cfgs/default/pcap/ja3_lots_of_cipher_suites_2_anon.pcap",  # an address as server name
    "ntop__nDPI/tests/cfgs/default/pcap/smtp-starttls.pcap",  # not from the beginning: not read
    "ntop__nDPI/tests/cfgs/default/pcap/sites.pcapng",
    "ntop__nDPI/tests/cfgs/default/pcap/instagram.pcap",
    "zeek__zeek/testing/btest/Traces/tls/tls13draft19-early-data.pcap",
)


def theirs(path: Path) -> dict[Channel, set[tuple[str | None, str]]]:
    """(server name, JA4) of each ClientHello that tshark reads over TCP."""
    fields = [word for field in FIELDS for word in ("-e", field)]
    shape = ["-T", "fields", "-E", "separator=\t", "-E", "occurrence=a"]
    wanted = "tls.handshake.type == 1 && tcp"
    ran = subprocess.run(
        [str(TSHARK), "-r", str(path), "-n", "-Q", "-Y", wanted, *shape, *fields],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = defaultdict(set)
    for line in ran.stdout.splitlines():
        cells = dict(zip(FIELDS, line.split("\t"), strict=True))
        ends = (cells[f"ip.{end}"] or cells[f"ipv6.{end}"] for end in ("src", "dst"))
        ends = (end.split(",")[-1] for end in ends)  # the innermost of a tunnel
        name = cells["tls.handshake.extensions_server_name"].lower() or None
        found[*ends, int(cells["tcp.dstport"])].add((name, ja4(cells)))
    return dict(found)


def ja4(cells: dict[str, str]) -> str:
    """JA4 from tshark's fields, written apart from the product's."""

    def listed(field: str) -> list[int]:
        found = [int(value, 0) for value in cells[f"tls.handshake.{field}"].split(",") if value]
        return [value for value in found if value not in GREASE]

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12

    def hexadecimal(values: list[int]) -> str:
        return ",".join(f"{value:04x}" for value in values)

    ciphers, kinds = listed("ciphersuite"), listed("extension.type")
    algorithms = listed("sig_hash_alg")
    if DELEGATED in kinds:
        algorithms = algorithms[4:] if kinds.index(DELEGATED) < kinds.index(13) else algorithms[:-4]
    version = max(listed("extensions.supported_version") or listed("version"))
    code = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10", 0x300: "s3"}.get(version, "00")
    protocol = cells["tls.handshake.extensions_alpn_str"].split(",")[0]
    shape = hexadecimal(sorted(set(kinds) - {0, 16}))
    shape += "_" + hexadecimal(algorithms) if algorithms else ""
    counts = f"{min(len(ciphers), 99):02d}{min(len(kinds), 99):02d}"
    ends = protocol[0] + protocol[-1] if protocol else "00"
    head = f"t{code}{'d' if 0 in kinds else 'i'}{counts}{ends}"
    return f"{head}_{digest(hexadecimal(sorted(ciphers)))}_{digest(shape)}"


def is_address(name: str | None) -> bool:
    return name is not None and name.replace(".", "").isdigit()


@pytest.mark.skipif(MIRROR is None, reason="no captures in $MINEWATCH_DATA or ../shared/data")
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("capture", COMPARED, ids=lambda path: path.rsplit("/", 1)[-1])
def test_hellos_are_those_that_tshark_reads(capture: str) -> None:
    """Of every channel whose first bytes are a hello, one of the hellos that tshark sees there."""
    path = Path(str(MIRROR)) / "net" / capture
    if not path.is_file():
        pytest.skip(f"{capture} is not in the public data")
    read = {channel: told for channel, told in names(path).items() if any(one.hellos for one in told)}
    others = theirs(path)
    if capture.endswith("tls_port_80.pcapng"):
        assert read and not others
        return
    for channel, told in read.items():
        found = {(None if is_address(name) else name, shape) for name, shape in others[channel]}
        assert {(one.server_name, one.ja4) for one in told if one.hellos} <= found, channel
    assert set(others) - set(read) == set() if "starttls" not in capture else not read
