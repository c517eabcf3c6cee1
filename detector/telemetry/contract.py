"""What every telemetry source promises, and what a user may say about a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from detector.records import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.records import Readings
    from detector.streams import Stream
    from detector.telemetry.address import Address


class TelemetryError(ValueError):
    """A power file that cannot be read: one line naming the file, the place, what, and what to do."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user says about a file; None = find out.  What the file itself says wins."""

    unit: str | None = None  # of values that carry none: see UNITS
    timezone: str | None = None  # of times that carry none: IANA name or offset such as +08:00
    meter: str | None = None  # name of the column with the meter, or of the only meter
    value: str | None = None  # name of the column with the reading
    day_first: bool | None = None  # 03/04/2026 is the third of April


class Source(Protocol):
    """One kind of file.  A module with these two functions is a source."""

    def sniff(self, head: bytes, name: str) -> bool:
        """Whether a file that begins with `head` (decompressed) and is called `name` is of this kind."""
        ...

    def read(self, stream: Stream, hints: Hints) -> Iterable[Readings]:
        """All readings, each part sorted by (meter, time).  Raises TelemetryError, OSError.

        What memory holds is one part.  Of more, every meter stands in one part alone.

        Damage ends the stream: `stream.problem` then says what it was, or is set by the reader
        that finds it, and what was whole before it is read.
        """
        ...


class Service(Protocol):
    """One kind of server that is asked for readings.  A module with these is a service."""

    @property
    def SCHEME(self) -> str:  # noqa: N802  a constant of the module
        """What stands before the colon of its addresses."""
        ...

    @property
    def ARGUMENTS(self) -> tuple[str, ...]:  # noqa: N802
        """What may stand behind the question mark."""
        ...

    def fetch(self, address: Address, hints: Hints) -> Readings:
        """What the server answers.  Sends the read request that the user named, and nothing else.

        Raises TelemetryError, in bounded time whatever the server does.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of power, or of energy used in one interval."""

    label: str
    quantity: Quantity
    scale: float  # to W, or to kWh


UNITS: Final = {
    unit.label: unit
    for unit in (
        Unit("W", Quantity.POWER_W, 1.0),
        Unit("kW", Quantity.POWER_W, 1e3),
        Unit("MW", Quantity.POWER_W, 1e6),
        Unit("mW", Quantity.POWER_W, 1e-3),
        Unit("uW", Quantity.POWER_W, 1e-6),
        Unit("Wh", Quantity.ENERGY_KWH, 1e-3),
        Unit("kWh", Quantity.ENERGY_KWH, 1.0),
        Unit("MWh", Quantity.ENERGY_KWH, 1e3),
        Unit("J", Quantity.ENERGY_KWH, 1 / 3.6e6),
        Unit("kJ", Quantity.ENERGY_KWH, 1e3 / 3.6e6),
        Unit("MJ", Quantity.ENERGY_KWH, 1e6 / 3.6e6),
        Unit("mJ", Quantity.ENERGY_KWH, 1e-3 / 3.6e6),
        Unit("uJ", Quantity.ENERGY_KWH, 1e-6 / 3.6e6),
    )
}
_SPOKEN: Final = {
    "watt": "W", "watts": "W", "kilowatt": "kW", "kilowatts": "kW", "w": "W", "kw": "kW",
    "microwatts": "uW", "milliwatts": "mW", "uw": "uW",
}  # fmt: skip
_SPOKEN_ENERGY: Final = {
    "wh": "Wh", "kwh": "kWh", "mwh": "MWh", "kilowatthours": "kWh",
    "joules": "J", "microjoules": "uJ", "millijoules": "mJ", "kilojoules": "kJ", "uj": "uJ",
}  # fmt: skip


def unit_called(text: str) -> Unit | None:
    """The unit written as `text`; case matters for mW and MW alone ("mw" is refused: it may be either)."""
    text = text.strip()
    if text in UNITS:
        return UNITS[text]
    label = (_SPOKEN | _SPOKEN_ENERGY).get(re.sub(r"[\s_-]", "", text.lower()))
    return UNITS[label] if label else None
