"""The byte window of a capture stream: room to read into, the file header, what was counted.

Owns offsets: every problem names the byte of the stream where it stands.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from detector.kernel import tables
from detector.kernel.rows import words
from detector.settings import TUNNELS, MeterSettings

PCAP_HEADER: Final = 24
_PCAP_MAGICS: Final = {  # first four bytes: (big endian, ns a tick, bytes of a record header)
    b"\xd4\xc3\xb2\xa1": (0, 1000, 16),
    b"\xa1\xb2\xc3\xd4": (1, 1000, 16),
    b"\x4d\x3c\xb2\xa1": (0, 1, 16),
    b"\xa1\xb2\x3c\x4d": (1, 1, 16),
    b"\x34\xcd\xb2\xa1": (0, 1000, 24),  # "modified" by Kuznetzov's patch: 8 more bytes a record
    b"\xa1\xb2\xcd\x34": (1, 1000, 24),
}
_PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the packets of one stream."""

    packets: int
    decoded: int  # those that reached a channel
    undecodable: dict[str, int] = field(default_factory=dict)  # by reason, see tables.COUNTED
    links: dict[int, int] = field(default_factory=dict)  # packets by link type that nobody decodes
    lost: int = 0  # dropped by the capturing system, where the stream says so
    cut_at: int | None = None  # byte offset of the record that the end of the stream cut short
    problem: str | None = None  # why the stream could not go on


class Stream:
    """Bytes that arrived and are not walked yet, and the state of the walk."""

    def __init__(self, settings: MeterSettings, before: Stream | None = None) -> None:
        """`before`, the stream that this one goes on from, leaves its first fragments of datagrams."""
        self.state = np.zeros(tables.WALK, np.int64)
        self.state[tables.TUNNELS] = sum(1 << TUNNELS.index(name) for name in set(settings.tunnels))
        self.state[tables.TUNNEL_DEPTH] = settings.tunnel_depth
        self.state[tables.FRAGMENT_SEED] = secrets.randbits(63)
        if before is not None:
            self.state[tables.FRAGMENT_SEED] = before.state[tables.FRAGMENT_SEED]
            self.state[tables.FRAGMENTS :] = before.state[tables.FRAGMENTS :]
        self.interfaces = np.zeros(tables.MAX_INTERFACES * tables.INTERFACE, np.int64)
        self.state_view = words(self.state)
        self.interfaces_view = words(self.interfaces)
        self.problem: str | None = None
        self._buffer = bytearray()
        self._start = 0  # of the bytes not walked yet, in the buffer
        self._end = 0
        self._offset = 0  # of _start in the stream
        self._cut_at: int | None = None

    def room(self, n: int) -> memoryview:
        """At least n writable bytes behind what is waiting."""
        waiting = self._end - self._start
        if waiting + n > len(self._buffer):
            buffer = bytearray(max(waiting + n, 2 * len(self._buffer)))
            buffer[:waiting] = self._buffer[self._start : self._end]
            self._buffer = buffer
        elif self._start:
            self._buffer[:waiting] = self._buffer[self._start : self._end]
        self._start, self._end = 0, waiting
        return memoryview(self._buffer)[waiting:]

    def advance(self, n: int) -> memoryview | None:
        """n more bytes have arrived: all that wait, or None where nothing can be walked."""
        if not 0 <= n <= len(self._buffer) - self._end:
            raise ValueError(f"{n} bytes into a room of {len(self._buffer) - self._end}")
        self._end += n
        if self.problem is not None:
            self._offset += self._end - self._start
            self._start = self._end
            return None
        if not self.state[tables.FORMAT]:
            self._read_header()
        if not self.state[tables.FORMAT]:
            return None
        return memoryview(self._buffer)[self._start : self._end]

    def walked(self, n: int) -> None:
        """The walk took n more bytes; where it cannot go on, `problem` says so."""
        self._start += n
        self._offset += n
        value = int(self.state[tables.STOP_VALUE])
        if self.state[tables.STOP] == tables.STOP_LENGTH:
            self.problem = f"impossible record of {value} bytes (offset {self._offset})"
        elif self.state[tables.STOP] == tables.STOP_ORDER:
            self.problem = f"section header without a byte order, {value:#010x} (offset {self._offset})"

    def finish(self) -> None:
        if self.problem is not None:
            return
        if not self.state[tables.FORMAT]:
            waiting = self._end - self._start
            self.problem = f"cut short in its header (offset {waiting})" if waiting else "empty"
        elif self._end > self._start:
            self._cut_at = self._offset

    def observed(self, n: int) -> None:
        """Counts packets that another decoder decoded."""
        self._count("packets", n)
        self._count("decoded", n)

    def rejected(self, reason: str, n: int = 1) -> None:
        """Counts packets that another decoder could not use.  Raises ValueError for an unknown reason."""
        self._count(reason, n)
        self._count("packets", n)

    def counters(self) -> Counters:
        counts = {name: int(self.state[tables.COUNTS + i]) for i, name in enumerate(tables.COUNTED)}
        pairs = self.state[tables.LINKS : tables.LINKS + 2 * tables.LINK_PAIRS].reshape(-1, 2).tolist()
        links = {link: n for link, n in pairs if n}
        unknown = {f"unknown_linktype:{link}": n for link, n in links.items()}
        named = {k: v for k, v in counts.items() if v and k not in {"packets", "decoded", "unknown_linktype"}}
        return Counters(
            packets=counts["packets"],
            decoded=counts["decoded"],
            undecodable=named | unknown,
            links=links,
            lost=int(self.state[tables.LOST]),
            cut_at=self._cut_at,
            problem=self.problem,
        )

    def _count(self, name: str, n: int) -> None:
        self.state[tables.COUNTS + tables.COUNTED.index(name)] += n

    def _read_header(self) -> None:
        head = bytes(self._buffer[self._start : self._start + min(PCAP_HEADER, self._end - self._start)])
        if len(head) < 4:
            return
        if head[:4] == _PCAPNG_MAGIC:
            self.state[tables.FORMAT] = tables.PCAPNG
            return
        if head[:4] not in _PCAP_MAGICS:
            self.problem = f"not a capture: starts with {head[:4].hex(' ')} (offset 0)"
            return
        if len(head) < PCAP_HEADER:
            return
        big, tick, size = _PCAP_MAGICS[head[:4]]
        link = int.from_bytes(head[20:24], "big" if big else "little") & 0xFFFF  # FCS bits above
        self.state[[tables.FORMAT, tables.SWAPPED, tables.NS_PER_TICK]] = tables.PCAP, big, tick
        self.interfaces[:4] = link, 0, 0, size
        self.walked(PCAP_HEADER)
