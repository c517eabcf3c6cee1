"""What minewatch says of a capture: its flows from the frame walk, its channels from the meter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detector.kernel import Meter, frames, layout, tables
from detector.kernel.rows import words
from detector.kernel.stream import Stream
from detector.settings import MeterSettings

Totals = Counter[str]  # packets, wire, payload
MOST_S = 1_000_000_000  # nothing is forgotten
SETTINGS = MeterSettings(idle_s=MOST_S, lateness_s=MOST_S // 2)


class Way(NamedTuple):
    """One direction of a flow."""

    source: int
    source_port: int
    destination: int
    destination_port: int
    transport: int


class Channel(NamedTuple):
    """As in the tables of windows."""

    client: int
    server: int
    port: int
    transport: int


def flows(data: bytes) -> dict[Way, Totals]:
    """Totals of each direction of each flow, from the descriptors of the frame walk."""
    stream = Stream(SETTINGS)
    batch = np.zeros(tables.BATCH * tables.DESCRIPTOR, np.uint64)
    found: dict[Way, Totals] = {}
    stream.room(len(data))[: len(data)] = data
    window = stream.advance(len(data))
    at, count = 0, tables.BATCH if window is not None else 0
    while count == tables.BATCH:
        at = frames.walk(window, at, stream.state_view, stream.interfaces_view, words(batch))
        count = int(stream.state[tables.BATCHED])
        for words_ in batch.reshape(-1, tables.DESCRIPTOR)[:count].tolist():
            found.setdefault(_way(words_), Counter()).update(
                packets=1, wire=words_[tables.WIRE], payload=words_[tables.PAYLOAD]
            )
    return found


def _way(words_: list[int]) -> Way:
    key = words_[tables.KEY]
    a = words_[tables.A_HIGH] << 64 | words_[tables.A_LOW], key >> 48
    b = words_[tables.B_HIGH] << 64 | words_[tables.B_LOW], key >> 32 & 0xFFFF
    ends = (*b, *a) if words_[tables.BITS] & tables.FROM_B else (*a, *b)
    return Way(*ends, key & 0xFF)


def channels(data: bytes) -> dict[Channel, dict[str, Totals]]:
    """Totals of each channel, up (from the client) and down, from the meter's windows."""
    meter = Meter(SETTINGS)
    meter.feed(data)
    meter.finish()
    table, _ = meter.windows(final=True)
    found: dict[Channel, dict[str, Totals]] = {}
    for i in range(len(table)):
        client, server = (int(end[i, 0]) << 64 | int(end[i, 1]) for end in (table.client, table.server))
        channel = Channel(client, server, int(table.port[i]), int(table.transport[i]))
        totals = found.setdefault(channel, {"up": Counter(), "down": Counter()})
        for way, block in (("up", layout.UP), ("down", layout.DOWN)):
            row = table.wide[i, block : block + layout.DIRECTION].tolist()
            totals[way].update(
                packets=row[layout.PACKETS], wire=row[layout.BYTES], payload=row[layout.PAYLOAD_BYTES]
            )
    return found


def bytes_of(path: Path) -> bytes:
    """A capture, unpacked where it is packed."""
    import gzip  # noqa: PLC0415

    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
