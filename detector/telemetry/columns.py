"""Which column of a table is the time, which the meter, which the reading, and in what unit.

Told from the names alone, so that CSV and Parquet agree.  Long tables have one reading a
row, wide tables one meter a column.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from detector.telemetry.contract import UNITS, Hints, TelemetryError, Unit, unit_called

TIMES: Final = (  # best first
    "timestamp", "datetime", "date_time", "ts", "tstp", "time", "local_time", "utc", "epoch",
    "unix_time", "unixtime", "time_utc", "timestamp_utc", "time_ms", "timestamp_ms", "time_s",
    "timestamp_s", "timestamp_ns", "unix", "time_stamp", "interval_start", "period_start", "start",
    "start_time", "from", "interval_end", "period_end", "end", "end_time", "time_of_day_seconds",
    "date", "day", "rq", "ym", "zeit", "zeitstempel", "datum", "fecha", "date_heure",
    "时间", "采集时间", "数据时间", "日期",
)  # fmt: skip
_STARTS: Final = frozenset({"interval_start", "period_start", "start", "start_time", "from"})
_DATES: Final = ("date", "day", "datum", "fecha", "日期")
METERS: Final = (  # best first
    "meter", "meter_id", "meterid", "lclid", "host", "hostname", "host_name", "node", "node_name",
    "nodename", "server", "machine", "instance", "device", "device_id", "device_name", "miner",
    "miner_name", "pdu", "site", "customer", "household", "house", "name", "id", "serial",
    "zähler", "zaehler", "compteur", "medidor", "电表", "表号", "电表编号",
    "用户", "用户编号", "设备", "主机", "户号",
)  # fmt: skip
PARTS: Final = (
    "sensor", "outlet", "outlet_name", "outlet_id", "gpu", "gpu_id", "gpu_index", "index", "uuid", "channel",
)  # fmt: skip
"""Columns that tell several readings of one host apart; used where they hold more than one value."""
_POWERS: Final = frozenset({
    "power", "watt", "watts", "load", "draw", "consumption", "usage", "demand", "value", "reading",
    "apower", "aggregate", "energy", "use", "功率", "有功功率", "电量", "用电量",
})  # fmt: skip
_REGISTERS: Final = frozenset({
    "register", "counter", "cumulative", "lifetime", "zählerstand", "zaehlerstand", "示数", "表底",
})  # fmt: skip
_IDENTIFIERS: Final = {  # names that are codes of the field, and what they count in
    "00010000": "kWh",  # DL/T 645-2007: forward active energy, total: a register
    "00100200": "kWh",  # DL/T 698.45, OAD: the same
    "02030000": "kW",  # DL/T 645-2007: active power, total
    "1_0_1_8_0": "kWh",  # OBIS (IEC 62056-6-1): import, total: a register
    "1_0_1_7_0": "kW",  # OBIS: active power drawn
    "pq_z": "kWh",  # State Grid's monthly export; pq_f, pq_g, pq_p are its peak, valley and flat bands
}
_CODED_REGISTERS: Final = frozenset({"00010000", "00100200", "1_0_1_8_0"})
_TOTALS: Final = frozenset({"kwh", "pq_z"})
_BANDS: Final = (  # State Grid's exports, monthly and daily: valley, peak (and sharp, its top), flat
    ("pq_g", "kwh_pap_r4"), ("pq_f", "kwh_pap_r1", "kwh_pap_r2"), ("pq_p", "kwh_pap_r3"),
)  # fmt: skip
_POLLED: Final = "power_draw"  # nvidia-smi
_NOT_DRAWN: Final = frozenset({
    "limit", "cap", "capacity", "rated", "nominal", "contract", "max", "min", "maximum", "minimum",
    "reactive", "apparent",
})  # fmt: skip
_OTHER: Final = _NOT_DRAWN | frozenset({
    "var", "kvar", "kvarh", "varh", "qload", "va", "kva", "voltage", "volt",
    "volts", "v", "current", "amps", "a", "pf", "factor", "temp", "temperature", "c", "freq",
    "frequency", "mhz", "hashrate", "price", "cost", "co2", "util", "utilization", "memory", "elapsed",
    "status", "nsm", "week", "weekstatus", "type", "efficiency", "rpm", "fan", "uptime",
})  # fmt: skip
_USES: Final = ("utilization_gpu", "gpu_utilization", "gpu_utilisation", "gpu_util")  # best first; percent
_BRACKETS: Final = re.compile(r"[\[(](.*?)[\])]")
_PREFERRED: Final = (
    "power_w", "watts", "power_draw", "power", "kwh", "power_kw", "active_power", "usage_kwh", "value",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A column of readings."""

    column: str
    unit: Unit | None  # None: neither the name nor the user says it; the values may ("187.80 W")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table that matter, by their names as written."""

    time: str
    clock: str | None  # time of day, where `time` holds the date alone
    meters: tuple[str, ...]  # main column first, then parts; empty = one meter, or one a column
    values: tuple[Value, ...]
    energy_at_start: bool  # energy is told at the start of its interval
    running: bool = False  # the column's name says that it is a register: energy since it was built in
    polled: bool = False  # rows may be of several devices in turn (`groups`)
    bands: tuple[tuple[str, ...], ...] = ()  # columns of energy by tariff band beside the total (`bands`)
    use: str | None = None  # column of GPU utilisation, percent, beside one column of watts

    @property
    def wide(self) -> bool:
        return len(self.values) > 1

    def meter_of(self, value: Value) -> str:
        """The meter of a column of a wide table: its name without the unit, where that is no other's name."""
        bare = [_without_unit(other.column) for other in self.values]
        own = _without_unit(value.column)
        return own if own and bare.count(own) == 1 else value.column.strip()

    @property
    def columns(self) -> list[str]:
        clock = [self.clock] if self.clock else []
        bands = [name for band in self.bands for name in band]
        use = [self.use] if self.use else []
        return [self.time, *clock, *self.meters, *(value.column for value in self.values), *bands, *use]


def find_layout(names: list[str], where: str, hints: Hints, time: str | None = None) -> Layout:
    """The layout of a table with columns `names`; `time` = the column that is known to hold it.

    Raises TelemetryError, beginning with `where`, that says what is missing and how to say it.
    """
    plain = {name: normal(name) for name in names}
    clock = None
    if time is None:
        time = _best(plain, TIMES)
        if time is None:
            raise TelemetryError(
                f"{where}: no column holds a time (columns: {_some(names)}); name one 'time' or 'timestamp'"
            )
        time, clock = _with_clock(time, plain)
    meters = _meter_columns(plain, hints, {time, clock})
    rest = [name for name in names if name not in (time, clock, *meters) and plain[name]]
    values = _value_columns(rest, plain, where, hints)
    if len(values) > 1 and meters:
        values = (_only_value(values, plain, where),)
    named = [plain[value.column] for value in values]
    running = all(name in _CODED_REGISTERS or _REGISTERS & set(name.split("_")) for name in named)
    polled = named[0] == _POLLED
    bands = _bands(plain) if meters and named[0] in _TOTALS else ()
    others = {name: plain[name] for name in rest if name != values[0].column}
    use = _best(others, _USES) if len(values) == 1 and not bands else None
    return Layout(time, clock, meters, values, plain[time] in _STARTS, running, polled, bands, use)


def _bands(plain: dict[str, str]) -> tuple[tuple[str, ...], ...]:
    """Columns of the three bands; none where one is missing."""
    found = tuple(tuple(name for name, short in plain.items() if short in band) for band in _BANDS)
    return found if all(found) else ()


def normal(name: str) -> str:
    """Lower case, words joined by "_", units in brackets left out: "power.draw [W]" -> "power_draw"."""
    bare = _BRACKETS.sub(" ", unicodedata.normalize("NFKC", name).strip().lstrip("\ufeff"))
    return "_".join(re.findall(r"[^\W_]+", bare.lower()))


def unit_of(name: str) -> Unit | None:
    """The unit that a column's name carries: in brackets, as a word, or as the end of a camel-case word."""
    name = unicodedata.normalize("NFKC", name)
    if code := _IDENTIFIERS.get(normal(name)):
        return UNITS[code]
    for inner in _BRACKETS.findall(name):
        unit = unit_called(inner)
        if unit:
            return unit
    words = re.findall(r"[^\W_]+", _BRACKETS.sub(" ", name))
    endings = [
        part for word in words for part in re.findall(r"[a-z]([A-Z][a-z]+)$|[A-Z]([A-Z][a-z]+)$", word)
    ]
    found = [unit for unit in map(unit_called, words) if unit]
    found = found or [unit for unit in map(unit_called, map("".join, endings)) if unit]
    return found[-1] if found else None


def _without_unit(name: str) -> str:
    """ "A [W]" -> "A"; brackets that hold no unit stay."""
    return _BRACKETS.sub(lambda found: "" if unit_called(found[1]) else found[0], name).strip()


def said_unit(hints: Hints) -> Unit | None:
    """The unit that the user names.  Raises TelemetryError for one that is not known."""
    if hints.unit is None:
        return None
    unit = unit_called(hints.unit)
    if unit is None:
        raise TelemetryError(f"unit {hints.unit!r} is not known; say one of {', '.join(UNITS)}")
    return unit


def _best(plain: dict[str, str], ranked: tuple[str, ...]) -> str | None:
    held: dict[str, str] = {}
    for name, short in plain.items():
        held.setdefault(short, name)
    return next((held[short] for short in ranked if short in held), None)


def _with_clock(time: str, plain: dict[str, str]) -> tuple[str, str | None]:
    """(date, time of day) where they stand in two columns, else (time, None)."""
    date = _best(plain, _DATES)
    day_time = _best(plain, ("time", "hour_minute", "zeit", "hora", "时间"))
    if date and day_time and time in (date, day_time):
        return date, day_time
    return time, None


def _meter_columns(plain: dict[str, str], hints: Hints, taken: set[str | None]) -> tuple[str, ...]:
    free = {name: short for name, short in plain.items() if name not in taken}
    main = next((name for name in free if hints.meter and name.strip() == hints.meter), None)
    main = main or _best(free, METERS)
    parts = [
        name for name, short in free.items() if short in PARTS and name != main and unit_of(name) is None
    ]
    return tuple(([main] if main else []) + parts)


def _value_columns(rest: list[str], plain: dict[str, str], where: str, hints: Hints) -> tuple[Value, ...]:
    said = said_unit(hints)
    if hints.value is not None:
        chosen = [name for name in rest if name.strip() == hints.value]
        if not chosen:
            raise TelemetryError(f"{where}: no column is called {hints.value!r} (columns: {_some(rest)})")
        return (Value(chosen[0], unit_of(chosen[0]) or said),)
    drawn = [name for name in rest if not _NOT_DRAWN & set(plain[name].split("_"))]
    told = tuple(Value(name, unit) for name in drawn if (unit := unit_of(name)))
    if told:
        return _of_one_quantity(told)
    likely = [name for name in drawn if not _OTHER & set(plain[name].split("_"))]
    named = [name for name in likely if _POWERS & set(plain[name].split("_"))]
    if said:
        return tuple(Value(name, said) for name in (named if len(named) == 1 else likely)) or _no_value(
            where, rest
        )
    if named:
        return tuple(Value(name, None) for name in named)
    return _no_value(where, rest)


def _of_one_quantity(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Power columns alone where a table has energy, too: counters of energy often stand beside power."""
    first = {value.unit.quantity for value in values if value.unit}
    if len(first) == 1:
        return values
    return tuple(value for value in values if value.unit and value.unit.quantity == "power_w")


def _no_value(where: str, rest: list[str]) -> tuple[Value, ...]:
    raise TelemetryError(
        f"{where}: no column says watts or kWh (columns: {_some(rest)}); "
        "say the unit (--power-unit W, kW, or kWh per interval), or write it into the name, such as power_w"
    )


def _only_value(values: tuple[Value, ...], plain: dict[str, str], where: str) -> Value:
    """The one column of readings of a long table."""
    for preferred in _PREFERRED:
        for value in values:
            if plain[value.column] == preferred:
                return value
    raise TelemetryError(
        f"{where}: several columns may hold the power ({_some([v.column for v in values])}); "
        "keep one, or call it power_w"
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name.strip()[:40]) for name in names[:8])
    return shown + (", ..." if len(names) > 8 else "") if names else "none"
