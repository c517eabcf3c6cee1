"""The meter: bytes of capture streams in, finished channel windows out.  No I/O, no clock.

Joins the three compiled steps (walk and decode, update, summarise) over whatever bytes
have arrived, and acts where `channels.update` stops: makes room, forgets the idle, turns
roles.  Memory is bounded by the settings: tables have a fixed capacity (their pages are
touched only as they fill), and what does not fit leaves early, the least telling first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detector.kernel import channels, frames, slots, summaries, tables
from detector.kernel.packets import Packet, describe
from detector.kernel.rows import words
from detector.kernel.stream import Counters, Stream
from detector.kernel.working import Payload, Working
from detector.records import Basis, ChannelWindows
from detector.settings import MeterSettings

if TYPE_CHECKING:
    from detector.records import Int64s

__all__ = ["Counters", "Meter", "Payload"]

BLOCK = 2_048
"""Rows that leave together: 4 MB, which is what the caches of a core hold."""
_NS = 1_000_000_000


class Meter:
    """Meters capture bytes (pcap or pcapng, detected), stream after stream, or packets observed elsewhere.

    The reader asks for `room`, writes into it and calls `advance`; between reads it takes
    `payloads`, gives its dissectors' decisions back (`turn`, `ignore`) and takes `windows`.
    However the bytes are cut, the windows are the same.

    `part` (i, n) meters the channels of part i of n alone.  A channel's part depends on its
    two addresses and on nothing else, so that no turn moves it.  Meters of all n parts that
    are fed the same bytes have between them the rows and the counts of one meter of the
    whole, as long as no table is full: each has tables of the settings' size.

    Raises ValueError for a part that is none.
    """

    def __init__(self, settings: MeterSettings, part: tuple[int, int] = (0, 1)) -> None:
        if not 0 <= part[0] < part[1]:
            raise ValueError(f"part {part[0]} of {part[1]}")
        self._part = part
        self.settings = settings
        self._window_ns = settings.window_s * _NS
        self._lateness_ns = settings.lateness_s * _NS
        self._idle_ns = settings.idle_s * _NS
        self._stream = Stream(settings)
        self._work = Working(settings, part)
        self._payloads: list[Payload] = []
        self._early: list[tuple[ChannelWindows, Int64s]] = []  # rows that had to make room
        self._closed_ns = -1  # every window up to here has left
        self._joined: list[tuple[int, int]] = []
        self.hear: Callable[[], None] | None = None
        """Called when there are payloads: what it decides holds from the next packet of their channels on."""

    # --- bytes in

    def room(self, n: int) -> memoryview:
        """At least n writable bytes; what is read into them is given with `advance`."""
        return self._stream.room(n)

    def advance(self, n: int) -> None:
        """n bytes were written to the last `room`: meters every whole record.

        Where the stream cannot go on (no capture, an impossible record), `problem` says
        why and all further bytes are dropped.
        """
        stream, work = self._stream, self._work
        window = stream.advance(n)
        if window is None:
            return
        at, count = 0, tables.BATCH
        while count == tables.BATCH:
            at = frames.walk(window, at, stream.state_view, stream.interfaces_view, work.views.batch)
            count = int(stream.state[tables.BATCHED])
            self._take(count, window)
        stream.walked(at)

    def feed(self, data: bytes) -> None:
        """Meters a copy of some bytes: `room` and `advance` in one."""
        self.room(len(data))[: len(data)] = data
        self.advance(len(data))

    def finish(self) -> None:
        """The last stream is over: what is left of a record is counted as cut, and nothing waits any more."""
        self._stream.finish()
        self._let_go(self._work.waiting())

    def next_stream(self) -> Counters:
        """Ends this stream and begins another, as of the next file of a capture that was rotated.

        Connections, channels, open rows, segments that wait for a hole to be filled, first fragments
        of datagrams, payload not yet taken and data time live on, so that the windows are those of
        one long stream (so not `finish` between streams, which ends the waiting).  File header,
        interfaces, the bytes of an unfinished record, `problem` and `counters` belong to a stream
        and begin anew; returns the counters of the one that ended.
        """
        self._stream.finish()
        ended = self.counters
        self._stream = Stream(self.settings, self._stream)
        self._work.state[tables.ELSEWHERE] = 0
        return ended

    def observe(self, packets: Iterable[Packet]) -> None:
        """Meters packets that another decoder read; see `packets.Packet`.

        Raises ValueError for a packet out of range, before any of its batch is counted.
        """
        for batch, payload, count in describe(packets):
            self._work.batch[: len(batch)] = batch
            self._stream.observed(count)
            self._take(count, memoryview(payload))

    def reject(self, reason: str) -> None:
        """Counts a packet that another decoder could not use.  Raises ValueError for an unknown reason."""
        self._stream.rejected(reason)

    # --- what came of it

    @property
    def counters(self) -> Counters:
        """Packets of this stream so far, decoded and not, by reason.

        Of a meter of a part: its own decoded packets; part 0 counts also what nobody decoded.
        """
        whole = self._stream.counters()
        elsewhere = int(self._work.state[tables.ELSEWHERE])
        own = whole.decoded - elsewhere
        if self._part[0] != 0:
            return Counters(packets=own, decoded=own)
        return replace(whole, packets=whole.packets - elsewhere, decoded=own)

    @property
    def newest_ns(self) -> int:
        """Time of the newest packet so far: how far data time has come; 0 = none yet."""
        return max(0, int(self._work.state[tables.NEWEST]))

    @property
    def problem(self) -> str | None:
        """Why the stream cannot go on, with the byte offset; None while it can."""
        return self._stream.problem

    def payloads(self) -> list[Payload]:
        """Payload that tells something since the last call, in order of arrival: see `Payload.opening`."""
        self._settle()
        payloads, self._payloads = self._payloads, []
        return payloads

    def joined(self) -> list[tuple[int, int]]:
        """(old, new) ids of channels that became part of another by a turn, since the last call."""
        joined, self._joined = self._joined, []
        return joined

    def ignore(self, connection: int) -> None:
        """No more payload of this connection, please."""
        slot = self._work.connection_slot(connection)
        if slot >= 0:
            self._work.connections[slot, tables.C_CHANNEL] |= np.uint64(tables.IGNORED)

    def turn(self, connection: int, client_is_a: bool) -> None:
        """A dissector knows which end is the client: rows that are still open are turned, too.

        Where a SYN was seen it has said so already, and stands: who opened a connection is
        its client whatever is spoken on it.  Nothing more is decided on a connection after this.
        """
        slot = self._work.connection_slot(connection)
        if slot >= 0:
            self._work.connections[slot, tables.C_COUNTS] |= np.uint64(tables.SETTLED)
            self._turn(slot, client_is_a, Basis.DISSECTOR)

    def windows(self, final: bool = False) -> tuple[ChannelWindows, Int64s]:
        """Rows of windows that no packet is expected for any more (all, when `final`), and their channel ids.

        A window is over when a packet LATENESS after its end was seen.  Sorted by (window,
        channel id), each pair once.  A row may also leave early when very many are open,
        and packets later than LATENESS make a row of their own: such rows are to be merged.
        """
        return self._work.tidy(list(self.blocks(final)))

    def blocks(self, final: bool = False) -> Iterator[tuple[ChannelWindows, Int64s]]:
        """What `windows` gives, at most BLOCK rows of one window at a time, so that few are in memory.

        First the rows that left early, then those whose window is over, in order of (window,
        channel id); each of the latter once.  To be taken to the end before more is metered.
        """
        early, self._early = self._early, []
        yield from early
        work = self._work
        over = (int(work.state[tables.NEWEST]) - self._lateness_ns) // self._window_ns * self._window_ns
        if not final and over <= self._closed_ns:
            return
        rows = work.open_rows()
        if not final:
            rows = rows[work.rows[rows, tables.R_WINDOW] + self._window_ns <= over]
        self._closed_ns = max(over, self._closed_ns)
        yield from self._leaving(rows)

    # --- inside

    def _take(self, count: int, window: memoryview) -> None:
        """Lets `channels.update` take a batch, acting on each stop."""
        work = self._work
        at = 0
        while at < count:
            at = channels.update(work.views, at, count, window)
            stopped = work.state_view[tables.STATUS] != tables.DONE
            if not self._settle(hurry=stopped):  # payload comes first; the stop, if this was one, comes again
                self._act()
            if self._payloads and self.hear:
                self.hear()

    def _act(self) -> None:
        """Does what `channels.update` stopped for."""
        work = self._work
        status = work.state_view[tables.STATUS]
        if status == tables.NEED_ROWS:
            self._leave(work.quietest_rows())
        elif status == tables.NEED_CONNECTIONS:
            if not work.grow_connections():
                self._forget(work.least_connections())
        elif status == tables.NEED_CHANNELS:
            self._free_channels()
        elif status == tables.FORGET:
            self._forget(np.array([work.state[tables.TURN_CONNECTION]], np.int64))
        elif status == tables.SWEEP:
            self._sweep()
        elif status == tables.TURN:
            client_is_a = bool(work.state[tables.TURN_CLIENT_IS_A])
            self._turn(int(work.state[tables.TURN_CONNECTION]), client_is_a, Basis.SYN)

    def _settle(self, hurry: bool = True) -> bool:
        """Adds waiting message events to their rows and copied pieces to the payloads: whether there were.

        Without hurry, those that may wait do, for more of their kind: nobody decides anything on them.
        """
        work = self._work
        state = work.state_view
        n = state[tables.N_EVENTS]
        if n:
            summaries.add_messages(work.views, n)
            state[tables.N_EVENTS] = 0
        if state[tables.N_PIECES] <= (0 if hurry else state[tables.N_WAITING]):
            return False
        self._payloads += work.take_pieces()
        return True

    def _leave(self, rows: Int64s) -> None:
        """Closes rows before their time and keeps copies of them for `blocks`."""
        self._early += self._leaving(rows)

    def _leaving(self, rows: Int64s) -> Iterator[tuple[ChannelWindows, Int64s]]:
        """Closes rows and gives copies of them, a block at a time."""
        if not len(rows):
            return
        work = self._work
        self._let_go(work.waiting(rows=rows))
        begin = 0
        while begin < len(rows):
            begin = channels.close_messages(work.views, words(rows), begin)
            self._settle()
        for block in work.in_blocks(rows, BLOCK):
            yield work.tidy([work.copy_rows(block)])
            work.release(block)

    def _let_go(self, waiting: list[tuple[int, int]]) -> None:
        """Takes held segments (connection slot, from_b) as they are: what they wait for is lost."""
        self._settle()
        for slot, from_b in waiting:
            channels.let_go(self._work.views, slot, from_b)
            self._settle()

    def _forget(self, idle: Int64s) -> None:
        work = self._work
        self._let_go(work.waiting(connections=idle))
        for slot in idle[work.connections[idle, tables.C_START] != 0].tolist():
            channels.close_message(work.views, slot)
            self._settle()
        work.forget_connections(idle)

    def _sweep(self) -> None:
        """Forgets what has been silent for longer than the settings allow."""
        work = self._work
        newest = int(work.state[tables.NEWEST])
        self._forget(work.idle_connections(newest - self._idle_ns))
        work.forget_channels(work.silent_channels(newest - self._idle_ns))
        work.state[tables.SWEEP_AT] = newest + max(self._idle_ns // 4, 1)
        work.state[tables.SWEEP_COUNT] = 0

    def _free_channels(self) -> None:
        """Makes room for channels: those without connections go, after connections if need be."""
        work = self._work
        if work.grow_channels():
            return
        silent = work.silent_channels()
        if not len(silent):
            self._forget(work.least_connections())
            silent = work.silent_channels()
        self._leave(work.rows_of(silent))
        work.forget_channels(silent)

    def _turn(self, slot: int, client_is_a: bool, basis: Basis) -> None:
        """Moves a connection to the channel that its roles say, with the rows when it is alone."""
        work = self._work
        self._let_go(work.waiting(connections=np.array([slot])))
        channels.close_message(work.views, slot)
        self._settle()
        bits = int(work.connections[slot, tables.C_CHANNEL])
        old = bits & 0xFFFFFFFF
        if bool(bits & tables.CLIENT_IS_A) == client_is_a:
            work.raise_basis(old, basis)
            return
        if work.channels[old, tables.H_BASIS] > basis:
            return
        if work.state[tables.CHANNEL_LIVE] >= work.state[tables.MAX_CHANNELS]:
            self._free_channels()
            if int(work.connections[slot, tables.C_LAST]) == tables.FREE:
                return
        new = work.channel_of(slot, client_is_a)
        work.raise_basis(new, basis)
        alone = work.move_connection(slot, new, client_is_a)
        if alone:
            moved = slots.move_rows(work.views, old, new)
            rows = np.array(moved, np.int64)
            summaries.turn_open(work.views, words(rows))
            self._joined.append((work.channel_id(old), work.channel_id(new)))
