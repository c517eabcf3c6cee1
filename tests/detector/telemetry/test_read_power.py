"""Power files as people write them: what is read, what is said, and what is refused in one line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.telemetry import TelemetryError, read_power

S = 1_000_000_000


def write(folder: Path, text: str | bytes, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def utc(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def refusal(path: Path, **hints: object) -> str:
    with pytest.raises(TelemetryError) as caught:
        read_power(path, **hints)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_long_table_with_zone(tmp_path: Path) -> None:
    rows = "time,meter,watts\n2026-01-01T01:00:00+01:00,b,100\n2026-01-01T01:01:00+01:00,a,50.5\n"
    readings = read_power(write(tmp_path, rows + "2026-01-01T01:01:00+01:00,b,101\n"))
    assert readings.meters == ["b", "a"]
    assert readings.meter.tolist() == [0, 0, 1]
    assert readings.time_ns[0] == utc("2026-01-01T00:00:00")
    assert readings.watts.tolist() == [100.0, 101.0, 50.5]
    assert readings.interval_s[0] == 60.0 and np.isnan(readings.interval_s[1])
    assert "times carry their zone" in readings.notes


def test_no_zone_is_said_and_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path, "time,watts\n2026-01-01 00:00,5\n2026-01-01 00:15,6\n", "rack7.csv")
    readings = read_power(path)
    assert readings.meters == ["rack7"] and "times carry no zone: taken as UTC" in readings.notes
    assert read_power(path, timezone="Asia/Shanghai").time_ns[0] == readings.time_ns[0] - 8 * 3600 * S
    assert read_power(path, timezone="+08:00").time_ns[0] == readings.time_ns[0] - 8 * 3600 * S
    assert read_power(path, meter="outlet 3").meters == ["outlet 3"]


def test_lcl_smart_meter_header_and_null(tmp_path: Path) -> None:
    start = np.datetime64("2012-10-12T00:30")
    rows = [
        f"MAC1,Std,{start + np.timedelta64(30 * i, 'm')}:00.0000000, 0.25 \r\n".replace("T", " ")
        for i in range(4)
    ]
    rows[2] = rows[2].replace(" 0.25 ", "Null")
    rows.append("MAC1,Std,2012-10-12 02:30:00.0000000, 0.25 \r\n")
    path = write(tmp_path, "LCLid,stdorToU,DateTime,KWH/hh (per half hour) \r\n" + "".join(rows))
    readings = read_power(path)
    assert readings.meters == ["MAC1"] and readings.dropped == {"value missing": 1}
    assert readings.watts.tolist() == [500.0] * 4  # 0.25 kWh in half an hour
    assert readings.time_ns[0] == utc("2012-10-12T00:00")  # the interval that ends at 00:30
    assert "kWh per 30 min interval (time = its end) -> mean watts" in readings.notes


def test_nvidia_smi_units_in_cells_repeated_header_and_na(tmp_path: Path) -> None:
    header = "timestamp, index, power.draw [W], power.limit [W]\n"
    text = (
        header + "2026/09/11 04:19:41.982, 0, 187.80 W, 250 W\n2026/09/11 04:19:41.985, 1, 0.09 kW, 250 W\n"
    )
    text += header + "2026/09/11 04:19:42.982, 0, [N/A], 250 W\n2026/09/11 04:19:42.985, 1, 9e12, 250 W\n"
    readings = read_power(write(tmp_path, text, "gpus.csv"))
    assert readings.meters == ["gpus/0", "gpus/1"]
    assert readings.watts.tolist() == [187.8, 90.0]
    assert readings.time_ns[0] == utc("2026-09-11T04:19:41.982")
    assert readings.dropped == {"repeated header": 1, "value missing": 1, "above 1e9 W": 1}


def test_interleaved_devices_are_noticed(tmp_path: Path) -> None:
    rows = [
        f"2026-01-01T00:00:{i * 0.1:09.6f}Z,17\n2026-01-01T00:00:{i * 0.1 + 0.004:09.6f}Z,99\n"
        for i in range(50)
    ]
    readings = read_power(write(tmp_path, "time,watts\n" + "".join(rows)))
    assert any("several devices" in note for note in readings.notes)


def test_parts_of_a_host_are_named_where_there_are_several(tmp_path: Path) -> None:
    text = (
        "node,ts,sensor,watts\nn1,2025-06-03 00:00:11,Sys Power,400\nn1,2025-06-03 00:00:11,CPU Power,100\n"
    )
    readings = read_power(write(tmp_path, text + "n2,2025-06-03 00:00:11,Sys Power,10\n"))
    assert readings.meters == ["n1/Sys Power", "n1/CPU Power", "n2"]


def test_wide_table_one_column_a_meter(tmp_path: Path) -> None:
    readings = read_power(write(tmp_path, "time,oven_w,rig_w\n2026-01-01,5,6\n2026-01-02,7,8\n"))
    assert readings.meters == ["oven_w", "rig_w"]
    assert readings.watts.tolist() == [5.0, 7.0, 6.0, 8.0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zeit;Zähler;Leistung [kW]\n01.02.2026 00:00;Süd;1,5\n01.02.2026 24:00;Süd;1.234,0\n", "latin-1"),
        ("时间,电表,功率(kW)\n2026-02-01,甲,1.5\n2026-02-02,甲,1234\n", "gbk"),
        ("\ufefftime\tmeter\tkw\r\n2026/2/1 00:00\tm\t1.5\r\n2026/2/2 00:00\tm\t1234\r\n", "utf-8"),
        ("time|meter|kw\n20260201|m|1.5\n20260202|m|1234\n", "utf-16"),
        ("# exported\n\ntime,meter,power_kw\n1769904000,m,1.5\n1769990400,m,\"1,234\"\n", "ascii"),
        ("time,meter,power_kw\n1769904000000,m,1.5\n1769990400000,m,1234\n", "ascii"),
        ("date,time,meter,power_kw\n2026-02-01,00:00,m,1.5\n2026-02-02,00:00,m,1234\n", "ascii"),
    ],
)  # fmt: skip
def test_separators_encodings_and_times(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(text.encode(encoding)))
    readings = read_power(path)
    assert readings.time_ns.tolist() == [utc("2026-02-01"), utc("2026-02-02")]
    assert readings.watts.tolist() == [1500.0, 1_234_000.0]
    assert len(readings.meters) == 1 and not readings.dropped


def test_day_and_month(tmp_path: Path) -> None:
    same_day = write(tmp_path, "time,watts\n03/04/2026 00:00,1\n03/04/2026 00:15,2\n")
    assert "may be day/month or month/day" in refusal(same_day)
    assert read_power(same_day, day_first=False).time_ns[0] == utc("2026-03-04")
    month_first = write(tmp_path, "time,watts\n3/4/2026 1:00:00 PM,1\n3/28/2026 1:00:00 PM,2\n")
    assert read_power(month_first).time_ns.tolist() == [utc("2026-03-04T13:00"), utc("2026-03-28T13:00")]
    shorter_span = write(tmp_path, "time,watts\n03/04/2026 00:00,1\n04/04/2026 00:00,2\n05/04/2026 00:00,2\n")
    assert read_power(shorter_span).time_ns[0] == utc("2026-04-03")


def test_daylight_saving(tmp_path: Path) -> None:
    twice = ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    path = write(tmp_path, "time,watts\n" + "".join(f"2025-10-26 {t},5\n" for t in twice))
    readings = read_power(path, timezone="Europe/Berlin")
    assert np.diff(readings.time_ns).tolist() == [1800 * S] * 6
    assert read_power(path).dropped == {"same meter and time as another row": 2}
    path = write(tmp_path, "time,watts\n" + "".join(f"2025-03-30 {h:02d}:00,5\n" for h in (1, 2, 3)))
    readings = read_power(path, timezone="Europe/Berlin")
    assert readings.dropped == {"local hour that daylight saving skips": 1}
    assert np.diff(readings.time_ns).tolist() == [3600 * S]


def test_running_total_of_energy(tmp_path: Path) -> None:
    rows = [f"2026-01-01 {q // 4:02d}:{q % 4 * 15:02d},{1000 + 0.5 * q}\n" for q in range(40)]
    readings = read_power(write(tmp_path, "time,total_kwh\n" + "".join(rows)))
    assert readings.watts.tolist() == [2000.0] * 39
    assert readings.time_ns[0] == utc("2026-01-01")
    assert any("running totals" in note for note in readings.notes)


def test_bad_rows_are_counted_and_export_is_kept(tmp_path: Path) -> None:
    text = (
        "time,watts\n2026-01-01 00:00,1\n2026-01-01 00:01,-7\nnever,1\n1969-01-01,1\n0001-01-01,1\n"
        "2026-01-01 00:02,=1+1\n2026-01-01 00:00,9\n2026-01-01 00:03,4,5\n2026-01-01 00:04\n"
        "9999-12-31 23:59,1\n"
    )
    readings = read_power(write(tmp_path, text))
    assert readings.watts.tolist() == [1.0, -7.0]
    assert readings.dropped == {
        "time not understood": 1,
        "time before 1980 or after 2100": 3,
        "value not a number": 1,
        "same meter and time as another row": 1,
        "more cells than the header": 1,
        "value missing": 1,
    }
    assert any("below 0" in note for note in readings.notes)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"time,watts\n", "no rows"),
        (b"a,b\n1,2\n", "no column holds a time"),
        (b"2026-01-01,5\n2026-01-02,6\n", "no header"),
        (b"time,load_pu\n2026-01-01,0.4\n", "no unit"),
        (b"time,G0-A_qload,H0-A_x\n2026-01-01,0.4,0.2\n", "no column says watts or kWh"),
        (b"time,meter,pump_w,fan_w\n2026-01-01,m,4,5\n", "several columns"),
        (b"time,watts\n1,4\n2,5\n", "are no dates"),
        (b"time,kwh\n2026-01-01,4\n", "interval is unknown"),
        (b"time,watts\nx,y\n", "no reading could be used"),
        (b"<html><body>time,watts", "HTML"),
        (b'{"time": 1}', "JSON"),
        (b"PK\x03\x04\x14\x00", "spreadsheet"),
        (b"\xd4\xc3\xb2\xa1" + bytes(20), "packet capture"),
        (b"PAR1" + b"x" * 50, "Parquet file is damaged"),
        (b"\x1f\x8b\x08\x00damaged", "gzip"),
        (gzip.compress(b"time,watts\n" + b"2026-01-01,5\n" * 9000)[:20], "gzip data cut short (offset"),
        (b"time,watts\n2026-01-01,5" + b"9" * 2_000_000, "more than 1 MiB"),
        (gzip.compress(b"a" * 20_000_000), "more than 1 MiB"),
    ],
)
def test_refusals_are_one_clear_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = write(tmp_path, content)
    message = refusal(path)
    assert expected in message and message.startswith(str(path))


def test_unknown_hints(tmp_path: Path) -> None:
    path = write(tmp_path, "time,x\n2026-01-01,5\n")
    assert "unit 'mw' is not known" in refusal(path, unit="mw")  # milliwatt or megawatt
    assert "time zone 'Mars/Olympus'" in refusal(path, unit="W", timezone="Mars/Olympus")
    assert "no column is called 'y'" in refusal(path, unit="W", value="y")
    assert read_power(path, unit="kW").watts.tolist() == [5000.0]


def test_parquet_equals_csv(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    times = pandas.date_range("2026-01-01", periods=50, freq="15min", tz="Europe/Oslo")
    frame = pandas.DataFrame({"when": times, "host": ["a", "b"] * 25, "power_kw": np.arange(50) / 4})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.rename(columns={"when": "time"}).to_csv(tmp_path / "x.csv", index=False)
    a, b = read_power(tmp_path / "x.parquet"), read_power(tmp_path / "x.csv")
    assert a.meters == b.meters == ["a", "b"]
    assert np.array_equal(a.time_ns, b.time_ns) and np.array_equal(a.watts, b.watts)
    assert a.time_ns[0] == utc("2025-12-31T23:00")


CELLS = st.one_of(
    st.text(alphabet='0123456789.,;:-/ \t"TZkWh\n=+eEn', max_size=20),
    st.sampled_from(
        ["2026-01-01 00:00", "1e400", "nan", "-1e300", "9" * 40, '"', "2026-13-45", "1.2 kW", "\x85"]
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["time,watts", "ts;kwh", "date,time,host,power [kW]", "time\tx"]),
    st.lists(st.lists(CELLS, max_size=5), max_size=12),
)
def test_any_text_is_read_or_refused(tmp_path: Path, header: str, rows: list[list[str]]) -> None:
    text = header + "\n" + "\n".join(",".join(row) for row in rows)
    try:
        readings = read_power(write(tmp_path, text), unit="W")
    except TelemetryError as error:
        assert "\n" not in str(error)
        return
    assert len(readings) > 0 and np.isfinite(readings.watts).all() and (np.abs(readings.watts) <= 1e9).all()
    order = np.lexsort((readings.time_ns, readings.meter))
    assert np.array_equal(order, np.arange(len(readings)))
