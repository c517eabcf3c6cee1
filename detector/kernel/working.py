"""The kernel's tables in memory: connections, channels, open rows, events, pieces.

Each is a numpy array for what is done to many entries at once; of single ones the flat
views (`rows.words`) read and write plain integers, several times faster.

Capacity is fixed by the settings and costs address space only: pages are touched as the
tables fill.  The hash tables start small and grow.  A slot that is used again gets a new
generation, so that the ids that leave here (generation << 32 | slot) are never reused.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.kernel import channels, layout, slots, summaries, tables
from detector.kernel.keywords import search_tables
from detector.kernel.rows import merge_rows, words
from detector.kernel.views import Views
from detector.records import Basis, ChannelWindows
from detector.settings import MeterSettings

if TYPE_CHECKING:
    from detector.records import Int64s

MAX_ROWS = 1 << 18
"""Open rows, 384 bytes each and 1.9 KB more with more than a few messages; beyond that some leave early."""
_FIRST_ENTRIES = 1 << 12


class Payload(NamedTuple):
    """A piece of one side of a connection, in TCP order, retransmissions removed."""

    connection: int
    channel: int
    from_a: bool  # a = the endpoint with the smaller (address, port)
    ts_ns: int
    gap: bool  # bytes were lost, or left out, before this piece
    data: bytes
    transport: int
    opening: bool = False  # no word flagged it: of a handshake, an HTTP request, a DNS answer


class Working:
    """The tables, their views for the kernel, and what is done to them between packets."""

    def __init__(self, settings: MeterSettings, part: tuple[int, int]) -> None:
        n = settings.max_connections
        self._most = n
        self.state = np.zeros(tables.UPDATE, np.int64)
        self.batch = np.zeros(tables.BATCH * tables.DESCRIPTOR, np.uint64)
        self.connections = _in_lines(n, tables.CONNECTION, np.uint64)
        self.channels = _in_lines(n, tables.CHANNEL, np.uint64)
        self.rows = _in_lines(MAX_ROWS, tables.ROW, np.int64)
        self.wide = np.zeros((MAX_ROWS, layout.WIDE), np.int64)
        self.narrow = np.zeros((MAX_ROWS, layout.NARROW), np.uint32)
        self.events = np.zeros(tables.MAX_EVENTS * tables.EVENT, np.int64)
        self.pieces = np.zeros((tables.MAX_PIECES + tables.HEADS, tables.PIECE), np.int64)
        self.copied = np.zeros(tables.PIECE_BYTES + tables.HEADS * tables.HEAD_BYTES, np.uint8)
        self.holds = np.full((tables.HOLDS, tables.HOLD), -1, np.int64)
        self._connection_table = np.zeros(2 * _FIRST_ENTRIES, np.uint64)
        self._channel_table = np.zeros(2 * _FIRST_ENTRIES, np.uint64)
        self._connection_generation = np.zeros(n, np.int64)
        self._channel_generation = np.zeros(n, np.int64)
        self._fill_state(settings, part)
        self.state_view, self._pieces, self._copied = (
            words(self.state),
            words(self.pieces),
            words(self.copied),
        )
        self._connection_words, self._channel_words = words(self.connections), words(self.channels)
        self.views = self._views()
        self.nothing = self.copy_rows(np.zeros(0, np.int64))

    def _fill_state(self, settings: MeterSettings, part: tuple[int, int]) -> None:
        for free in (tables.CONNECTION_FREE, tables.CHANNEL_FREE, tables.ROW_FREE, tables.FULL_FREE):
            self.state[free] = -1
        self.state[tables.WINDOW] = settings.window_s * 1_000_000_000
        self.state[tables.IDLE] = settings.idle_s * 1_000_000_000
        self.state[[tables.PART, tables.PARTS]] = part
        self.state[tables.PAYLOAD_LIMIT] = min(settings.payload_bytes, (1 << 24) - 1)
        self.state[tables.MAX_CONNECTIONS] = min(self._most, _FIRST_ENTRIES)
        self.state[tables.MAX_CHANNELS] = min(self._most, _FIRST_ENTRIES)
        self.state[tables.MAX_ROWS] = MAX_ROWS

    def _views(self) -> Views:
        t = Views()
        t.seed = secrets.randbits(63)  # no sender can choose addresses that collide; no result depends on it
        t.batch, t.state, t.events = words(self.batch), words(self.state), words(self.events)
        t.connections, t.connection_table = words(self.connections), words(self._connection_table)
        t.channels, t.channel_table = words(self.channels), words(self._channel_table)
        t.rows, t.wide, t.narrow = words(self.rows), words(self.wide), words(self.narrow)
        t.pieces, t.copied = words(self.pieces), words(self.copied)
        t.connection_generations = words(self._connection_generation)
        t.channel_generations = words(self._channel_generation)
        t.holds, t.held = words(self.holds), words(np.zeros(tables.HOLDS * tables.HOLD_BYTES, np.uint8))
        t.services, t.pairs, t.anchors, t.words, t.starts = map(words, search_tables())
        return t

    # --- ids

    def connection_slot(self, connection: int) -> int:
        """Slot of a connection id, -1 when it is gone."""
        slot = connection & 0xFFFFFFFF
        if slot >= self._most or self._connection_generation[slot] != connection >> 32:
            return -1
        return slot

    def channel_id(self, slot: int) -> int:
        return self._channel_generation.item(slot) << 32 | slot

    # --- rows

    def open_rows(self) -> Int64s:
        high = int(self.state[tables.ROW_HIGH])
        return np.flatnonzero(self.rows[:high, tables.R_CHANNEL] >= 0)

    def rows_of(self, some: Int64s) -> Int64s:
        """Open rows of these channel slots."""
        rows = self.open_rows()
        wanted = np.zeros(int(self.state[tables.CHANNEL_HIGH]), np.bool_)
        wanted[some] = True
        found: Int64s = rows[wanted[self.rows[rows, tables.R_CHANNEL]]]
        return found

    def quietest_rows(self) -> Int64s:
        """An eighth of the open rows: those without messages first, then the longest silent."""
        ranks = np.empty(int(self.state[tables.ROW_HIGH]), np.int64)
        slots.rank_rows(self.views, words(ranks))
        return _least(ranks, int(self.state[tables.ROW_LIVE]) // 8)

    def in_blocks(self, rows: Int64s, most: int) -> Iterator[Int64s]:
        """Rows sorted by (window, channel id), at most so many of one window at a time.

        A channel has few rows of one window (see `tables.CHAIN`): a block may be longer by those.
        """
        windows, slots = self.rows[rows, tables.R_WINDOW], self.rows[rows, tables.R_CHANNEL]
        ids = (self._channel_generation[slots] << 32) | slots
        order = np.lexsort((self.rows[rows, tables.R_FIRST], ids, windows))
        rows, ids, windows = rows[order], ids[order], windows[order]
        fresh = np.flatnonzero(np.diff(ids, prepend=-1) | np.diff(windows, prepend=-1))  # not the pair before
        begin = 0
        while begin < len(rows):
            same = int(np.searchsorted(windows, windows[begin], "right"))
            cut = int(np.searchsorted(fresh, min(begin + most, same)))
            end = same if cut == len(fresh) else int(fresh[cut])
            yield rows[begin:end]
            begin = end

    def copy_rows(self, rows: Int64s) -> tuple[ChannelWindows, Int64s]:
        """The rows as they stand, and the channel id of each."""
        slots = self.rows[rows, tables.R_CHANNEL]
        ids = (self._channel_generation[slots] << 32) | slots
        wide = np.zeros((len(rows), layout.WIDE), np.int64)
        narrow = np.zeros((len(rows), layout.NARROW), np.uint32)
        summaries.finish(self.views, words(rows), words(wide), words(narrow))
        channel = self.channels[slots]
        table = ChannelWindows(
            client=channel[:, :2].copy(),
            server=channel[:, 2:4].copy(),
            port=(channel[:, tables.H_KEY] >> np.uint64(32)).astype(np.int64),
            transport=(channel[:, tables.H_KEY] & np.uint64(0xFF)).astype(np.int64),
            basis=channel[:, tables.H_BASIS].astype(np.int64),
            wide=wide,
            narrow=narrow,
            facts=[None] * len(rows),
        )
        return table, ids

    def release(self, rows: Int64s) -> None:
        """Frees rows whose messages are closed."""
        slots.release_rows(self.views, words(rows))

    def tidy(self, parts: list[tuple[ChannelWindows, Int64s]]) -> tuple[ChannelWindows, Int64s]:
        """One table sorted by (window, channel id), rows of one pair merged."""
        if not parts:
            return self.nothing
        table, ids = _joined(parts) if len(parts) > 1 else parts[0]
        starts = table.wide[:, layout.WINDOW_NS]
        if len(parts) > 1:
            order = np.lexsort((table.wide[:, layout.FIRST_NS], ids, starts))
        else:
            order = np.arange(len(ids))  # as copied
        same = (np.diff(ids[order]) == 0) & (np.diff(starts[order]) == 0)
        repeated = np.concatenate(([False], same)) if len(order) else np.zeros(0, bool)
        if repeated.any():
            first = order[np.maximum.accumulate(np.where(repeated, 0, np.arange(len(order))))]
            merge_rows(table, first[repeated], table, order[repeated])
        return _taken(table, order[~repeated]), ids[order[~repeated]]

    # --- connections

    def waiting(self, rows: Int64s | None = None, connections: Int64s | None = None) -> list[tuple[int, int]]:
        """(connection slot, from_b) of what is held, oldest first: of all, of some rows or connections."""
        head, tail = self.state[[tables.HOLD_HEAD, tables.HOLD_TAIL]].tolist()
        held = self.holds[np.arange(head, tail) % tables.HOLDS]
        held = held[held[:, tables.S_WHOSE] >= 0]
        if not len(held):  # mostly: to look for them among many rows takes long
            return []
        if rows is not None:
            held = held[np.isin(held[:, tables.S_ROW], rows)]
        if connections is not None:
            held = held[np.isin(held[:, tables.S_WHOSE] >> 1, connections)]
        return [(whose >> 1, whose & 1) for whose in dict.fromkeys(held[:, tables.S_WHOSE].tolist())]

    def take_pieces(self) -> list[Payload]:
        """What the update copied, as records; empties the buffer."""
        copied = self._copied[: self.state_view[tables.PIECE_FILL]].tobytes()
        return list(map(Payload._make, channels.take_pieces(self.views, copied)))

    def idle_connections(self, before_ns: int) -> Int64s:
        last = self.connections[: self.state[tables.CONNECTION_HIGH], tables.C_LAST].view(np.int64)
        return np.flatnonzero((last >= 0) & (last < before_ns))

    def least_connections(self) -> Int64s:
        """A quarter of the live connections, those that are missed least: see `slots`."""
        ranks = np.empty(int(self.state[tables.CONNECTION_HIGH]), np.int64)
        slots.rank_connections(self.views, words(ranks))
        return _least(ranks, int(self.state[tables.CONNECTION_LIVE]) // 4)

    def forget_connections(self, leaving: Int64s) -> None:
        """Frees slots whose messages are closed."""
        slots.forget_connections(self.views, words(leaving), words(np.empty(len(leaving), np.uint64)))
        self._connection_generation[leaving] += 1

    def grow_connections(self) -> bool:
        """Doubles the room for connections, four times over; False when the settings allow no more."""
        if self.state[tables.MAX_CONNECTIONS] >= self._most:
            return False
        self._connection_table = _grown(self._connection_table)
        self.state[tables.MAX_CONNECTIONS] = min(self._most, len(self._connection_table) // 2)
        self.views.connection_table = words(self._connection_table)
        return True

    # --- channels

    def grow_channels(self) -> bool:
        if self.state[tables.MAX_CHANNELS] >= self._most:
            return False
        self._channel_table = _grown(self._channel_table)
        self.state[tables.MAX_CHANNELS] = min(self._most, len(self._channel_table) // 2)
        self.views.channel_table = words(self._channel_table)
        return True

    def silent_channels(self, before_ns: int = tables.TIME_LIMIT) -> Int64s:
        """Slots of channels without a connection, last heard of before that."""
        found = np.empty(int(self.state[tables.CHANNEL_HIGH]), np.int64)
        n = slots.silent_channels(self.views, before_ns, words(found))
        return found[:n]

    def forget_channels(self, silent: Int64s) -> None:
        """Frees those of these `silent_channels` that have no rows."""
        leaving = silent[self.channels[silent, tables.H_ROW] == 0]
        slots.forget_channels(self.views, words(leaving), words(np.empty(len(leaving), np.uint64)))
        self._channel_generation[leaving] += 1

    def raise_basis(self, slot: int, basis: Basis) -> None:
        self.channels[slot, tables.H_BASIS] = max(int(self.channels[slot, tables.H_BASIS]), int(basis))

    def channel_of(self, slot: int, client_is_a: bool) -> int:
        """The channel of a connection whose client is known."""
        a0, a1, b0, b1, key = self.connections[slot, :5].tolist()
        ports = key >> 48, key >> 32 & 0xFFFF
        ends = (a0, a1, b0, b1) if client_is_a else (b0, b1, a0, a1)
        service = ports[client_is_a] << 32 | key & 0xFF
        found: int = channels.open_channel(self.views, *ends, service)
        return found

    def move_connection(self, slot: int, new: int, client_is_a: bool) -> bool:
        """Hangs a connection into another channel, turned; True when its old channel has no other."""
        connection = self.connections[slot]
        bits = int(connection[tables.C_CHANNEL])
        old = bits & 0xFFFFFFFF
        flags = bits & ~(tables.CLIENT_IS_A | tables.MASK32) | (tables.CLIENT_IS_A if client_is_a else 0)
        connection[tables.C_CHANNEL] = np.uint64(flags | new)
        self.channels[old, tables.H_CONNECTIONS] -= np.uint64(1)
        self.channels[new, tables.H_CONNECTIONS] += np.uint64(1)
        last = max(self.channels[old, tables.H_LAST], self.channels[new, tables.H_LAST])
        self.channels[new, tables.H_LAST] = last
        return bool(self.channels[old, tables.H_CONNECTIONS] == 0)


def _least(ranks: Int64s, n: int) -> Int64s:
    """Slots of the n lowest ranks, one at least, in order of slot."""
    n = max(n, 1)
    return np.sort(np.argpartition(ranks, n - 1)[:n])


def _in_lines(n: int, words_each: int, dtype: Any) -> NDArray[Any]:
    """Zeros (n, words_each) that begin with a cache line; words are of 64 bits."""
    room = np.zeros(n * words_each + 8, dtype)
    start = -room.ctypes.data % 64 // 8
    return room[start : start + n * words_each].reshape(n, words_each)


def _grown(table: NDArray[np.uint64]) -> NDArray[np.uint64]:
    larger = np.zeros(4 * len(table), np.uint64)
    slots.rehash(words(table), words(larger))
    return larger


def _joined(parts: list[tuple[ChannelWindows, Int64s]]) -> tuple[ChannelWindows, Int64s]:
    tables_ = [table for table, _ in parts]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(table, name) for table in tables_])
        for name in ("client", "server", "port", "transport", "basis", "wide", "narrow")
    }
    joined = ChannelWindows(**columns, facts=[None] * len(columns["port"]))
    return joined, np.concatenate([ids for _, ids in parts])


def _taken(table: ChannelWindows, rows: Int64s) -> ChannelWindows:
    if len(rows) == len(table) and (np.diff(rows) > 0).all():
        return table
    return ChannelWindows(
        client=table.client[rows],
        server=table.server[rows],
        port=table.port[rows],
        transport=table.transport[rows],
        basis=table.basis[rows],
        wide=table.wide[rows],
        narrow=table.narrow[rows],
        facts=[None] * len(rows),
    )
