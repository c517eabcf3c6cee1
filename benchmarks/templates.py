"""The real frames that the benchmark's captures are replicated from, as columns.

They come from the nDPI test captures of the public data (see `shared/data`, not part of
this project); without it from the bundled sample, which the page then says.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import dpkt
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

ROOT = Path(__file__).resolve().parent.parent
SPAN_S = 1_800  # of data time in which one round of replicas starts
FRAME_BYTES = 65_535
SMALL_BYTES = 150
_NDPI = "ntop__nDPI/"
_PROBES = "cgminer."  # captures of a catalogue being probed: bursts, unlike a miner at work
_SAMPLE = ROOT / "sample_data" / "campus-hour.pcap.gz"

Timed = list[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class Templates:
    """n frames of c captures, those of a capture side by side and in order of time."""

    frames: list[bytes]
    offset_s: NDArray[np.float64]  # (n,) from the first packet of its capture, below SPAN_S
    flow: Ints  # (n,) number of its flow (5-tuple, both directions); -1 = no TCP or UDP over IP
    version: Ints  # (n,) of the IP header; 0 = none that is understood
    network: Ints  # (n,) offset of the IP header
    transport: Ints  # (n,) offset of the TCP or UDP header; 0 = none
    passing: Ints  # (n,) which port is the client's passing one: 1 source, 2 target, 0 neither is told
    sizes: Ints  # (c,) frames of each capture

    @property
    def lengths(self) -> Ints:
        """(n,) bytes of each frame."""
        return np.array([len(frame) for frame in self.frames], dtype=np.int64)

    def per_capture(self, values: Ints) -> Ints:
        """(c,) sums of a column over each capture."""
        return np.add.reduceat(values, np.cumsum(self.sizes) - self.sizes)

    def flows_per_capture(self) -> Ints:
        """(c,) flows of each capture."""
        first = np.zeros(len(self.flow), dtype=np.int64)
        numbers, places = np.unique(self.flow, return_index=True)
        first[places[numbers >= 0]] = 1
        return self.per_capture(first)


@dataclass(frozen=True, slots=True)
class Sources:
    """The captures to replicate, and what the page says of them."""

    said: str
    ordinary: list[Path]
    miners: list[Path]

    @property
    def digest_text(self) -> str:
        """Changes when the captures do."""
        return "\n".join(f"{path.name} {path.stat().st_size}" for path in [*self.ordinary, *self.miners])


def sources(data: Path) -> Sources:
    """What `data` offers, else the bundled sample."""
    table = data / "net" / "labels.tsv"
    if not table.is_file():
        return Sources("the bundled sample `campus-hour.pcap.gz` (no public data here)", [_SAMPLE], [_SAMPLE])
    with open(table, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["linktype"] == "EN10MB"]
    rows = [row for row in rows if (data / "net" / row["path"]).is_file()]
    ordinary = [data / "net" / row["path"] for row in rows if row["path"].startswith(_NDPI)]
    miners = [data / "net" / row["path"] for row in rows if row["label"] == "mining"]
    said = f"the {len(ordinary)} Ethernet captures of nDPI's tests in the public data"
    return Sources(said, ordinary, [path for path in miners if not path.name.startswith(_PROBES)])


def load(paths: Iterable[Path]) -> Templates:
    """The frames of Ethernet captures.  Raises ValueError where there are none."""
    return columns([frames for path in paths if (frames := list(_frames(path)))])


def small(templates: Templates) -> Templates:
    """Only frames of at most SMALL_BYTES."""
    return _rebuilt(templates, lambda frame: frame if len(frame) <= SMALL_BYTES else None)


def together(*parts: Templates) -> Templates:
    """One after the other."""
    return columns([capture for part in parts for capture in _captures(part)])


def over_ipv6(templates: Templates) -> Templates:
    """TCP and UDP over IPv4 put behind IPv6 headers; IPv6 as it is, everything else left out."""
    return _rebuilt(templates, _to_ipv6)


def columns(captures: Sequence[Timed]) -> Templates:
    """Columns of captures given as (seconds, frame).  Raises ValueError where there are no frames."""
    if not captures:
        raise ValueError("no Ethernet frames to replicate")
    frames = [frame for capture in captures for _, frame in capture]
    heads = [_head(frame) for frame in frames]
    numbers: dict[tuple[int, bytes], int] = {}
    owner = np.repeat(np.arange(len(captures)), [len(capture) for capture in captures]).tolist()
    flows = [
        numbers.setdefault((capture, head.flow), len(numbers)) if head.flow else -1
        for capture, head in zip(owner, heads, strict=True)
    ]
    return Templates(
        frames,
        np.concatenate([_offsets(capture) for capture in captures]),
        np.array(flows, dtype=np.int64),
        np.array([head.version for head in heads], dtype=np.int64),
        np.array([head.network for head in heads], dtype=np.int64),
        np.array([head.transport for head in heads], dtype=np.int64),
        np.array([head.passing for head in heads], dtype=np.int64),
        np.array([len(capture) for capture in captures], dtype=np.int64),
    )


def _offsets(capture: Timed) -> NDArray[np.float64]:
    """Seconds from the first packet; a capture longer than the span is played faster."""
    times = np.array([seconds for seconds, _ in capture])
    times -= times.min()
    return times * min(1.0, (SPAN_S - 1) / max(float(times.max()), 1.0))


def _frames(path: Path) -> Iterator[tuple[float, bytes]]:
    """(seconds, frame) of a capture, up to where it is damaged."""
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        try:
            for seconds, frame in dpkt.pcap.UniversalReader(file):
                if 14 <= len(frame) <= FRAME_BYTES:
                    yield float(seconds), bytes(frame)
        except (ValueError, EOFError, dpkt.dpkt.Error):
            return


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the headers of a frame stand, and whose it is."""

    version: int = 0
    network: int = 0
    transport: int = 0
    passing: int = 0
    flow: bytes = b""  # sorted endpoints and protocol


def _head(frame: bytes) -> _Head:
    """Of an Ethernet frame, with one VLAN tag at most."""
    network = 18 if frame[12:14] == b"\x81\x00" else 14
    kind = frame[network - 2 : network]
    if kind == b"\x08\x00" and len(frame) >= network + 20:
        addresses, protocol, transport = network + 12, frame[network + 9], network + 4 * (frame[network] & 15)
        version, size = 4, 4
    elif kind == b"\x86\xdd" and len(frame) >= network + 40:
        addresses, protocol, transport = network + 8, frame[network + 6], network + 40
        version, size = 6, 16
    else:
        return _Head()
    continues = version == 4 and int.from_bytes(frame[network + 6 : network + 8], "big") & 0x1FFF
    if protocol not in (6, 17) or continues or len(frame) < transport + 4:
        return _Head(version, network)
    ports = [frame[transport + 2 * side : transport + 2 * side + 2] for side in (0, 1)]
    ends = [frame[addresses + side * size : addresses + (side + 1) * size] + ports[side] for side in (0, 1)]
    flow = b"".join(sorted(ends)) + bytes((protocol,))
    return _Head(version, network, transport, _passing(*ports), flow)


def _passing(source: bytes, target: bytes) -> int:
    """The higher port, unless it is one of the system's (RFC 6335) or both are the same."""
    if source == target or max(source, target) < (1_024).to_bytes(2, "big"):
        return 0
    return 1 if source > target else 2


def _to_ipv6(frame: bytes) -> bytes | None:
    """The frame behind an IPv6 header (RFC 8200) without options; None for what has no place there."""
    head = _head(frame)
    network = head.network
    if head.version == 6:
        return frame
    if not head.flow or frame[network + 6] & 0x20:  # or the first of some fragments
        return None
    end = network + int.from_bytes(frame[network + 2 : network + 4], "big")
    body = frame[network + 4 * (frame[network] & 15) : end]
    header = b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes((frame[network + 9], frame[network + 8]))
    source, target = frame[network + 12 : network + 16], frame[network + 16 : network + 20]
    return frame[: network - 2] + b"\x86\xdd" + header + _mapped(source) + _mapped(target) + body


def _mapped(address: bytes) -> bytes:
    """Private addresses into a unique local prefix (RFC 4193), others into the documentation's (RFC 3849)."""
    prefix = b"\xfd\0" if IPv4Address(address).is_private else b"\x20\x01\x0d\xb8"
    return prefix.ljust(12, b"\0") + address


def _captures(templates: Templates) -> Iterator[Timed]:
    end = 0
    for size in templates.sizes.tolist():
        begin, end = end, end + size
        yield list(zip(templates.offset_s[begin:end].tolist(), templates.frames[begin:end], strict=True))


def _rebuilt(templates: Templates, change: Callable[[bytes], bytes | None]) -> Templates:
    """With each frame changed, or left out where that gives None."""
    captures = [
        [(seconds, new) for seconds, frame in capture if (new := change(frame)) is not None]
        for capture in _captures(templates)
    ]
    return columns([capture for capture in captures if capture])
