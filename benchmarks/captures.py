"""The captures of the benchmark: a table of them.  `making` makes them.

Light on purpose: the process that starts the engines imports this, and the peak memory of
a child counts what its parent held.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

MB = 1_000_000
GROWTH_MB = (4, 16, 64, 256)  # besides the smallest, the mixed one and four times the mixed one


@dataclass(frozen=True, slots=True)
class Capture:
    """A row of the table: the first bytes or packets of some traffic."""

    name: str
    traffic: str  # key of making.TRAFFIC
    packets: int | None = None
    n_bytes: int | None = None  # as a pcap; the same packets take more as pcapng
    format: str = "pcap"
    what: str = ""

    def head(self, packets: int | None) -> Capture:
        """Its first packets, for an engine that would take all day; None = all of it."""
        if packets is None:
            return self
        return replace(self, name=f"{self.name}, first {packets}", packets=packets, n_bytes=None)

    @property
    def on_curve(self) -> bool:
        """Whether it is a point of time and memory against size."""
        return self.traffic == "mixed" and self.format == "pcap" and self.packets is None


@dataclass(frozen=True, slots=True)
class Made:
    """A capture as it lies on the disk."""

    path: Path
    packets: int
    n_bytes: int  # of the file
    flows: int  # 5-tuples, both directions


ONE_PACKET = Capture("one packet", "mixed", packets=1, what="what an engine needs to start")


def table(scale: float = 1.0) -> list[Capture]:
    """The captures; `scale` makes all smaller but for the smallest."""
    million, giga = round(1e6 * scale), round(1e9 * scale)
    points = [size * MB for size in GROWTH_MB if size * MB < giga]
    return [
        Capture("mixed", "mixed", n_bytes=giga, what="the frames of many protocols, as one busy link"),
        Capture("mixed, pcapng", "mixed", n_bytes=giga, format="pcapng", what="the same packets"),
        Capture("small packets", "small", packets=6 * million, what="at most 150 B, but for the miners'"),
        Capture("IPv6", "ipv6", n_bytes=giga // 2, what="the mixed traffic behind IPv6 headers"),
        Capture(
            "scan", "scan", packets=round(4.4 * million), what="port scans, a SYN flood, miners among them"
        ),
        Capture("1 MB", "mixed", n_bytes=MB, what="head of the mixed one"),
        *(Capture(f"{size // MB} MB", "mixed", n_bytes=size, what="for the curve") for size in points),
        Capture(
            f"{4 * giga // MB} MB", "mixed", n_bytes=4 * giga, what="for the curve: hours of the same link"
        ),
    ]


def make_apart(rows: Sequence[Capture], data: Path, folder: Path) -> tuple[str, dict[str, Made]]:
    """`making.make` in a process of its own, since making takes hundreds of MB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as maker:
        return maker.submit(_make, rows, data, folder).result()


def _make(rows: Sequence[Capture], data: Path, folder: Path) -> tuple[str, dict[str, Made]]:
    from benchmarks.making import make  # noqa: PLC0415  (numpy)

    return make(rows, data, folder)


def file_name(capture: Capture) -> str:
    """Such as `mixed-1000000000B.pcap` or `small-200000.pcap`."""
    limit = f"{capture.n_bytes}B" if capture.packets is None else f"{capture.packets}"
    return f"{capture.traffic}-{limit}.{capture.format}"
