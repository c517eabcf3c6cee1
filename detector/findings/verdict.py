"""From what is remembered of a host to what is believed of it.

The score is the fusion model's; this module adds what a score cannot know.  `mining`
needs more than a number: a mining dialogue that was heard, or suspect behaviour in two
windows, or pushes that share a clock with another suspect host's or with a chain's blocks, or
two kinds of telemetry that agree, or power that says so by itself (`metered`, which also judges
hosts of which nothing else is known).  What is unlike the training set is not called mining on its looks.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from detector.findings import (
    answering,
    case,
    course,
    feeders,
    following,
    forgetting,
    lasting,
    metered,
    missing,
    names,
    reasons,
    roles,
    scheduled,
    strip,
)
from detector.findings.allowed import allowed, as_wanted
from detector.findings.case import Case
from detector.findings.ledger import ChannelRecord, Ledger
from detector.findings.peers import Peers
from detector.findings.reasons import ACCUSED
from detector.findings.roles import Roles
from detector.hosts import Asset, Assets
from detector.model import Bundle
from detector.policy import NO_POLICY, Policy
from detector.pools import NONE, PoolNames
from detector.records import Finding, Missing, Verdict
from detector.settings import Settings
from detector.tips import NO_TIPS, Tips

if TYPE_CHECKING:
    from detector.telemetry.jobs_list import JobsList

BLOCK = 4_096  # hosts on their way at a time
RANK = {Verdict.MINING: 0, Verdict.SUSPICIOUS: 1, Verdict.UNDECIDED: 2, Verdict.CLEAR: 3}


def judge(
    ledger: Ledger,
    bundle: Bundle,
    settings: Settings,
    assets: Assets,
    *,
    policy: Policy = NO_POLICY,
    pools: PoolNames = NONE,
    tips: Tips = NO_TIPS,
    jobs: JobsList | None = None,
) -> list[Finding]:
    """One finding a host, meter and feeder, worst first.  jobs: what a scheduler gave the nodes to do."""
    ledger.settle()
    wanted = {owner: as_wanted(bundle, limits) for owner, limits in policy.thresholds.items()}
    findings = feeders.judged(ledger.feeders.balances())
    for finding in findings:
        finding.tips = tips.of([finding.host])
    named, peers, clock = case.joined(ledger, assets), Peers(ledger.meters, assets), ledger.clock.witnesses()
    known, told = Roles(ledger), (ledger.volumes, ledger.volume_scores, ledger.home, ledger.owners)
    flows, limits = lasting.survey(*told, pools), bundle.flows
    beside = scheduled.Beside(jobs, assets) if jobs else None
    half_life_ns = settings.findings.half_life_h * forgetting.HOUR_NS
    while block := [case.ranked(*one, peers, clock) for one in itertools.islice(named, BLOCK)]:
        case.score([host for host in block if host.channels], bundle.fusion)
        unclear: list[tuple[Finding, Case]] = []
        for host in block:
            if host.power and not host.channels:  # there is nothing to fuse
                host.score = host.power.probability
            if host.power and host.power.drawn and host.channels:
                host.in_step = following.followed(host.channels, host.power.drawn, ledger.watched)
            if host.power and beside:
                host.worked = beside.worked(host.power, host.level)
            forgetting.fade(host, ledger.watched, half_life_ns)
            asked, flowed = ledger.asked.get(host.name, {}), flows.get(host.name)
            host.answered = ledger.answered.get(host.name)
            asset = case.placed(host, assets, known)
            theirs = wanted.get(asset.organisation or "", bundle) if asset else bundle
            finding = _finding(host, theirs, settings, asset, policy)
            if flowed:
                judged = {one.key for one in host.channels}
                own = limits and limits.as_wanted(policy.thresholds.get(finding.organisation or "", {}))
                view = lasting.view(flowed, host.record, judged, bool(asked), pools, limits=own)
                _with_flows(finding, view)
                _with_score(finding, view, bundle, asset, policy)
            finding = _named(finding, host, asked, pools)
            finding.tips = tips.of([host.name, *((asset.asset, asset.organisation) if asset else ())])
            findings.append(finding)
            if finding.verdict is not Verdict.CLEAR:
                unclear.append((finding, host))
        course.tell(unclear, ledger.watched, bundle.fusion, half_life_ns)
    return sorted(findings, key=rank)


def rank(finding: Finding) -> tuple[int, int, float, str, str]:
    """Where a finding stands in the list: by verdict, then by how many sources reported it, then by score."""
    reported = len({tip.source for tip in finding.tips})
    return RANK[finding.verdict], -reported, -(finding.score or 0.0), finding.kind, finding.host


def _unheard(host: Case, settings: Settings, asset: Asset | None) -> Finding:
    """The finding of a host of which nothing could be scored: in most captures of most."""
    record = host.record
    serves = [roles.served(host.role)] if case.heard_serving(host) and host.role else []
    lack = missing.unscored(record, settings.findings.min_messages, host.answered)
    ordinary = answering.ordinary(host.answered, record) if lack.cause == missing.ONLY_ANSWERED else None
    verdict = Verdict.SUSPICIOUS if serves else Verdict.CLEAR if ordinary else Verdict.UNDECIDED
    why = serves[0].summary if serves else ordinary.summary if ordinary else lack.summary
    return Finding(
        host=host.name,
        kind=host.kind,
        score=None,
        verdict=verdict,
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        organisation=asset.organisation if asset else None,
        energy=case.energy(record.power, settings),
        quality=case.quality(record, settings),
        evidence=serves,
        counter_evidence=[ordinary] if ordinary else [],
        missing=[lack.told()] if verdict is Verdict.UNDECIDED else [],
        role=host.role.name if host.role else None,
        why=why,
    )


def _finding(host: Case, bundle: Bundle, settings: Settings, asset: Asset | None, policy: Policy) -> Finding:
    if host.score is None:
        return _unheard(host, settings, asset)
    record = host.record
    verdict = _verdict(host, bundle)
    told = reasons.speaking_for(host, bundle, settings) if verdict in ACCUSED else []
    if verdict is Verdict.UNDECIDED and host.power and host.power.logit > 0:
        told = list(filter(None, [scheduled.no_job(host.worked), metered.busy_gpu(host.power)]))
    if host.power and host.channels and _of_power(host, bundle) in ACCUSED:
        host.by_power = host.power.probability
        host.accused_by_power = host.by_power > host.score
        host.score = max(host.score, host.by_power)
    against = reasons.speaking_against(host, bundle, verdict)
    rule = _allowed(host, bundle, asset, policy) if verdict in ACCUSED else None
    return Finding(
        host=host.name,
        kind=host.kind,
        score=host.score,
        verdict=verdict,
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        network_score=host.network_score,
        power_score=host.power.probability if host.power else None,
        novelty=case.novelty(host),
        organisation=asset.organisation if asset else None,
        evidence=told,
        counter_evidence=against,
        contributions=reasons.contributions(host, bundle) if verdict is not Verdict.CLEAR else [],
        energy=case.energy(record.power, settings),
        quality=case.quality(record, settings),
        why=(f"allowed by {rule}; " if rule else "") + reasons.why(host, verdict, told, against),
        explanation=reasons.explanation(host, bundle) if verdict is not Verdict.CLEAR else None,
        missing=_missing(host, bundle) if verdict is Verdict.UNDECIDED else [],
        allowed=rule,
        role=host.role.name if host.role and (host.role.read or verdict in ACCUSED) else None,
        traffic=strip.together(channel.strip for channel in host.channels),
        drawn=host.power.drawn if host.power else None,
    )


def _with_flows(finding: Finding, view: lasting.View) -> None:
    """Take in what flow logs tell: all there is of a host that nothing else told of, else a doubt."""
    alone = finding.score is None and finding.verdict is Verdict.UNDECIDED
    if alone or RANK[view.verdict] < RANK[finding.verdict]:
        finding.verdict = view.verdict
        finding.missing = [] if alone else finding.missing
        finding.missing += [lack.told() for lack in view.lacks]
        finding.why = view.why if alone else f"{view.why}; {finding.why}"
    finding.evidence += [*view.evidence, *view.listed]
    finding.counter_evidence += view.against


def _with_score(
    finding: Finding, view: lasting.View, bundle: Bundle, asset: Asset | None, policy: Policy
) -> None:
    """Take in what a model that learned from flow logs says of the lead: all the score there is of a host
    that nothing else told of, else one that may accuse and takes nothing away."""
    if view.lead is None or view.lead.scored is None:
        return
    scored, record = view.lead.scored, view.lead.record
    if finding.network_score is None:
        finding.novelty = scored.novelty if finding.novelty is None else max(finding.novelty, scored.novelty)
    if view.verdict in ACCUSED or finding.network_score is None:
        finding.network_score = max(scored.probability, finding.network_score or 0.0)
    if finding.score is None:
        finding.contributions = reasons.of_channel(bundle, scored.values, scored.novelty)
    if finding.score is None or view.verdict in ACCUSED:
        finding.score = max(scored.probability, finding.score or 0.0)  # it is accused of that much by itself
    if view.verdict in ACCUSED and finding.allowed is None:
        rule = allowed(policy, asset, record.host, [record], (record.first_ns, record.last_ns))
        finding.allowed = rule
        finding.why = (f"allowed by {rule}; " if rule else "") + finding.why


def _named(finding: Finding, host: Case, asked: Mapping[str, int], pools: PoolNames) -> Finding:
    """The finding with what names and handshakes say for and against it, in words: what of them is worth a
    column moved the score before."""
    if not host.channels and not asked:  # most hosts
        return finding
    known = {(told.channel["remote"], told.channel["port"]) for told in finding.evidence if told.channel}
    suspects = [one for one in host.channels if one.end[:2] in known] if known else []
    calls = [names.listed(one, pools) for one in host.channels]
    listed = [one for one in calls if one is not None] or names.asked(asked)
    lacks = [names.handshake(one) for one in suspects]
    ordinary = [names.ordinary_name(one, pools) for one in suspects if not one.said]
    if listed and not finding.evidence:
        finding.why += f"; {listed[0].summary}"
    finding.evidence += [one for one in (*listed, *lacks) if one is not None]
    finding.counter_evidence += [one for one in ordinary if one is not None]
    return finding


def _missing(host: Case, bundle: Bundle) -> list[Missing]:
    strange = reasons.strangeness(host, bundle) is not None
    return [lack.told() for lack in missing.undecided(host, strange)]


def _allowed(host: Case, bundle: Bundle, asset: Asset | None, policy: Policy) -> str | None:
    """The rule that allows all that speaks for mining, from its first moment to its last."""
    speaking = [channel for channel in host.channels if _speaks(channel, bundle)]
    spans = [(channel.first_ns, channel.last_ns) for channel in speaking]
    if host.power and host.power.logit > 0:
        facts = host.power.description
        spans.append((facts.get("onset_ns") or facts["first_ns"], facts["last_ns"]))
    first_ns = min((first for first, _ in spans), default=host.record.first_ns)
    last_ns = max((last for _, last in spans), default=host.record.last_ns)
    return allowed(policy, asset, host.name, speaking, (first_ns, last_ns))


def _speaks(channel: ChannelRecord, bundle: Bundle) -> bool:
    """Whether a channel is evidence of mining: by words, or by how it behaves."""
    return channel.said or channel.probability >= bundle.channel.thresholds.suspicious


def _verdict(host: Case, bundle: Bundle) -> Verdict:
    """By all that is known; an accusation by traffic alone or by power alone stands, too."""
    if host.power is None or not host.channels:
        return _by_one(host, bundle)
    traffic = replace(host, power=None, score=host.network_score)
    views = [_of_traffic(host, bundle), _of_traffic(traffic, bundle), _of_power(host, bundle)]
    return min((view for view in views if view in ACCUSED), key=RANK.__getitem__, default=views[0])


def _by_one(host: Case, bundle: Bundle) -> Verdict:
    return _of_traffic(host, bundle) if host.channels else _of_power(host, bundle)


def _of_power(host: Case, bundle: Bundle) -> Verdict:
    assert host.power is not None, "of a host without channels"
    return metered.verdict(host.power, bundle.power.thresholds, host.level, host.worked)


def _of_traffic(host: Case, bundle: Bundle) -> Verdict:
    """By the fused score of a host whose traffic was scored."""
    limits, score = bundle.fusion.thresholds, host.score or 0.0
    heard = any(channel.said for channel in host.channels)
    strange = reasons.strangeness(host, bundle) is not None and not heard
    if score >= limits.mining and _supported(host, bundle):
        return Verdict.SUSPICIOUS if strange else Verdict.MINING
    if score >= limits.suspicious:
        return Verdict.UNDECIDED if strange else Verdict.SUSPICIOUS
    if case.heard_serving(host):
        return Verdict.SUSPICIOUS
    if host.forgotten and host.remembered >= limits.suspicious:
        return Verdict.UNDECIDED  # it may only rest
    return Verdict.CLEAR if score < limits.clear else Verdict.UNDECIDED


def _supported(host: Case, bundle: Bundle) -> bool:
    """Whether more than one number speaks for mining."""
    power_record = host.power
    if any(channel.said or channel.suspect_windows >= 2 for channel in host.channels):
        return True
    if host.meets or host.follows or host.in_step:
        return True
    if power_record is None:
        return False
    agrees = power_record.probability >= bundle.power.thresholds.suspicious
    alone = metered.verdict(power_record, bundle.power.thresholds, host.level, host.worked) is Verdict.MINING
    return alone or (agrees and any(channel.suspect_windows for channel in host.channels))
