"""Labels held against their sources: the rows they give, from captures and from window tables alike, and the
mistakes that only a source shows."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.cli import main
from detector.features.channel import NAMES
from detector.model import Bundle
from detector.records import Vectors
from detector.settings import Settings
from training import labelled, table
from training.labelled import Labelled
from training.labels import doubts, read_labels

SAMPLES = Path(__file__).parents[2] / "sample_data"
HEADER = "source,host,start,end,label,group,coin,variant,weight,power_source\n"
CAMPUS, NODES = "campus-hour.pcap.gz", "node-day.csv"
MINER, HIDDEN, ORDINARY = "10.20.0.23", "10.20.0.57", "10.20.0.40"


@pytest.fixture(scope="module")
def base() -> Bundle:
    return Bundle.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (CAMPUS, NODES):
        shutil.copy(SAMPLES / name, tmp_path / name)
    return tmp_path


def read(folder: Path, base: Bundle, *rows: str) -> Labelled:
    path = folder / "LABELS.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return labelled.read(read_labels(path), Settings(), base.channel, path)


def extracted(folder: Path, *names: str) -> Path:
    into = folder / "windows"
    with contextlib.redirect_stderr(io.StringIO()):
        assert main(["extract", *(str(folder / name) for name in names), "--output", str(into)]) == 0
    return into


LABELS = (
    f"{{0}},{MINER},,,mining,a,,,2.5,",
    f"{{0}},{HIDDEN},,,mining,b,,,,",
    f"{{0}},{ORDINARY},,,benign,c,,,,",
    *(f"{{0}},10.20.0.{n},,,benign,d,,,," for n in (41, 42, 43, 61, 100, 101, 102, 103)),
    "{1},gpu-057,,,mining,n,,,3,",
    "{1},web-01,,,benign,m,,,,",
)


def test_a_window_table_gives_the_rows_of_the_capture_bit_for_bit(folder: Path, base: Bundle) -> None:
    windows = extracted(folder, CAMPUS, NODES)
    (folder / "sorted").mkdir()
    (folder / "sorted" / CAMPUS).symlink_to(folder / CAMPUS)
    ways = [(CAMPUS, NODES), (windows.name, windows.name), ("sorted", NODES)]
    first, *others = (read(folder, base, *(row.format(*way) for row in LABELS)) for way in ways)
    assert not first.mistakes and not first.unmet
    (want, power) = table.concatenate(first.channels), first.power
    assert len(want) > 100 and {1, 0} == set(want.label.tolist()) and want.dialogue.any()
    assert set(want.weight[np.array(want.group) == "a"]) == {2.5}
    for other in others:
        assert not other.mistakes and not other.unmet
        rows = table.concatenate(other.channels)
        for name in ("values", "label", "bucket", "words", "simulated", "weight", "lacks"):
            assert getattr(rows, name).tobytes() == getattr(want, name).tobytes(), name
        assert rows.group == want.group and rows.family == want.family
        channel = [name.split("#")[1] for name in rows.example]
        assert channel == [name.split("#")[1] for name in want.example]
        for part, expected in zip(other.power, power, strict=True):
            assert part.values.tobytes() == expected.values.tobytes()
            assert (part.label, part.group, part.tier, part.weight) == (
                expected.label, expected.group, expected.tier, expected.weight,
            )  # fmt: skip


def test_captures_of_a_folder_are_told_apart_in_its_window_table(folder: Path, base: Bundle) -> None:
    """Two captures at once: what each says of a channel is joined in order of time."""
    both = folder / "both"
    both.mkdir()
    shutil.copy(folder / CAMPUS, both / "a.pcap.gz")
    (both / "b.pcap").write_bytes(gzip.decompress((folder / CAMPUS).read_bytes()))
    windows = extracted(folder, "both")
    rows = (f"{{0}},{ORDINARY},,,benign,c,,,,", f"{{0}},{MINER},,,mining,a,,,,")
    one, two = (read(folder, base, *(row.format(name) for row in rows)) for name in ("both", windows.name))
    want, got = table.concatenate(one.channels), table.concatenate(two.channels)
    assert len(want) and want.values.tobytes() == got.values.tobytes()


def test_of_a_miner_the_channel_that_speaks_or_most_suspect_is_learnt(folder: Path, base: Bundle) -> None:
    found = read(
        folder, base, *(f"{CAMPUS},{host},,,mining,{host},,,," for host in (MINER, HIDDEN)),
        f"{CAMPUS},{ORDINARY},,,benign,c,,,,",
    )  # fmt: skip
    rows = table.concatenate(found.channels)
    mining = rows.label == 1
    assert {rows.group[i] for i in np.flatnonzero(mining)} == {MINER, HIDDEN}
    assert len({rows.example[i] for i in np.flatnonzero(mining)}) == 2  # one channel a host
    scores = base.channel.score(Vectors(NAMES, rows.values)).probability
    assert scores[mining & rows.dialogue].min() > 0.5
    assert not rows.simulated.any()


# --- hosts with their meter


def test_a_host_and_its_meter_are_a_pair(folder: Path, base: Bundle) -> None:
    (folder / "meter.csv").write_text(_only(folder / NODES, "gpu-057"), encoding="utf-8")
    found = read(
        folder, base,
        f"{CAMPUS},{MINER},,,mining,a,,,4,meter.csv",
        f"{NODES},web-01,,,benign,m,,,,",
        f"{CAMPUS},{ORDINARY},,,benign,c,,,,",
    )  # fmt: skip
    (pair,) = found.pairs
    assert not found.mistakes and pair.mining and pair.weight == 4
    assert found.power[pair.meter].label.tolist() == [True]
    assert found.power[pair.meter].group == ["a"]
    assert pair.examples <= set(table.concatenate(found.channels).example)
    assert len(found.power) == 2


def _only(path: Path, meter: str) -> str:
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    return "\n".join([header, *(row for row in rows if meter in row)]) + "\n"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (f"{CAMPUS},{MINER},,,mining,a,,,,{NODES}", "none called 10.20.0.23 (there are "),
        (f"{CAMPUS},*,,,mining,a,,,,{NODES}", "one row a host"),
        (f"{CAMPUS},{MINER},,,mining,a,,,,{CAMPUS}", "has 0 meters"),
    ],
)
def test_a_meter_that_is_not_the_hosts_is_a_mistake(folder: Path, base: Bundle, row: str, text: str) -> None:
    (line,) = read(folder, base, row, f"{CAMPUS},{ORDINARY},,,benign,c,,,,").mistakes
    assert line.startswith(f"{folder / 'LABELS.csv'}, line 2: ") and text in line


# --- mistakes


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (
            f"{CAMPUS},10.20.0.233,,,mining,a,,,,",
            "host '10.20.0.233' is not in campus-hour.pcap.gz; did you mean",
        ),
        (f"{NODES},gpu-57,,,mining,a,,,,", "did you mean 'gpu-057'?"),
        (f"{CAMPUS},{MINER},,2000-01-01T00:00:00Z,mining,a,,,,", "it holds 10.20.0.23 from 2026-"),
        (
            f"{CAMPUS},*,2050-01-01T00:00:00Z,,mining,a,,,,",
            "the time lies outside campus-hour.pcap.gz: it holds from",
        ),
    ],
)
def test_what_the_source_does_not_hold(folder: Path, base: Bundle, row: str, text: str) -> None:
    found = read(folder, base, row, f"{CAMPUS},{ORDINARY},,,benign,c,,,,")
    (line,) = found.unmet
    assert line.startswith(f"{folder / 'LABELS.csv'}, line 2: ") and text in line
    assert not found.mistakes


def test_a_label_that_cuts_every_window_of_its_host_is_noted(folder: Path, base: Bundle) -> None:
    whole = read(folder, base, f"{CAMPUS},{MINER},,,mining,a,,,,", f"{CAMPUS},{ORDINARY},,,benign,c,,,,")
    assert whole.notes == []
    cut = f"{CAMPUS},{MINER},,2026-03-02T10:04:10Z,mining,a,,,,"
    found = read(folder, base, cut, f"{CAMPUS},{ORDINARY},,,benign,c,,,,")
    assert not found.unmet
    assert "line 2: nothing of 10.20.0.23" in found.notes[0]


def test_one_content_under_two_groups_is_told(folder: Path, base: Bundle) -> None:
    shutil.copy(folder / CAMPUS, folder / "copy.pcap.gz")
    rows = (f"{CAMPUS},{MINER},,,mining,a,,,,", f"copy.pcap.gz,{ORDINARY},,,benign,b,,,,")
    (line,) = read(folder, base, *rows).mistakes
    assert "line 3: copy.pcap.gz has the content of campus-hour.pcap.gz (line 2)" in line
    assert "'b', not 'a'" in line
    assert read(folder, base, *(row.replace(",b,", ",a,") for row in rows)).mistakes == []


def test_a_capture_and_its_extract_under_two_groups_are_told(folder: Path, base: Bundle) -> None:
    windows = extracted(folder, CAMPUS)
    rows = (f"{CAMPUS},{MINER},,,mining,a,,,,", f"{windows.name},{MINER},,,mining,b,,,,")
    found = read(folder, base, *rows, f"{CAMPUS},{ORDINARY},,,benign,a,,,,")
    (line,) = found.mistakes
    assert "line 3: windows holds traffic of campus-hour.pcap.gz (line 2)" in line


def test_groups_that_part_what_belongs_together_are_doubted(folder: Path) -> None:
    for name in ("a.pcap", "b.pcap", "c.pcap"):
        (folder / name).touch()
    path = folder / "LABELS.csv"

    def told(*rows: str) -> list[str]:
        path.write_text(HEADER + "".join(f"{row},,,,\n" for row in rows), encoding="utf-8")
        return doubts(read_labels(path))

    one_each = told("a.pcap,*,,,mining,a", "b.pcap,*,,,benign,b", "c.pcap,*,,,benign,c")
    assert len(one_each) == 2 and "no group holds more than one source" in one_each[0]
    assert "all mining rows are of the group 'a'" in one_each[1]
    fine = told(
        "a.pcap,10.0.0.1,,,mining,a",
        "b.pcap,10.0.0.1,,,mining,b",
        "c.pcap,*,,,benign,a",
        "b.pcap,*,,,benign,b",
    )
    assert fine == []


# --- sources that are none


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"#separator \\x09\n#fields\tts\tuid\n", "odd"),
        (b'{"timestamp":"2026-03-01T00:00:00","event_type":"flow"}\n', "1 record left out"),
        (b"\x0c\xa5\x01\x00", "nfdump"),
        (b"%PDF-1.7", "a PDF"),
        (b"PAR1 and then nothing", "damaged Parquet file"),
        (b"", "empty file"),
        (b"\xd4\xc3\xb2\xa1", "odd"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_line(
    folder: Path, base: Bundle, content: bytes, text: str
) -> None:
    (folder / "odd").write_bytes(content)
    found = read(folder, base, "odd,10.0.0.1,,,mining,a,,,,", f"{CAMPUS},{ORDINARY},,,benign,c,,,,")
    (line,) = [*found.mistakes, *found.unmet]
    assert line.startswith(f"{folder / 'LABELS.csv'}, line 2: ") and text in line
    assert len(found.channels) == 1  # nothing else lost


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    shutil.copy(SAMPLES / CAMPUS, folder / CAMPUS)
    return extracted(folder, CAMPUS) / "channels.parquet"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.drop_columns(["client"]),
        lambda t: t.drop_columns(["up_lengths"]),
        lambda t: t.set_column(0, "source", pa.nulls(len(t), pa.int64())),
        lambda t: t.set_column(3, "port", pa.array([70_000] * len(t), pa.int32())),
        lambda t: t.set_column(1, "client", pa.array(["x"] * len(t))),
        lambda t: t.set_column(1, "client", pa.nulls(len(t), pa.string())),
        lambda t: t.replace_schema_metadata({b"minewatch": b"minewatch.windows/9 channels"}),
        lambda t: t.set_column(
            t.column_names.index("facts_logins"), "facts_logins", pa.nulls(len(t), pa.int64())
        ),
    ],
    ids=["client", "lengths", "source", "port", "address", "null", "format", "facts"],
)
def test_a_damaged_window_table_is_one_line(
    windows: Path, base: Bundle, tmp_path: Path, change: object
) -> None:
    table_ = pq.read_table(windows)
    pq.write_table(change(table_), tmp_path / "bad.parquet")  # type: ignore[operator]
    found = read(tmp_path, base, "bad.parquet,*,,,benign,c,,,,", "bad.parquet,1.2.3.4,,,mining,a,,,,")
    (line,) = found.mistakes
    assert "line 2: " in line and "bad.parquet" in line


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_in_a_window_table_are_rows_or_one_line(
    windows: Path, base: Bundle, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(windows.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "bad.parquet").write_bytes(content)
    found = read(tmp_path, base, "bad.parquet,*,,,benign,c,,,,", "bad.parquet,1.2.3.4,,,mining,a,,,,")
    assert len(found.mistakes) <= 1
