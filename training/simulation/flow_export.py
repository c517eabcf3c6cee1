"""What a flow exporter would have told of a simulated conversation: its packets counted, in records.

Made of the kernel's windows of 300 s, merged as an active time-out of five or thirty minutes or the end of
a connection would; bytes with or without the link's header, as exporters differ.  Drawn without a look at
the label.  Real exporters cut at other moments; rows of hours do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from detector.flowlogs.cells import Cells
from detector.flowlogs.contract import Flows, Told
from detector.kernel import layout
from detector.records import ChannelWindows
from detector.windows.channel import concatenate, key_words, take
from training.simulation.draw import Draw

CUTS = (1, 6, 1_000)
"""Windows a record, at most: active time-outs of 5 and 30 minutes, and none but the connection's end."""
IDLE_NS = 300_000_000_000  # of silence end a record: Zeek's time-out, and longer than NetFlow's
ETHERNET = 14  # bytes of a packet that IP does not count


def exported(tables: Iterable[ChannelWindows], draw: Draw, window_s: int) -> Iterator[ChannelWindows]:
    """Rows as the reader of flow logs would give them, of one window each, in order of time."""
    cells = Cells(window_s)
    told = records(concatenate(list(tables)), draw.pick(CUTS), ETHERNET if draw.chance(0.5) else 0)
    if len(told):
        cells.add(told)
    yield from cells.take()


def records(windows: ChannelWindows, most: int, header: int) -> Flows:
    """Records of at most `most` windows each, ended by silence, too; a packet weighs `header` bytes less."""
    keys, first = key_words(windows), windows.wide[:, layout.FIRST_NS]
    order = np.lexsort([first, *keys.T])
    windows, keys = take(windows, order), keys[order]
    wide = windows.wide
    first, last = wide[:, layout.FIRST_NS], wide[:, layout.LAST_NS]
    fresh = np.ones(len(windows), np.bool_)
    fresh[1:] = (keys[1:] != keys[:-1]).any(axis=1) | (first[1:] - last[:-1] > IDLE_NS)
    starts = _cut(fresh, most)
    sides = {name: _summed(wide, side, starts, header) for name, side in _SIDES}
    port = wide[starts, layout.UP + layout.PORT]
    return Flows(
        client=windows.client[starts],
        server=windows.server[starts],
        port=windows.port[starts],
        client_port=port,
        transport=windows.transport[starts],
        basis=windows.basis[starts],
        first_ns=first[starts],
        last_ns=np.maximum.reduceat(last, starts) if len(starts) else last,
        up=sides["up"],
        down=sides["down"],
        exact=np.ones(len(starts), np.bool_),
        told=Told.HALVES,
    )


_SIDES = (("up", layout.UP), ("down", layout.DOWN))


def _cut(fresh: np.ndarray[Any, np.dtype[np.bool_]], most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where records begin: at every fresh row, and after so many."""
    places = np.arange(len(fresh))
    since = places - np.maximum.accumulate(np.where(fresh, places, 0))
    return np.flatnonzero(since % most == 0)


def _summed(
    wide: np.ndarray[Any, np.dtype[np.int64]],
    side: int,
    starts: np.ndarray[Any, np.dtype[np.int64]],
    header: int,
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Packets and bytes of one side of each record; (n, 2)."""
    told = wide[:, [side + layout.PACKETS, side + layout.BYTES]].copy()
    told[:, 1] = np.maximum(told[:, 1] - header * told[:, 0], 0)
    return np.add.reduceat(told, starts, axis=0) if len(starts) else told
