"""NetFlow v5, v9 and IPFIX: messages from the specifications, from a real softflowd, and damaged ones."""

from __future__ import annotations

import gzip
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.flowlogs import kind_of, nfdump
from detector.kernel import layout
from detector.metering import channel_windows
from detector.records import ChannelWindows, SourceReport
from detector.settings import Settings
from detector.windows.channel import concatenate
from tests.detector.flowlogs.exports import ipfix, v5, v9
from tests.detector.flowlogs.logs import START_US, Record, read, same

SAMPLE = Path(__file__).parents[3] / "sample_data" / "campus-hour.pcap.gz"
MAKERS = {"v5": v5, "v9": v9, "ipfix": ipfix}
records = st.builds(
    Record,
    client=st.sampled_from(["10.0.0.7", "10.0.0.8"]),
    client_port=st.integers(32_768, 65_535),
    port=st.sampled_from([443, 3333]),
    transport=st.sampled_from(["tcp", "udp"]),
    first_us=st.integers(1, 1_000).map(lambda ms: ms * 1_000),
    lasted_us=st.integers(1, 600_000).map(lambda ms: ms * 1_000),
    up=st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 30)),
    down=st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 30)),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.mark.parametrize("name", MAKERS)
def test_both_directions_are_a_row(name: str, tmp_path: Path) -> None:
    told = Record(first_us=5_000, lasted_us=60_000_000)
    path = tmp_path / name
    path.write_bytes(MAKERS[name](told))
    rows, (report,) = read(path)
    (wide,) = rows.wide.tolist()
    assert (rows.port.tolist(), report.records, report.problem) == ([3333], 2, None)
    assert wide[layout.FIRST_NS] == (START_US + 5_000) * 1_000
    assert wide[layout.LAST_NS] == (START_US + 60_005_000) * 1_000
    assert wide[layout.UP + layout.PACKETS : layout.UP + layout.BYTES + 1] == [10, 1_000]
    assert wide[layout.DOWN + layout.PACKETS : layout.DOWN + layout.BYTES + 1] == [8, 2_000]
    assert wide[layout.KNOWN] == layout.KNOWS_COUNTS


@given(told=st.lists(records, min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_the_three_agree(place: Path, told: list[Record]) -> None:
    tables = []
    for name, make in MAKERS.items():
        (place / name).write_bytes(b"".join(make(record) for record in told))
        tables.append(read(place / name)[0])
    assert same(tables[0], tables[1]) and same(tables[1], tables[2])


@pytest.mark.parametrize("name", MAKERS)
@given(cut=st.integers(1, 400), at=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=80, deadline=None)
def test_damage_is_told_and_harmless(name: str, place: Path, cut: int, at: int, byte: int) -> None:
    whole = bytearray(b"".join(MAKERS[name](Record(first_us=5_000 * i)) for i in range(1, 4)))
    whole[at % len(whole)] = byte
    path = place / f"damaged-{name}"
    path.write_bytes(whole[:cut])
    _, (report,) = read(path)
    assert report.records <= 6


def test_a_message_that_is_cut_short_is_told(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(v5(Record()) + v5(Record())[:-10])
    _, (report,) = read(path)
    assert report.records == 2
    assert report.problem == f"{path}: no export message, or one that is cut short (offset 120)"


def test_sampled_counts_are_scaled_and_told(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(v5(Record(), sampling=100))
    rows, (report,) = read(path)
    assert rows.wide[0, layout.UP + layout.PACKETS] == 1_000
    assert rows.wide[0, layout.KNOWN] == 0  # an estimate is not known
    assert report.notes == ["one packet in 100 was sampled: counts are estimates"]


def test_lost_messages_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(b"".join(v5(Record(), sequence=n) for n in (0, 2, 4, 6, 20, 22)))
    _, (report,) = read(path)
    assert report.lost == 12


def test_what_comes_before_its_template_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(ipfix(Record(), template=False) + ipfix(Record(), sequence=2))
    _, (report,) = read(path)
    assert (report.records, report.undecodable) == (2, {"set_before_its_template": 1})


def test_no_export_message_begins_so() -> None:
    for head in (b"\x00\x05" + bytes(60), b"\x00\x09\x00\x01" + bytes(60), b"\x00\x0a\x00\x04" + bytes(60)):
        assert kind_of(head) is None


def unpacked(place: Path) -> Path:
    """The bundled capture as these programs read it."""
    path = place / "campus-hour.pcap"
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    return path


def _softflowd(capture: Path, version: int) -> bytes:
    """What softflowd exports of a capture, to a socket of this machine."""
    program = shutil.which("softflowd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("softflowd is not installed: sudo apt install softflowd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(5)
        port = collector.getsockname()[1]
        command = [program, "-r", str(capture), "-n", f"127.0.0.1:{port}", "-v", str(version), "-d"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        collector.setblocking(False)
        messages = []
        while True:
            try:
                messages.append(collector.recv(65_535))
            except BlockingIOError:
                return b"".join(messages)


def _packets(rows: ChannelWindows) -> dict[tuple[bytes, bytes, int], tuple[int, int]]:
    """Packets up and down by channel of TCP."""
    found: dict[tuple[bytes, bytes, int], tuple[int, int]] = {}
    for i in range(len(rows)):
        if rows.transport[i] == 6:
            key = rows.client[i].tobytes(), rows.server[i].tobytes(), int(rows.port[i])
            up, down = found.get(key, (0, 0))
            wide = rows.wide[i]
            found[key] = (
                up + int(wide[layout.UP + layout.PACKETS]),
                down + int(wide[layout.DOWN + layout.PACKETS]),
            )
    return found


def metered(capture: Path) -> dict[tuple[bytes, bytes, int], tuple[int, int]]:
    """The same by our own kernel."""
    report = SourceReport(source=str(capture))
    return _packets(concatenate(list(channel_windows(str(capture), Settings(), "native", report))))


@pytest.mark.parametrize("version", [5, 9, 10])
def test_a_real_exporter_counts_what_the_kernel_counts(version: int, tmp_path: Path) -> None:
    """softflowd's times of a recorded capture are of another age: counts alone are compared."""
    capture = unpacked(tmp_path)
    path = tmp_path / "export"
    path.write_bytes(_softflowd(capture, version))
    rows, (report,) = read(path)
    told, truth = _packets(rows), metered(capture)
    assert report.problem is None and report.records > 10
    assert {key: told[key] for key in told.keys() & truth.keys()} == {
        key: truth[key] for key in told.keys() & truth.keys()
    }
    assert len(told.keys() & truth.keys()) >= 0.9 * len(truth)


def test_nfdump_counts_what_the_kernel_counts(tmp_path: Path) -> None:
    program = shutil.which("nfpcapd")
    if program is None or shutil.which("nfdump") is None:
        pytest.skip("nfdump is not installed: sudo apt install nfdump")
    capture = unpacked(tmp_path)
    subprocess.run([program, "-r", str(capture), "-w", str(tmp_path)], check=True, capture_output=True)
    paths = sorted(tmp_path.glob("nfcapd.*"))
    rows, reports = read(*paths)
    assert [report.problem for report in reports] == [None] * len(paths)
    told, truth = _packets(rows), metered(capture)
    same_ones = told.keys() & truth.keys()
    assert len(same_ones) >= 0.9 * len(truth)
    assert {key: told[key] for key in same_ones} == {key: truth[key] for key in same_ones}


@pytest.mark.parametrize(
    ("told", "rates"),
    [
        ("    Sampler: Static default Sampler: algorithm: 0, packet interval: 1, packet space: 99\n", [100]),
        ("    Sampler: Generic Sampler: algorithm: 0, packet interval: 1, packet space: 0\n", []),
        ("    Sampler: ID: 1, mode: 2, interval: 512\n", [512]),
        ("Exporters:\n\nSysID: 1, IP: 127.0.0.1, version: 9, ID:  7, Sequence failures: 0\n", []),
        ("", []),
    ],
)
def test_samplers_of_nfdump(told: str, rates: list[int]) -> None:
    """As nfdump 1.7.1 prints them of a file that nfcapd -s 100 wrote, and as 1.6 does."""
    assert nfdump.sampling_rates(told) == rates


def test_nfdump_that_is_missing_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "nfcapd.202603010000"
    path.write_bytes(b"\x0c\xa5\x02\x00" + bytes(200))
    monkeypatch.setenv("PATH", str(tmp_path))
    _, (report,) = read(path)
    assert report.problem == f"{path}: this needs the program nfdump: sudo apt install nfdump"


def test_nfdump_that_cannot_read_is_one_line(tmp_path: Path) -> None:
    if shutil.which("nfdump") is None:
        pytest.skip("nfdump is not installed: sudo apt install nfdump")
    path = tmp_path / "nfcapd.202603010000"
    path.write_bytes(b"\x0c\xa5\x02\x00" + b"\xff" * 300)
    _, (report,) = read(path)
    assert report.problem is not None and report.problem.startswith(f"{path}: nfdump: ")
    assert "\n" not in report.problem and not report.records
