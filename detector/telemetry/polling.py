"""Sources that tell only what is now: asked again and again for a while, told how long by the user.

`for` (default 60s, at most a day) and `every` (default 5s, at least 0.1 s) stand in the address.
"""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Final

from detector.telemetry.contract import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.telemetry.address import Address

ARGUMENTS: Final = ("for", "every")
MOST_S: Final = 86_400.0
LEAST_STEP_S: Final = 0.1
_SPAN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)?")
_SECONDS: Final = {"ms": 1e-3, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def span_s(text: str, where: str) -> float:
    """Seconds of `500ms`, `60s`, `15m`, `7d`.  Raises TelemetryError."""
    match = _SPAN.fullmatch(text)
    if not match:
        raise TelemetryError(f"{where}: {text[:30]!r} is no length of time; say it as 60s, 15m, 7d")
    return float(match[1]) * _SECONDS[match[2]]


def duration_s(address: Address) -> float:
    """How long the user wants to listen.  Raises TelemetryError."""
    seconds = span_s(address.arguments.get("for", "60s"), address.shown)
    if seconds > MOST_S:
        raise TelemetryError(f"{address.shown}: for={address.arguments['for']}: at most a day")
    return seconds


def poll(address: Address, look: Callable[[float], None]) -> None:
    """Calls `look` with the time, at once and then every so often, until the time is over.

    A look that fails after the first that worked ends the matter where it is.
    Raises TelemetryError.
    """
    seconds = duration_s(address)
    step = max(LEAST_STEP_S, span_s(address.arguments.get("every", "5s"), address.shown))
    began = time.monotonic()
    for turn in range(math.floor(seconds / step) + 1):
        time.sleep(max(0.0, began + turn * step - time.monotonic()))
        if time.monotonic() - began > seconds + step:  # looks take longer than they may
            break
        look(time.time())


def number(value: object) -> float:
    """A number, also one that is written as text ("123.0", as some BMCs do); NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 64:
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan
