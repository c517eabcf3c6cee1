"""P1 telegrams; the example is that of the DSMR P1 companion standard, its CRC recomputed."""

from pathlib import Path

import numpy as np
import pytest

from detector.telemetry import TelemetryError, read_power
from detector.telemetry.dsmr import crc16
from detector.telemetry.samples import FELL

BODY = """/ISK5\\2M550T-1012

1-3:0.2.8(50)
0-0:1.0.0({time})
0-0:96.1.1(4B384547303034303436333935353037)
1-0:1.8.1({register:010.3f}*kWh)
1-0:1.8.2(000200.000*kWh)
1-0:2.8.1(000000.000*kWh)
{power}1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)
1-0:32.7.0(220.1*V)
0-1:24.2.1(260101120000W)(12785.123*m3)
"""


def telegram(
    time: str, power: str = "1-0:1.7.0(01.193*kW)\n1-0:2.7.0(00.000*kW)\n", register: float = 100.0
) -> bytes:
    wire = (BODY.format(time=time, power=power, register=register) + "!").replace("\n", "\r\n").encode()
    return wire + b"%04X\r\n" % crc16(wire)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "p1.txt"
    path.write_bytes(content)
    return path


def test_the_check_value_of_crc_16_arc() -> None:
    assert crc16(b"123456789") == 0xBB3D


def test_power_of_the_net_and_the_hour_that_comes_twice(tmp_path: Path) -> None:
    fed = "1-0:1.7.0(00.000*kW)\n1-0:2.7.0(00.500*kW)\n"
    content = telegram("251026025000S") + telegram("251026020000W") + telegram("251026021000W", fed)
    readings = read_power(write(tmp_path, content))
    assert readings.meters == ["K8EG004046395507"]
    assert readings.watts.tolist() == [1193.0, 1193.0, -500.0]
    assert np.diff(readings.time_ns).tolist() == [600_000_000_000] * 2
    assert readings.time_ns[0] == int(np.datetime64("2025-10-26T00:50", "ns").astype(np.int64))


def test_line_ends_of_a_logger_do_not_break_the_crc(tmp_path: Path) -> None:
    content = telegram("260101120000W").replace(b"\r\n", b"\n")
    assert len(read_power(write(tmp_path, content))) == 1


def test_a_damaged_telegram_is_counted(tmp_path: Path) -> None:
    content = telegram("260101120000W") + telegram("260101120010W").replace(b"01.193", b"91.193")
    content += telegram("260101120020W")[:200] + b"\r\n" + telegram("260101120030W")
    readings = read_power(write(tmp_path, content))
    assert readings.watts.tolist() == [1193.0] * 2
    assert readings.dropped == {"telegram with a wrong CRC": 1, "telegram cut short": 1}


def test_registers_where_there_is_no_power(tmp_path: Path) -> None:
    content = b"".join(
        telegram(f"26010112{m:02d}00W", "", register) for m, register in ((0, 100), (15, 100.5), (30, 7))
    )
    readings = read_power(write(tmp_path, content))
    assert readings.watts.tolist() == [2000.0] and readings.dropped == {FELL: 1}


def test_a_meter_without_a_clock(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="without a time"):
        read_power(write(tmp_path, b"/KMP5 KA6U\r\n\r\n1-0:1.7.0(0000.91*kW)\r\n!\r\n"))
