"""Templates -> the packets of a long, busy link: which frame, when, with which addresses.

Each capture is launched again and again, each launch with addresses of its own (their low
16 bits XORed) and its own place in time.  The launches of one span recur in the next with
the same addresses, as the hosts of a site do, and from other ports of the clients: a
longer capture has more connections, not more hosts.  Everything is drawn from one seed, a
span at a time, so memory does not grow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.templates import SPAN_S, Templates, columns, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_PORTS = 1_024  # what is XORed into a client's port stays below this: ephemeral ports stay ephemeral
_KEYS = 65_535  # values that 16 bits can be XORed with and change


@dataclass(frozen=True, slots=True)
class Packets:
    """n packets in order of time."""

    time_s: NDArray[np.float64]  # (n,) from the start of the capture
    frame: Ints  # (n,) index into the templates
    source: Ints  # (n,) XORed into the low 32 bits of the source address
    target: Ints  # (n,) and of the target address
    ports: Ints  # (n,) and into both ports

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class Sweep:
    """SYNs without end: one frame whose addresses and ports vary under masks."""

    source: str
    target: str
    port: int
    packets: int
    source_mask: int = 0
    target_mask: int = 0
    ports_mask: int = 0

    def frame(self) -> bytes:
        """The Ethernet frame of a SYN (RFC 9293), padded to the least length of 60 bytes."""
        ends = b"".join(bytes(map(int, address.split("."))) for address in (self.source, self.target))
        header = struct.pack(">BBHHHBBH", 0x45, 0, 40, 7, 0, 64, 6, 0) + ends
        total = sum(struct.unpack(">10H", header))
        header = header[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + header[12:]
        tcp = struct.pack(">HHIIBBHHH", 40_000, self.port, 1, 0, 0x50, 2, 1024, 0, 0)
        return (b"\x02" * 12 + b"\x08\0" + header + tcp).ljust(60, b"\0")


# An inside host that scans the Internet, the Internet that scans a campus, and a flood of spoofed SYNs.
SWEEPS = (
    Sweep("10.66.6.6", "198.16.0.0", 23, 1_500_000, target_mask=0x000F_FFFF, ports_mask=0x0007),
    Sweep("203.0.113.66", "10.20.0.0", 22, 500_000, target_mask=0xFFFF, ports_mask=0x000F),
    Sweep("100.128.0.0", "10.80.0.80", 443, 2_000_000, source_mask=0x007F_FFFF, ports_mask=0x3FFF_0000),
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A link: what is launched how often in each span, and what sweeps over it."""

    templates: Templates
    launches: Ints  # (captures,) a span
    sweeps: tuple[Sweep, ...] = ()  # each has a frame of its own at the end of the templates

    def spans(self, seed: int) -> Iterator[Packets]:
        """Packets, one span of SPAN_S after the other, without end."""
        capture = np.repeat(np.arange(len(self.launches)), self.launches)
        keys = _keys(self.launches, np.random.default_rng(seed))
        sizes = self.templates.sizes
        begins = np.cumsum(sizes) - sizes
        size = sizes[capture]
        launch = np.repeat(np.arange(len(capture)), size)
        frame = np.arange(len(launch)) - np.repeat(np.cumsum(size) - size - begins[capture], size)
        n = len(capture)
        before, old_ports = self._times(frame, launch, n, seed, 0), _ports(n, seed, 0)
        number = 0
        while True:
            number += 1
            now, ports = self._times(frame, launch, n, seed, number), _ports(n, seed, number)
            late, early = np.flatnonzero(before >= SPAN_S), np.flatnonzero(now < SPAN_S)
            rows = np.concatenate([late, early])
            key = keys[launch[rows]]
            drawn = np.concatenate([old_ports[launch[late]], ports[launch[early]]])
            passing = self.templates.passing[frame[rows]]
            port = np.where(passing == 1, drawn << 16, np.where(passing == 2, drawn, 0))
            parts = [
                Packets(np.concatenate([before[late] - SPAN_S, now[early]]), frame[rows], key, key, port),
                *self._swept(np.random.default_rng([seed, 1, number])),
            ]
            yield _in_order(parts, (number - 1) * SPAN_S)
            before, old_ports = now, ports

    def _times(self, frame: Ints, launch: Ints, n: int, seed: int, number: int) -> NDArray[np.float64]:
        """Seconds from the start of the span in which they are launched; those beyond it come in the next."""
        shift = np.random.default_rng([seed, 0, number]).random(n) * SPAN_S
        times: NDArray[np.float64] = self.templates.offset_s[frame] + shift[launch]
        return times

    def _swept(self, rng: np.random.Generator) -> Iterator[Packets]:
        first = len(self.templates.frames) - len(self.sweeps)
        for index, sweep in enumerate(self.sweeps):
            drawn = rng.integers(1 << 32, size=(3, sweep.packets))
            masks = (sweep.source_mask, sweep.target_mask, sweep.ports_mask)
            source, target, ports = (row & mask for row, mask in zip(drawn, masks, strict=True))
            frame = np.full(sweep.packets, first + index)
            yield Packets(rng.random(sweep.packets) * SPAN_S, frame, source, target, ports)


def evenly(templates: Templates, amount: Ints, total: int, weights: Ints | None = None) -> Traffic:
    """Captures launched equally often, or by whole weights.

    Their amounts sum to about `total` a span.
    """
    weights = np.ones(len(templates.sizes), dtype=np.int64) if weights is None else weights
    return Traffic(templates, weights * max(1, round(total / int((weights * amount).sum()))))


def swept(traffic: Traffic, sweeps: tuple[Sweep, ...]) -> Traffic:
    """The same traffic with sweeps over it."""
    frames = columns([[(0.0, sweep.frame())] for sweep in sweeps])
    launches = np.append(traffic.launches, np.zeros(len(sweeps), dtype=np.int64))
    return Traffic(together(traffic.templates, frames), launches, sweeps)


def tilt(amount: Ints, per: Ints, target: float) -> Ints:
    """(c,) whole weights of captures such that sum(w * amount) / sum(w * per) comes near the target.

    Captures on the other side of the target than the whole get one weight, the rest 1; all
    get 1 where no weight helps.
    """
    above = amount > target * per
    if amount.sum() > target * per.sum():
        above = ~above
    lack = target * per[~above].sum() - amount[~above].sum()
    gain = amount[above].sum() - target * per[above].sum()
    weight = max(1, round(lack / gain)) if gain else 1
    return np.where(above, weight, 1)


def _ports(launches: int, seed: int, number: int) -> Ints:
    """What the clients' ports of each launch of a span are XORed with."""
    return np.random.default_rng([seed, 2, number]).integers(_PORTS, size=launches)


def _keys(launches: Ints, rng: np.random.Generator) -> Ints:
    """What the addresses of each launch are XORed with: each launch of a capture differently."""
    if launches.max() > _KEYS:
        raise ValueError(f"a capture can be launched {_KEYS} times a span, not {launches.max()}")
    order = rng.permutation(_KEYS) + 1
    starts = rng.integers(_KEYS, size=len(launches))
    places = np.concatenate([np.arange(start, start + n) for start, n in zip(starts, launches, strict=True)])
    return order[places % _KEYS]


def _in_order(parts: list[Packets], start_s: float) -> Packets:
    """All packets of a span by time."""
    time_s = np.concatenate([part.time_s for part in parts])
    order = np.argsort(time_s, kind="stable")
    merged = [
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("frame", "source", "target", "ports")
    ]
    return Packets(time_s[order] + start_s, *merged)
