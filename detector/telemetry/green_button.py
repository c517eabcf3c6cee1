"""Green Button: Atom feeds of ESPI interval data (NAESB REQ.21), read as a stream.

An IntervalReading has start, duration and an integer; what it counts stands in the ReadingType
that the feed's links lead to: unit (`uom` 72 = Wh, 38 = W), power of ten, direction, commodity.
Links and types may come after the readings, so numbers are kept and understood at the end.

Documents that declare a type or an entity are refused: no feed has one, and an entity is how
a small file fills memory.  expat is given pieces; what stands behind the end is an error.
"""

from __future__ import annotations

import math
import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from detector.telemetry.collect import stem
from detector.telemetry.contract import Hints, TelemetryError
from detector.telemetry.samples import Samples
from detector.text import grouped

if TYPE_CHECKING:
    from detector.records import Readings
    from detector.streams import Stream

PIECE: Final = 1 << 16
MAX_DEPTH: Final = 64
MAX_TEXT: Final = 4096  # of one element
MAX_LINKS: Final = 1_000_000  # of one feed: what it makes us hold besides its readings
_SPACE: Final = "http://naesb.org/espi"
_WH: Final = 72  # UomType
_W: Final = 38
_ELECTRICITY: Final = (0, 1, 2)  # CommodityType: not told, secondary and primary metered
_EXPORT: Final = 19  # FlowDirectionType: reverse
_REGISTER: Final = (1, 3, 9)  # AccumulationBehaviourType: bulk quantity, cumulative, latching
_ESTIMATED: Final = (8, 9, 12)  # QualityOfReading: by a reference day, by interpolation, projected
_USUAL_S: Final = 3600
_READING: Final = ("start", "duration", "value", "quality")
_TYPE: Final = (
    "uom", "powerOfTenMultiplier", "intervalLength", "commodity", "flowDirection", "accumulationBehaviour",
)  # fmt: skip


@dataclass(slots=True)
class _Entry:
    """One entry of the feed while it is read."""

    at: str = ""
    up: str = ""
    related: list[str] = field(default_factory=list)
    kind: dict[str, int] | None = None  # of a ReadingType
    times: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    estimated: int = 0


def sniff(head: bytes, name: str) -> bool:
    """XML that names the standard's space."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and _SPACE.encode() in head


def read(stream: Stream, hints: Hints) -> list[Readings]:
    """Mean watts of each interval of each meter, up to damage.  Raises TelemetryError, OSError."""
    feed = _Feed(stream.path)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = feed.start, feed.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = feed.text, feed.refuse
    try:
        while piece := stream.read(PIECE):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except TelemetryError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter for encodings not known to it
        told = expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else str(error)[:120]
        what = f"line {parser.CurrentLineNumber}: damaged XML: {told}"
        stream.problem = stream.problem or f"{stream.path}: {what}; what lies behind it is left out"
    return [feed.readings(hints.meter or stem(stream.path))]


class _Feed:
    """Takes the parser's events, keeps entries."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[str] = []  # local names of the elements that are open
        self._heard = ""
        self._entry = _Entry()
        self._entries: list[_Entry] = []
        self._told: dict[str, str] = {}  # of the reading that is open
        self._links = 0

    def refuse(self, *_: object) -> None:
        raise TelemetryError(f"{self._path}: it declares a document type, which no Green Button file does")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        self._open.append(local)
        self._heard = ""
        if len(self._open) > MAX_DEPTH:
            raise TelemetryError(f"{self._path}: elements nested more than {MAX_DEPTH} deep")
        if local == "entry":
            self._entry = _Entry()
        elif local == "IntervalReading":
            self._told = {}
        elif local == "ReadingType":
            self._entry.kind = {}
        elif local == "link":
            self._link(attributes.get("rel", ""), attributes.get("href", "")[:MAX_TEXT])

    def text(self, data: str) -> None:
        if len(self._heard) < MAX_TEXT:
            self._heard += data

    def end(self, name: str) -> None:
        local = self._open.pop()
        heard, self._heard = self._heard.strip(), ""
        if local == "IntervalReading":
            self._reading()
        elif "IntervalReading" in self._open:
            if local in _READING:
                self._told[local] = heard
        elif self._entry.kind is not None and self._open[-1:] == ["ReadingType"] and local in _TYPE:
            self._entry.kind[local] = _integer(heard) or 0
        elif local == "entry":
            if self._entry.times or self._entry.related or self._entry.kind is not None:
                self._entries.append(self._entry)
            self._entry = _Entry()

    def _link(self, rel: str, href: str) -> None:
        self._links += 1
        if self._links > MAX_LINKS:
            raise TelemetryError(f"{self._path}: more than {grouped(MAX_LINKS)} links")
        if rel == "self":
            self._entry.at = href
        elif rel == "up":
            self._entry.up = href
        elif rel == "related":
            self._entry.related.append(href)

    def _reading(self) -> None:
        entry, told = self._entry, self._told
        start, seconds = _integer(told.get("start", "")), _integer(told.get("duration", ""))
        value = _integer(told.get("value", ""))
        entry.times.append(start or 0)  # 0 = before 1980: left out and counted
        entry.seconds.append(seconds or 0)
        entry.values.append(math.nan if value is None else value)
        entry.estimated += _integer(told.get("quality", "")) in _ESTIMATED

    def readings(self, default: str) -> Readings:
        """What the entries say once all are there.  Raises TelemetryError when nothing is left."""
        blocks = [
            entry for entry in (*self._entries, self._entry) if entry.times
        ]  # the last: no feed around it
        types = {entry.at: entry.kind for entry in self._entries if entry.kind is not None}
        meters = {entry.at.rstrip("/"): entry for entry in self._entries if entry.related}
        points = {_point(at) for at in meters}
        samples = Samples(self._path)
        estimated = 0
        for block in blocks:
            owner = block.up.rpartition("/IntervalBlock")[0]
            name = f"{default}/{_point(owner)}" if len(points) > 1 and _point(owner) else default
            estimated += _take(samples, name, block, self._kind(meters.get(owner), types))
        count = sum(len(block.times) for block in blocks)
        if estimated:
            samples.notes.append(
                f"{grouped(estimated)} of {grouped(count)} readings are estimated by the utility"
            )
            samples.estimated = 2 * estimated >= count
        return samples.readings()

    def _kind(self, meter: _Entry | None, types: dict[str, dict[str, int]]) -> dict[str, int]:
        """The type that a meter's links lead to; the only one of a file without such links."""
        for href in meter.related if meter else ():
            if href in types:
                return types[href]
        if len(types) == 1:
            return next(iter(types.values()))
        raise TelemetryError(f"{self._path}: readings without their ReadingType: their unit is unknown")


def _point(at: str) -> str:
    """Number of the usage point in an address; empty where there is none."""
    found = re.search(r"UsagePoint/([^/]+)", at)
    return found[1] if found else ""


def _take(samples: Samples, meter: str, block: _Entry, kind: dict[str, int]) -> int:
    """Adds a block's readings; how many of them are estimated."""
    n, unit = len(block.times), kind.get("uom", 0)
    scale = 10.0 ** max(-12, min(12, kind.get("powerOfTenMultiplier", 0)))
    if kind.get("commodity", 0) not in _ELECTRICITY or unit not in (_WH, _W):
        samples.dropped["not electric energy or power (gas, water, volts ...)"] += n
        return 0
    if kind.get("flowDirection", 0) == _EXPORT:
        samples.dropped["energy that was fed in"] += n
        return 0
    usual = kind.get("intervalLength", 0) or _USUAL_S
    for start, seconds, value in zip(block.times, block.seconds, block.values, strict=True):
        if unit == _W:
            samples.power(meter, start, value * scale)
        elif kind.get("accumulationBehaviour", 0) in _REGISTER:
            samples.total(meter, start, value * scale / 1000)
        else:
            samples.power(meter, start, value * scale * 3600 / (seconds if seconds > 0 else usual))
    return block.estimated


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else None
