"""What is believed of a host, one rule at a time, whatever the score: see the docstring of `verdict`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features import fusion
from detector.features.channel import NAMES as channel_names
from detector.findings import judge
from detector.findings.case import MIN_READINGS
from detector.findings.ledger import ChannelRecord, Ledger, PowerRecord
from detector.findings.reasons import TOLD_CONTRIBUTIONS
from detector.findings.roster import HostRecord
from detector.hosts import Asset, Assets
from detector.model import Bundle
from detector.records import Facts, Finding, Names, Verdict
from detector.settings import FindingSettings, Settings
from tests.detector.findings.records import (
    CAME,
    HOUR_NS,
    LIMITS,
    TEN,
    Models,
    Scorer,
    channel_record,
    heard,
    highest,
    host,
    ledger,
    power_record,
)

HOST = "10.0.0.7"


def findings(made: Ledger, assets: Assets | None = None, **settings: object) -> list[Finding]:
    chosen = Settings(findings=FindingSettings(**settings))  # type: ignore[arg-type]
    return judge(made, Models(), chosen, assets or Assets())  # type: ignore[arg-type]


def told(*channels: ChannelRecord, power: PowerRecord | None = None, **settings: object) -> Finding:
    """The finding of one host with these channels and this meter."""
    if power is None:
        (found,) = findings(ledger({HOST: host(*channels)}), **settings)
        return found
    asset = Asset("rig")
    assets = Assets({HOST: asset}, {power.meter: asset})
    hosts = {HOST: host(*channels)} if channels else {}
    (found,) = findings(ledger(hosts, (power,)), assets, **settings)
    return found


# --- nobody is accused without a reason


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.floats(0.01, 0.999), st.integers(0, 3)), max_size=3),
    st.one_of(st.none(), st.floats(0.01, 0.999)),
    st.floats(0.0, 1.0),
)
def test_who_is_accused_is_so_on_a_line_of_evidence(
    behaviours: list[tuple[float, int]], drawn: float | None, fused: float
) -> None:
    channels = [channel_record(probability, suspect_windows=n) for probability, n in behaviours]
    if not channels and drawn is None:
        return
    models = Models(fusion=Scorer(says=lambda row: fused))
    asset = Asset("rig")
    power = power_record(drawn) if drawn is not None else None
    assets = Assets({HOST: asset}, {power.meter: asset}) if power else Assets()
    made = ledger({HOST: host(*channels)} if channels else {}, (power,) if power else ())
    for found in judge(made, models, Settings(), assets):  # type: ignore[arg-type]
        if found.verdict in (Verdict.MINING, Verdict.SUSPICIOUS):
            assert found.evidence and all(item.summary for item in found.evidence)


def test_no_single_fact_is_told_as_what_moved_the_score() -> None:
    models = Models(fusion=Scorer(says=lambda row: 0.8))
    (found,) = judge(ledger({HOST: host(channel_record(0.5))}), models, Settings(), Assets())  # type: ignore[arg-type]
    (item,) = found.evidence
    assert found.verdict is Verdict.SUSPICIOUS and item.kind == "together" and item.channel
    assert found.why.startswith("no single fact; these together: how a channel behaves")


# --- mining needs more than a number


def test_behaviour_of_one_window_alone_is_suspicious_whatever_the_score() -> None:
    assert told(channel_record(0.9999, suspect_windows=1)).verdict is Verdict.SUSPICIOUS


def test_behaviour_of_two_windows_is_mining() -> None:
    assert told(channel_record(0.95, suspect_windows=2)).verdict is Verdict.MINING


def test_one_window_each_on_two_channels_is_not_two_windows() -> None:
    both = channel_record(0.95, suspect_windows=1), channel_record(0.95, suspect_windows=1)
    assert told(*both).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize("word", ["logins", "jobs", "shares"])
def test_words_of_a_dialogue_support_one_window(word: str) -> None:
    said = channel_record(0.95, suspect_windows=1, facts=Facts("stratum", **{word: 1}))
    assert told(said).verdict is Verdict.MINING


@pytest.mark.parametrize("word", ["requests", "accepted", "errors"])
def test_what_others_say_too_does_not(word: str) -> None:
    said = channel_record(0.95, suspect_windows=1, facts=Facts("getwork", **{word: 5}))
    assert told(said).verdict is Verdict.SUSPICIOUS


def test_words_alone_without_the_score_are_no_verdict() -> None:
    assert told(channel_record(0.2, facts=heard())).verdict is Verdict.CLEAR


def test_words_on_another_channel_of_the_host_support_too() -> None:
    loud = channel_record(0.95, suspect_windows=1)
    assert told(loud, channel_record(0.1, facts=heard())).verdict is Verdict.MINING


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(0.9, Verdict.MINING), (0.899, Verdict.SUSPICIOUS), (0.6, Verdict.SUSPICIOUS), (0.599, Verdict.CLEAR)],
)
def test_verdicts_begin_at_their_thresholds(probability: float, verdict: Verdict) -> None:
    record = channel_record(min(probability, 0.95), suspect_windows=2)
    models = Models(fusion=Scorer(says=lambda row: probability))
    (found,) = judge(ledger({HOST: host(record)}), models, Settings(), Assets())  # type: ignore[arg-type]
    assert found.verdict is verdict and found.score == probability


# --- power


def test_power_alone_is_mining_where_a_steady_load_came_and_stayed() -> None:
    assert told(power=power_record(0.9 + 1e-9, description=CAME)).verdict is Verdict.MINING
    assert told(power=power_record(0.89, description=CAME)).verdict is Verdict.SUSPICIOUS


def test_power_alone_is_judged_by_the_power_model() -> None:
    models = Models(fusion=Scorer(says=lambda row: 0.99))
    (found,) = judge(ledger({}, (power_record(0.3),)), models, Settings(), Assets())  # type: ignore[arg-type]
    assert found.score == found.power_score == pytest.approx(0.3) and found.verdict is Verdict.CLEAR


def test_power_of_a_host_is_not_mining_by_itself_unless_it_came() -> None:
    models = Models(fusion=Scorer(says=lambda row: 0.99))
    for facts, verdict in ((CAME, Verdict.MINING), ({}, Verdict.SUSPICIOUS)):
        made = ledger({HOST: host(channel_record(0.5))}, (power_record(0.95, description=facts),))
        assets = Assets({HOST: Asset("rig")}, {"M-1": Asset("rig")})
        (found,) = judge(made, models, Settings(), assets)  # type: ignore[arg-type]
        assert found.verdict is verdict


def test_suspect_power_and_one_suspect_window_agree() -> None:
    loud = channel_record(0.95, suspect_windows=1)
    assert told(loud, power=power_record(0.6 + 1e-9)).verdict is Verdict.MINING
    assert told(loud, power=power_record(0.59)).verdict is Verdict.SUSPICIOUS


def test_suspect_power_and_traffic_that_never_was_suspect_do_not_agree() -> None:
    models = Models(fusion=Scorer(says=lambda row: 0.99))
    asset = Asset("rig")
    made = ledger({HOST: host(channel_record(0.5))}, (power_record(0.8),))
    assets = Assets({HOST: asset}, {"M-1": asset})
    (found,) = judge(made, models, Settings(), assets)  # type: ignore[arg-type]
    assert found.verdict is Verdict.SUSPICIOUS


# --- novelty


def test_what_is_unlike_training_is_one_verdict_less() -> None:
    strange = {"novelty": LIMITS.novelty}
    assert told(channel_record(0.95, suspect_windows=2, **strange)).verdict is Verdict.SUSPICIOUS
    assert told(channel_record(0.7, suspect_windows=2, **strange)).verdict is Verdict.UNDECIDED
    assert told(channel_record(0.1, **strange)).verdict is Verdict.CLEAR
    assert told(power=power_record(0.95, description=CAME, **strange)).verdict is Verdict.SUSPICIOUS
    assert told(power=power_record(0.7, description=CAME, **strange)).verdict is Verdict.UNDECIDED


def test_novelty_is_never_alone_a_verdict_and_is_told_as_a_reason_against() -> None:
    found = told(channel_record(0.95, suspect_windows=2, novelty=0.999))
    assert [e.kind for e in found.counter_evidence] == ["novelty"]
    assert found.novelty == 0.999
    assert told(channel_record(0.1, novelty=1.0)).counter_evidence[0].kind == "ordinary_traffic"


def test_words_outweigh_novelty() -> None:
    assert told(channel_record(0.95, novelty=1.0, facts=heard())).verdict is Verdict.MINING


def test_novelty_is_that_of_the_channel_that_is_judged() -> None:
    found = told(channel_record(0.95, suspect_windows=2), channel_record(0.1, novelty=1.0))
    assert found.verdict is Verdict.MINING and found.novelty == 0.1


# --- nothing to judge


def test_nothing_scoreable_is_undecided_and_says_why() -> None:
    reasons = {
        "10.0.0.1": (host(asked=False), "only answered hosts at home"),
        "10.0.0.2": (host(one_way=True, most_messages=9), "only one direction"),
        "10.0.0.3": (host(most_messages=4), "at most 4 messages on a channel, 6 are needed"),
    }
    found = {f.host: f for f in findings(ledger({name: made for name, (made, _) in reasons.items()}))}
    for name, (_, why) in reasons.items():
        assert found[name].verdict is Verdict.UNDECIDED
        assert why in found[name].why
        assert found[name].score is found[name].network_score is found[name].novelty is None
        assert found[name].evidence == [] and found[name].contributions == []


def test_no_host_at_all() -> None:
    assert findings(ledger()) == []


# --- order


def test_worst_first_then_score_then_name() -> None:
    made = ledger(
        {
            "10.0.0.9": host(channel_record(0.95, suspect_windows=2)),
            "10.0.0.8": host(channel_record(0.97, suspect_windows=2)),
            "10.0.0.7": host(channel_record(0.999, suspect_windows=1)),
            "10.0.0.6": host(),
            "10.0.0.5": host(channel_record(0.2)),
            "10.0.0.4": host(channel_record(0.2)),
            "10.0.0.3": host(channel_record(0.3)),
        },
        (power_record(0.2, "M-1"),),
    )
    hosts = [f.host for f in findings(made)]
    assert hosts[:5] == ["10.0.0.8", "10.0.0.9", "10.0.0.7", "10.0.0.6", "10.0.0.3"]
    assert hosts[5:] == ["10.0.0.4", "10.0.0.5", "M-1"]


# --- meters join hosts


def test_a_meter_is_told_with_its_host() -> None:
    asset = Asset("rig", organisation="Physics")
    assets = Assets({HOST: asset}, {"M-1": asset, "M-2": asset})
    meters = power_record(0.3, "M-2"), power_record(0.97, "M-1")
    (found,) = findings(ledger({HOST: host(channel_record(0.7))}, meters), assets)
    assert (found.host, found.kind, found.organisation) == (HOST, "ip", "Physics")
    assert found.power_score == 0.97  # of its most suspect meter
    assert found.quality["sources"] == ["a.pcap", "power.csv"]
    assert (found.first_ns, found.last_ns) == (TEN, TEN + 47 * HOUR_NS)
    assert {e.kind for e in found.evidence} == {"behaviour", "power", "unfed_load"}  # 100 packets in an hour


def test_a_meter_whose_host_was_not_seen_is_told_by_itself() -> None:
    asset = Asset("rig", organisation="Physics")
    assets = Assets({HOST: asset}, {"M-1": asset})
    found = findings(ledger({"10.0.0.8": host(channel_record(0.1))}, (power_record(0.2),)), assets)
    assert {(f.host, f.kind, f.organisation) for f in found} == {
        ("10.0.0.8", "ip", None),
        ("M-1", "meter", "Physics"),
    }


def test_judging_leaves_the_ledger_as_it_was() -> None:
    """The monitor judges again and again."""
    asset = Asset("rig")
    assets = Assets({HOST: asset}, {"M-1": asset})
    made = ledger({HOST: host(channel_record(0.7))}, (power_record(0.97),))
    first = findings(made, assets)
    assert made.hosts[HOST].power is None and made.hosts[HOST].sources == {"a.pcap"}
    assert findings(made, assets) == first


def test_the_fusion_model_sees_both_modalities_and_every_word() -> None:
    seen: list[dict[str, float]] = []

    def spy(row: dict[str, float]) -> float:
        seen.append(row)
        return highest(row)

    models = Models(fusion=Scorer(says=spy, names=fusion.NAMES))
    channels = (
        channel_record(0.7, facts=heard(logins=0, jobs=15, shares=0, requests=3), suspect_windows=3),
        channel_record(
            0.9,
            facts=heard(logins=1, jobs=0, shares=7),
            suspect_windows=1,
            windows=2,
            total=-2.0,
            again=-4.0,
            names=Names(hellos=2, without_name=2, without_alpn=1),
        ),
        channel_record(0.2, names=Names(hellos=1, self_signed=True)),
    )
    asset = Asset("rig")
    made = ledger({HOST: host(*channels)}, (power_record(0.8),))
    (found,) = judge(made, models, Settings(), Assets({HOST: asset}, {"M-1": asset}))  # type: ignore[arg-type]
    whole = {
        "fusion.network_logit": math.log(9), "fusion.network_second": math.log(7 / 3),
        "fusion.network_again": -4.0, "fusion.network_mean": math.log(7 / 3),
        "fusion.unnamed": 1.0, "fusion.no_protocol": 0.5, "fusion.self_signed": math.nan,
        "fusion.logins": 1, "fusion.requests": 2, "fusion.jobs": 4, "fusion.shares": 3,
        "fusion.power_logit": math.log(4),
    }  # fmt: skip
    traffic = whole | {"fusion.power_logit": math.nan}
    assert seen == [pytest.approx(whole, nan_ok=True), pytest.approx(traffic, nan_ok=True)]
    assert found.network_score == pytest.approx(0.9)


def test_the_score_of_traffic_is_that_of_the_host_where_no_power_was_measured() -> None:
    found = told(channel_record(0.95, facts=heard()))
    assert found.network_score == found.score and found.power_score is None


# --- a modality that is dropped

CHANNELS = st.builds(
    lambda probability, windows, words, novelty: channel_record(
        probability,
        suspect_windows=windows,
        facts=heard() if words else None,
        novelty=novelty,
        heard_ns=TEN if windows or words else 0,
    ),
    st.floats(0.001, 0.999), st.integers(0, 3), st.booleans(), st.sampled_from([0.1, 0.999]),
)  # fmt: skip
METERS = st.builds(
    lambda probability, came, novelty: power_record(
        probability, description=CAME if came else {}, novelty=novelty
    ),
    st.floats(0.001, 0.999), st.booleans(), st.sampled_from([0.1, 0.999]),
)  # fmt: skip
ACCUSES = {Verdict.MINING: 2, Verdict.SUSPICIOUS: 1, Verdict.UNDECIDED: 0, Verdict.CLEAR: 0}


def contrary(row: dict[str, float]) -> float:
    """A fusion model that lets an ordinary meter outweigh any traffic."""
    network, watts = row["fusion.network_logit"], row["fusion.power_logit"]
    return 1 / (1 + math.exp(-(network + (0 if math.isnan(watts) else 2 * watts))))


BUNDLES: list[Any] = [Bundle.load(), Models(), Models(fusion=Scorer(says=contrary, names=fusion.NAMES))]


@given(st.lists(CHANNELS, min_size=1, max_size=3), METERS, st.sampled_from(BUNDLES))
@settings(deadline=None)
def test_dropping_a_modality_never_raises_a_verdict(
    channels: list[ChannelRecord], power: PowerRecord, bundle: Bundle
) -> None:
    asset = Asset("rig")
    assets = Assets({HOST: asset}, {"M-1": asset})

    def verdict(hosts: dict[str, HostRecord], meters: tuple[PowerRecord, ...]) -> Finding:
        (found,) = judge(ledger(hosts, meters), bundle, Settings(), assets)
        return found

    both = verdict({HOST: host(*channels)}, (power,))
    traffic, watts = verdict({HOST: host(*channels)}, ()), verdict({}, (power,))
    for one in (traffic, watts):
        assert ACCUSES[one.verdict] <= ACCUSES[both.verdict]
    assert (traffic.score or 0) <= (both.score or 0)
    if both.verdict in (Verdict.MINING, Verdict.SUSPICIOUS):
        assert both.evidence
    else:
        assert bool(both.missing) == (both.verdict is Verdict.UNDECIDED)


@pytest.mark.parametrize(
    ("made", "causes"),
    [
        (ledger({HOST: host(one_way=True)}), ["one_way"]),
        (ledger({HOST: host(most_messages=3)}), ["few_messages"]),
        (ledger({HOST: host(asked=False)}), ["only_answered"]),
        (ledger(meters=(power_record(0.5, readings=2),)), ["few_readings"]),
        (ledger(meters=(power_record(0.7),)), ["power_alone", "no_traffic"]),
        (ledger({HOST: host(channel_record(0.7, novelty=0.999))}), ["unlike_training", "no_power"]),
        (ledger({HOST: host(channel_record(0.1))}), []),
        (ledger({HOST: host(channel_record(0.95, facts=heard()))}), []),
    ],
)
def test_the_undecided_say_what_is_missing(made: Ledger, causes: list[str]) -> None:
    (found,) = findings(made)
    assert [lack["cause"] for lack in found.missing] == causes
    assert all(lack["collect"] for lack in found.missing)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"port": 8333}, ["coin_service"]),
        ({"port": 50002}, ["coin_service"]),
        ({"port": 3333}, []),
        ({"port": 8333, "transport": 17}, []),
        ({"port": 8333, "facts": heard()}, []),
    ],
)
def test_a_mute_channel_to_a_node_or_wallet_server_is_told_as_such(
    changes: dict[str, Any], kinds: list[str]
) -> None:
    found = told(channel_record(0.95, suspect_windows=2, **changes))
    against = [item for item in found.counter_evidence if item.kind == "coin_service"]
    assert [item.kind for item in against] == kinds
    assert found.verdict is Verdict.MINING and all(item.weight == 0 for item in against)


# --- energy


def test_energy_is_mean_power_over_the_record() -> None:
    found = told(power=power_record(0.95), co2e_kg_per_kwh=0.5)
    assert found.energy == {"watts": 2000.0, "kwh": 96.0, "co2e_kg": 48.0, "measured": True}
    assert told(power=power_record(0.95, estimated=True)).energy["measured"] is False


def test_a_single_reading_has_watts_and_no_energy() -> None:
    found = told(power=power_record(0.1, description={"hours": None, "resolution_s": None}))
    assert found.energy == {"watts": 2000.0, "kwh": None, "co2e_kg": None, "measured": True}
    assert found.quality["resolution_s"] is None


def test_without_a_meter_no_energy() -> None:
    assert told(channel_record(0.95, suspect_windows=2)).energy is None


# --- what is told


def test_evidence_is_heaviest_first_and_no_more_than_asked_for() -> None:
    channels = [channel_record(0.91 + i / 100, suspect_windows=2, port=i) for i in range(7)]
    found = told(*channels, max_evidence=3)
    assert [e.channel["port"] for e in found.evidence if e.channel] == [6, 5, 4]
    assert found.why.startswith(found.evidence[0].summary) and "(+2 more)" in found.why


def test_clear_hosts_have_reasons_against_and_none_for() -> None:
    found = told(channel_record(0.1), power=power_record(0.2))
    assert found.verdict is Verdict.CLEAR and found.evidence == []
    assert {e.kind for e in found.counter_evidence} == {"ordinary_traffic", "ordinary_power"}


def test_ordinary_power_speaks_against_a_miner_by_traffic() -> None:
    found = told(channel_record(0.95, facts=heard()), power=power_record(0.1))
    assert found.verdict is Verdict.MINING
    assert [e.kind for e in found.counter_evidence] == ["ordinary_power"]
    assert found.counter_evidence[0].weight < 0


@pytest.mark.parametrize("probability", [0.05, 0.4, 0.55, 0.599, 0.7])
def test_weights_have_the_sign_of_what_they_argue(probability: float) -> None:
    """A power score of 0.59 is below the bar and still no reason against; words are none either."""
    for found in (
        told(channel_record(0.95, facts=heard()), power=power_record(probability)),
        told(channel_record(probability, suspect_windows=2), power=power_record(0.95)),
        told(channel_record(probability, facts=heard()), power=power_record(0.95)),
        told(channel_record(probability), power=power_record(probability)),
    ):
        assert all(item.weight >= 0 for item in found.evidence)
        assert all(item.weight <= 0 for item in found.counter_evidence)


@pytest.mark.parametrize("readings", [1, 4])
def test_a_meter_with_hardly_a_reading_is_undecided(readings: int) -> None:
    (found,) = findings(ledger(meters=(power_record(0.01, readings=readings),)))
    assert found.verdict is Verdict.UNDECIDED
    assert found.score is found.power_score is found.novelty is None
    assert found.counter_evidence == found.contributions == []
    assert found.energy is not None and found.why.startswith(f"{readings} reading")
    (enough,) = findings(ledger(meters=(power_record(0.01, readings=MIN_READINGS),)))
    assert enough.verdict is Verdict.CLEAR


def test_such_a_meter_changes_nothing_about_the_traffic_of_its_host() -> None:
    alone = told(channel_record(0.95, suspect_windows=1))
    joined = told(channel_record(0.95, suspect_windows=1), power=power_record(0.99, readings=3))
    assert (joined.score, joined.verdict, joined.evidence) == (alone.score, alone.verdict, alone.evidence)


def test_novelty_is_held_against_the_limit_of_the_model_that_found_it() -> None:
    made = ledger({HOST: host(channel_record(0.95, suspect_windows=2, novelty=0.5))})
    strict, lax = replace(LIMITS, novelty=0.4), replace(LIMITS, novelty=0.6)
    for limits, verdict in ((strict, Verdict.SUSPICIOUS), (lax, Verdict.MINING)):
        models = Models(channel=Scorer(names=channel_names, thresholds=limits))
        models.fusion.thresholds = models.power.thresholds = replace(LIMITS, novelty=1.0)
        (found,) = judge(made, models, Settings(), Assets())  # type: ignore[arg-type]
        assert found.verdict is verdict
        assert [e.kind for e in found.counter_evidence] == ["novelty"] * (verdict is Verdict.SUSPICIOUS)


def test_what_is_not_known_of_a_host_is_null() -> None:
    """Packets that were lost or did not decode have no host: 0 would be a claim."""
    found = told(channel_record(0.1))
    assert found.quality["undecodable"] is found.quality["lost"] is None


def test_allowed_mining_is_said() -> None:
    assets = Assets({HOST: Asset("rig", allowed_mining=True)})
    (found,) = findings(ledger({HOST: host(channel_record(0.95, facts=heard()))}), assets)
    assert found.verdict is Verdict.MINING and found.why.startswith("allowed by the asset map; ")


def test_contributions_are_finite_few_and_largest_first() -> None:
    found = told(channel_record(0.95, suspect_windows=2), power=power_record(0.95))
    sizes = [abs(part["contribution"]) for part in found.contributions]
    assert 0 < len(sizes) <= TOLD_CONTRIBUTIONS and sizes == sorted(sizes, reverse=True)
    assert all(math.isfinite(size) for size in sizes)
    assert {part["value"] for part in found.contributions} == {None, 0.1}  # NaN is not a value to tell
