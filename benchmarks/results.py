"""What the samples say: medians and ranges, ratios of engines, budgets met or missed.

CPU time is compared, since wall time on a shared machine says more of its other users.
A ratio is taken within each round, whose runs stood side by side, and then its median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.captures import ONE_PACKET
from benchmarks.running import STOPPED, Sample

KERNEL, SCORE, POWER, LIVE = "minewatch kernel", "minewatch score", "minewatch power", "minewatch live"


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of one number over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """None where there are none."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1]) if found else None


@dataclass(frozen=True, slots=True)
class Results:
    """The samples of one run of the benchmark."""

    samples: Sequence[Sample]

    def of(self, engine: str, capture: str) -> list[Sample]:
        """The runs of an engine on a capture that count, by round."""
        return [s for s in self.samples if (s.engine, s.capture, s.failed) == (engine, capture, "")]

    def failure(self, engine: str, capture: str) -> str:
        """Why the first run that failed did."""
        runs = [s for s in self.samples if (s.engine, s.capture) == (engine, capture)]
        return next((s.failed for s in runs if s.failed), "")

    def start_s(self, engine: str) -> float:
        """CPU time of an engine on a capture of one packet; 0 where that was not measured."""
        return min((s.cpu_s for s in self.of(engine, ONE_PACKET.name)), default=0.0)

    def alone_s(self, sample: Sample) -> float:
        """CPU time without that of starting; never less than a tenth of the whole."""
        return max(sample.cpu_s - self.start_s(sample.engine), sample.cpu_s / 10)

    def spread(self, engine: str, capture: str, value: Callable[[Sample], float]) -> Spread | None:
        """Of a number of each run."""
        return Spread.of(value(sample) for sample in self.of(engine, capture))

    def peak_bytes(self, engine: str, capture: str) -> Spread | None:
        """Memory held, by runs that were stopped for holding too much as well."""
        runs = [s for s in self.samples if (s.engine, s.capture) == (engine, capture)]
        return Spread.of(s.peak_mb * 1e6 for s in runs if not s.failed or s.failed.startswith(STOPPED))

    def packet_rate(self, engine: str, capture: str) -> Spread | None:
        """Packets per second of CPU time, starting left out."""
        return self.spread(engine, capture, lambda s: s.packets / self.alone_s(s))

    def byte_rate(self, engine: str, capture: str) -> Spread | None:
        """Bytes of the file per second of CPU time, starting left out."""
        return self.spread(engine, capture, lambda s: s.n_bytes / self.alone_s(s))

    def faster(self, ours: str, peer: str, capture: str, *, whole: bool = False) -> Spread | None:
        """CPU time that the peer takes for a packet, by what ours takes; `whole`: starting included."""

        def per_packet(sample: Sample) -> float:
            return (sample.cpu_s if whole else self.alone_s(sample)) / sample.packets

        theirs = {s.round: per_packet(s) for s in self.of(peer, capture)}
        pairs = [(theirs[s.round], per_packet(s)) for s in self.of(ours, capture) if s.round in theirs]
        return Spread.of(their / our for their, our in pairs)

    def told_rate(self, engine: str) -> Spread | None:
        """Items per second of the CPU time that a program tells of."""
        return Spread.of(s.told["items"] / s.told["cpu_s"] for s in self.of(engine, "") if s.told)

    def live(self, value: Callable[[float, float, float, float], float]) -> Spread | None:
        """Of (metered, sent, lost, seconds) of each run on the loopback."""
        told = [s.told for s in self.of(LIVE, "") if s.told]
        return Spread.of(value(t["items"], t["sent"], t["lost"] or 0, t["seconds"]) for t in told)


@dataclass(frozen=True, slots=True)
class Budget:
    """A row of the design's table: the number that is measured and what it may be."""

    what: str
    limit: float
    unit: str
    at_least: bool
    measured: Callable[[Results], Spread | None]

    def verdict(self, results: Results) -> str:
        """`met` or `missed`, by the median; `not measured`."""
        spread = self.measured(results)
        if spread is None:
            return "not measured"
        met = spread.median >= self.limit if self.at_least else spread.median <= self.limit
        return "met" if met else "missed"


def _at_least(what: str, limit: float, unit: str, measured: Callable[[Results], Spread | None]) -> Budget:
    return Budget(what, limit, unit, True, measured)


def _at_most(what: str, limit: float, unit: str, measured: Callable[[Results], Spread | None]) -> Budget:
    return Budget(what, limit, unit, False, measured)


def _peak(engine: str, capture: str) -> Callable[[Results], Spread | None]:
    return lambda results: results.peak_bytes(engine, capture)


def _wall(engine: str, capture: str) -> Callable[[Results], Spread | None]:
    return lambda results: results.spread(engine, capture, lambda s: s.wall_s)


def _ratio(of: Spread | None, to: Spread | None) -> Spread | None:
    if of is None or to is None:
        return None
    return Spread(of.median / to.median, of.low / to.high, of.high / to.low)


def _scan_slowdown(results: Results) -> Spread | None:
    return _ratio(results.packet_rate(KERNEL, "mixed"), results.packet_rate(KERNEL, "scan"))


def _power_ratio(results: Results) -> Spread | None:
    return _ratio(results.told_rate(POWER), results.told_rate("tsfresh, efficient set"))


BUDGETS = (
    _at_least("kernel, mixed", 3e6, "packets/s", lambda r: r.packet_rate(KERNEL, "mixed")),
    _at_least("kernel, mixed", 2e9, "bytes/s", lambda r: r.byte_rate(KERNEL, "mixed")),
    _at_least("kernel against ndpiReader", 8, "times", lambda r: r.faster(KERNEL, "ndpiReader", "mixed")),
    _at_least("kernel against nfstream", 30, "times", lambda r: r.faster(KERNEL, "nfstream", "mixed")),
    _at_least(
        "kernel against tshark fields", 100, "times", lambda r: r.faster(KERNEL, "tshark -T fields", "mixed")
    ),
    _at_most("`minewatch score`, mixed", 1.5, "s", _wall(SCORE, "mixed")),
    _at_most("`minewatch score`, mixed, peak memory", 150e6, "bytes", _peak(SCORE, "mixed")),
    _at_least(
        "`minewatch score` against ndpiReader, whole processes",
        5,
        "times",
        lambda r: r.faster(SCORE, "ndpiReader", "mixed", whole=True),
    ),
    _at_most("`minewatch score`, small packets", 3, "s", _wall(SCORE, "small packets")),
    _at_most("`minewatch score`, small packets, peak memory", 700e6, "bytes", _peak(SCORE, "small packets")),
    _at_most("kernel, a packet of the scan to one of mixed", 2, "times", _scan_slowdown),
    _at_most("kernel, scan, peak memory", 1.5e9, "bytes", _peak(KERNEL, "scan")),
    _at_most("`minewatch score`, scan, peak memory", 1.5e9, "bytes", _peak(SCORE, "scan")),
    _at_most("`minewatch --help`", 0.15, "s", _wall("minewatch --help", "")),
    _at_most("`minewatch score`, 1 MB", 0.6, "s", _wall(SCORE, "1 MB")),
    _at_least("power readings to vectors", 5e6, "readings/s", lambda r: r.told_rate(POWER)),
    _at_least("power against tsfresh", 100, "times", _power_ratio),
    _at_least("live, loopback", 300e3, "packets/s", lambda r: r.live(lambda got, sent, lost, s: got / s)),
    _at_most(
        "live, not metered", 0.1, "%", lambda r: r.live(lambda got, sent, lost, s: 100 * (1 - got / sent))
    ),
)
