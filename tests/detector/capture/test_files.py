"""Reading recorded captures: formats, packing, and one clear line for everything that is wrong."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from detector.capture import CaptureError, files, first_ns, read
from detector.kernel import Meter
from detector.records import SourceReport
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import START, S, Talk, canonical, pcap, pcapng, rows, section

FRAMES = Talk().open().say(S, True, b"x" * 50).say(2 * S, False, b"y" * 500).frames
CAPTURE = pcap(FRAMES)


def kept(folder: Path, data: bytes) -> str:
    path = folder / "a.pcap"
    path.write_bytes(data)
    return str(path)


def metered(path: str) -> tuple[Meter, SourceReport, list[tuple[int, int]]]:
    meter, report = Meter(MeterSettings()), SourceReport(path)
    return meter, report, list(read(path, meter, report))


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
    meter, report, _ = metered(kept(tmp_path, parts))
    assert (meter.counters.packets, report.problem) == (len(FRAMES), None)


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
        (b"\x28\xb5\x2f\xfd\x00", "not a capture: zstd-compressed; decompress it first"),
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
    assert str(caught.value).endswith("(offset 0)")
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
    meter, report, _ = metered(kept(tmp_path, CAPTURE[:-1]))
    at = len(CAPTURE) - 16 - len(FRAMES[-1][1])
    assert report.problem is not None
    assert report.problem.endswith(f"cut short in a record (offset {at}); {len(FRAMES) - 1} packets read")
    assert meter.counters.packets == len(FRAMES) - 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (CAPTURE[:20], "cut short in its header (offset 20)"),
        (gzip.compress(CAPTURE)[:-12], "gzip data cut short (offset"),
        (gzip.compress(CAPTURE)[:10] + b"\xff" * 40, "damaged gzip data"),
        (gzip.compress(b"time,watts\n1,2\n"), "gzip of no capture: text"),
        (CAPTURE + b"\xff" * 16, "impossible record of 4294967295 bytes (offset"),
        (
            section() + b"\6\0\0\0\xff\xff\xff\x7f" + bytes(8),
            "impossible record of 2147483647 bytes (offset 28)",
        ),
        (pcap([(START, b"abcd")], link=220), "unknown link type 220 (USB (Linux)) (offset 0)"),
        (pcap([(START, b"abcd")], link=9_999), "unknown link type 9999 (offset 0)"),
    ],
    ids=["header", "gzip cut", "gzip damaged", "gzip of text", "record", "block", "USB", "unnamed link"],
)
def test_what_goes_wrong_on_the_way_stands_in_the_report(tmp_path: Path, data: bytes, said: str) -> None:
    path = kept(tmp_path, data)
    _, report, _ = metered(path)
    assert report.problem is not None
    assert report.problem.startswith(f"{path}: ")
    assert said in report.problem
    assert "\n" not in report.problem


def test_gzip_bombs_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(files, "_MOST_RATIO", 100)
    path = kept(tmp_path, gzip.compress(CAPTURE + bytes(8 << 20)))
    _, report, steps = metered(path)
    assert report.problem is not None
    assert "unpacks more than 100-fold" in report.problem
    assert len(steps) < 5


def test_pipes_are_read_and_left_alone_by_first_ns(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    assert first_ns(path) == 0
    writer = threading.Thread(target=lambda: Path(path).write_bytes(CAPTURE))
    writer.start()
    meter, report, steps = metered(path)
    writer.join()
    assert (meter.counters.packets, report.problem, steps[-1]) == (len(FRAMES), None, (len(CAPTURE), 0))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The window of bytes stays at the size of a read, whatever passes through it."""
    frame = FRAMES[-1]
    path = kept(tmp_path, pcap([frame] * 20_000))
    meter, _, _ = metered(path)
    assert meter.counters.packets == 20_000
    assert len(meter._stream._buffer) <= 2 * files.READ_BYTES
