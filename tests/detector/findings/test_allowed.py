"""What is allowed is still reported, and marked; an organisation's own thresholds move its verdicts only."""

from __future__ import annotations

import pytest

from detector.findings import judge
from detector.findings.evidence import hashed
from detector.findings.ledger import ChannelRecord, PowerRecord
from detector.hosts import Asset, Assets
from detector.policy import Policy, Rule
from detector.records import Finding, Verdict
from detector.settings import Settings
from tests.detector.findings.records import (
    CAME,
    HOUR_NS,
    TEN,
    Models,
    channel_record,
    heard,
    host,
    ledger,
    power_record,
)

HOST = "10.0.0.7"
RIG = Asset("rig", organisation="Physics")


def told(
    policy: Policy, *channels: ChannelRecord, power: PowerRecord | None = None, asset: Asset = RIG
) -> Finding:
    assets = Assets({HOST: asset}, {"M-1": asset})
    made = ledger({HOST: host(*channels)} if channels else {}, (power,) if power else ())
    (found,) = judge(made, Models(), Settings(), assets, policy=policy)  # type: ignore[arg-type]
    return found


def test_what_is_allowed_is_reported_as_it_is_with_the_name_of_the_rule() -> None:
    spoken = channel_record(0.95, facts=heard(wallet="wallet-1"))
    bare = told(Policy(), spoken)
    found = told(Policy((Rule("licence 17", wallet=frozenset({hashed("wallet-1")})),)), spoken)
    assert (bare.allowed, found.allowed) == (None, "licence 17")
    assert found.why == f"allowed by licence 17; {bare.why}"
    assert (found.verdict, found.score, found.evidence) == (bare.verdict, bare.score, bare.evidence)
    assert "wallet-1" not in repr(found)


def test_a_mute_suspect_channel_beside_the_licensed_one_is_not_covered_by_the_wallet() -> None:
    policy = Policy((Rule("licence 17", wallet=frozenset({"wallet-1"})),))
    spoken = channel_record(0.95, facts=heard(wallet="wallet-1"))
    other = channel_record(0.95, remote="198.51.100.9", suspect_windows=2)
    quiet = channel_record(0.1, remote="198.51.100.9")
    assert told(policy, spoken, quiet).allowed == "licence 17"
    assert told(policy, spoken, other).allowed is None


def test_time_is_that_of_what_speaks_for_mining() -> None:
    policy = Policy((Rule("until noon", until_ns=TEN + 2 * HOUR_NS),))
    assert told(policy, channel_record(0.95, facts=heard())).allowed == "until noon"
    late = channel_record(0.95, facts=heard(), last_ns=TEN + 3 * HOUR_NS)
    assert told(policy, late).allowed is None
    drawn = power_record(0.95, description=CAME | {"last_ns": TEN + 3 * HOUR_NS})
    assert told(policy, power=drawn).allowed is None


def test_nothing_is_allowed_of_which_nothing_is_accused() -> None:
    policy = Policy((Rule("all of physics", organisation=frozenset({"Physics"})),))
    found = told(policy, channel_record(0.1))
    assert found.verdict is Verdict.CLEAR and found.allowed is None and "allowed" not in found.why


def test_the_asset_map_allows_where_no_rule_does() -> None:
    licensed = Asset("rig", allowed_mining=True)
    spoken = channel_record(0.95, facts=heard())
    assert told(Policy(), spoken, asset=licensed).allowed == "the asset map"
    assert told(Policy((Rule("r", host=frozenset({HOST})),)), spoken, asset=licensed).allowed == "r"


@pytest.mark.parametrize(
    ("limits", "probability", "verdict"),
    [
        ({"mining": 0.99}, 0.95, Verdict.SUSPICIOUS),
        ({"mining": 0.5}, 0.55, Verdict.MINING),  # `suspicious`, 0.6, gives way
        ({"suspicious": 0.95}, 0.94, Verdict.CLEAR),  # `mining`, 0.9, gives way
        ({}, 0.95, Verdict.MINING),
    ],
)
def test_an_organisation_sets_its_own_thresholds(
    limits: dict[str, float], probability: float, verdict: Verdict
) -> None:
    channel = channel_record(probability, suspect_windows=2)
    assert told(Policy(thresholds={"Physics": limits}), channel).verdict is verdict
    others = told(Policy(thresholds={"Physics": limits}), channel, asset=Asset("rig", organisation="Law"))
    assert others.verdict is told(Policy(), channel).verdict
