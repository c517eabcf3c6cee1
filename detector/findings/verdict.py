"""From what is remembered of a host to what is believed of it.

The score is the fusion model's; this module adds what a score cannot know.  `mining`
needs more than a number: a mining dialogue that was heard, or suspect behaviour in two
windows, or pushes that share a clock with another suspect host's or with a chain's blocks, or
two kinds of telemetry that agree, or power that says so by itself (`metered`, which also judges
hosts of which nothing else is known).  What is unlike the training set is not called mining on its looks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from detector.features import fusion
from detector.findings import evidence, feeders, metered, names
from detector.findings.ledger import ChannelRecord, Ledger, PowerRecord
from detector.findings.peers import Level, Peers
from detector.findings.roster import HostRecord
from detector.findings.synchrony import Followed, Meeting, Witnesses, strongest
from detector.hosts import Assets
from detector.model import Bundle, Model
from detector.pools import NONE, PoolNames
from detector.records import Evidence, Finding, Vectors, Verdict
from detector.settings import Settings
from detector.text import plural

if TYPE_CHECKING:
    from detector.records import Floats

TOLD_CONTRIBUTIONS = 6
TOLD_DOUBTS = 2
DOUBT = -0.1  # log-odds; what moves the score by less is no argument
MIN_READINGS = 5  # of a meter; fewer have no shape that could be told from anything else
BLOCK = 4_096  # hosts on their way at a time
RANK = {Verdict.MINING: 0, Verdict.SUSPICIOUS: 1, Verdict.UNDECIDED: 2, Verdict.CLEAR: 3}


@dataclass(slots=True)
class _Judged:
    """A host on its way to a finding."""

    name: str
    kind: str
    record: HostRecord
    channels: list[ChannelRecord]  # most suspect first
    power: PowerRecord | None  # where it has readings enough to be judged
    level: Level
    score: float | None = None
    network_score: float | None = None  # without its power
    values: Floats | None = None  # the row of the fusion model, and how strange it is
    novelty: float = 0.0
    meets: tuple[ChannelRecord, Meeting] | None = None  # a channel that shares a clock with another host's
    follows: tuple[ChannelRecord, Followed] | None = None  # a channel whose pushes follow a chain's blocks


def judge(
    ledger: Ledger, bundle: Bundle, settings: Settings, assets: Assets, pools: PoolNames = NONE
) -> list[Finding]:
    """One finding a host, meter and feeder, worst first."""
    findings = feeders.judged(ledger.feeders.balances())
    named, peers, clock = _joined(ledger, assets), Peers(ledger.meters, assets), ledger.clock.witnesses()
    while block := [_ranked(*one, peers, clock) for one in itertools.islice(named, BLOCK)]:
        _score([host for host in block if host.channels], bundle.fusion)
        for host in block:
            if host.power and not host.channels:  # there is nothing to fuse
                host.score = host.power.probability
        findings += [
            _named(_finding(host, bundle, settings, assets), host, ledger.asked.get(host.name, {}), pools)
            for host in block
        ]
    return sorted(findings, key=lambda f: (RANK[f.verdict], -(f.score or 0.0), f.kind, f.host))


def _score(block: list[_Judged], model: Model) -> None:
    """Let the fusion model judge: all that is known, and traffic alone."""
    vectors = fusion.extract([_as_evidence(host) for host in block])
    scores = model.score(vectors)
    alone = scores.probability.copy()
    powered = np.array([bool(host.power and host.channels) for host in block], np.bool_)
    if powered.any():
        traffic = np.where(fusion.OF_POWER, np.nan, vectors.values[powered])
        alone[powered] = model.score(Vectors(vectors.names, traffic)).probability
    for row, host in enumerate(block):
        host.score, host.novelty = float(scores.probability[row]), float(scores.novelty[row])
        host.network_score = float(alone[row]) if host.channels else None
        host.values = vectors.values[row]


def _joined(ledger: Ledger, assets: Assets) -> Iterator[tuple[str, str, HostRecord]]:
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


def _ranked(name: str, kind: str, record: HostRecord, peers: Peers, clock: Witnesses) -> _Judged:
    channels = list(record.channels.values())
    if len(channels) > 1:
        channels.sort(key=lambda c: (not c.said, -c.logit))
    enough = record.power is not None and record.power.readings >= MIN_READINGS
    level = peers.level(record.power.meter) if record.power else Level()
    host = _Judged(name, kind, record, channels, record.power if enough else None, level)
    host.meets, host.follows = strongest(channels, clock.meetings), strongest(channels, clock.followed)
    return host


def _as_evidence(host: _Judged) -> fusion.HostEvidence:
    logits = sorted((channel.logit for channel in host.channels), reverse=True)
    power_logit = host.power.logit if host.power else math.nan
    if not logits:
        return fusion.HostEvidence(power_logit=power_logit)
    heard = [channel.facts for channel in host.channels if channel.facts is not None]
    lead = max(host.channels, key=lambda channel: channel.logit)
    unnamed, no_protocol, self_signed = fusion.lacks(lead.names)
    return fusion.HostEvidence(
        network_logit=logits[0],
        network_second=logits[1] if len(logits) > 1 else math.nan,
        network_again=np.fmax.reduce([channel.again for channel in host.channels]),
        network_mean=max(channel.mean for channel in host.channels),
        network_windows=max(channel.suspect_windows for channel in host.channels),
        unnamed=unnamed,
        no_protocol=no_protocol,
        self_signed=self_signed,
        logins=max((facts.logins for facts in heard), default=0),
        requests=max((facts.requests for facts in heard), default=0),
        jobs=max((facts.jobs for facts in heard), default=0),
        shares=max((facts.shares for facts in heard), default=0),
        power_logit=power_logit,
    )


def _unheard(host: _Judged, settings: Settings, assets: Assets) -> Finding:
    """The finding of a host of which nothing could be scored: in most captures of most."""
    record = host.record
    asset = assets.by_ip.get(host.name) or assets.by_meter.get(host.name)
    return Finding(
        host=host.name,
        kind=host.kind,
        score=None,
        verdict=Verdict.UNDECIDED,
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        organisation=asset.organisation if asset else None,
        energy=_energy(record.power, settings),
        quality=_quality(record, settings),
        why=_too_little(record, settings.findings.min_messages),
    )


def _finding(host: _Judged, bundle: Bundle, settings: Settings, assets: Assets) -> Finding:
    if host.score is None:
        return _unheard(host, settings, assets)
    record = host.record
    asset = assets.by_ip.get(host.name) or assets.by_meter.get(host.name)
    verdict = _verdict(host, host.score, bundle)
    told = _evidence(host, bundle, settings) if verdict in (Verdict.MINING, Verdict.SUSPICIOUS) else []
    against = _counter_evidence(host, bundle, verdict)
    allowed = "allowed by the asset map; " if told and asset and asset.allowed_mining else ""
    return Finding(
        host=host.name,
        kind=host.kind,
        score=host.score,
        verdict=verdict,
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        network_score=host.network_score,
        power_score=host.power.probability if host.power else None,
        novelty=_novelty(host),
        organisation=asset.organisation if asset else None,
        evidence=told,
        counter_evidence=against,
        contributions=_contributions(host, bundle) if verdict is not Verdict.CLEAR else [],
        energy=_energy(record.power, settings),
        quality=_quality(record, settings),
        why=allowed + _why(host, verdict, told, against),
    )


def _named(finding: Finding, host: _Judged, asked: Mapping[str, int], pools: PoolNames) -> Finding:
    """The finding with what names and handshakes say for and against it, in words: what of them is worth a
    column moved the score before."""
    known = {(told.channel["remote"], told.channel["port"]) for told in finding.evidence if told.channel}
    suspects = [one for one in host.channels if one.end[:2] in known]
    calls = [names.listed(one, pools) for one in host.channels]
    listed = [one for one in calls if one is not None] or names.asked(asked)
    lacks = [names.handshake(one) for one in suspects]
    ordinary = [names.ordinary_name(one, pools) for one in suspects if not one.said]
    if listed and not finding.evidence:
        finding.why += f"; {listed[0].summary}"
    finding.evidence += [one for one in (*listed, *lacks) if one is not None]
    finding.counter_evidence += [one for one in ordinary if one is not None]
    return finding


def _verdict(host: _Judged, score: float, bundle: Bundle) -> Verdict:
    if host.power and not host.channels:
        return metered.verdict(host.power, bundle.power.thresholds, host.level)
    limits = bundle.fusion.thresholds
    heard = any(channel.said for channel in host.channels)
    strange = _strangeness(host, bundle) is not None and not heard
    if score >= limits.mining and _supported(host, bundle):
        return Verdict.SUSPICIOUS if strange else Verdict.MINING
    if score >= limits.suspicious:
        return Verdict.UNDECIDED if strange else Verdict.SUSPICIOUS
    return Verdict.CLEAR if score < limits.clear else Verdict.UNDECIDED


def _supported(host: _Judged, bundle: Bundle) -> bool:
    """Whether more than one number speaks for mining."""
    power_record = host.power
    if any(channel.said or channel.suspect_windows >= 2 for channel in host.channels):
        return True
    if host.meets or host.follows:
        return True
    if power_record is None:
        return False
    agrees = power_record.probability >= bundle.power.thresholds.suspicious
    alone = metered.verdict(power_record, bundle.power.thresholds, host.level) is Verdict.MINING
    return alone or (agrees and any(channel.suspect_windows for channel in host.channels))


def _novelty(host: _Judged) -> float | None:
    seen = [host.channels[0].novelty] if host.channels else []
    if host.power:
        seen.append(host.power.novelty)
    return max(seen, default=None)


def _strangeness(host: _Judged, bundle: Bundle) -> float | None:
    """The highest novelty that is at or above the limit of the model which found it."""
    seen = [(host.channels[0], bundle.channel)] if host.channels else []
    found = [record.novelty for record, model in seen if record.novelty >= model.thresholds.novelty]
    if host.power and host.power.novelty >= bundle.power.thresholds.novelty:
        found.append(host.power.novelty)
    return max(found, default=None)


def _evidence(host: _Judged, bundle: Bundle, settings: Settings) -> list[Evidence]:
    show = settings.findings.show_identifiers
    told: list[Evidence] = []
    said = sum(added for _, _, added in _of_words(host, bundle))
    for channel in host.channels:
        heard = evidence.dialogue(channel, said, show) if channel.said else None
        if heard:
            told.append(heard)
        elif channel.probability >= bundle.channel.thresholds.suspicious:
            told.append(evidence.rhythm(channel, channel.logit))
    if host.meets:
        told.append(evidence.synchrony(*host.meets))
    if host.follows:
        told.append(evidence.blocks(*host.follows))
    drawn = host.power
    if drawn and drawn.logit > 0:
        told.append(metered.drawn(drawn, host.level))
    told.sort(key=lambda e: -e.weight)
    return told[: settings.findings.max_evidence]


def _counter_evidence(host: _Judged, bundle: Bundle, verdict: Verdict) -> list[Evidence]:
    """What speaks against: the modality that is more likely ordinary than not, what a suspect channel
    does that miners do not, and strangeness."""
    against: list[Evidence] = []
    if host.channels and host.channels[0].logit < 0:
        against.append(evidence.ordinary_traffic(host.channels[0], host.record.judged))
    elif host.channels and verdict in (Verdict.MINING, Verdict.SUSPICIOUS):
        suspect = host.channels[0]
        parts = _parts(bundle.channel, suspect.values, suspect.novelty)
        known = [part for part in parts if part[0] in evidence.MEANINGS and math.isfinite(part[1])]
        doubts = [part for part in known if part[2] < DOUBT]
        if doubts and not suspect.said:
            against.append(evidence.unlike(suspect, doubts[:TOLD_DOUBTS]))
    if host.power and host.power.logit < 0:
        against.append(metered.ordinary_power(host.power))
    novelty = _strangeness(host, bundle)
    if verdict is not Verdict.CLEAR and novelty is not None:
        against.append(evidence.strange(novelty))
    return against


def _contributions(host: _Judged, bundle: Bundle) -> list[Mapping[str, Any]]:
    parts = _of_words(host, bundle)
    if host.channels:
        parts += _parts(bundle.channel, host.channels[0].values, host.channels[0].novelty)
    if host.power:
        parts += _parts(bundle.power, host.power.values, host.power.novelty)
    parts.sort(key=lambda part: -abs(part[2]))
    return [
        {
            "feature": name,
            "value": round(value, 4) if math.isfinite(value) else None,
            "contribution": round(added, 4),
        }
        for name, value, added in parts[:TOLD_CONTRIBUTIONS]
    ]


def _of_words(host: _Judged, bundle: Bundle) -> list[tuple[str, float, float]]:
    """What words of a mining dialogue add to the score of the host; nothing where none were heard."""
    if not any(channel.said for channel in host.channels):
        return []
    return [part for part in _parts(bundle.fusion, host.values, host.novelty) if part[0] in fusion.WORDS]


def _parts(model: Model, row: Floats | None, novelty: float) -> list[tuple[str, float, float]]:
    """(column, value, what it moves the log-odds by)."""
    if row is None:  # a channel that is not the most suspect of its host, and no words were heard on it
        return []
    values = dict(zip(model.names, row.tolist(), strict=True)) | {"novelty": novelty}
    return [(name, values.get(name, math.nan), added) for name, added in model.contributions(row, novelty)]


def _energy(record: PowerRecord | None, settings: Settings) -> dict[str, float | bool | None] | None:
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


def _quality(record: HostRecord, settings: Settings) -> dict[str, object]:
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


def _why(host: _Judged, verdict: Verdict, told: list[Evidence], against: list[Evidence]) -> str:
    if told:
        more = f" (+{len(told) - 1} more)" if len(told) > 1 else ""
        return f"{told[0].summary}{more}"
    if verdict is Verdict.UNDECIDED and host.power and not host.channels:
        return metered.undecided(host.power)
    if verdict is Verdict.UNDECIDED:
        return "looks like mining and like ordinary use: not enough to tell"
    if host.channels:
        known = against[0] if against and against[0].kind == "ordinary_traffic" else None
        return (known or evidence.ordinary_traffic(host.channels[0], host.record.judged)).summary
    return metered.ordinary_power(host.power).summary if host.power else ""


def _too_little(record: HostRecord, wanted: int) -> str:
    if record.power and not record.packets:
        some = plural(record.power.readings, "reading")
        return f"{some} of the meter, {MIN_READINGS} are needed: record longer to tell"
    if not record.asked:
        return "only answered hosts at home, where its channels are judged"
    if record.one_way:
        return "only one direction of its traffic was captured: capture both to tell"
    return f"at most {record.most_messages} messages on a channel, {wanted} are needed: record longer to tell"
