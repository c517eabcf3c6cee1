"""Who is allowed to mine: a finding as the rules of a policy see it, and the bar that its owner set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from detector.findings.evidence import clean, hashed
from detector.findings.ledger import ChannelRecord
from detector.hosts import Asset
from detector.model import Bundle, Model
from detector.policy import Mined, Policy, Subject

ASSET_MAP: Final = "the asset map"  # the name of the rule that is its column `allowed_mining`


def allowed(
    policy: Policy,
    asset: Asset | None,
    host: str,
    speaking: Iterable[ChannelRecord],
    span_ns: tuple[int, int],
) -> str | None:
    """The name of the rule that allows what a host is accused of; None where none does.

    speaking: its channels that speak for mining.  span_ns: from when to when it was suspect.
    """
    subject = Subject(
        host=host,
        asset=asset.asset if asset else None,
        organisation=asset.organisation if asset else None,
        mined=[_mined(channel) for channel in speaking],
        first_ns=span_ns[0],
        last_ns=span_ns[1],
    )
    return policy.allows(subject) or (ASSET_MAP if asset and asset.allowed_mining else None)


def _mined(channel: ChannelRecord) -> Mined:
    facts = channel.facts
    wallet, pool = (facts.wallet, facts.pool) if facts else (None, None)
    seen = channel.names
    calls = [seen.server_name, seen.http_host, None if seen.shared else seen.looked_up] if seen else []
    return Mined(
        remote=channel.end[0],
        names=frozenset(clean(name) for name in (pool, *calls) if name),
        wallets=frozenset([wallet, hashed(wallet)] if wallet else []),
    )


def as_wanted(bundle: Bundle, limits: Mapping[str, float]) -> Bundle:
    """The bundle with an organisation's own thresholds of `mining` and `suspicious`, for hosts and meters.

    Where only one is given and the other would contradict it, the other gives way.
    """
    return replace(
        bundle, fusion=_with_limits(bundle.fusion, limits), power=_with_limits(bundle.power, limits)
    )


def _with_limits(model: Model, limits: Mapping[str, float]) -> Model:
    ours = model.thresholds
    mining = limits.get("mining", max(ours.mining, limits.get("suspicious", 0.0)))
    suspicious = limits.get("suspicious", min(ours.suspicious, mining))
    return replace(model, thresholds=replace(ours, mining=mining, suspicious=suspicious))
