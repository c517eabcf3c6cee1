"""Values into text that is safe to show: names from captures, times, numbers.

Everything that came out of a capture or a file is hostile until `printable` has seen it:
control characters move a terminal's cursor, bidirectional ones turn a line round.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1)  # of `rfc3339`, which writes the zone itself
LONGEST = 400  # characters of one string that are shown
_AS_IT_IS = frozenset({bool, int})  # types of JSON that any value of is plain


def printable(value: object, longest: int = LONGEST) -> str:
    """`value` as one line without control, bidirectional, private or unassigned characters.

    What is not printable is shown as its escape (`\\x1b`, `\\u202e`), so that nothing is
    hidden; other spaces become spaces; what is longer than `longest` ends in an ellipsis.
    """
    text = str(value)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def harmless(value: Any) -> Any:
    """`value` as `plain` gives it, every text as `printable` shows it, without what is null or empty."""
    return _harmless(plain(value))


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        shown = {printable(key): _harmless(item) for key, item in value.items()}
        return {key: item for key, item in shown.items() if item is not None and item not in ("", [], {})}
    return [_harmless(item) for item in value] if isinstance(value, list) else value


def cells(text: str) -> int:
    """Columns that printable `text` takes on a terminal (UAX 11: wide and full-width take two)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def rfc3339(ns: int) -> str:
    """Nanoseconds since the epoch (64-bit) as `2026-03-01T00:00:00.000000Z`, cut to microseconds."""
    moment = _EPOCH + timedelta(microseconds=int(ns) // 1000)
    return moment.isoformat(timespec="microseconds") + "Z"  # a third of the time of strftime


def nanoseconds(when: datetime) -> int:
    """A time with its zone, in nanoseconds since the epoch."""
    since = when - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def moment(text: str) -> int:
    """RFC 3339, or a date for its midnight in UTC, in nanoseconds since the epoch.  Raises ValueError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is not None and len(text) == len("2026-03-01"):
        when = when.replace(tzinfo=UTC)
    if when is None or when.tzinfo is None:
        raise ValueError(f"{text!r:.80} is no time with its zone, such as 2026-03-01T00:00:00Z")
    return nanoseconds(when)


def minute(ns: int) -> str:
    """Nanoseconds since the epoch as `2026-03-01 00:00`, UTC."""
    return _minute(int(ns) // 60_000_000_000)


@functools.lru_cache(1024)  # hosts of one capture share a few
def _minute(minutes: int) -> str:
    return rfc3339(minutes * 60_000_000_000)[:16].replace("T", " ")


def number(value: float | None, digits: int = 3) -> str:
    """`value` with three significant digits and a unit-free look; `-` when there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0 or 10 ** (digits - 1) <= abs(value) < 10**15:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.{digits}g}"


def probability(value: float | None) -> str:
    """A score with three decimals, cut and not rounded: 0.9996 is not 1.000."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{math.floor(min(max(value, 0.0), 1.0) * 1000) / 1000:.3f}"


def grouped(count: float) -> str:
    """A count for people: `1 234 567`."""
    return f"{count:,}".replace(",", " ")


def plural(count: int, noun: str) -> str:
    """`1 host`, `1 234 hosts`."""
    return f"{grouped(count)} {noun}" if count == 1 else f"{grouped(count)} {noun}s"


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: NaN and infinities are None, numpy scalars and arrays
    Python's, text without lone surrogates, anything else its text."""
    if value is None or type(value) in _AS_IT_IS or (type(value) is str and value.isascii()):  # most are
        return value
    if hasattr(value, "tolist"):  # numpy's; this room does not import it
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value).encode("utf-8", "replace").decode("utf-8")
