"""The captures that the benchmark makes: valid files, the same bytes each time, the flows they say."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from itertools import islice
from pathlib import Path

import dpkt
import numpy as np
import pytest

from benchmarks import making, templates
from benchmarks.captures import MB, Capture, file_name
from benchmarks.captures import table as capture_table
from benchmarks.files import FORMATS, write
from benchmarks.templates import SPAN_S, Templates, columns, over_ipv6
from benchmarks.traffic import Sweep, Traffic, evenly, swept, tilt
from tests.detector.kernel.by_hand import ether, tcp, udp

HERE = "192.168.1.20"


def ip_sum(header: bytes) -> int:
    """Of an IPv4 header; 0xFFFF when its checksum holds (RFC 1071)."""
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_sum(frame: bytes) -> bytes:
    header = frame[14:24] + b"\0\0" + frame[26:34]
    return frame[:24] + struct.pack(">H", ip_sum(header) ^ 0xFFFF) + frame[26:]


def two_captures() -> Templates:
    """A TCP conversation of two packets and two datagrams of two flows; one ARP frame."""
    web = [tcp(HERE, 40_000, "93.184.216.34", 443, b"x" * 700), tcp("93.184.216.34", 443, HERE, 40_000, b"y")]
    names = [udp(HERE, 5_353, "198.51.100.9", 53, b"q"), udp(HERE, 5_354, "198.51.100.9", 53, b"q")]
    arp = b"\xff" * 12 + b"\x08\x06" + bytes(46)
    first = [(float(i), with_sum(ether(packet))) for i, packet in enumerate(web)]
    second = [(float(i), with_sum(ether(packet))) for i, packet in enumerate(names)]
    return columns([first, [*second, (5.0, arp)]])


def written(link: Traffic, layout: str = "pcap", **limit: int) -> bytes:
    out = io.BytesIO()
    write(out, link.templates, link.spans(3), FORMATS[layout], **limit)
    return out.getvalue()


def records(raw: bytes) -> list[tuple[float, bytes]]:
    return list(dpkt.pcap.UniversalReader(io.BytesIO(raw)))


def flow(frame: bytes) -> frozenset[bytes] | None:
    if frame[12:14] != b"\x08\0":
        return None
    return frozenset((frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]))


def test_columns_of_templates() -> None:
    found = two_captures()
    assert found.sizes.tolist() == [2, 3]
    assert found.flow.tolist() == [0, 0, 1, 2, -1]
    assert found.flows_per_capture().tolist() == [1, 2]
    assert found.version.tolist() == [4, 4, 4, 4, 0]


def test_a_long_capture_is_played_within_a_span() -> None:
    frames = [(0.0, two_captures().frames[0]), (1e7, two_captures().frames[1])]
    assert columns([frames]).offset_s.max() < SPAN_S


def test_nothing_to_replicate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no Ethernet frames"):
        columns([])


def test_same_seed_same_bytes_in_order_of_time() -> None:
    link = evenly(two_captures(), two_captures().sizes, 1_000)
    raw = written(link, packets=1_500)
    assert raw == written(link, packets=1_500)
    times = [seconds for seconds, _ in records(raw)]
    assert len(times) == 1_500
    assert times == sorted(times)


def test_a_shorter_one_is_the_head_of_a_longer_one() -> None:
    link = evenly(two_captures(), two_captures().sizes, 500)
    assert written(link, packets=2_000).startswith(written(link, n_bytes=100_000))
    assert 98_000 < len(written(link, n_bytes=100_000)) <= 100_000


def test_header_checksums_hold_in_every_replica() -> None:
    link = swept(
        evenly(two_captures(), two_captures().sizes, 400),
        (Sweep("10.0.0.1", "198.16.0.0", 23, 300, target_mask=0xFFFFF, ports_mask=7),),
    )
    frames = [frame for _, frame in records(written(link, packets=700)) if frame[12:14] == b"\x08\0"]
    assert len(frames) > 500
    assert {ip_sum(frame[14:34]) for frame in frames} == {0xFFFF}


def test_flows_are_counted_as_they_are() -> None:
    link = swept(
        evenly(two_captures(), two_captures().sizes, 400),
        (Sweep("100.128.0.0", "10.0.0.80", 443, 5_000, source_mask=0x7FFFFF, ports_mask=0x3FFF0000),),
    )
    out = io.BytesIO()
    counts = write(out, link.templates, link.spans(3), FORMATS["pcap"], packets=5_200)
    flows = {found for _, frame in records(out.getvalue()) if (found := flow(frame))}
    assert counts.flows == len(flows)
    assert counts.packets == 5_200
    assert counts.n_bytes == len(out.getvalue())


def test_hosts_recur_from_span_to_span() -> None:
    link = evenly(two_captures(), two_captures().sizes, 50)
    first, second = islice(link.spans(3), 2)
    assert set(second.source.tolist()) == set(first.source.tolist())
    assert second.time_s.min() >= SPAN_S
    out = [io.BytesIO(), io.BytesIO()]
    counts = [
        write(file, link.templates, spans, FORMATS["pcap"], packets=len(first))
        for file, spans in zip(out, (iter([first]), iter([second])), strict=True)
    ]
    hosts = [{frame[26:34] for _, frame in records(file.getvalue()) if flow(frame)} for file in out]
    assert hosts[0] == hosts[1]
    flows = [{flow(frame) for _, frame in records(file.getvalue()) if flow(frame)} for file in out]
    assert len(flows[0] & flows[1]) < len(flows[0]) / 10
    assert [len(found) for found in flows] == [found.flows for found in counts]


def test_only_the_clients_port_passes() -> None:
    link = evenly(two_captures(), two_captures().sizes, 50)
    ports = {
        frozenset(struct.unpack(">HH", frame[34:38]))
        for _, frame in records(written(link, packets=100))
        if flow(frame)
    }
    assert all(len(pair & {443, 53}) == 1 and max(pair) >= 1_024 for pair in ports)


def test_pcapng_holds_the_same_packets() -> None:
    link = evenly(two_captures(), two_captures().sizes, 300)
    plain, blocks = (records(written(link, layout, n_bytes=50_000)) for layout in ("pcap", "pcapng"))
    assert [frame for _, frame in plain] == [frame for _, frame in blocks]
    assert [s for s, _ in plain] == pytest.approx([s for s, _ in blocks], abs=2e-6)


def test_over_ipv6_keeps_what_the_flows_carry() -> None:
    found = over_ipv6(two_captures())
    assert found.version.tolist() == [6, 6, 6, 6]
    assert found.flow.tolist() == [0, 0, 1, 2]
    ip = dpkt.ethernet.Ethernet(found.frames[0]).data
    assert isinstance(ip, dpkt.ip6.IP6)
    assert ip.src[:2] == b"\xfd\0"
    assert ip.dst[:4] == b"\x20\x01\x0d\xb8"
    assert (ip.data.sport, ip.data.dport, ip.data.data) == (40_000, 443, b"x" * 700)


@pytest.mark.parametrize("target", [100, 300, 654])
def test_tilt_comes_near_the_target(target: int) -> None:
    rng = np.random.default_rng(1)
    per = rng.integers(50, 200, 200)
    amount = per * rng.integers(40, 1_400, 200)
    weights = tilt(amount, per, target)
    assert weights.min() == 1
    before = amount.sum() / per.sum()
    after = (weights * amount).sum() / (weights * per).sum()
    assert abs(after - target) <= abs(before - target)
    assert after == pytest.approx(target, rel=0.1)


def test_without_public_data_the_sample_is_replicated(tmp_path: Path) -> None:
    said, made = making.make([Capture("1 MB", "mixed", n_bytes=MB)], tmp_path, tmp_path)
    assert "bundled sample" in said
    assert made["1 MB"].path.stat().st_size == made["1 MB"].n_bytes <= MB


def test_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    row = Capture("one packet", "mixed", packets=1)
    first = making.make([row], tmp_path, tmp_path)[1]["one packet"]
    stamp = first.path.stat().st_mtime_ns
    assert making.make([row], tmp_path, tmp_path)[1]["one packet"].path.stat().st_mtime_ns == stamp
    whole = first.path.read_bytes()
    first.path.with_suffix(".json").write_text('{"origin": "of older code"}')
    first.path.write_bytes(b"")
    assert making.make([row], tmp_path, tmp_path)[1]["one packet"].path.read_bytes() == whole


def test_every_capture_of_the_table_has_a_file_of_its_own() -> None:
    for scale in (0.05, 1.0):
        rows = capture_table(scale)
        assert len({file_name(row) for row in rows}) == len(rows)
        assert len({row.name for row in rows}) == len(rows)
        assert all(row.traffic in making.TRAFFIC for row in rows)


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos (Wireshark) is not installed")
@pytest.mark.parametrize("layout", ["pcap", "pcapng"])
def test_wireshark_reads_it(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "made"
    path.write_bytes(written(evenly(two_captures(), two_captures().sizes, 300), layout, packets=400))
    done = subprocess.run(["capinfos", "-Tmcot", path], capture_output=True, text=True, check=True)
    kind, packets, in_order = done.stdout.splitlines()[1].split(",")[1:]
    assert (kind, packets, in_order) == (layout, "400", "True")


def test_sources_say_what_they_are(tmp_path: Path) -> None:
    found = templates.sources(tmp_path)
    assert found.ordinary
    assert "no public data" in found.said
