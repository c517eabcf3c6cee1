"""Channels of which flow logs told: how long they were kept up and how much they carried.

A channel is followed stretch by stretch (a long silence ends one), so that two hours of a month are
seen for what they were.  Kept are the running stretch, and the longest that may be of mining.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector.dissectors import merge_names, without_lookups
from detector.findings.upkeep import GAP_NS, could_mine
from detector.kernel import layout
from detector.kernel.index import Index
from detector.records import ChannelWindows, Names
from detector.windows.channel import key_words
from detector.windows.lookups import Lookups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.findings.upkeep import Mask
    from detector.records import Int64s, UInt64s

MOST: Final = 1 << 19
"""Channels; about 0.3 KB each."""
STRETCH: Final = np.dtype(
    [("first_ns", "i8"), ("last_ns", "i8"), ("covered_ns", "i8"), ("up", "i8", 2), ("down", "i8", 2)]
)
_CHANNEL: Final = np.dtype(
    [("running", STRETCH), ("mining", STRETCH), ("seen_ns", "i8"), ("client_port", "i8"), ("exact", "?")]
)


@dataclass(slots=True)
class Told:
    """Channels as flow logs told of them.  n rows."""

    keys: UInt64s  # (n, 5) as `windows.channel.key_words`
    seen_ns: Int64s  # (n,) its last packet, or the last name
    mining: NDArray[Any]  # (n,) STRETCH: the longest that may be of mining; all 0 = none
    client_port: Int64s  # (n,) of a connection of it
    exact: Mask  # (n,) nothing was scaled up from a sample

    def __len__(self) -> int:
        return len(self.keys)


class Volumes:
    """Channels by key, at most `most`: where there would be more, half are forgotten, those first that
    cannot be of mining and those that were not answered."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._index = Index(5)
        self._table: NDArray[Any] = np.zeros(0, _CHANNEL)
        self._names: dict[int, Names] = {}
        self._lookups = Lookups()

    def __len__(self) -> int:
        return len(self._index)

    def add(self, table: ChannelWindows) -> None:
        """Take in rows of flow logs, of one window, each channel once; windows in order of time."""
        if len(self) > self._most:
            self._forget()
        numbers = self._numbers(table)
        kept, rows = self._table[numbers], _stretches(table)
        counted = (rows["up"] + rows["down"]).any(axis=1)  # else the row tells names alone
        _extend(kept["running"], rows, counted)
        kept["exact"] &= ((table.wide[:, layout.KNOWN] & layout.KNOWS_COUNTS) != 0) | ~counted
        port = table.wide[:, layout.UP + layout.PORT]
        kept["client_port"] = np.where(counted | (kept["seen_ns"] == 0), port, kept["client_port"])
        kept["seen_ns"] = np.maximum(kept["seen_ns"], rows["last_ns"])
        running, best = kept["running"], kept["mining"]
        lasted = running["last_ns"] - running["first_ns"]
        may = could_mine(table.transport, lasted, running["covered_ns"], running["up"], running["down"])
        may &= lasted >= best["last_ns"] - best["first_ns"]
        best[may] = running[may]
        self._table[numbers] = kept
        self._hear(table, numbers)

    def _numbers(self, table: ChannelWindows) -> Int64s:
        numbers = self._index.numbers(key_words(table))
        if len(self._index) > len(self._table):
            larger = np.zeros(max(len(self._index), 3 * len(self._table) // 2), _CHANNEL)
            larger[: len(self._table)] = self._table
            larger["exact"][len(self._table) :] = True
            self._table = larger
        return numbers

    def _hear(self, table: ChannelWindows, numbers: Int64s) -> None:
        self._lookups.hear(table)
        if table.names.count(None) == len(table):
            return
        for number, names in zip(numbers.tolist(), table.names, strict=True):
            own = without_lookups(names)
            if own is not None:
                self._names[number] = merge_names(self._names.get(number), own) or own

    def _forget(self) -> None:
        used = self._table[: len(self)]
        order = np.lexsort(
            [used["seen_ns"], used["running"]["down"][:, 0] > 0, used["mining"]["last_ns"] > 0]
        )
        kept = np.sort(order[-(self._most // 2 + 1) :])
        keys, names = self._index.keys[kept], self._names
        self._index, self._table = Index(5), used[kept]
        self._index.numbers(np.ascontiguousarray(keys))
        places = {number: place for place, number in enumerate(kept.tolist())}
        self._names = {places[number]: name for number, name in names.items() if number in places}

    def told(self) -> Told:
        """Every channel that is kept."""
        used = self._table[: len(self)]
        return Told(self._index.keys, used["seen_ns"], used["mining"], used["client_port"], used["exact"])

    def named(self) -> dict[int, Names]:
        """What channels showed of themselves, by row."""
        return self._names

    def names(self, row: int) -> Names | None:
        """The same of one, and what its client was told when it looked its address up."""
        key = self._index.keys[row : row + 1]
        one = ChannelWindows(
            client=key[:, :2],
            server=key[:, 2:4],
            port=(key[:, 4] >> np.uint64(8)).astype(np.int64),
            transport=(key[:, 4] & np.uint64(0xFF)).astype(np.int64),
            basis=np.zeros(1, np.int64),
            wide=np.zeros((1, layout.WIDE), np.int64),
            narrow=np.zeros((1, layout.NARROW), np.uint32),
            facts=[None],
            names=[self._names.get(row)],
        )
        self._lookups.name(one)
        return one.names[0]


def _stretches(table: ChannelWindows) -> NDArray[Any]:
    """What each row by itself tells."""
    wide, rows = table.wide, np.zeros(len(table), STRETCH)
    rows["first_ns"], rows["last_ns"] = wide[:, layout.FIRST_NS], wide[:, layout.LAST_NS]
    rows["covered_ns"] = rows["last_ns"] - rows["first_ns"]
    for name, side in (("up", layout.UP), ("down", layout.DOWN)):
        rows[name] = wide[:, [side + layout.PACKETS, side + layout.BYTES]]
    return rows


def _extend(running: NDArray[Any], rows: NDArray[Any], counted: Mask) -> None:
    """Go on with each stretch, or begin another after a silence."""
    anew = counted & (rows["first_ns"] - running["last_ns"] > GAP_NS)
    on = counted & ~anew
    running[anew] = rows[anew]
    running["first_ns"][on] = np.minimum(running["first_ns"][on], rows["first_ns"][on])
    running["last_ns"][on] = np.maximum(running["last_ns"][on], rows["last_ns"][on])
    for name in ("covered_ns", "up", "down"):
        running[name][on] += rows[name][on]
