"""Damaged power files: what is whole is read, what is not is told and counted."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.pipeline import Request, score
from detector.telemetry import TelemetryError, read_power
from detector.windows.parquet import WindowsFileError
from tests.detector.telemetry.test_green_button import FEED, WH, block, meter, reading_type
from training import window_tables

ROWS = 4_000
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "bzip2": lambda data: b"".join(bz2.compress(data[i : i + 9_000]) for i in range(0, len(data), 9_000)),
    "xz": lzma.compress,
}
times = np.datetime64("2026-01-01", "s") + 60 * np.arange(ROWS)
watts = np.random.default_rng(1).integers(100, 99_999, ROWS)
TABLE = "time,watts\n" + "".join(f"{t}Z,{w}\n" for t, w in zip(times, watts, strict=True))
slow = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@slow
@given(st.sampled_from(list(PACK)), st.floats(0.5, 0.999))
def test_a_packed_table_is_read_up_to_its_end(tmp_path: Path, name: str, place: float) -> None:
    """No row is invented: the number in which a table was cut lacks digits, and is left out."""
    packed = PACK[name](TABLE.encode())
    path = tmp_path / f"cut.{name}"
    path.write_bytes(packed[: int(len(packed) * place)])
    try:
        readings = read_power(path)
    except TelemetryError as error:  # a format whose first block was cut
        assert str(error).startswith(f"{path}: ") and name in str(error) and "\n" not in str(error)
        return
    assert readings.watts.tolist() == watts[: len(readings)].tolist()
    assert readings.problem is not None
    assert readings.problem.startswith(f"{path}: ") and name in readings.problem


@pytest.mark.parametrize("name", ["gzip", "bzip2"])
def test_most_of_a_cut_table_is_read(tmp_path: Path, name: str) -> None:
    packed = PACK[name](TABLE.encode())
    path = tmp_path / "cut"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    assert len(read_power(path)) > 0.75 * ROWS


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_plain_table_may_lack_the_end_of_its_last_line(tmp_path: Path, end: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(TABLE.rstrip("\n") + end, encoding="utf-8")
    readings = read_power(path)
    assert len(readings) == ROWS and readings.problem is None


@slow
@given(st.integers(0, ROWS), st.sampled_from(['2026-01-01,"5', '"', 'x,"y\ty', '"a""', '2026,5,"']))
def test_a_stray_quote_costs_its_line(tmp_path: Path, at: int, stray: str) -> None:
    lines = TABLE.splitlines()
    lines.insert(at + 1, stray)
    (tmp_path / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    readings = read_power(tmp_path / "x.csv")
    assert readings.watts.tolist() == watts.tolist()
    assert readings.dropped == {"quoted cell without an end": 1}
    assert f"line {at + 2}: a quoted cell without an end; the line is left out" in readings.notes


def test_quotes_that_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('time,meter,watts\n2026-01-01, "a,b",5\n2026-01-02,19" rack,6\n', encoding="utf-8")
    readings = read_power(path)
    assert readings.meters == ["a,b", '19" rack'] and readings.dropped == {}


def test_a_line_without_end_ends_the_table(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(TABLE + "9" * (3 << 20), encoding="utf-8")
    readings = read_power(path)
    assert len(readings) == ROWS and readings.problem and "more than 1 MiB" in readings.problem


def test_a_damaged_row_group_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"time": times, "watts": watts})
    pq.write_table(table, path, row_group_size=1_000, compression="zstd", use_dictionary=False)
    group = pq.read_metadata(path).row_group(1)
    data = bytearray(path.read_bytes())
    for column in range(2):
        start = group.column(column).data_page_offset
        data[start : start + 60] = b"\xff" * 60
    path.write_bytes(data)
    readings = read_power(path)
    assert readings.watts.tolist() == [*watts[:1_000], *watts[2_000:]]
    assert readings.dropped == {"row of a damaged row group": 1_000}
    assert readings.problem and readings.problem.startswith(f"{path}: row group 1 of 4 is damaged (")


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"time": times[:0], "watts": watts[:0]}), path)
    with pytest.raises(TelemetryError, match="no rows"):
        read_power(path)


def test_a_torn_parquet_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """What its columns are stands at its end."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"time": times, "watts": watts}), path)
    whole = path.read_bytes()
    for size in (4, 11, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(TelemetryError, match="Parquet file is damaged") as caught:
            read_power(path)
        assert "\n" not in str(caught.value)


def test_names_of_columns_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"time": times, "watts": watts}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"watts", b"wa\xef\xfft"))
    with pytest.raises(TelemetryError, match="Parquet file is damaged") as caught:
        read_power(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(WindowsFileError, match="damaged Parquet file"):
        window_tables.kind_of(str(path))


def test_a_cut_feed_is_read_up_to_its_damage(tmp_path: Path) -> None:
    values = [100 + i for i in range(100)]
    whole = FEED.format(reading_type(1, **WH, uom=72) + meter(1, 1) + block(1, values))
    path = tmp_path / "x.xml"
    path.write_text(whole, encoding="utf-8")
    every = read_power(path)
    path.write_text(whole[: whole.rindex("<espi:IntervalReading>") - 30], encoding="utf-8")
    readings = read_power(path)
    assert readings.problem and "damaged XML" in readings.problem
    assert readings.watts.tolist() == every.watts[: len(readings)].tolist() and len(readings) > 90


def test_a_cut_file_is_scored_and_told(tmp_path: Path) -> None:
    packed = gzip.compress(TABLE.encode())
    (tmp_path / "x.csv.gz").write_bytes(packed[:-900])
    result = score(Request(paths=(), power=(str(tmp_path / "x.csv.gz"),)))
    assert [finding.host for finding in result.findings] == ["x"]
    assert len(result.problems) == 1 and "gzip data cut short (offset" in result.problems[0]
    assert result.sources[0].readings > 1_000
