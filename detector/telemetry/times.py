"""Times as power logs write them -> nanoseconds, and zones -> UTC.

Read: ISO 8601 and RFC 3339, yyyy/mm/dd, dd.mm.yyyy, dd/mm/yyyy and mm/dd/yyyy (told apart
by the values), 12-hour clocks, month names, 24:00, yyyymmdd[hhmm[ss]], and seconds,
milliseconds, microseconds or nanoseconds since the epoch.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.telemetry.contract import TelemetryError

if TYPE_CHECKING:
    import pandas as pd

    from detector.records import Floats, Int64s

    Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

FIRST_S: Final = 315_532_800  # 1980: an earlier stamp is a counter or a clock that was never set
LAST_S: Final = 4_102_444_800  # 2100
BAD: Final = np.iinfo(np.int64).min
_ZONE: Final = r"(?:Z|z|[+-]\d\d:?\d\d|\bUTC|\bGMT)$"
_NUMERIC_DATE: Final = r"^(\d{1,2})([./-])(\d{1,2})[./-](\d{4})"
_COMPACT: Final = {6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_FORMATS: Final = (
    "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %I:%M %p", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M", "%b %d %Y %H:%M:%S", "%b %d, %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip


class Clock:
    """Parses the times of one file; what it found is in `zoned`, `day_first`, `numbers`."""

    def __init__(self, where: str, day_first: bool | None) -> None:
        self._where = where
        self.day_first = day_first
        self.zoned: bool | None = None  # whether the times carry their offset; None = nothing read yet
        self.numbers = False
        self.mixed = 0  # times with a zone in a file whose first has none, or the reverse

    def parse(self, times: pd.Series) -> tuple[Int64s, Mask]:
        """Nanoseconds (UTC where `zoned`, else local), BAD where unreadable or outside 1980..2100.

        The second array marks the latter.
        """
        import pandas as pd  # noqa: PLC0415

        if pd.api.types.is_datetime64_any_dtype(times):
            self.zoned = getattr(times.dtype, "tz", None) is not None
            return _bounded(_nanoseconds(times))
        if pd.api.types.is_numeric_dtype(times):
            return self._numbers(times)
        text = times.fillna("").astype(str).str.strip()
        first = next((value for value in text.iloc[:1000] if value), "")
        if _is_number(first):
            compact = len(first) in _COMPACT and first.isdigit() and first[:2] in ("19", "20")
            if compact:
                self.zoned = bool(self.zoned)
                return _bounded(_strptime(text, _COMPACT[len(first)]))
            return self._numbers(pd.to_numeric(text, errors="coerce"))
        return _bounded(self._texts(text, first))

    def _numbers(self, values: pd.Series) -> tuple[Int64s, Mask]:
        """Time since the epoch in the unit that puts it between 1980 and 2100."""
        self.numbers, self.zoned = True, True
        raw = values.to_numpy(dtype=np.float64, na_value=np.nan)
        finite = np.isfinite(raw)
        size = float(np.median(np.abs(raw[finite]))) if finite.any() else 0.0
        scale = next(
            (s for s in (1_000_000_000, 1_000_000, 1_000, 1) if FIRST_S <= size * s / 1e9 <= LAST_S), None
        )
        if scale is None:
            if not finite.any():
                return np.full(len(raw), BAD), ~finite & False
            raise TelemetryError(
                f"{self._where}: times such as {size:g} are no dates; "
                "give seconds since 1970 or yyyy-mm-dd hh:mm:ss"
            )
        safe = finite & (np.abs(raw) * (scale / 1e9) <= LAST_S)
        whole = values.to_numpy()
        if np.issubdtype(whole.dtype, np.integer):
            stamps = np.where(safe, whole.astype(np.int64), 0) * scale
        else:
            stamps = np.where(safe, raw * scale if scale > 1 else raw, 0.0).astype(np.int64)
        found, outside = _bounded(stamps)
        return np.where(finite, found, BAD), outside | (finite & ~safe)

    def _texts(self, text: pd.Series, first: str) -> Int64s:
        if self.zoned is None:
            self.zoned = re.search(_ZONE, first) is not None
        if re.match(_NUMERIC_DATE, first):
            text = self._day_month(text)
        text = text.str.replace("/", "-", regex=False) if "/" in first else text
        text = text.str.replace(r"\s*(UTC|GMT)$", "Z", regex=True) if first.endswith(("UTC", "GMT")) else text
        stamps = _iso(text)
        bad = stamps == BAD
        if bad.any():
            stamps[bad] = _rarely(text[bad])
        other = (text.str.contains(_ZONE, regex=True) != self.zoned).to_numpy(dtype=bool) & (stamps != BAD)
        self.mixed += int(other.sum())
        return np.where(other, BAD, stamps)  # which hour it means, nobody can tell

    def _day_month(self, text: pd.Series) -> pd.Series:
        """dd/mm/yyyy or mm/dd/yyyy as yyyy-mm-dd."""
        if self.day_first is None:
            self.day_first = self._order(text)
        order = r"\4-\3-\1" if self.day_first else r"\4-\1-\3"
        text = text.str.replace(r"^(\d)([./-])", r"0\1\2", regex=True)
        text = text.str.replace(r"^(\d\d[./-])(\d)([./-])", r"\g<1>0\2\3", regex=True)
        return text.str.replace(_NUMERIC_DATE, order, regex=True)

    def _order(self, text: pd.Series) -> bool:
        """Whether the day stands first: by a number above 12, by dots, or by the shorter span."""
        import pandas as pd  # noqa: PLC0415

        parts = text.str.extract(_NUMERIC_DATE).dropna().drop_duplicates()
        a, b = (pd.to_numeric(parts[i]) for i in (0, 2))
        if (a > 12).any() or (b > 12).any() or (parts[1] == ".").all():
            return bool((a > 12).any() or not (b > 12).any())
        year = pd.to_numeric(parts[3]) * 372
        spans = [int((v.max() - v.min()) if len(v) else 0) for v in (year + b * 31 + a, year + a * 31 + b)]
        if spans[0] == spans[1]:
            raise TelemetryError(
                f"{self._where}: {text.iloc[0][:30]!r} may be day/month or month/day; "
                "write dates as yyyy-mm-dd"
            )
        return spans[0] < spans[1]


def zone_called(name: str | None) -> tzinfo:
    """The zone of an IANA name or an offset (+08:00); UTC for None.  Raises TelemetryError."""
    if name is None or name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    offset = re.fullmatch(r"(?:UTC)?([+-])(\d{1,2})(?::?(\d\d))?", name.strip())
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise TelemetryError(
            f"time zone {name!r} is not known; say one such as Europe/Berlin or +08:00"
        ) from error


def to_utc(local: Int64s, second: Mask, zone: tzinfo) -> Int64s:
    """UTC of local times in `zone`, ns; BAD for hours that daylight saving skips.

    Of the hour that comes twice, rows marked `second` are the later one.
    """
    import pandas as pd  # noqa: PLC0415

    index = pd.DatetimeIndex(local.view("datetime64[ns]"))
    known = index.tz_localize(zone, ambiguous=~second, nonexistent="NaT").tz_convert(UTC)
    return _nanoseconds(pd.Series(known))


def period_seconds(time_ns: Int64s, step_s: Floats, zone: tzinfo) -> Floats:
    """Lengths of the calendar days and months of `zone` that begin at `time_ns`; else `step_s` itself.

    A month has 28 to 31 days, a day 23 to 25 hours: one length for all would show as a load that
    moves with the calendar.
    """
    import pandas as pd  # noqa: PLC0415

    local = pd.DatetimeIndex(time_ns.view("datetime64[ns]"), tz=UTC).tz_convert(zone).tz_localize(None)
    seconds = step_s.copy()
    for named, ahead in ((step_s == 86_400, 0), ((step_s >= 27 * 86_400) & (step_s <= 32 * 86_400), 1)):
        if named.any():
            begin = local[named]
            following = begin + (pd.DateOffset(months=1) if ahead else pd.Timedelta(days=1))
            naive = following.to_numpy(dtype="datetime64[ns]").astype(np.int64)
            end = to_utc(naive, np.zeros(len(naive), dtype=bool), zone)
            seconds[named] = np.where(end == BAD, step_s[named], (end - time_ns[named]) / 1e9)
    return seconds


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text) is not None


def _iso(text: pd.Series) -> Int64s:
    import pandas as pd  # noqa: PLC0415

    return _nanoseconds(pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce"))


def _strptime(text: pd.Series, form: str) -> Int64s:
    import pandas as pd  # noqa: PLC0415

    return _nanoseconds(pd.to_datetime(text, format=form, utc=True, errors="coerce"))


def _rarely(text: pd.Series) -> Int64s:
    """The forms that ISO 8601 does not know: 24:00, 12-hour clocks, names of months."""
    midnight = text.str.contains(r"[ T]24:00(?::00)?$", regex=True)
    stamps = _iso(text.str.replace(r"([ T])24:00", r"\g<1>00:00", regex=True))
    stamps = np.where(midnight & (stamps != BAD), stamps + 86_400_000_000_000, stamps)
    for form in _FORMATS:
        bad = stamps == BAD
        if not bad.any():
            break
        stamps[bad] = _strptime(text[bad], form)
    return stamps


def _nanoseconds(times: pd.Series) -> Int64s:
    """Whole nanoseconds, BAD for what is missing or does not fit into 64 bits."""
    stamps = times.dt.tz_convert(None) if getattr(times.dtype, "tz", None) is not None else times
    seconds = stamps.to_numpy(dtype="datetime64[s]").astype(np.int64)
    fits = (seconds > -(2**63) // 10**9 + 1) & (seconds < 2**63 // 10**9 - 1)
    safe = np.where(fits, stamps.to_numpy(), np.datetime64(0, "s"))
    return np.where(
        fits, safe.astype("datetime64[ns]").astype(np.int64), np.where(_missing(stamps), BAD, BAD + 1)
    )


def _missing(stamps: pd.Series) -> Mask:
    found: Mask = stamps.isna().to_numpy()
    return found


def _bounded(stamps: Int64s) -> tuple[Int64s, Mask]:
    """Stamps, BAD outside 1980..2100, and which of them were (as opposed to unreadable)."""
    outside = (stamps != BAD) & ((stamps < FIRST_S * 10**9) | (stamps > LAST_S * 10**9))
    return np.where(outside, BAD, stamps), outside
