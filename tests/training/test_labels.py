"""LABELS.csv: what it means, and that each mistake is told in one line with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.labels import SHOWN, LabelError, label_of, read_labels

HEADER = "source,host,start,end,label,group"
GOOD = "a.pcap,10.0.0.7,,,mining,siteA\nb.pcap,*,,,benign,siteB\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.pcap", "b.pcap", "power.csv"):
        (tmp_path / name).touch()
    (tmp_path / "day").mkdir()
    return tmp_path


def write(folder: Path, rows: str, header: str = HEADER) -> Path:
    path = folder / "LABELS.csv"
    path.write_text(f"{header}\n{rows}", encoding="utf-8")
    return path


def told(path: Path) -> list[str]:
    with pytest.raises(LabelError) as caught:
        read_labels(path)
    return str(caught.value).splitlines()


def test_every_column(folder: Path) -> None:
    header = f"{HEADER},coin,variant,weight,power_source"
    times = "1970-01-01T00:00:01.5Z,1970-01-01T02:00:00+01:00"
    row = f"a.pcap,::ffff:10.0.0.7,{times},mining,g,XMR,tls,2.5,power.csv\n"
    first, second = read_labels(write(folder, row + "day,meter 12,,,benign,h,,,,\n", header))
    assert (first.source, first.power_source) == (folder / "a.pcap", folder / "power.csv")
    assert (first.host, first.start_ns, first.end_ns) == ("10.0.0.7", 1_500_000_000, 3600 * 10**9)
    assert (first.mining, first.group, first.coin, first.variant) == (True, "g", "XMR", "tls")
    assert (first.weight, first.line) == (2.5, 2)
    assert (second.source, second.host, second.mining) == (folder / "day", "meter 12", False)
    assert (second.start_ns, second.end_ns, second.coin) == (None, None, None)
    assert (second.weight, second.power_source) == (1.0, None)


def test_byte_order_mark_blank_lines_and_column_order(folder: Path) -> None:
    path = folder / "LABELS.csv"
    text = "label,group,source,host,start,end\r\n\r\nmining,g,a.pcap,*,,\r\n,,,,,\r\nbenign,g,b.pcap,*,,\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [label.line for label in read_labels(path)] == [3, 5]


def test_absolute_and_upward_paths_are_the_users_own(folder: Path) -> None:
    nested = folder / "day" / "LABELS.csv"
    nested.write_text(f"{HEADER}\n../a.pcap,*,,,mining,g\n{folder / 'b.pcap'},*,,,benign,g\n")
    assert [label.source.name for label in read_labels(nested)] == ["a.pcap", "b.pcap"]


MISTAKES = [
    ("a.pcap,*,,,minning,g", "label 'minning' is neither 'mining' nor 'benign'; did you mean 'mining'?"),
    ("a.pcap,*,,,Mining,g", "did you mean 'mining'?"),
    ("a.pcap,*,,,miner,g", "label 'miner' is neither 'mining' nor 'benign'; did you mean 'mining'?"),
    ("a.pcap,*,,,Normal,g", "did you mean 'benign'?"),
    ("a.pcap,*,,,0,g", "did you mean 'benign'?"),
    ("a.pcap,*,,,,g", "neither"),
    ("a.pcap,*,,,mining,", "group is empty"),
    (",*,,,mining,g", "source is empty"),
    ("none.pcap,*,,,mining,g", "source 'none.pcap' does not exist"),
    ("a.pcap,,,,mining,g", "host is empty"),
    ("a.pcap,10.0.0.300,,,mining,g", "host '10.0.0.300' is not an address"),
    ("a.pcap,10.0.0.0/8,,,mining,g", "one row a host"),
    ("a.pcap,fe80::g,,,mining,g", None),  # a meter may be called that
    ("a.pcap,1::2::3,,,mining,g", "not an address"),
    ("a.pcap,*,2026-03-01,,mining,g", "start '2026-03-01' is not RFC 3339"),
    ("a.pcap,*,2026-03-01T00:00:00,,mining,g", "with an offset"),
    ("a.pcap,*,1772323200,,mining,g", "not RFC 3339"),
    ("a.pcap,*,2026-02-30T00:00:00Z,,mining,g", "is no time"),
    ("a.pcap,*,2026-03-01T25:00:00Z,,mining,g", "is no time"),
    ("a.pcap,*,,\uff12026-03-01T00:00:00Z,mining,g", "not RFC 3339"),
    ("a.pcap,*,2026-03-01T01:00:00Z,2026-03-01T00:00:00Z,mining,g", "is not after start"),
    ("a.pcap,*,2026-03-01T01:00:00Z,2026-03-01T02:00:00+01:00,mining,g", "is not after start"),
    ("a.pcap,*,,,mining", "5 cells under 6 columns"),
    ("a.pcap,*,,,mining,g,", "7 cells under 6 columns"),
    ('a.pcap,*,,,mining,"g', "unexpected end of data"),
    ("a.pcap,*,,,mining,g\x1b[2J", "control characters"),
    (f"a.pcap,*,,,mining,{'g' * 501}", "longer than 500"),
]


@pytest.mark.parametrize(("row", "text"), MISTAKES, ids=[row[:40] for row, _ in MISTAKES])
def test_mistakes_of_a_row(folder: Path, row: str, text: str | None) -> None:
    path = write(folder, f"b.pcap,*,,,benign,g\n{row}\n")
    if text is None:
        assert len(read_labels(path)) == 2
        return
    (line,) = told(path)
    assert line.startswith(f"{path}, line 3: ")
    assert text in line


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (HEADER + ",cion", "unknown column 'cion'; did you mean 'coin'?"),
        (HEADER + ",zzz", "unknown column 'zzz'; known: source"),
        (HEADER + ",group", "'group' is there twice"),
        (HEADER.removesuffix(",group"), "missing: group"),
        ("", "missing: source"),
    ],
)
def test_mistakes_of_the_header(folder: Path, header: str, text: str) -> None:
    (line,) = told(write(folder, "", header))
    assert ", line 1: " in line
    assert text in line


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "1e9", "heavy"])
def test_weights_out_of_range(folder: Path, weight: str) -> None:
    (line,) = told(
        write(folder, f"a.pcap,*,,,mining,g,{weight}\nb.pcap,*,,,benign,g,1\n", HEADER + ",weight")
    )
    assert "line 2: weight" in line


def test_a_file_that_cannot_be_read(folder: Path) -> None:
    assert "no such file" in told(folder / "none.csv")[0]
    assert len(told(folder / "day")) == 1
    path = folder / "LABELS.csv"
    path.write_bytes(b"source,host\n\xe9\xff\n")
    assert "not UTF-8" in told(path)[0]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("a.pcap,*,,,mining,g\n", "every row is mining"),
        ("a.pcap,*,,,benign,g\n", "add mining"),
        ("", "no rows"),
    ],
)
def test_one_class_is_not_enough(folder: Path, rows: str, text: str) -> None:
    (line,) = told(write(folder, rows))
    assert text in line


def test_all_mistakes_at_once_but_not_without_end(folder: Path) -> None:
    lines = told(write(folder, "none,*,,,mining,g\n" * 50))
    assert len(lines) == SHOWN + 1
    assert lines[-1].endswith("30 more mistakes")


DAY = "2026-03-01T{:02}:00:00Z"


def spans(*rows: tuple[object, object, str, str]) -> str:
    def time(hour: object) -> str:
        return "" if hour is None else DAY.format(hour)

    return "".join(f"a.pcap,10.0.0.7,{time(s)},{time(e)},{label},{g}\n" for s, e, label, g in rows)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([(1, 5, "mining", "g"), (4, 6, "benign", "g")], "line 3: contradicts the label of line 2"),
        ([(None, None, "mining", "g"), (4, 6, "benign", "g")], "line 3: contradicts the label of line 2"),
        ([(4, 6, "benign", "g"), (None, 5, "mining", "g")], "line 2: contradicts the label of line 3"),
        ([(1, 5, "mining", "g"), (4, 6, "mining", "h")], "line 3: contradicts the group of line 2"),
        ([(1, 9, "mining", "g"), (2, 3, "mining", "g"), (7, 8, "benign", "g")], "label of line 2"),
        ([(1, 5, "mining", "g"), (5, 6, "benign", "g")], None),
        ([(1, 5, "mining", "g"), (2, 6, "mining", "g"), (6, None, "benign", "g")], None),
    ],
)
def test_contradictions(folder: Path, rows: list[tuple[object, object, str, str]], text: str | None) -> None:
    path = write(folder, spans(*rows) + "b.pcap,*,,,benign,z\n")
    if text is None:
        assert len(read_labels(path)) == len(rows) + 1
        return
    (line,) = told(path)
    assert text in line


def test_the_same_source_by_two_names_is_one(folder: Path) -> None:
    rows = "a.pcap,10.0.0.7,,,mining,g\nday/../a.pcap,::ffff:10.0.0.7,,,benign,g\n"
    assert "contradicts" in told(write(folder, rows))[0]


def test_a_named_host_goes_before_every_host(folder: Path) -> None:
    rows = f"a.pcap,*,,,benign,g\na.pcap,10.0.0.7,{DAY.format(1)},{DAY.format(2)},mining,g\n"
    labels = read_labels(write(folder, rows))
    start = labels[1].start_ns
    assert start is not None
    hour = 3600 * 10**9
    assert label_of(labels, "10.0.0.9", start, start + 1) is labels[0]
    assert label_of(labels, "10.0.0.7", start, start + hour - 1) is labels[1]
    assert label_of(labels, "10.0.0.7", start - 1, start + 5) is None  # partly mining
    assert label_of(labels, "10.0.0.7", start + 5, start + hour) is None
    assert label_of(labels, "10.0.0.7", start + hour, start + 2 * hour) is labels[0]


def test_what_no_label_speaks_of(folder: Path) -> None:
    labels = read_labels(write(folder, GOOD))
    of_a = [label for label in labels if label.source.name == "a.pcap"]
    assert label_of(of_a, "10.0.0.8", 0, 1) is None
    assert label_of(of_a, "10.0.0.7", 0, 1) is labels[0]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda s: s.encode("utf-8", "replace")))
def test_any_file_is_labels_or_one_error(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(f"{HEADER}\n".encode() + data)
    try:
        read_labels(path)
    except LabelError as error:
        assert all(line.startswith(str(path)) for line in str(error).split("\n"))
