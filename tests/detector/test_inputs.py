"""Captures and power files told apart by content; mistakes are one line, nothing is read twice."""

import bz2
import gzip
import lzma
import os
import socket
import threading
from pathlib import Path

import lz4.frame
import pytest
from backports import zstd

from detector import inputs as module
from detector.inputs import kind_of, sort_inputs

PCAP = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16)
CSV = b"time,node,watts\n2026-03-01T00:00:00Z,a,5\n"
PACKERS = (gzip.compress, zstd.compress, lz4.frame.compress, bz2.compress, lzma.compress)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (PCAP, "capture"),
        (CSV, "power"),
        (b"PAR1" + bytes(20), "power"),
        *((pack(PCAP), "capture") for pack in PACKERS),
        *((pack(CSV), "power") for pack in PACKERS),
        (b"", "empty file"),
        (b"%PDF-1.7 ...", "neither a capture nor power readings but a PDF"),
        (b"XCP\0....", "a NetXRay capture; convert it with editcap, or use --engine pyshark"),
        (gzip.compress(zstd.compress(PCAP)), "but zstd again; unpack it once first"),
        (zstd.compress(b""), "empty file, packed as zstd"),
        (
            b"just words",
            "nor a flow log (Zeek, Suricata, NetFlow, IPFIX, nfdump)"
            " nor a table of power readings (CSV, Parquet)",
        ),
    ],
)
def test_kinds_by_content(head: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(head)
    assert kind_of(path).endswith(kind)


def test_only_wireshark_reads_a_foreign_capture(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    Path(path).write_bytes(b"snoop\0\0\0" + bytes(60))
    assert sort_inputs([path]).captures == [] and sort_inputs([path], foreign=True).captures == [path]


def test_what_is_named_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(PCAP)
    (tmp_path / "hard").hardlink_to(path)
    (tmp_path / "soft").symlink_to(path)
    found = sort_inputs([str(path), str(tmp_path), str(path)], [str(path)])
    assert (found.captures, found.power, found.problems) == ([str(path)], [], [])
    assert len(found.notes) == 5
    assert f"{tmp_path / 'hard'}: the same file as {path}; read once" in found.notes
    assert found.notes[-1] == f"{path}: named twice; read once"


def test_nothing_in_a_folder_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        (tmp_path / "z.pcap").write_bytes(PCAP)
        found = sort_inputs([str(tmp_path)])
    assert (found.captures, found.problems) == ([str(tmp_path / "z.pcap")], [])
    (note,) = found.notes
    assert "nowhere (a link that leads nowhere), pipe (a pipe), socket (a socket)" in note


def test_what_vanishes_between_listing_and_reading_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(PCAP)
    listed = module._files

    def then_gone(folder, inputs):
        paths = listed(folder, inputs)
        (tmp_path / "a").unlink()
        return paths

    monkeypatch.setattr(module, "_files", then_gone)
    found = sort_inputs([str(tmp_path)])
    assert found.captures == [str(tmp_path / "b")]
    assert found.notes == [f"{tmp_path}: 1 file skipped, no captures, flow logs or power readings: a (gone)"]


def test_no_file_is_held_open(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"{i}.pcap").write_bytes(PCAP)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert len(sort_inputs([str(tmp_path)]).captures) == 300
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(("content", "kind"), [(PCAP, "captures"), (zstd.compress(CSV), "power")])
@pytest.mark.parametrize("told_power", [False, True])
def test_a_pipe_is_opened_once_and_told_by_content(
    content: bytes, kind: str, told_power: bool, tmp_path: Path
) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: Path(path).write_bytes(content))
    writer.start()
    found = sort_inputs([], [path]) if told_power else sort_inputs([path])
    writer.join()
    assert getattr(found, kind) == [path]
    with found.streams[path] as stream:
        assert stream.read() in (PCAP, CSV)


def test_a_folder_gives_what_it_holds_and_counts_the_rest(tmp_path) -> None:
    (tmp_path / "a.bin").write_bytes(PCAP)
    (tmp_path / "b.txt").write_text("time,watts\n")
    (tmp_path / "c.md").write_text("words")
    inputs = sort_inputs([str(tmp_path)])
    assert inputs.captures == [str(tmp_path / "a.bin")]
    assert inputs.power == [str(tmp_path / "b.txt")]
    assert inputs.problems == []
    assert "1 file skipped" in inputs.notes[0]


def test_what_was_named_and_cannot_be_read_is_a_problem_of_one_line(tmp_path) -> None:
    (tmp_path / "c.md").write_text("words")
    inputs = sort_inputs([str(tmp_path / "c.md"), str(tmp_path / "none"), str(tmp_path / "x*.pcap")])
    assert len(inputs.problems) == 3
    assert inputs.problems[1].endswith("none: no such file")
    assert inputs.problems[2].endswith("no file matches")
    assert not any("\n" in line for line in inputs.problems)


def test_patterns_are_expanded_in_order(tmp_path) -> None:
    for name in ("2.pcap", "1.pcap"):
        (tmp_path / name).write_bytes(PCAP)
    assert sort_inputs([str(tmp_path / "*.pcap")]).captures == [
        str(tmp_path / "1.pcap"),
        str(tmp_path / "2.pcap"),
    ]


def test_copies_are_read_once_however_they_are_packed(tmp_path: Path) -> None:
    content = PCAP + bytes(range(256)) * 40
    (tmp_path / "a.pcap").write_bytes(content)
    (tmp_path / "b.pcap").write_bytes(content)
    (tmp_path / "c.pcap.gz").write_bytes(gzip.compress(content))
    (tmp_path / "d.pcap").write_bytes(content[:-1] + b"x")  # differs in its last byte
    (tmp_path / "e.pcap").write_bytes(content[:-1])  # began as the same
    found = sort_inputs([str(tmp_path), str(tmp_path / "b.pcap")])
    assert [Path(path).name for path in found.captures] == ["a.pcap", "d.pcap", "e.pcap"]
    notes = [
        f"{tmp_path / name}: holds the same as {tmp_path / 'a.pcap'}; read once"
        for name in ("b.pcap", "c.pcap.gz")
    ]
    assert found.notes == [*notes, f"{tmp_path / 'b.pcap'}: named twice; read once"]


@pytest.mark.parametrize(
    "text",
    [
        '{"timestamp":"2026-03-01T00:00:00.0+0000","event_type":"flow"}\n',
        "#separator \\x09\n#fields\tts\n",
        '{"ts":1,"id.orig_h":"10.0.0.1"}\n',
    ],
)
def test_a_flow_log_in_utf16_is_told_as_such(text: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(text.encode("utf-16"))
    assert sort_inputs([str(tmp_path / "log")]).problems == [f"{tmp_path / 'log'}: {module.FLOWS_IN_UTF16}"]
    assert "UTF-16" in sort_inputs([str(tmp_path)]).problems[0]
