"""What flow logs let one say of a host: whether a channel of it lasts and talks as a miner's must.

Volumes by themselves cannot tell a miner from a chat, a ticker or a remote shell that stays open as long:
so no host is called mining by them, however it looks.  They can tell what is no mining: a pool and its
miner keep one dialogue up (jobs come every few seconds to minutes, shares go back), so a host without a
channel of that kind (`upkeep` has the limits) did not mine over TCP in what the flow logs told.

A model that learned from flow logs which were labelled scores those channels.  It accuses from limits
that were set on flow rows of groups held out, and says `mining` only where the labels support a limit for
that, of counts that are exact, over ten minutes inside of records and two windows where there are two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from detector import hosts
from detector.findings import names
from detector.findings.evidence import channel, duration, endpoint
from detector.findings.ledger import ChannelRecord
from detector.findings.missing import ENOUGH, Lack
from detector.findings.upkeep import LEAST_NS, MINUTE_NS
from detector.flow_limits import FlowLimits
from detector.owners import Owners
from detector.pools import PoolNames
from detector.records import Evidence, Verdict
from detector.text import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from detector.findings.roster import HostRecord
    from detector.findings.volume_scores import Scored, VolumeScores
    from detector.findings.volumes import Told, Volumes

WATCHED_NS: Final = 2 * LEAST_NS
TOLD_CHANNELS: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel that may be of mining as far as volumes tell."""

    record: ChannelRecord
    up: float  # packets a minute of the client
    down: float  # of the server
    size: float  # bytes a minute, both ways
    covered_ns: int  # of its time, inside of records
    exact: bool  # nothing of it was scaled up from a sample
    scored: Scored | None  # by a model that learned from flow logs


@dataclass(frozen=True, slots=True)
class View:
    """What is believed of a host by flow logs alone."""

    verdict: Verdict
    evidence: list[Evidence] = field(default_factory=list)
    listed: list[Evidence] = field(default_factory=list)  # names on the list of pools
    against: list[Evidence] = field(default_factory=list)
    lacks: list[Lack] = field(default_factory=list)
    lead: Candidate | None = None  # the most suspect channel that was scored

    @property
    def why(self) -> str:
        """One line for the table."""
        told = [*self.evidence[:1], *self.listed[:1], *self.against] or self.lacks
        return "; ".join(one.summary for one in told)


@dataclass(slots=True)
class Lasting:
    """What flow logs told of one host."""

    channels: int
    candidates: list[Candidate] = field(default_factory=list)
    named: list[ChannelRecord] = field(default_factory=list)  # that a listed name led to
    exact: bool = True  # nothing of it was scaled up from a sample


def survey(
    volumes: Volumes, scores: VolumeScores, home: hosts.HomeNetworks, owners: Owners, pools: PoolNames
) -> Mapping[str, Lasting]:
    """What was told of every host, by the address under which it is counted."""
    told = volumes.told()
    if not len(told):
        return {}
    client, server = told.keys[:, :2], told.keys[:, 2:4]
    is_client = hosts.client_is_host(client, server, home)
    counted = owners.of(np.where(is_client[:, None], client, server), told.seen_ns)
    addresses, of = np.unique(counted, axis=0, return_inverse=True)
    of = of.reshape(-1)
    channels, inexact = np.bincount(of), np.bincount(of, weights=~told.exact)
    found = [
        Lasting(n, exact=not sampled) for n, sampled in zip(channels.tolist(), inexact.tolist(), strict=True)
    ]
    for row in np.flatnonzero(told.mining["last_ns"] > 0).tolist():
        record = _record(told, row, bool(is_client[row]), volumes)
        covered, exact = int(told.mining[row]["covered_ns"]), bool(told.exact[row])
        rates = _rates(told.mining[row])
        found[of[row]].candidates.append(Candidate(record, *rates, covered, exact, scores.of(record.key)))
    for row, known in volumes.named().items():
        if any(pools.listed(name) for _, name in names.calls(known)):
            found[of[row]].named.append(_record(told, row, bool(is_client[row]), volumes))
    return dict(zip(map(hosts.text, addresses), found, strict=True))


def _record(told: Told, row: int, is_client: bool, volumes: Volumes) -> ChannelRecord:
    """The channel as evidence tells channels; nothing of it was scored."""
    stretch = told.mining[row]
    last_ns = int(stretch["last_ns"]) or int(told.seen_ns[row])
    return ChannelRecord(
        told.keys[row].tobytes(),
        is_client,
        int(stretch["first_ns"]) or last_ns,
        last_ns,
        logit=math.nan,
        probability=math.nan,
        novelty=math.nan,
        names=volumes.names(row),
        client_port=int(told.client_port[row]),
    )


def _rates(stretch: NDArray[Any]) -> tuple[float, float, float]:
    """Packets a minute of the client and of the server, bytes a minute of both."""
    minutes = int(stretch["last_ns"] - stretch["first_ns"]) / MINUTE_NS
    (up, up_bytes), (down, down_bytes) = stretch["up"].tolist(), stretch["down"].tolist()
    return up / minutes, down / minutes, (up_bytes + down_bytes) / minutes


def view(
    told: Lasting,
    record: HostRecord,
    judged: Collection[bytes],
    asked: bool,
    pools: PoolNames,
    *,
    limits: FlowLimits | None = None,
) -> View:
    """What is believed of a host by flow logs alone.

    judged: keys of its channels that packets told of; asked: whether it asked DNS for a listed name.
    limits: from which scores on accuse; None where the model did not learn from flow logs.
    """
    talks = [one for one in told.candidates if one.record.key not in judged]
    scored = [one for one in talks if one.scored] if limits else []
    lead = max(scored, key=lambda one: (_probability(one), one.record.key), default=None)
    accused = _accused(lead, limits) if lead and limits else None
    found = _by_volumes(told, talks, record, asked, pools)
    if accused and limits and lead:
        behaves = _behaves(lead, limits)
        verdict = accused if found.verdict is not Verdict.SUSPICIOUS else _graver(accused, found.verdict)
        lacks = [_STRANGE, *found.lacks] if verdict is Verdict.UNDECIDED else []
        return replace(found, verdict=verdict, evidence=[behaves, *found.evidence], lacks=lacks, lead=lead)
    return replace(found, lead=lead)


def _probability(one: Candidate) -> float:
    return one.scored.probability if one.scored else -1.0


def _accused(one: Candidate, limits: FlowLimits) -> Verdict | None:
    """What a scored channel is accused of; None of nothing.  What is unlike training is not called mining."""
    scored = one.scored
    assert scored is not None, "one that was scored"
    if scored.probability < limits.suspicious:
        return None
    strange = scored.novelty >= limits.novelty
    lasted = one.covered_ns >= LEAST_NS and scored.suspect_windows >= min(2, scored.windows)
    if limits.mining is not None and scored.probability >= limits.mining and one.exact and lasted:
        return Verdict.SUSPICIOUS if strange else Verdict.MINING
    return Verdict.UNDECIDED if strange else Verdict.SUSPICIOUS


def _graver(one: Verdict, other: Verdict) -> Verdict:
    return one if one is Verdict.MINING else other


def _by_volumes(
    told: Lasting, talks: list[Candidate], record: HostRecord, asked: bool, pools: PoolNames
) -> View:
    """What volumes, times and names tell by themselves."""
    talks = sorted(talks, key=lambda one: (names.listed(one.record, pools) is None, one.record.first_ns))
    evidence = [_talks(one) for one in talks[:TOLD_CHANNELS]]
    by_key = {one.key: one for one in (*(one.record for one in talks), *told.named)}
    listed = [found for one in by_key.values() if (found := names.listed(one, pools))][:TOLD_CHANNELS]
    if talks and names.listed(talks[0].record, pools):
        return View(Verdict.SUSPICIOUS, evidence, listed)
    if talks:
        return View(Verdict.UNDECIDED, evidence, listed, lacks=[_packets_of(talks[0])])
    if listed or asked:
        return View(Verdict.UNDECIDED, listed=listed, lacks=[_NAME_ALONE])
    if not told.exact:
        return View(Verdict.UNDECIDED, lacks=[_SAMPLED])
    present_ns = record.last_ns - record.first_ns
    if present_ns < WATCHED_NS:
        return View(Verdict.UNDECIDED, lacks=[_short(present_ns)])
    return View(Verdict.CLEAR, against=[_ordinary(told.channels, present_ns)])


def _talks(one: Candidate) -> Evidence:
    record = one.record
    where = channel(record)
    return Evidence(
        kind="lasting_channel",
        weight=0.0,
        summary=f"{endpoint(where)} was kept up for {duration(record.last_ns - record.first_ns)} with"
        f" {one.up:.3g} packets a minute out and {one.down:.3g} in ({one.size / 1000:.3g} kB):"
        " as mining is, and much else",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={
            "packets_out_a_minute": round(one.up, 2),
            "packets_in_a_minute": round(one.down, 2),
            "bytes_a_minute": round(one.size),
        },
    )


def _behaves(one: Candidate, limits: FlowLimits) -> Evidence:
    """That a channel's volumes are as those of the labelled miners."""
    record, scored = one.record, one.scored
    assert scored is not None, "one that is accused"
    where = channel(record)
    least = (
        "the labels are too few for mining" if limits.mining is None else f"mining from {limits.mining:.3f}"
    )
    return Evidence(
        kind="flow_score",
        weight=round(max(scored.logit, 0.0), 2),
        summary=f"packets and bytes with {endpoint(where)} are as those of labelled miners:"
        f" {scored.probability:.3f} (suspicious from {limits.suspicious:.3f}, {least}; set on flow logs of"
        f" {plural(limits.groups, 'labelled group')}, held out)",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"probability": round(scored.probability, 4), "windows": scored.suspect_windows},
    )


def _ordinary(channels: int, present_ns: int) -> Evidence:
    return Evidence(
        kind="ordinary_flows",
        weight=0.0,
        summary=f"none of its {plural(channels, 'channel')} in {duration(present_ns)} of flow logs"
        " lasted and kept talking both ways as mining does",
        facts={"channels": channels},
    )


def _packets_of(one: Candidate) -> Lack:
    where = f"{one.record.host} with {endpoint(channel(one.record))}"
    told = "flow logs tell volumes and times only"
    return Lack("flows_only", f"{told}: record packets of {where}; {ENOUGH}")


_STRANGE: Final = Lack("unlike_training", "labelled examples of it, for minewatch train")
_NAME_ALONE: Final = Lack(
    "name_alone",
    f"packets of it, or flow logs for longer; {ENOUGH}",
    "a listed name, and no channel that lasted as mining does",
)
_SAMPLED: Final = Lack(
    "sampled_flows",
    "unsampled flow records, or packets",
    "flow records of sampled packets: a miner's few packets are rarely among them",
)


def _short(present_ns: int) -> Lack:
    return Lack(
        "few_minutes",
        f"flow logs that show it for {duration(WATCHED_NS)} and more",
        f"its flows span {duration(present_ns)}: too short to see what lasts",
    )
