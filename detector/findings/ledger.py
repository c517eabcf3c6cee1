"""What was seen and scored of each host so far, in memory that depends on the hosts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.dissectors import merge_facts
from detector.kernel import layout
from detector.records import ChannelWindows, Facts, Scores, Span, Vectors
from detector.windows.channel import keys

if TYPE_CHECKING:
    from detector.records import Floats, Int64s, UInt64s

KEPT_CHANNELS = 8  # a host; the most suspect stay
KEPT_SOURCES = 16  # names, a host


@dataclass(slots=True)
class ChannelRecord:
    """A channel of a host: its most suspect moment, and its facts over all windows."""

    remote: str
    port: int
    transport: int
    is_client: bool
    first_ns: int
    last_ns: int
    logit: float
    probability: float
    novelty: float
    values: Floats  # the feature vector of that moment
    wide: Int64s  # its row, rolled up
    narrow: NDArray[np.uint32]
    facts: Facts | None = None
    suspect_windows: int = 0  # windows in which it stood at or above `suspicious`


@dataclass(slots=True)
class PowerRecord:
    """What the power model says of a host's meter."""

    meter: str
    logit: float
    probability: float
    novelty: float
    values: Floats
    description: Mapping[str, Any]
    estimated: bool


@dataclass(slots=True)
class HostRecord:
    """Everything that is remembered of one host."""

    first_ns: int
    last_ns: int
    packets: int = 0
    windows: int = 0
    newest_window: int = -1
    judged: int = 0  # rows that could be scored
    most_messages: int = 0  # of a row that could not
    asked: bool = False  # had a channel of its own, not only answered others
    one_way: bool = True  # nothing but one direction of its channels was seen
    channels: dict[bytes, ChannelRecord] = field(default_factory=dict)
    power: PowerRecord | None = None
    sources: set[str] = field(default_factory=set)

    def saw_window(self, start_ns: int) -> None:
        """Count a window, once; those of a host come in order."""
        if start_ns > self.newest_window:
            self.newest_window = start_ns
            self.windows += 1


class Ledger:
    """Hosts by address, and meters by name; who judges joins them."""

    def __init__(self, home: hosts.HomeNetworks, min_messages: int, suspicious: float) -> None:
        """`suspicious`: probability from which a window of a channel counts as suspect."""
        self.hosts: dict[str, HostRecord] = {}
        self.meters: dict[str, HostRecord] = {}
        self._home = home
        self._min_messages = min_messages
        self._suspicious = suspicious

    def see(self, table: ChannelWindows, source: str | Sequence[Span]) -> None:
        """Count rows as they were observed (not rolled up): who, when, how much, in which source.

        source: its name; spans where the rows are of several sources, one after the other.

        Where both ends are at home the other end is a host that was seen, too.
        """
        ends = hosts.ends(table, self._home)
        wide = table.wide
        packets = wide[:, layout.UP + layout.PACKETS] + wide[:, layout.DOWN + layout.PACKETS]
        inside = self._home.contains(ends.remote)
        addresses = np.concatenate([ends.host, ends.remote[inside]])
        rows = np.concatenate([np.arange(len(table)), np.flatnonzero(inside)])
        self._count(addresses, wide[rows], packets[rows], _spans(source))

    def _count(self, addresses: UInt64s, wide: Int64s, packets: Int64s, spans: Sequence[Span]) -> None:
        names, inverse = _grouped(addresses)
        n = len(names)
        first = np.full(n, np.iinfo(np.int64).max)
        last, total = np.zeros(n, np.int64), np.zeros(n, np.int64)
        np.minimum.at(first, inverse, wide[:, layout.FIRST_NS])
        np.maximum.at(last, inverse, wide[:, layout.LAST_NS])
        np.add.at(total, inverse, packets)
        columns = zip(names, first.tolist(), last.tolist(), total.tolist(), strict=True)
        for name, start, end, count in columns:
            record = self.hosts.get(name)
            if record is None:
                record = self.hosts[name] = HostRecord(start, end)
            record.first_ns = min(record.first_ns, start)
            record.last_ns = max(record.last_ns, end)
            record.packets += count
            for span in spans:
                if len(record.sources) < KEPT_SOURCES and start <= span.last_ns and end >= span.first_ns:
                    record.sources.add(span.source)
        starts, window = np.unique(wide[:, layout.WINDOW_NS], return_inverse=True)
        for pair in np.unique(window * n + inverse).tolist():  # windows in order, each host once
            self.hosts[names[pair % n]].saw_window(int(starts[pair // n]))

    def scoreable(self, rolled: ChannelWindows) -> NDArray[np.bool_]:
        """Rows that hold enough to be told from anything else: both directions and `min_messages`
        messages, or words of a mining dialogue.  What cannot be scored is remembered as such."""
        up = rolled.wide[:, layout.UP + layout.MESSAGES]
        down = rolled.wide[:, layout.DOWN + layout.MESSAGES]
        spoken = np.array([facts is not None for facts in rolled.facts], np.bool_)
        enough = ((up > 0) & (down > 0) & (up + down >= self._min_messages)) | spoken
        names, inverse = _grouped(hosts.ends(rolled, self._home).host)
        most, both = np.zeros(len(names), np.int64), np.zeros(len(names), np.bool_)
        np.maximum.at(most, inverse, np.where(enough, 0, up + down))
        np.logical_or.at(both, inverse, (up > 0) & (down > 0))
        for name, messages, two_way in zip(names, most.tolist(), both.tolist(), strict=True):
            record = self.hosts[name]
            record.most_messages = max(record.most_messages, messages)
            record.asked = True
            record.one_way = record.one_way and not two_way
        return enough

    def add(
        self, rolled: ChannelWindows, facts: list[Facts | None], vectors: Vectors, scores: Scores
    ) -> None:
        """Take in scored rows; `facts` are those of the newest window alone."""
        ends = hosts.ends(rolled, self._home)
        ids = keys(rolled)
        for i, key in enumerate(ids):
            record = self.hosts[hosts.text(ends.host[i])]
            record.judged += 1
            suspect = bool(scores.probability[i] >= self._suspicious)
            known = record.channels.get(key)
            weight = (facts[i] is not None, float(scores.logit[i]))
            if known is None and not self._has_room(record, weight):
                continue
            fresh = self._channel(rolled, i, ends, vectors, scores)
            record.channels[key] = _join(known, fresh, facts[i], suspect)

    @staticmethod
    def _has_room(record: HostRecord, weight: tuple[bool, float]) -> bool:
        """Whether a new channel of that weight is worth keeping; makes room by dropping the lightest.

        weight: (words of a mining dialogue were heard, log-odds); words outweigh any score.
        """
        if len(record.channels) < KEPT_CHANNELS:
            return True
        kept = {key: (one.facts is not None, one.logit) for key, one in record.channels.items()}
        least = min(kept, key=lambda key: kept[key])
        if kept[least] >= weight:
            return False
        del record.channels[least]
        return True

    @staticmethod
    def _channel(
        rolled: ChannelWindows, i: int, ends: hosts.Ends, vectors: Vectors, scores: Scores
    ) -> ChannelRecord:
        return ChannelRecord(
            remote=hosts.text(ends.remote[i]),
            port=int(rolled.port[i]),
            transport=int(rolled.transport[i]),
            is_client=bool(ends.is_client[i]),
            first_ns=int(rolled.wide[i, layout.FIRST_NS]),
            last_ns=int(rolled.wide[i, layout.LAST_NS]),
            logit=float(scores.logit[i]),
            probability=float(scores.probability[i]),
            novelty=float(scores.novelty[i]),
            values=vectors.values[i].copy(),
            wide=rolled.wide[i].copy(),
            narrow=rolled.narrow[i].copy(),
        )

    def add_power(self, record: PowerRecord, span_ns: tuple[int, int], source: str) -> None:
        """Take in what the power model says of a meter."""
        known = self.meters.setdefault(record.meter, HostRecord(*span_ns))
        known.first_ns = min(known.first_ns, span_ns[0])
        known.last_ns = max(known.last_ns, span_ns[1])
        known.power = record
        if len(known.sources) < KEPT_SOURCES:
            known.sources.add(source)


def _join(
    known: ChannelRecord | None, fresh: ChannelRecord, facts: Facts | None, suspect: bool
) -> ChannelRecord:
    """The more suspect moment of the two, with the times, facts and windows of both."""
    if known is None:
        fresh.facts, fresh.suspect_windows = facts, int(suspect)
        return fresh
    best = fresh if fresh.logit >= known.logit else known
    best.facts = merge_facts(known.facts, facts)
    best.suspect_windows = known.suspect_windows + suspect
    best.first_ns = min(known.first_ns, fresh.first_ns)
    best.last_ns = max(known.last_ns, fresh.last_ns)
    return best


def _spans(source: str | Sequence[Span]) -> Sequence[Span]:
    return [Span(source, 0, 1 << 62)] if isinstance(source, str) else source


def _grouped(addresses: UInt64s) -> tuple[list[str], Int64s]:
    """Distinct addresses as text, in order of appearance, and which of them each row has."""
    raw = np.ascontiguousarray(addresses).tobytes()
    places: dict[bytes, int] = {}
    inverse = [places.setdefault(raw[i : i + 16], len(places)) for i in range(0, len(raw), 16)]
    distinct = np.frombuffer(b"".join(places), np.uint64).reshape(-1, 2)
    return [hosts.text(address) for address in distinct.tolist()], np.array(inverse, np.int64)
