"""Reading recorded captures: formats, packing, and one clear line for everything that is wrong."""

from __future__ import annotations

import gzip
import os
import re
import threading
from pathlib import Path

import pytest

from detector.capture import CaptureError, files, first_ns, read
from detector.kernel import Meter
from detector.records import SourceReport
from detector.settings import InputSettings, MeterSettings
from detector.streams import open_stream
from tests.detector.kernel.by_hand import START, S, Talk, canonical, pcap, pcapng, rows, section

FRAMES = Talk().open().say(S, True, b"x" * 50).say(2 * S, False, b"y" * 500).frames
CAPTURE = pcap(FRAMES)
ETL = (1 << 16).to_bytes(4, "little") + bytes(68) + b"\2\0\2\xc0" + bytes(200)


def kept(folder: Path, data: bytes) -> str:
    path = folder / "a.pcap"
    path.write_bytes(data)
    return str(path)


def metered(path: str, **limits: int) -> tuple[Meter, SourceReport, list[tuple[int, int]]]:
    meter, report = Meter(MeterSettings()), SourceReport(path)
    stream = open_stream(path, InputSettings(**limits)) if limits else path
    return meter, report, list(read(stream, meter, report))


@pytest.mark.parametrize(
    "data", [CAPTURE, pcapng(FRAMES), pcap(FRAMES, order=">"), pcapng(FRAMES, order=">")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_reads_plain_and_packed(tmp_path: Path, data: bytes, packed: bool) -> None:
    path = kept(tmp_path, gzip.compress(data) if packed else data)
    meter, report, steps = metered(path)
    assert canonical(meter.windows(True)[0]) == canonical(rows(CAPTURE))
    assert report.problem is None
    assert steps[-1] == (Path(path).stat().st_size,) * 2
    assert first_ns(path) == START


def test_members_and_padding_of_gzip(tmp_path: Path) -> None:
    parts = gzip.compress(CAPTURE[:100]) + gzip.compress(CAPTURE[100:]) + bytes(512)
    _, report, _ = metered(kept(tmp_path, parts))
    assert (report.packets, report.problem) == (len(FRAMES), None)


def test_small_reads_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (24, 33, 100):
        monkeypatch.setattr(files, "READ_BYTES", size)
        for data in (CAPTURE, gzip.compress(CAPTURE)):
            meter, report, _ = metered(kept(tmp_path, data))
            assert canonical(meter.windows(True)[0]) == canonical(rows(CAPTURE))
            assert report.problem is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty file"),
        (b"GIF89a\x00\xff\xff\xff", "not a capture: starts with 47 49 46"),
        (b"time,watts\n1,2\n", "not a capture: text"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd data cut short"),
        (b"PK\x03\x04" + bytes(60), "not a capture: a zip archive"),
        (b"XCP\0" + bytes(60), "not a capture: a NetXRay capture; convert it with editcap"),
        (ETL, "not a capture: a Windows event trace (ETL); convert it with etl2pcapng"),
        (gzip.compress(b"time,watts\n1,2\n"), "gzip of no capture: text"),
        (gzip.compress(gzip.compress(CAPTURE)), "gzip of no capture: gzip again; unpack it once first"),
        (gzip.compress(CAPTURE)[:10] + b"\xff" * 40, "damaged gzip data"),
        (gzip.compress(b""), "empty file, packed as gzip"),
        (b"snoop\0\0\0\0\0\0\2", "Solaris snoop"),
        (b"\x1f", "not a capture: starts with 1f"),
    ],
)
def test_what_is_no_capture_is_refused_with_a_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = kept(tmp_path, data)
    with pytest.raises(CaptureError) as caught:
        metered(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert re.search(r" \(offset \d+\)$", str(caught.value))
    assert "\n" not in str(caught.value)
    assert first_ns(path) == 0


@pytest.mark.parametrize("name", ["nothing", "", "a\0b"])
def test_files_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(CaptureError, match=r"no such file|is a folder|no name"):
        metered(str(tmp_path / name) if name else str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    path = kept(tmp_path, CAPTURE)
    Path(path).chmod(0)
    with pytest.raises(CaptureError, match="permission denied"):
        metered(path)


def test_a_cut_tail_is_told_and_the_rest_kept(tmp_path: Path) -> None:
    _, report, _ = metered(kept(tmp_path, CAPTURE[:-1]))
    at = len(CAPTURE) - 16 - len(FRAMES[-1][1])
    assert report.problem is not None
    assert report.problem.endswith(f"cut short in a record (offset {at}); {len(FRAMES) - 1} packets read")
    assert report.packets == len(FRAMES) - 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (CAPTURE[:20], "cut short in its header (offset 20)"),
        (gzip.compress(CAPTURE)[:-12], "gzip data cut short (offset"),
        (CAPTURE + b"\xff" * 16, "impossible record of 4294967295 bytes (offset"),
        (
            section() + b"\6\0\0\0\xff\xff\xff\x7f" + bytes(8),
            "impossible record of 2147483647 bytes (offset 28)",
        ),
        (pcap([(START, b"abcd")], link=220), "unknown link type 220 (USB (Linux)) (offset 0)"),
        (pcap([(START, b"abcd")], link=9_999), "unknown link type 9999 (offset 0)"),
    ],
    ids=["header", "gzip cut", "record", "block", "USB", "unnamed link"],
)
def test_what_goes_wrong_on_the_way_stands_in_the_report(tmp_path: Path, data: bytes, said: str) -> None:
    path = kept(tmp_path, data)
    _, report, _ = metered(path)
    assert report.problem is not None
    assert report.problem.startswith(f"{path}: ")
    assert said in report.problem
    assert "\n" not in report.problem


def test_bombs_are_stopped(tmp_path: Path) -> None:
    path = kept(tmp_path, gzip.compress(CAPTURE + bytes(8 << 20)))
    _, report, steps = metered(path, unpacked_free_mib=1)
    assert report.problem is not None
    assert "gzip data unpacks more than 250-fold (offset" in report.problem
    assert len(steps) < 5


def test_what_grows_while_it_is_read_is_read_as_far_as_it_went(tmp_path: Path) -> None:
    """A record that its writer has not finished is no damage."""
    path = kept(tmp_path, CAPTURE[:-1])
    meter, report = Meter(MeterSettings()), SourceReport(path)
    for _ in read(path, meter, report):
        with Path(path).open("ab") as file:
            file.write(CAPTURE[-1:] + bytes(99))
    assert (report.packets, report.problem) == (len(FRAMES) - 1, None)
    assert report.notes == ["grew by 100 bytes while it was read; minewatch monitor --follow reads on"]


@pytest.mark.parametrize("data", [CAPTURE, gzip.compress(CAPTURE)])
def test_what_is_looked_at_of_a_pipe_is_read_all_the_same(tmp_path: Path, data: bytes) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: Path(path).write_bytes(data))
    writer.start()
    stream = open_stream(path)
    assert stream.head() and first_ns(stream) == START
    meter, report = Meter(MeterSettings()), SourceReport(path)
    steps = list(read(stream, meter, report))
    writer.join()
    assert (report.packets, report.problem, steps[-1]) == (len(FRAMES), None, (len(data), 0))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The window of bytes stays at the size of a read, whatever passes through it."""
    frame = FRAMES[-1]
    path = kept(tmp_path, pcap([frame] * 20_000))
    meter, report, _ = metered(path)
    assert report.packets == 20_000
    assert len(meter._stream._buffer) <= 2 * files.READ_BYTES
