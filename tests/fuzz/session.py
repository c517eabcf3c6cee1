"""Takes steps: feeds a meter (or another parser) and checks what must hold whatever it was fed.

The meter reads exact-size copies of what has arrived: behind the last byte is nothing, so
that a read too far is an IndexError where bounds are checked, and an AddressSanitizer
report where they are not.  Of many packets in a call each ends at a fence (`fenced`).
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Sequence

import numpy as np

from detector.dissectors import Dissection
from detector.kernel import Meter, Packet, layout, meter, tables, working
from detector.kernel.stream import Stream
from detector.settings import MeterSettings
from tests.fuzz import fenced
from tests.fuzz.journal import Step
from tests.fuzz.others import PARSERS

OBSERVED = struct.Struct("<Q16sH16sHBIIBI")


class ExactStream(Stream):
    """Gives the walk what has arrived in a buffer that ends where the bytes end, with fences inside."""

    fences: Sequence[tuple[int, int]] = ()  # (start, length) in what arrives next, which is walked as a whole
    _fenced: np.ndarray | None = None

    def advance(self, n: int) -> memoryview | None:
        window = super().advance(n)
        if window is None:
            return None
        exact = np.array(window, np.uint8)
        if self.fences:
            self._fenced, begin = exact, exact.ctypes.data
            for start, length in self.fences:
                fenced.poison(begin + start, length)
        return memoryview(exact)

    def open_fences(self) -> None:
        """Before the memory is used for something else."""
        if self._fenced is not None:
            fenced.unpoison(self._fenced.ctypes.data, len(self._fenced))
        self.fences, self._fenced = (), None


class Session:
    """One round: a meter in small tables, so that every limit is met, and its dissectors.

    Letters: S settings (seed), F bytes of a stream, B packets of `fenced`,
    W windows, P payloads to the dissectors and back, O a packet that tshark decoded, and the
    letters of `others.PARSERS`.
    """

    def __init__(self) -> None:
        meter.Stream = ExactStream
        working.MAX_ROWS, working._FIRST_ENTRIES = 50, 4
        self.said: Counter[str] = Counter()
        self._meter: Meter | None = None
        self._left = 0  # packets in rows that have left
        self._given = 0  # packets given

    @property
    def over(self) -> bool:
        """Whether the stream cannot go on: what is fed from now on is dropped."""
        return self._meter is not None and self._meter.problem is not None

    def take(self, step: Step) -> int:
        """How many cases it was.  Raises AssertionError for what must not be, and what the code raises."""
        letter, data = step
        if letter == b"S":
            self._begin(data)
        elif letter in PARSERS:
            self.said[PARSERS[letter](data)] += 1
        elif letter == b"B":
            return self._fence(data)
        else:
            self._feed(letter, data)
        return letter not in b"SWP"

    def _begin(self, data: bytes) -> None:
        rng = random.Random(data)
        settings = MeterSettings(
            max_connections=rng.choice((3, 30, 200, 200)),
            window_s=rng.choice((1, 300, 300)),
            idle_s=rng.choice((1, 600)),
            payload_bytes=rng.choice((1, 300, 1 << 18)),
        )
        self._settings, self._meter = settings, Meter(settings)
        self._dissection = Dissection(settings.window_s)
        self._left = self._given = 0

    def _feed(self, letter: bytes, data: bytes) -> None:
        fed = self._meter
        assert fed is not None
        if letter == b"F":
            fed.feed(data)
        elif letter == b"W":
            self._windows(final=bool(data[0]))
        elif letter == b"P":
            self._dissect(random.Random(data))
        elif letter == b"O":
            fed.observe([observed(data)])
        else:
            raise ValueError(letter)

    def _fence(self, data: bytes) -> int:
        """Feeds packets, each before its fence; how many."""
        fed = self._meter
        assert fed is not None
        stream = fed._stream
        assert isinstance(stream, ExactStream)
        stream.fences = fenced.fences(data)
        n = len(stream.fences)
        fed.feed(data)
        stream.open_fences()
        self._given += n
        return n

    def _dissect(self, rng: random.Random) -> None:
        """What the pipeline does with payloads; and decisions that no dissector would take."""
        fed = self._meter
        assert fed is not None
        pieces = fed.payloads()
        for decision in self._dissection.feed(pieces):
            if decision.ignore:
                fed.ignore(decision.connection)
            elif decision.client_is_a is not None:
                fed.turn(decision.connection, decision.client_is_a)
        for piece in pieces:
            if rng.random() < 0.2:
                fed.turn(piece.connection, rng.random() < 0.5)
        for old, new in fed.joined():
            self._dissection.join(old, new)

    def _windows(self, final: bool) -> None:
        fed = self._meter
        assert fed is not None
        table, ids = fed.windows(final)
        starts = table.wide[:, layout.WINDOW_NS]
        pairs = list(zip(starts.tolist(), ids.tolist(), strict=True))
        assert pairs == sorted(set(pairs)), "rows out of order, or twice"
        counted = table.wide[:, [layout.UP + layout.PACKETS, layout.DOWN + layout.PACKETS]]
        assert (counted >= 0).all()
        self._left += int(counted.sum())

    def end(self) -> None:
        """The round is over: every packet must have gone somewhere, and the tables be within bounds."""
        fed = self._meter
        if fed is None:
            return
        fed.finish()
        self._windows(final=True)
        counters = fed.counters
        self.said.update({"packets": counters.packets, "decoded": counters.decoded})
        self.said.update({name.split(":")[0]: n for name, n in counters.undecodable.items()})
        if fed.problem:
            self.said["streams that could not go on"] += 1
        elif self._given:
            assert counters.packets >= self._given, (counters, self._given)
        assert self._left == counters.decoded, (self._left, counters)
        state, most = fed._work.state, self._settings.max_connections
        assert state[tables.ROW_LIVE] == 0
        assert state[tables.CONNECTION_LIVE] <= most
        assert state[tables.CHANNEL_LIVE] <= most


def observed(data: bytes) -> Packet:
    """A packet as tshark would tell it, from `OBSERVED` and its payload."""
    ts, source, sport, destination, dport, transport, wire, size, flags, sequence = OBSERVED.unpack_from(data)
    payload = data[OBSERVED.size :]
    ends = int.from_bytes(source), sport, int.from_bytes(destination), dport
    return Packet(ts, *ends, transport, wire, max(size, len(payload)), payload, flags, sequence)
