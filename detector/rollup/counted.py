"""Findings rolled up by organisation: what who was ordered to check its systems hands in.

How many hosts and meters were checked, by which telemetry, how many were called what and how many are
allowed to, what those that mine drew, what changed since the previous run, and what was not covered.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from detector.document import WORST_FIRST, counts
from detector.records import Finding, Verdict
from detector.settings import CO2E_SOURCE, FindingSettings
from detector.text import plain

if TYPE_CHECKING:
    from detector.hosts import Assets
    from detector.pipeline import Result
    from detector.previous import Previous, Told

CONFIDENCE = 0.95
SHARES = (Verdict.MINING, Verdict.SUSPICIOUS, Verdict.UNDECIDED)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, and between which shares the truth lies if what was checked is a fair sample."""

    count: int
    of: int
    low: float  # 0..1, Clopper-Pearson at CONFIDENCE
    high: float


@dataclass(frozen=True, slots=True)
class Trend:
    """Hosts and meters since the previous run, by name."""

    before: Mapping[Verdict, int]  # those allowed left out
    allowed_before: int
    seen_again: int
    newly: tuple[str, ...]  # called mining now and not before, or not seen before
    now_allowed: tuple[str, ...]  # called mining before, and allowed now
    no_longer: tuple[str, ...]  # called mining before, seen now and neither called so nor allowed
    gone: tuple[str, ...]  # called mining before, and not seen now


@dataclass(frozen=True, slots=True)
class Drawn:
    """What hosts and meters drew over the data; None where no reading gives it."""

    measured_kwh: float | None
    estimated_kwh: float | None
    co2e_kg: float | None
    unread: int  # of how many no power was read


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of one organisation (None: whose hosts no asset map names), or of all."""

    organisation: str | None
    checked: int
    hosts: int
    meters: int  # and feeders
    by_traffic: int  # of which packets were seen
    by_power: int  # of which power was read
    by_both: int
    shares: Mapping[Verdict, Share]  # of those that no policy and no asset map allows
    allowed: Share  # called mining or suspicious, and allowed
    clear: int
    energy: Drawn  # of those called mining that are not allowed
    energy_allowed: Drawn
    unseen: tuple[str, ...]  # assets of the map of which nothing was seen
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class Rollup:
    """The whole, and its organisations in order of what was found."""

    whole: Unit
    organisations: tuple[Unit, ...]
    first_ns: int | None
    last_ns: int | None
    co2e_kg_per_kwh: float
    previous: str | None  # name of the file of the run before
    model: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()  # inputs that were not wholly read

    @property
    def co2e_source(self) -> str:
        """Where the factor is from."""
        default = self.co2e_kg_per_kwh == FindingSettings().co2e_kg_per_kwh
        return CO2E_SOURCE if default else "set by the settings file of this run"


def of_result(result: Result, co2e_kg_per_kwh: float, previous: Previous | None = None) -> Rollup:
    """The roll-up of a run."""
    return rolled_up(
        result.findings,
        result.assets,
        co2e_kg_per_kwh=co2e_kg_per_kwh,
        previous=previous,
        model=result.model,
        problems=result.problems,
    )


def rolled_up(
    findings: Sequence[Finding],
    assets: Assets,
    *,
    co2e_kg_per_kwh: float,
    previous: Previous | None = None,
    model: Mapping[str, str] | None = None,
    problems: Iterable[str] = (),
) -> Rollup:
    """The roll-up of all findings, those left out of other outputs included."""
    unseen = _unseen(findings, assets)
    before = _before(findings, previous)
    mine: dict[str | None, list[Finding]] = {name: [] for name in [*unseen, *before]}
    for finding in findings:
        mine.setdefault(finding.organisation, []).append(finding)
    compared = previous is not None
    units = [
        replace(
            _unit(found, unseen.get(name, ())),
            organisation=name,
            trend=_trend(found, before.get(name, {})) if compared else None,
        )
        for name, found in mine.items()
    ]
    units.sort(key=lambda unit: (*(-unit.shares[v].count for v in SHARES), unit.organisation or "\uffff"))
    everyone = list(itertools.chain.from_iterable(unseen.values()))
    of_all = dict(itertools.chain.from_iterable(hosts.items() for hosts in before.values()))
    return Rollup(
        whole=replace(_unit(findings, everyone), trend=_trend(findings, of_all) if compared else None),
        organisations=tuple(units),
        first_ns=min((f.first_ns for f in findings), default=None),
        last_ns=max((f.last_ns for f in findings), default=None),
        co2e_kg_per_kwh=co2e_kg_per_kwh,
        previous=previous.name if previous else None,
        model=dict(model or {}),
        problems=tuple(problems),
    )


def _unit(findings: Sequence[Finding], unseen: Sequence[str]) -> Unit:
    allowed = [f for f in findings if f.allowed is not None]
    blamed = [f for f in findings if f.allowed is None]
    counted = counts(blamed)
    traffic = [bool(f.quality.get("packets")) for f in findings]
    power = [f.power_score is not None or f.energy is not None for f in findings]
    meters = sum(f.kind != "ip" for f in findings)
    return Unit(
        organisation=None,
        checked=len(findings),
        hosts=len(findings) - meters,
        meters=meters,
        by_traffic=sum(traffic),
        by_power=sum(power),
        by_both=sum(a and b for a, b in zip(traffic, power, strict=True)),
        shares={verdict: share(counted[verdict], len(findings)) for verdict in SHARES},
        allowed=share(len(allowed), len(findings)),
        clear=counted[Verdict.CLEAR],
        energy=_drawn([f for f in blamed if f.verdict is Verdict.MINING]),
        energy_allowed=_drawn(allowed),
        unseen=tuple(unseen),
        trend=None,
    )


def share(count: int, of: int) -> Share:
    """With the exact binomial interval (Clopper and Pearson 1934); of nothing, nothing is known."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    from scipy.special import betaincinv  # type: ignore[import-untyped]  # noqa: PLC0415  (heavy; scikit-learn brings it)

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Share(count, of, low, high)


def _drawn(findings: Sequence[Finding]) -> Drawn:
    return Drawn(
        measured_kwh=_summed(findings, "kwh", measured=True),
        estimated_kwh=_summed(findings, "kwh", measured=False),
        co2e_kg=_summed(findings, "co2e_kg"),
        unread=sum(f.energy is None for f in findings),
    )


def _summed(findings: Iterable[Finding], key: str, *, measured: bool | None = None) -> float | None:
    known = [f.energy for f in findings if f.energy is not None]
    of_kind = [e for e in known if measured is None or bool(e.get("measured")) is measured]
    values = [e[key] for e in of_kind if plain(e.get(key)) is not None]
    return float(sum(values)) if values else None


def _unseen(findings: Iterable[Finding], assets: Assets) -> dict[str | None, list[str]]:
    """Assets of the map of which neither an address nor a meter was seen, by organisation."""
    seen = {finding.host for finding in findings}
    listed: dict[tuple[str | None, str], bool] = {}
    for names in (assets.by_ip, assets.by_meter):
        for name, asset in names.items():
            key = asset.organisation, asset.asset
            listed[key] = listed.get(key, False) or name in seen
    told: dict[str | None, list[str]] = {}
    for (organisation, missing), found in listed.items():
        if not found:
            told.setdefault(organisation, []).append(missing)
    return told


Before = dict[tuple[str, str], "Told"]


def _before(findings: Iterable[Finding], previous: Previous | None) -> dict[str | None, Before]:
    """What the previous run said by (kind, host), by the organisation that the host has now."""
    now = {(f.kind, f.host): f.organisation for f in findings}
    told: dict[str | None, Before] = {}
    for key, host in previous.hosts.items() if previous else ():
        told.setdefault(now.get(key, host.organisation), {})[key] = host
    return told


def _trend(findings: Iterable[Finding], before: Before) -> Trend:
    now = {(f.kind, f.host): f for f in findings}
    mined = {key for key, told in before.items() if told.verdict is Verdict.MINING and not told.allowed}
    mines = {key for key, f in now.items() if f.verdict is Verdict.MINING and f.allowed is None}
    allowed = {key for key, f in now.items() if f.allowed is not None}
    verdicts = Counter(told.verdict for told in before.values() if not told.allowed)
    return Trend(
        before={verdict: verdicts[verdict] for verdict in WORST_FIRST},
        allowed_before=sum(told.allowed for told in before.values()),
        seen_again=len(before.keys() & now.keys()),
        newly=_names(mines - mined),
        now_allowed=_names(mined & allowed),
        no_longer=_names((mined & now.keys()) - mines - allowed),
        gone=_names(mined - now.keys()),
    )


def _names(keys: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(sorted(host for _, host in keys))
