"""What must not make a sniffer or a reader think for long: one line of each kind, repeated."""

from pathlib import Path

import pytest

from detector.inputs import sort_inputs
from detector.telemetry import SOURCES, TelemetryError, read_power

LINES = [
    b" " * 60_000, b"\n" * 60_000, b"1" * 60_000, b"a: " * 20_000, b"x|" + b"1 " * 30_000, b"/KFM\n" * 12_000,
    b"2024-07-21 04:49:22" * 3000, b"|" * 60_000, b"Current Power" + b" " * 60_000, b"<a " * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: repr(line[:12]))
def test_odd_lines_are_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(line + b"\n" + line)
    for source in SOURCES:
        source.sniff(path.read_bytes()[:65_536], path.name)
    for start in (b"", b"Sys Power | 1 Watts | ok\n", b"Current Power : 5 Watts\n", b"0 0 PkgWatt\n"):
        path.write_bytes(start + line)
        with pytest.raises(TelemetryError):
            read_power(path)


def test_logs_are_told_by_content_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "bmc").write_text("1700000000\nSys Power | 270 Watts | ok\n", encoding="utf-8")
    (tmp_path / "notes").write_text("Watts are fine\n", encoding="utf-8")
    assert sort_inputs([str(tmp_path / "bmc")]).power == [str(tmp_path / "bmc")]
    found = sort_inputs([str(tmp_path)])
    assert found.power == [str(tmp_path / "bmc")] and "notes" in found.notes[0]
