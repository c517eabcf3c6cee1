"""Chunks of a table -> Readings: meters numbered, units applied, zones resolved, bad rows counted.

Nothing of a row is kept but its meter, time and number: see `held`, which bounds the memory.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.records import Quantity, Readings
from detector.telemetry import values
from detector.telemetry.bands import BANDS, LINES, add_up, folded, periods
from detector.telemetry.columns import PARTS, Layout, Value, normal
from detector.telemetry.contract import UNITS, Hints, TelemetryError, Unit
from detector.telemetry.gpu_use import GpuTally
from detector.telemetry.groups import place_in_group
from detector.telemetry.held import Held
from detector.telemetry.samples import (
    FELL,
    J_PER_KWH,
    MAX_METERS,
    finished,
    increments,
    median_steps,
    ordered,
)
from detector.telemetry.times import BAD, Clock, period_seconds, to_utc, zone_called
from detector.text import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from detector.records import Floats, Int64s

    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

COUNTER_READINGS: Final = 24  # energy that grows for so long is a running total
RESETS: Final = 24  # readings between two falls of a running total, at least
DAY_S: Final = 86_400
MIXED_STEPS: Final = 0.2  # steps this far apart come from several devices in one column


def stem(path: str) -> str:
    """The file's name without its folders and endings: the meter of a file that names none."""
    name = Path(path).name
    return (
        re.sub(r"(\.(csv|tsv|txt|log|xml|json|gz|gzip|parquet|pq|dat))+$", "", name, flags=re.IGNORECASE)
        or name
    )


class Collector:
    """Takes the chunks of one file in order, gives its Readings."""

    def __init__(self, path: str, layout: Layout, hints: Hints) -> None:
        self._path, self._stem = path, stem(path)
        self._layout, self._hints = layout, hints
        self._zone = zone_called(hints.timezone)
        self._clock = Clock(path, hints.day_first)
        self._units: list[Unit] = []
        self._comma = False
        self._devices = 1
        self._names: dict[tuple[str, ...], int] = {}
        self._lines = LINES if layout.bands else 1  # that a meter is read as, see `bands`
        self._held = Held(self._lines)
        self._use = GpuTally()
        self.dropped: Counter[str] = Counter()

    @property
    def default_name(self) -> str:
        """The meter of a file that names none: what the user says, or the file's own name."""
        return self._hints.meter or self._stem

    def add(self, frame: pd.DataFrame) -> None:
        """Takes a chunk that holds the layout's columns.  Raises TelemetryError."""
        if not self._units:
            self._settle_units(frame)
        times = frame[self._layout.time]
        if self._layout.clock:
            times = times.str.strip() + " " + frame[self._layout.clock].str.strip()
        repeated = (times == self._layout.time).to_numpy(dtype=bool)
        mixed = self._clock.mixed
        stamps, outside = self._clock.parse(times)
        mixed = self._clock.mixed - mixed
        self.dropped["repeated header"] += int(repeated.sum())
        self.dropped["zone unlike the first row's (with, without)"] += mixed
        self.dropped["time before 1980 or after 2100"] += int(outside.sum())
        self.dropped["time not understood"] += int(((stamps == BAD) & ~outside & ~repeated).sum()) - mixed
        good = stamps != BAD
        for column, value in enumerate(self._layout.values):
            meter = self._meters(frame, value, int(good.sum()), good)
            found = self._numbers(frame[value.column][good], self._units[column])
            if self._layout.use:
                self._use.add(meter, values.percent(frame[self._layout.use][good]))
            if self._layout.bands:
                self._take_bands(frame[good], found, stamps[good], meter)
            else:
                self._take(found, stamps[good], meter)

    def finish(self) -> Iterator[Readings]:
        """All readings so far, in parts of whole meters; `dropped` and notes are of all up to each.

        Raises TelemetryError when there are none.
        """
        if not self._units:
            raise TelemetryError(f"{self._path}: no rows")
        refused: TelemetryError | None = None
        told = False
        for rows in self._held.parts():
            try:
                part = self._part(*self._told_apart(*rows))
            except TelemetryError as error:  # nothing of these meters can be used
                refused = error
                self.dropped["reading of a meter that tells too little"] += len(rows[0])
                continue
            told = True
            yield part
        if refused and not told:
            raise refused

    def _part(self, meter: Int64s, stamps: Int64s, watts: Floats) -> Readings:
        """The readings of some meters, all of each."""
        stamps, known = self._utc(meter, stamps)
        meter, stamps, watts = meter[known], stamps[known], watts[known]
        names, lines = self._meter_names, self._lines
        if self._held.parted:
            seen = np.bincount(meter // lines, minlength=len(names)) > 0
            meter = (np.cumsum(seen) - 1)[meter // lines] * lines + meter % lines
            names = [names[number] for number in np.flatnonzero(seen).tolist()]
        names = [name for name in names for _ in range(lines)]
        meter, stamps, watts = ordered(meter, stamps, watts, self.dropped)
        steps = periods if lines > 1 else median_steps
        readings = Readings(names, meter, stamps, watts, steps(meter, stamps, len(names)))
        notes = self._notes(readings)
        if self._units[0].quantity is Quantity.ENERGY_KWH:
            notes += self._to_power(readings)
        if self._layout.bands:
            readings = folded(readings, self.dropped)
            notes.append("energy of valley, peak and flat hours read as three means a period")
        readings = finished(readings, self._path, notes, self.dropped)
        if self._layout.use:  # of devices told apart by their place in a poll, one number for all
            apart = self._devices > 1
            numbers = {name: 0 if apart else number for number, name in enumerate(self._meter_names)}
            readings.gpu_use = self._use.told(readings, numbers)
        return readings

    def _settle_units(self, frame: pd.DataFrame) -> None:
        for value in self._layout.values:
            unit = value.unit or values.unit_in(frame[value.column]) or None
            if unit is None:
                raise TelemetryError(
                    f"{self._path}: column {value.column.strip()!r} has no unit; "
                    f"say it (--power-unit {'|'.join(UNITS)}; energy per interval) or write it into the name"
                )
            self._units.append(unit)
        if len({unit.quantity for unit in self._units}) > 1:
            raise TelemetryError(f"{self._path}: power and energy columns are mixed; keep one kind")
        text = frame[self._layout.values[0].column]
        self._comma = text.dtype.kind not in "fiu" and values.has_decimal_comma(text)

    def _meters(self, frame: pd.DataFrame, value: Value, n: int, good: np.ndarray) -> Int64s:
        """Meter numbers of the good rows of one column of readings."""
        if not self._layout.meters:
            name = (self._layout.meter_of(value) if self._layout.wide else self.default_name,)
            return np.full(n, self._number(name), dtype=np.int64)
        import pandas as pd  # noqa: PLC0415

        coded = [_coded(frame[column][good]) for column in self._layout.meters]
        joint = np.zeros(n, dtype=np.int64)
        for codes, texts in coded:
            joint = joint * len(texts) + codes
        numbers, seen = pd.factorize(joint)  # in order of first appearance
        first = np.full(len(seen), n)
        np.minimum.at(first, numbers, np.arange(n))
        names = zip(*(texts[codes[first]].tolist() for codes, texts in coded), strict=True)
        return np.array([self._number(name) for name in names], dtype=np.int64)[numbers]

    def _number(self, name: tuple[str, ...]) -> int:
        number = self._names.get(name)
        if number is not None:
            return number
        if len(self._names) >= MAX_METERS:
            raise TelemetryError(
                f"{self._path}: more than {grouped(MAX_METERS)} meters; "
                f"is {self._layout.meters[0]!r} the column of the meter?"
            )
        self._names[name] = len(self._names)
        return len(self._names) - 1

    def _numbers(self, cells: pd.Series, unit: Unit) -> Floats:
        """Cells in W or kWh, not finite where they tell nothing."""
        found, missing = values.numbers(cells, unit, self._comma)
        self.dropped["value missing"] += int(missing.sum())
        self.dropped["value not a number"] += int((~np.isfinite(found) & ~missing).sum())
        return found * unit.scale

    def _take(self, found: Floats, stamps: Int64s, meter: Int64s) -> None:
        finite = np.isfinite(found)
        self._held.add(meter[finite], stamps[finite], found[finite])

    def _take_bands(self, frame: pd.DataFrame, total: Floats, stamps: Int64s, meter: Int64s) -> None:
        """Three bands of the rows whose bands are the total, else the total."""
        unit = self._units[0]

        def of(band: tuple[str, ...]) -> Floats:
            parts = [values.numbers(frame[name], unit, self._comma)[0] for name in band]
            summed: Floats = np.nan_to_num(np.array(parts)).sum(axis=0) * unit.scale
            return summed

        bands = np.column_stack([of(band) for band in self._layout.bands])
        whole = add_up(bands, total)
        for line in range(BANDS):
            self._take(np.where(whole, bands[:, line], np.nan), stamps, meter * LINES + line)
        self._take(np.where(whole, np.nan, total), stamps, meter * LINES + BANDS)

    def _told_apart(self, meter: Int64s, stamps: Int64s, watts: Floats) -> tuple[Int64s, Int64s, Floats]:
        """GPUs that nvidia-smi polled in turn without their index, as one meter each."""
        if self._layout.meters or self._layout.wide or not self._layout.polled:
            return meter, stamps, watts
        devices, place = place_in_group(stamps)
        if devices == 1:
            return meter, stamps, watts
        name = self.default_name
        self._names = {(name, str(device)): device for device in range(devices)}
        self._devices = devices
        whole = place >= 0
        self.dropped["row of a poll that lacks a device"] += int((~whole).sum())
        return place[whole], stamps[whole], watts[whole]

    def _utc(self, meter: Int64s, stamps: Int64s) -> tuple[Int64s, np.ndarray]:
        """UTC stamps, and which rows have one.

        Of a local hour that comes twice, a meter's repeated times are the later one.
        """
        if self._clock.zoned or self._zone is UTC or not len(stamps):
            return stamps, np.ones(len(stamps), dtype=bool)
        order = np.lexsort((stamps, meter))
        second = np.zeros(len(stamps), dtype=bool)
        same = (meter[order][1:] == meter[order][:-1]) & (stamps[order][1:] == stamps[order][:-1])
        second[order[1:]] = same
        found = to_utc(stamps, second, self._zone)
        self.dropped["local hour that daylight saving skips"] += int((found == BAD).sum())
        return found, found != BAD

    @cached_property
    def _meter_names(self) -> list[str]:
        """Of all meters: host, and host/part for hosts with several parts; no host = the file's name."""
        lead: tuple[str, ...] = ()
        if self._layout.meters and normal(self._layout.meters[0]) in PARTS:
            lead = (self.default_name,)
        names = [lead + name for name in self._names]
        parts = Counter(name[0] for name in names)
        return ["/".join(name) if parts[name[0]] > 1 else name[0] or self._stem for name in names]

    def _notes(self, readings: Readings) -> list[str]:
        shown = ", ".join(repr(v.column.strip()) for v in self._layout.values[:3])
        more = f" and {len(self._layout.values) - 3} more" if len(self._layout.values) > 3 else ""
        labels = sorted({unit.label for unit in self._units})
        notes = [f"column {shown}{more}: {', '.join(labels)}", self._zone_note()]
        if self._layout.wide:
            notes.append(f"one column a meter: {grouped(len(readings.meters))} meters")
        if self._clock.day_first is not None:
            notes.append(f"dates read as {'day/month' if self._clock.day_first else 'month/day'}")
        if self._devices > 1:
            notes.append(f"rows of {self._devices} devices in turn, numbered in the order of each poll")
        negative = int((readings.watts < 0).sum())
        if negative:
            notes.append(f"{negative} readings below 0 (export) kept")
        return notes + _interleaved(readings)

    def _zone_note(self) -> str:
        if self._clock.numbers:
            return "times counted from 1970 UTC"
        if self._clock.zoned:
            return "times carry their zone"
        if self._hints.timezone is None:
            return "times carry no zone: taken as UTC"
        return f"times carry no zone: taken as {self._hints.timezone}"

    def _to_power(self, readings: Readings) -> list[str]:
        """Turns kWh per interval into mean watts over the interval, from its start."""
        notes = self._from_counters(readings)
        usual = readings.interval_s[np.isfinite(readings.interval_s)]
        if not len(usual):
            raise TelemetryError(
                f"{self._path}: one reading of energy a meter: the length of its interval is unknown; "
                "give power instead"
            )
        step = np.where(np.isfinite(readings.interval_s), readings.interval_s, np.median(usual))
        seconds = step[readings.meter]
        at_start = self._layout.energy_at_start or bool(np.median(usual) >= DAY_S)  # a date names its day
        if at_start and not self._clock.numbers:
            seconds = period_seconds(readings.time_ns, seconds, self._zone)
        readings.watts = readings.watts * J_PER_KWH / seconds
        if not at_start:
            readings.time_ns = readings.time_ns - (seconds * 1e9).astype(np.int64)
        edge = "start" if at_start else "end"
        return [
            *notes,
            f"kWh per {_span(float(np.median(usual)))} interval (time = its {edge}) -> mean watts",
        ]

    def _from_counters(self, readings: Readings) -> list[str]:
        """Running totals of energy become the energy of each interval."""
        meter, n = readings.meter, len(readings.meters)
        grown, first = increments(meter, readings.watts, np.full(n, np.nan))
        fell = np.isnan(grown) & ~first
        total = np.full(n, True) if self._layout.running else self._totals(readings, grown, fell)
        if not total.any():
            return []
        gap = np.diff(readings.time_ns, prepend=0) / 1e9 / readings.interval_s[meter]
        counted = total[meter]
        self.dropped[FELL] += int((counted & fell).sum())
        keep = ~counted | np.isfinite(grown)
        readings.watts = np.where(counted, grown / np.where(gap > 0, gap, 1), readings.watts)[keep]
        readings.meter, readings.time_ns = meter[keep], readings.time_ns[keep]
        return [f"{int(total.sum())} meters tell running totals of energy: differences taken"]

    def _totals(self, readings: Readings, grown: Floats, fell: Mask) -> Mask:
        """Which meters tell running totals: they grow most of the time, and fall rarely and far."""
        meter, n = readings.meter, len(readings.meters)
        before = np.concatenate([[0.0], readings.watts[:-1]])
        slight = fell & (np.abs(readings.watts) > np.abs(before) / 2)
        count = np.bincount(meter, minlength=n)
        falls = np.bincount(meter, weights=fell, minlength=n)
        grows = np.bincount(meter, weights=np.nan_to_num(grown) > 0, minlength=n)
        slight_falls = np.bincount(meter, weights=slight, minlength=n)
        rare = (falls * RESETS <= count) & (slight_falls == 0)
        found: Mask = (count >= COUNTER_READINGS) & rare & (grows > count / 2)
        return found


def _coded(column: pd.Series) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.object_]]]:
    """A column of names as numbers of texts, and those: as they are written, without blanks around them."""
    import pandas as pd  # noqa: PLC0415

    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, distinct = column.cat.codes.to_numpy().astype(np.int64), column.cat.categories
    else:
        codes, distinct = pd.factorize(column)
    texts = np.array([*(str(value).strip() for value in distinct), ""], dtype=object)
    return np.where(codes < 0, len(texts) - 1, codes), texts


def _interleaved(readings: Readings) -> list[str]:
    """A note for meters whose steps are of two very different lengths in turn."""
    ends = np.searchsorted(readings.meter, np.arange(min(len(readings.meters), 100) + 1))
    for i, (begin, end) in enumerate(itertools.pairwise(ends.tolist())):
        step = np.diff(readings.time_ns[begin:end][:10_000])
        if len(step) < 20:
            continue
        low, high = np.quantile(step, [0.25, 0.75])
        if low < MIXED_STEPS * high:
            return [
                f"{readings.meters[i]}: rows come in groups, {low / 1e9:.3g} s and {high / 1e9:.3g} s apart: "
                "several devices without a column that tells them apart are read as one meter"
            ]
    return []


def _span(seconds: float) -> str:
    for size, label in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.4g} {label}"
    return f"{seconds:.4g} s"
