"""A host on its way to a finding: all that is known of it, joined, and what the fusion model says.

The asset map joins a meter to a host that was seen; a meter of none is a case of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from detector.features import fusion
from detector.findings.answering import Answered
from detector.findings.following import InStep
from detector.findings.fused import as_evidence, fused
from detector.findings.fused import ranked as ranked_channels
from detector.findings.ledger import ChannelRecord, Ledger, PowerRecord
from detector.findings.peers import Level, Peers
from detector.findings.roles import GATEWAY, Role, Roles
from detector.findings.roster import HostRecord
from detector.findings.scheduled import Worked
from detector.findings.synchrony import Followed, Meeting, Witnesses, strongest
from detector.hosts import Asset, Assets, words
from detector.model import Model
from detector.owners import told_by_name
from detector.settings import Settings

if TYPE_CHECKING:
    from detector.records import Floats

MIN_READINGS = 5  # of a meter; fewer have no shape that could be told from anything else


@dataclass(slots=True)
class Case:
    """A host on its way to a finding."""

    name: str
    kind: str
    record: HostRecord
    channels: list[ChannelRecord]  # most suspect first
    power: PowerRecord | None  # where it has readings enough to be judged
    level: Level
    role: Role | None = None
    boss: tuple[str, Role] | None = None  # through which host at home it mines
    crowded_ns: int | None = None  # when it had shown as many kinds of TLS client as gateways do
    answered: Answered | None = None  # what was judged of its channels at those who asked it
    score: float | None = None
    network_score: float | None = None  # without its power
    values: Floats | None = None  # the row of the fusion model, and how strange it is
    novelty: float = 0.0
    logit: float = 0.0  # of the score before anything was forgotten
    meets: tuple[ChannelRecord, Meeting] | None = None  # a channel that shares a clock with another host's
    follows: tuple[ChannelRecord, Followed] | None = None  # a channel whose pushes follow a chain's blocks
    quiet_ns: int = 0  # watched, and without a sign of mining (`forgetting`)
    in_step: InStep | None = None  # a suspect channel that its watts follow
    by_power: float = 0.0  # what its power accuses it of by itself: the score is no lower; 0 = of nothing
    worked: Worked | None = None  # its load beside the scheduler's jobs
    accused_by_power: bool = False  # more than by all together: the score is that of power
    heard_ns: int = 0  # the last such sign
    forgotten: float = 0.0  # log-odds that the score lost by it; 0 or less
    remembered: float = 0.0  # the score before that


def joined(ledger: Ledger, assets: Assets) -> Iterator[tuple[str, str, HostRecord]]:
    """(name, kind, record) of every host and meter; a meter of a host that was seen is told with it."""
    addresses = assets.meter_to_ip()
    of_host: dict[str, list[HostRecord]] = {}
    for meter, record in ledger.meters.items():
        address = addresses.get(meter, "")
        if address in ledger.hosts:
            of_host.setdefault(address, []).append(record)
        else:
            yield meter, "meter", record
    for name, record in ledger.hosts.items():
        meters = of_host.get(name)
        yield name, "ip", _with_power(record, meters) if meters else record


def _with_power(record: HostRecord, meters: list[HostRecord]) -> HostRecord:
    """The host with its most suspect meter."""
    told = max((meter.power for meter in meters if meter.power), key=lambda power: power.logit)
    return replace(
        record,
        power=told,
        first_ns=min(record.first_ns, *(meter.first_ns for meter in meters)),
        last_ns=max(record.last_ns, *(meter.last_ns for meter in meters)),
        sources=record.sources.union(*(meter.sources for meter in meters)),
    )


def ranked(name: str, kind: str, record: HostRecord, peers: Peers, clock: Witnesses) -> Case:
    """The case of a host or meter: its channels ranked, words before scores, and what stands beside it."""
    channels = ranked_channels(record.channels.values())
    enough = record.power is not None and record.power.readings >= MIN_READINGS
    level = peers.level(record.power.meter) if record.power else Level()
    host = Case(name, kind, record, channels, record.power if enough else None, level)
    host.meets, host.follows = strongest(channels, clock.meetings), strongest(channels, clock.followed)
    return host


def placed(host: Case, assets: Assets, known: Roles) -> Asset | None:
    """The host's asset; its role and who it works for are noted, and its name where no address is its own."""
    asset = assets.by_ip.get(host.name) or assets.by_meter.get(host.name)
    host.role, host.boss = known.of(host.name, asset.role if asset else None), known.boss(host.name)
    host.crowded_ns = known.crowded(host.name)
    if asset and host.kind == "ip" and told_by_name(words(host.name)):
        host.name, host.kind = asset.asset, "asset"
    return asset


def score(block: list[Case], model: Model) -> None:
    """Let the fusion model judge hosts with channels."""
    evidence = [as_evidence(host.channels, host.power.logit if host.power else math.nan) for host in block]
    told = fused(fusion.extract(evidence), model)
    for row, host in enumerate(block):
        host.score, host.logit = float(told.probability[row]), float(told.logit[row])
        host.novelty, host.values = float(told.novelty[row]), told.rows[row]
        host.network_score = float(told.alone[row])


def serves(host: Case) -> bool:
    """Whether it hands work to miners, by words or by how its channels behave."""
    return host.role is not None and host.role.name != GATEWAY


def heard_serving(host: Case) -> bool:
    """Whether words say so: part of mining, whatever its own score."""
    return serves(host) and host.role is not None and host.role.read


def novelty(host: Case) -> float | None:
    seen = [host.channels[0].novelty] if host.channels else []
    if host.power:
        seen.append(host.power.novelty)
    return max(seen, default=None)


def energy(record: PowerRecord | None, settings: Settings) -> dict[str, float | bool | None] | None:
    """What the host drew over the record; None when no power was given."""
    if record is None:
        return None
    facts = record.description
    mean, hours = facts["mean_w"], facts["hours"]  # no hours: a single reading, whose interval nobody knows
    kwh = None if hours is None else mean * hours / 1000
    return {
        "watts": round(mean, 1),
        "kwh": None if kwh is None else round(kwh, 3),
        "co2e_kg": None if kwh is None else round(kwh * settings.findings.co2e_kg_per_kwh, 3),
        "measured": not record.estimated,
    }


def quality(record: HostRecord, settings: Settings) -> dict[str, object]:
    resolution_s: float | None = settings.meter.window_s
    if record.power and not record.packets:
        resolution_s = record.power.description["resolution_s"]
    return {
        "packets": record.packets,
        "undecodable": None,  # what does not decode has no address
        "lost": None,  # capturing systems count what they drop, not whose it was
        "windows": record.windows,
        "resolution_s": resolution_s,
        "sources": sorted(record.sources),
    }
