"""Logs of ipmitool, FreeIPMI, turbostat and powercap, as the programs print them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.telemetry import SOURCES, TelemetryError, read_power

DCMI = """
    Instantaneous power reading:                   270 Watts
    Minimum during sampling period:                 10 Watts
    Maximum during sampling period:                500 Watts
    Average power reading over sample period:      260 Watts
    IPMI timestamp:                           Tue Jun  3 00:00:{:02d} 2025
    Sampling period:                          00000001 Seconds.
    Power reading state is:                   {}

"""
SDR = """Timestamp: 2025-06-03 00:0{0}:11 UTC
Sys Power        | 27{0} Watts         | ok
Temp             | 23 degrees C      | ok
PSU1 AC In Pwr   | 140 Watts         | ok
PSU2 AC In Pwr   | no reading        | ns
"""
FREEIPMI = """Current Power                        : 164 Watts
Minimum Power over sampling duration : 4 watts
Maximum Power over sampling duration : 304 watts
Average Power over sampling duration : 175 watts
Time Stamp                           : 05/15/2013 - 10:35:{:02d}
Statistics reporting time period     : 4294967 milliseconds
Power Measurement                    : {}
"""
RAPL = """{time}
/sys/class/powercap/intel-rapl:0/energy_uj:{package}
/sys/class/powercap/intel-rapl:0/max_energy_range_uj:262143328850
/sys/class/powercap/intel-rapl:0/name:package-0
/sys/class/powercap/intel-rapl:0:0/energy_uj:5
/sys/class/powercap/intel-rapl:0:0/name:core
/sys/class/powercap/intel-rapl:0:1/energy_uj:{memory}
/sys/class/powercap/intel-rapl:0:1/max_energy_range_uj:65712999613
/sys/class/powercap/intel-rapl:0:1/name:dram
"""


def write(folder: Path, text: str, name: str = "node7.log") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def utc(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def test_ipmitool_dcmi_by_the_clock_of_the_bmc(tmp_path: Path) -> None:
    text = "".join(DCMI.format(s, "activated") for s in (1, 11, 21)) + DCMI.format(31, "deactivated")
    readings = read_power(write(tmp_path, text))
    assert readings.meters == ["node7"] and readings.watts.tolist() == [270.0] * 3
    assert readings.time_ns[0] == utc("2025-06-03T00:00:01") and readings.interval_s.tolist() == [10.0]


def test_ipmitool_dcmi_by_the_times_of_the_log(tmp_path: Path) -> None:
    text = "".join(f"2026-01-01T00:00:{s:02d}+01:00\n" + DCMI.format(0, "activated") for s in (1, 11))
    readings = read_power(write(tmp_path, text))
    assert readings.time_ns[0] == utc("2025-12-31T23:00:01") and len(readings) == 2


def test_ipmitool_sdr_has_a_meter_for_each_sensor_in_watts(tmp_path: Path) -> None:
    readings = read_power(write(tmp_path, SDR.format(0) + SDR.format(1)))
    assert readings.meters == ["node7/Sys Power", "node7/PSU1 AC In Pwr"]
    assert readings.watts.tolist() == [270.0, 271.0, 140.0, 140.0]
    assert readings.time_ns[1] == utc("2025-06-03T00:01:11")


def test_ipmitool_sensor_of_many_nodes(tmp_path: Path) -> None:
    line = "{}: Sys Power        | {:.3f}    | Watts      | ok    | na | na | na\n"
    text = "".join(f"1700000{i}00\n" + line.format("n1", 90) + line.format("n2", 95) for i in range(1, 4))
    readings = read_power(write(tmp_path, text))
    assert readings.meters == ["n1", "n2"] and readings.watts.tolist() == [90.0] * 3 + [95.0] * 3


@pytest.mark.parametrize("text", ["Sys Power | 270 Watts | ok\n", RAPL.format(time="", package=1, memory=1)])
def test_readings_without_a_time_say_how_to_get_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(TelemetryError, match="date -Is"):
        read_power(write(tmp_path, text))


def test_freeipmi_blocks(tmp_path: Path) -> None:
    text = "".join(FREEIPMI.format(s, "Active") for s in (2, 4)) + FREEIPMI.format(6, "Not Active")
    readings = read_power(write(tmp_path, text))
    assert readings.watts.tolist() == [164.0] * 2 and readings.time_ns[0] == utc("2013-05-15T10:35:02")


@pytest.mark.parametrize("header", ["Timestamp,Sensor,Value\n", "Timestamp,Sensor,Value\n\n", ""])
def test_freeipmi_table_in_which_current_is_power(tmp_path: Path, header: str) -> None:
    text = (
        header
        + "2024-07-21 04:49:22,Current,257\n2024-07-21 04:49:23,Average,9\n2024-07-21 04:49:24,Current,260\n"
    )
    assert read_power(write(tmp_path, text)).watts.tolist() == [257.0, 260.0]


def test_freeipmi_table_that_pandas_wrote(tmp_path: Path) -> None:
    readings = read_power(write(tmp_path, ",0,1,2,3\n0,2024-07-04 22:00:31,Current,216,0.0\n"))
    assert readings.watts.tolist() == [216.0]


def test_turbostat_takes_the_summary_row(tmp_path: Path) -> None:
    header = "Time_Of_Day_Seconds\tCore\tCPU\tBusy%\tPkgWatt\tCorWatt\tRAMWatt\n"
    rows = "17204108{0}.5\t-\t-\t3.1\t61.25\t9.0\t2.5\n17204108{0}.5\t0\t0\t2.9\t61.25\t9.0\t2.5\n"
    rows += "17204108{0}.5\t0\t4\t2\n"
    readings = read_power(
        write(tmp_path, "turbostat version 2023\n" + header + rows.format(14) + header + rows.format(19))
    )
    assert readings.watts.tolist() == [63.75, 63.75] and readings.interval_s.tolist() == [5.0]
    assert any("not of the whole host" in note for note in readings.notes)


def test_turbostat_joules_are_energy_not_watts(tmp_path: Path) -> None:
    rows = "1720410815.0 300.0 10.0\n1720410820.0 305.0 10.0\n1720410825.0 300 10\n"
    text = "Time_Of_Day_Seconds Pkg_J RAM_J\n" + rows
    assert np.allclose(read_power(write(tmp_path, text)).watts, [62.0, 63.0, 62.0])


def test_turbostat_without_times_says_which_option(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="--enable Time_Of_Day_Seconds"):
        read_power(write(tmp_path, "Core\tCPU\tPkgWatt\n-\t-\t61\n"))


def test_powercap_registers_wrap(tmp_path: Path) -> None:
    looks = [
        (0, 262_143_000_000, 10_000_000),
        (10, 1_000_000_000 - 328_850, 20_000_000),
        (20, 2e9 - 328_850, 3e7),
    ]
    text = "".join(RAPL.format(time=1_700_000_000 + t, package=int(p), memory=int(m)) for t, p, m in looks)
    readings = read_power(write(tmp_path, text))
    assert readings.meters == ["node7/package-0", "node7/dram-0"]
    assert np.allclose(readings.watts, [100.0, 100.0, 1.0, 1.0]) and not readings.dropped


def test_a_host_that_restarted_did_not_draw_a_turn_of_the_register(tmp_path: Path) -> None:
    looks = [(0, 200_000_000_000), (10, 201_000_000_000), (60, 500_000_000), (70, 1_500_000_000)]
    text = "".join(RAPL.format(time=1_700_000_000 + t, package=p, memory=5) for t, p in looks)
    readings = read_power(write(tmp_path, text))
    assert readings.watts[readings.meter == 0].max() < 1300  # 62 kJ in 50 s at most


PIECES = st.sampled_from([
    "Sys Power | 1 Watts | ok", "Instantaneous power reading: 7 Watts", "Power reading state is: activated",
    "2026-01-01 00:00:00", "1700000000", "PkgWatt\tTime_Of_Day_Seconds", "5\t1700000000", "nan nan",
    "x/intel-rapl:0/energy_uj:99999999999999999999", "Current Power : 5 Watts", "Power Measurement : Active",
    "2026-99-99 00:00:00,Current,5", "/KFM5", "0-0:1.0.0(260101120000W)", "1-0:1.7.0(1*kW)", "!", "é\x00",
])  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=12))
def test_any_lines_are_read_or_refused(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path, "\n".join(lines))
    try:
        readings = read_power(path, unit="W")
    except TelemetryError as error:
        assert "\n" not in str(error)
        return
    assert len(readings) and np.isfinite(readings.watts).all()


def test_a_line_without_end_ends_the_log(tmp_path: Path) -> None:
    path = write(tmp_path, SDR.format(1) + "x" * 100_000)
    number = SDR.count("\n") + 1
    readings = read_power(path)
    assert len(readings) == len(read_power(write(tmp_path, SDR.format(1), "whole.log")))
    assert readings.problem and readings.problem.startswith(f"{path}: line {number}: more than 64 KiB")
    with pytest.raises(TelemetryError, match="more than 1 MiB"):  # told by no one: a table of text
        read_power(write(tmp_path, "x" * 2_000_000))


def test_the_table_of_text_is_asked_last() -> None:
    assert SOURCES[-1].__name__.endswith("csv_log")  # type: ignore[attr-defined]
