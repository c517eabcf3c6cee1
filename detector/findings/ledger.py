"""What was seen and scored of each host so far, in memory that depends on the hosts only."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector import hosts
from detector.dissectors import merge_facts
from detector.features import noise
from detector.features.feeders import Feeders
from detector.findings.answering import Answered
from detector.findings.behind import system
from detector.findings.course import Courses
from detector.findings.forgetting import Watched
from detector.findings.roster import KEPT_SOURCES, HostRecord, Roster
from detector.findings.shapes import Shapes
from detector.findings.strip import Strip
from detector.findings.synchrony import BlockClock
from detector.findings.volume_scores import VolumeScores
from detector.findings.volumes import Volumes
from detector.kernel import layout
from detector.owners import Owners
from detector.pools import NONE, PoolNames
from detector.records import ChannelWindows, Facts, GpuUse, Lookup, Names, Scores, Span, Steps, Vectors
from detector.windows.channel import keys

if TYPE_CHECKING:
    from detector.records import Floats, Int64s, UInt64s

KEPT_NAMES = 8  # a host
KEPT_CHANNELS = 8  # a host; the most suspect stay, besides as many that came in the window that is read
KEPT_SPOKEN = 4_096  # of a site: who works for whom is told of so many
NOBODY = Owners()
_KEY = struct.Struct("=5Q")  # of `windows.channel.keys`


@dataclass(slots=True)
class ChannelRecord:
    """A channel of a host: its most suspect moment, and its facts over all windows.

    What only evidence needs is kept only where it may be told: the row of a suspect moment,
    and the vector of a host's most suspect channel and of channels with facts (where words
    came after that moment, the vector of when they came).
    """

    key: bytes  # of `windows.channel.keys`
    is_client: bool
    first_ns: int
    last_ns: int
    logit: float
    probability: float
    novelty: float
    facts: Facts | None = None
    names: Names | None = None
    heard_ns: int = 0  # when it last was suspect or spoke of mining; 0 = never
    suspect_windows: int = 0  # windows in which it stood at or above `suspicious`
    windows: int = 1  # in which it was judged
    total: float = math.nan  # of the log-odds of those
    again: float = math.nan  # log-odds of its second most suspect window
    values: Floats | None = None  # the feature vector of that moment
    wide: Int64s | None = None  # its row, rolled up
    client_port: int = 0  # of the first connection that was seen once it was suspect or heard; 0 = not known
    narrow: NDArray[np.uint32] | None = None
    strip: Strip | None = None  # from its first suspect window or word on
    since: int = -1  # number of the window in which it came

    def __post_init__(self) -> None:
        if math.isnan(self.total):
            self.total = self.logit

    @property
    def mean(self) -> float:
        """Log-odds over its windows: one that is suspect by chance is not so for long."""
        return self.total / self.windows

    @property
    def host(self) -> str:
        """Address of the host that is judged."""
        words = _KEY.unpack(self.key)
        return hosts.text(words[:2] if self.is_client else words[2:4])

    @property
    def end(self) -> tuple[str, int, int]:
        """The other end's address, the service's port, the transport."""
        *words, service = _KEY.unpack(self.key)
        return hosts.text(words[2:] if self.is_client else words[:2]), service >> 8, service & 0xFF

    @property
    def said(self) -> bool:
        """Words of a mining dialogue that only miners and pools say: logins, jobs or shares."""
        return _said(self.facts)


def _said(facts: Facts | None) -> bool:
    return facts is not None and facts.logins + facts.jobs + facts.shares > 0


@dataclass(slots=True)
class Newest:
    """What the newest window of each rolled-up row held by itself.  n rows."""

    facts: list[Facts | None]  # (n,)
    counts: Int64s  # (n, 4) words `strip.COUNTED`


@dataclass(slots=True)
class PowerRecord:
    """What the power model says of a host's meter."""

    meter: str
    logit: float
    probability: float
    novelty: float
    values: Floats | None  # where the score is such that it may have to be told what moved it
    description: Mapping[str, Any]
    estimated: bool
    readings: int
    drawn: Steps | None = None  # kept of meters whose picture may be told
    gpu_use: GpuUse | None = None  # where its source tells it


class Ledger:
    """Hosts by address, and meters by name; who judges joins them."""

    def __init__(
        self,
        home: hosts.HomeNetworks,
        min_messages: int,
        suspicious: float,
        feeder_of: Mapping[str, str] | None = None,
        *,
        pools: PoolNames = NONE,
        blocks: Mapping[str, Int64s] | None = None,
        owners: Owners = NOBODY,
        window_s: int = 300,
    ) -> None:
        """`suspicious`: probability from which a window of a channel counts as suspect.

        feeder_of: the feeder's own meter by the name of each meter that it feeds.
        blocks: chain -> times of its blocks, where they are known.
        owners: whose an address was, and when.
        window_s: length of a window of traffic.
        """
        self.feeders = Feeders(feeder_of or {})
        self.courses = Courses()
        self.hosts = Roster(self.courses)
        self.asked: dict[str, dict[str, int]] = {}  # host -> listed names it asked for, first time
        self._pools = pools
        self.meters: dict[str, HostRecord] = {}
        self.volumes = Volumes()  # of channels that flow logs told of
        self.volume_scores = VolumeScores()  # of the same, by a model that learned from flow logs
        self._sources: dict[str, frozenset[str]] = {}
        self.clock = BlockClock(blocks)
        self.spoken: dict[bytes, ChannelRecord] = {}  # channels on which words of mining were heard
        self.suspect: dict[bytes, ChannelRecord] = {}  # channels that were suspect by how they behave
        self.answered: dict[str, Answered] = {}  # of hosts at home, what was judged at those who asked
        self.systems: dict[str, set[str]] = {}  # host -> kinds of client that spoke from it
        self.shapes = Shapes()  # by their hellos
        self._crowded: set[int] = set()  # hosts that hold more than KEPT_CHANNELS
        self._window = -1  # number of the one that rows are of
        self.home = home
        self.owners = owners
        self._min_messages = min_messages
        self._suspicious = suspicious
        self._window_ns = window_s * 1_000_000_000
        self.watched = Watched(self._window_ns)

    def see(self, table: ChannelWindows, source: str | Sequence[Span]) -> None:
        """Count rows as they were observed (not rolled up): who, when, how much, in which source.

        source: its name; spans where the rows are of several sources, one after the other.

        Where both ends are at home the other end is a host that was seen, too.
        """
        ends = hosts.ends(table, self.home)
        times = table.wide[:, : layout.LAST_NS + 1]
        starts = table.wide[:, layout.WINDOW_NS]
        for start in starts[np.diff(starts, prepend=-1) != 0].tolist():  # rows of one window stand together
            self.watched.see(start, start)
        host, remote = self._counted(ends.host, times), self._counted(ends.remote, times)
        packets = table.wide[:, layout.UP + layout.PACKETS] + table.wide[:, layout.DOWN + layout.PACKETS]
        inside = np.flatnonzero(self.home.contains(ends.remote) & hosts.are_hosts(ends.remote))
        judged = np.flatnonzero(hosts.are_hosts(ends.host))
        rows = np.concatenate([judged, inside])
        addresses = np.concatenate([host[judged], remote[inside]])
        self.hosts.see(addresses, times[rows], packets[rows], source)
        for row, names in enumerate(table.names):
            if names is not None and names.http_agent and ends.is_client[row]:
                self._speak(host[row], names.http_agent)
            if names is not None and names.ja4 and ends.is_client[row]:
                self.shapes.hear(hosts.text(host[row]), names.ja4, int(starts[row]))
            if names is not None and names.lookups:
                client = self._counted(table.client[row : row + 1], times[row : row + 1])
                self._hear(hosts.text(client[0]), names.lookups)

    def _speak(self, host: UInt64s, agent: str) -> None:
        """Remember which kind of client spoke from a host."""
        kind = system(agent)
        if kind is not None:
            self.systems.setdefault(hosts.text(host), set()).add(kind)

    def _hear(self, client: str, lookups: tuple[Lookup, ...]) -> None:
        """Remember the first listed names that a host asked for."""
        for one in lookups:
            if self._pools.listed(one.name):
                asked = self.asked.setdefault(client, {})
                if len(asked) < KEPT_NAMES:
                    asked.setdefault(one.name, one.ts_ns)

    def _counted(self, addresses: UInt64s, wide: Int64s) -> UInt64s:
        """Under which address each is counted, at the newest moment of its row."""
        return self.owners.of(addresses, wide[:, layout.LAST_NS])

    def at_home(self, addresses: Sequence[str]) -> list[bool]:
        """Whether each is in the home networks."""
        pairs = np.array([hosts.words(address) for address in addresses], np.uint64).reshape(-1, 2)
        return self.home.contains(pairs).tolist()

    def names(self, channel: ChannelRecord) -> tuple[str, str]:
        """Under which addresses the host of a channel and its other end are counted."""
        both = np.array([hosts.words(channel.host), hosts.words(channel.end[0])], np.uint64)
        host, end = self.owners.of(both, np.full(2, channel.last_ns))
        return hosts.text(host), hosts.text(end)

    def scoreable(self, rolled: ChannelWindows) -> NDArray[np.bool_]:
        """Rows that hold enough to be told from anything else: both directions and `min_messages`
        messages, or words of a mining dialogue.  What cannot be scored is remembered as such."""
        up = rolled.wide[:, layout.UP + layout.MESSAGES]
        down = rolled.wide[:, layout.DOWN + layout.MESSAGES]
        both_ways = (up > 0) & (down > 0)
        enough: NDArray[np.bool_] = both_ways & (up + down >= self._min_messages)
        if rolled.facts.count(None) < len(rolled):
            words = [facts is not None and not facts.server_mines for facts in rolled.facts]
            enough |= np.array(words, np.bool_)
        host = hosts.ends(rolled, self.home).host
        known = hosts.are_hosts(host)
        enough &= known
        host = self._counted(host, rolled.wide)[known]
        self.hosts.try_rows(host, np.where(enough, 0, up + down)[known], both_ways[known])
        return enough

    def add(self, rolled: ChannelWindows, newest: Newest, vectors: Vectors, scores: Scores) -> None:
        """Take in scored rows; `newest`: of the newest window of each alone."""
        ends = hosts.ends(rolled, self.home)
        told = [
            heard or by_lengths
            for heard, by_lengths in zip(newest.facts, noise.sessions(rolled), strict=True)
        ]
        columns = (
            keys(rolled),
            ends.is_client.tolist(),
            rolled.wide[:, layout.FIRST_NS].tolist(),
            rolled.wide[:, layout.LAST_NS].tolist(),
            scores.logit.tolist(),
            scores.probability.tolist(),
            scores.novelty.tolist(),
            told,
            rolled.names,
        )
        numbers = self.hosts.judge_rows(self._counted(ends.host, rolled.wide)).tolist()
        for row in np.flatnonzero(self.home.contains(ends.remote) & hosts.are_hosts(ends.remote)).tolist():
            server = hosts.text(self._counted(ends.remote[row : row + 1], rolled.wide[row : row + 1])[0])
            answered = self.answered.setdefault(server, Answered())
            answered.add(numbers[row], float(scores.probability[row]))
        for row, (number, *moment) in enumerate(zip(numbers, *columns, strict=True)):
            channels = self.hosts.channels.setdefault(number, {})
            fresh = ChannelRecord(*moment)
            fresh.since = fresh.last_ns // self._window_ns
            if fresh.since != self._window:
                self.settle()
                self._window = fresh.since
            channel = _entered(channels, fresh)
            if len(channels) > KEPT_CHANNELS:
                self._crowded.add(number)
            if channel is None:
                continue
            if channel.said and len(self.spoken) < KEPT_SPOKEN:
                self.spoken[channel.key] = channel
            suspect = fresh.probability >= self._suspicious
            heard = suspect or _said(told[row])
            self.courses.touch(number, channels, heard)
            if heard:
                channel.heard_ns = max(channel.heard_ns, moment[2])
            channel.suspect_windows += suspect
            if suspect:
                if len(self.suspect) < KEPT_SPOKEN:
                    self.suspect[channel.key] = channel
                self.clock.hear(channel, rolled.wide[row])
            if channel.suspect_windows or channel.said:
                channel.client_port = channel.client_port or int(rolled.wide[row, layout.UP + layout.PORT])
                channel.strip = channel.strip or Strip(self._window_ns)
                channel.strip.add(newest.counts[row], fresh.probability)
            if channel.logit == fresh.logit:  # the fresh moment is the one that is kept
                leads = fresh.logit >= max(other.logit for other in channels.values())
                channel.values = vectors.values[row].copy() if leads or channel.facts else None
                channel.wide = rolled.wide[row].copy() if suspect else None
                channel.narrow = rolled.narrow[row].copy() if suspect else None
            elif channel.facts and channel.values is None:
                channel.values = vectors.values[row].copy()

    def settle(self) -> None:
        """A window is over: every host keeps its KEPT_CHANNELS heaviest channels.  Not sooner, or which
        ones stay would depend on the order of rows within the window.  What is known then is a step of
        the course of its score."""
        for number in self._crowded:
            channels = self.hosts.channels[number]
            for lightest in sorted(channels.values(), key=_weight)[:-KEPT_CHANNELS]:
                del channels[lightest.key]
        self._crowded.clear()
        self.courses.step(self._window)

    def add_power(self, record: PowerRecord, span_ns: tuple[int, int], source: str) -> None:
        """Take in what the power model says of a meter."""
        known = self.meters.setdefault(record.meter, HostRecord(*span_ns))
        known.first_ns = min(known.first_ns, span_ns[0])
        known.last_ns = max(known.last_ns, span_ns[1])
        known.power = record
        if len(known.sources) < KEPT_SOURCES:
            known.sources = self._alone(source) if not known.sources else known.sources | {source}

    def _alone(self, source: str) -> frozenset[str]:
        """The set of one source, the same one for all of its meters."""
        return self._sources.setdefault(source, frozenset((source,)))


def _entered(channels: dict[bytes, ChannelRecord], fresh: ChannelRecord) -> ChannelRecord | None:
    """The channel of a host with a fresh moment taken in: the more suspect one with the times and
    facts of all.  None where it is not worth its place."""
    known = channels.get(fresh.key)
    if known is None:
        if len(channels) >= KEPT_CHANNELS and not _made_room(channels, fresh):
            return None
        channels[fresh.key] = fresh
        return fresh
    lesser = min(known.logit, fresh.logit)
    known.again = lesser if math.isnan(known.again) else max(known.again, lesser)
    known.windows += 1
    known.total += fresh.logit
    if fresh.logit >= known.logit:
        known.logit, known.probability, known.novelty = fresh.logit, fresh.probability, fresh.novelty
    known.facts = _joined(known.facts, fresh.facts)
    known.names = fresh.names or known.names  # they are rolled up as long as the channel is kept
    known.first_ns = min(known.first_ns, fresh.first_ns)
    known.last_ns = max(known.last_ns, fresh.last_ns)
    return known


def _joined(known: Facts | None, fresh: Facts | None) -> Facts | None:
    """All that was heard.  What lengths tell is of the whole channel: the newest goes before the others."""
    by_lengths = [facts is None or facts.carrier == noise.CARRIER for facts in (known, fresh)]
    return fresh or known if all(by_lengths) else merge_facts(known, fresh)


def _made_room(channels: dict[bytes, ChannelRecord], fresh: ChannelRecord) -> bool:
    """Whether there is room: of those that came in this window, the lightest gives way to a heavier one."""
    came = [channel for channel in channels.values() if channel.since == fresh.since]
    if len(came) < KEPT_CHANNELS:
        return True
    least = min(came, key=_weight)
    if _weight(least) >= _weight(fresh):
        return False
    del channels[least.key]
    return True


def _weight(channel: ChannelRecord) -> tuple[bool, bool, float, bytes]:
    """Words of a mining dialogue outweigh any score, those that only miners and pools say the most.  The
    key decides between equals, so that the order of rows does not."""
    return channel.said, channel.facts is not None, channel.logit, channel.key
