"""P1 telegrams of Dutch, Belgian and Luxembourg smart meters (DSMR 4 and 5), one after the other.

    /ISK5\\2M550T-1012

    0-0:1.0.0(260101120000W)
    0-0:96.1.1(4530303434303037)
    1-0:1.7.0(01.193*kW)
    1-0:2.7.0(00.000*kW)
    !9A7C

S and W behind the time say summer or winter, so no hour is told twice.  A telegram whose CRC
is wrong is left out; without power the registers are taken.  Source: DSMR P1 companion
standard 5.0.2, sections 5.2 (CRC-16, polynomial 8005 reflected) and 6.12.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from detector.telemetry.collect import stem
from detector.telemetry.contract import Hints
from detector.telemetry.loglines import text_lines
from detector.telemetry.samples import Samples

if TYPE_CHECKING:
    from detector.records import Readings
    from detector.streams import Stream

MAX_TELEGRAM: Final = 1000  # lines; a real one has some 40
_OBJECT: Final = re.compile(r"^(\d+-\d+:\d+\.\d+\.\d+)\(([^()*]*)(?:\*([^()]*))?\)")
_TIME: Final = "0-0:1.0.0"
_METER: Final = "0-0:96.1.1"
_DRAWN: Final = "1-0:1.7.0"
_FED: Final = "1-0:2.7.0"
_REGISTERS: Final = ("1-0:1.8.0", "1-0:1.8.1", "1-0:1.8.2")
_SNIFF: Final = re.compile(rb"(?m)^/[A-Za-z0-9]{3}\S?[^\n]*\r?\n[\s\S]{0,2000}?^[01]-[0-3]:\d+\.\d+\.\d+\(")


def sniff(head: bytes, name: str) -> bool:
    """A line that begins with / and a maker's three letters, and objects in OBIS codes below."""
    return _SNIFF.search(head) is not None


def read(stream: Stream, hints: Hints) -> list[Readings]:
    """Net watts (drawn less fed in) of each meter.  Raises TelemetryError, OSError."""
    samples = Samples(stream.path)
    default = hints.meter or stem(stream.path)
    telegram: list[str] = []
    for line in text_lines(stream):
        if line.startswith("/"):
            if telegram:
                samples.dropped["telegram cut short"] += 1
            telegram = [line]
        elif telegram and line.startswith("!"):
            _take(samples, default, telegram, line)
            telegram = []
        elif telegram:
            telegram.append(line)
            if len(telegram) > MAX_TELEGRAM:
                what = f"a telegram of more than {MAX_TELEGRAM} lines"
                stream.problem = f"{stream.path}: {what}; it and what lies behind it is left out"
                break
    return [samples.readings()]


def _take(samples: Samples, default: str, telegram: list[str], end: str) -> None:
    if not _is_whole(telegram, end):
        samples.dropped["telegram with a wrong CRC"] += 1
        return
    told = {match[1]: (match[2], match[3]) for line in telegram if (match := _OBJECT.match(line))}
    time = _seconds(told.get(_TIME, ("", ""))[0])
    meter = _meter(told.get(_METER, ("", ""))[0]) or default
    drawn, fed = _kilo(told.get(_DRAWN), "W"), _kilo(told.get(_FED), "W")
    registers = [kwh for code in _REGISTERS if (kwh := _kilo(told.get(code), "Wh")) is not None]
    if time is None:
        samples.dropped["telegram without a time (DSMR 2, 3)"] += 1
    elif drawn is not None:
        samples.power(meter, time, 1000 * (drawn - (fed or 0.0)))
    elif registers:
        samples.total(meter, time, sum(registers))
    else:
        samples.dropped["telegram without power or energy"] += 1


def _kilo(told: tuple[str, str] | None, unit: str) -> float | None:
    """A number in kW or kWh, as its own unit says; None for what is no number, or of another unit."""
    scale = {"k" + unit: 1.0, unit: 1e-3}.get(told[1] or "") if told else None
    if told is None or scale is None or not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", told[0]):
        return None
    return float(told[0]) * scale


def _meter(text: str) -> str:
    """The equipment identifier, whose octets are written in hexadecimal digits."""
    try:
        plain = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return plain if plain.isprintable() else text


def _seconds(text: str) -> float | None:
    """YYMMDDhhmmssX with X = S (UTC+2) or W (UTC+1) in seconds since 1970."""
    if not re.fullmatch(r"\d{12}[SW]", text):
        return None
    try:
        local = datetime.strptime(text[:12], "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (local - timedelta(hours=2 if text[12] == "S" else 1)).timestamp()


def _is_whole(telegram: list[str], end: str) -> bool:
    """Whether the CRC behind `!` is that of the telegram; DSMR 3 and older have none.

    Lines end in CR LF on the wire, whatever a logger made of them.
    """
    told = end[1:].strip()
    if not told:
        return True
    wire = ("\r\n".join(telegram) + "\r\n!").encode("utf-8", "replace")
    return re.fullmatch(r"[0-9A-Fa-f]{4}", told) is not None and int(told, 16) == crc16(wire)


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 8005, bits reflected, from zero."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc
