"""Captures and power files told apart by content; each mistake is one line."""

import gzip

from detector.inputs import kind_of, sort_inputs

PCAP = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16)


def test_kinds_by_content() -> None:
    assert kind_of(PCAP) == "capture"
    assert kind_of(gzip.compress(PCAP)) == "capture"
    assert kind_of(b"time,node,watts\n2026-03-01T00:00:00Z,a,5\n") == "power"
    assert kind_of(gzip.compress(b"time;kWh\n")) == "power"
    assert kind_of(b"PAR1" + bytes(20)) == "power"
    assert kind_of(b"") == "empty file"
    assert "a PDF" in kind_of(b"%PDF-1.7 ...")
    assert "decompress" in kind_of(b"\x28\xb5\x2f\xfd....")
    assert kind_of(b"\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff") == "damaged gzip data"
    assert (
        kind_of(b"just words")
        == "neither a capture (pcap, pcapng) nor a table of power readings (CSV, Parquet)"
    )


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
