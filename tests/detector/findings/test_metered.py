"""What readings alone allow to be said, rule by rule, and how it is said."""

from __future__ import annotations

import numpy as np
import pytest

from detector.findings import judge, metered
from detector.findings.peers import FEWEST_PEERS, Level, Peers
from detector.findings.roster import HostRecord
from detector.hosts import Asset, Assets
from detector.records import GpuUse, Steps, Verdict
from detector.settings import Settings
from tests.detector.findings.records import CAME, HOUR_NS, LIMITS, TEN, Models, host, ledger, power_record

NOBODY = Level()
STANDS_OUT = Level(contract_kw=3.0)


@pytest.mark.parametrize(
    ("probability", "facts", "level", "verdict"),
    [
        (0.95, CAME, NOBODY, Verdict.MINING),
        (0.95, {}, NOBODY, Verdict.UNDECIDED),  # flat from the first reading on
        (0.95, {}, STANDS_OUT, Verdict.SUSPICIOUS),
        (0.95, CAME | {"arrived": False}, NOBODY, Verdict.SUSPICIOUS),  # came, but not flat
        (0.95, {"step_w": -900.0}, NOBODY, Verdict.UNDECIDED),  # went
        (0.7, CAME, NOBODY, Verdict.SUSPICIOUS),
        (0.59, CAME, STANDS_OUT, Verdict.UNDECIDED),  # likelier than not is never clear
        (0.5, {}, NOBODY, Verdict.UNDECIDED),
        (0.499, CAME, STANDS_OUT, Verdict.CLEAR),
    ],
)
def test_verdict_of_a_meter(probability: float, facts: dict, level: Level, verdict: Verdict) -> None:
    assert metered.verdict(power_record(probability, description=facts), LIMITS, level) is verdict


@pytest.mark.parametrize(
    ("before", "fresh_w"),
    [
        ([0.0] * 24, 0.0),
        ([15.0] * 24, 15.0),  # a hundredth of what came
        ([15.1] * 24, None),
        ([0.0] * 22 + [1_400.0] * 2, 0.0),  # dated a little late
        ([0.0] * 12 + [400.0] * 12, None),
        ([np.nan] * 24, None),
        ([], None),  # it came with the first step
    ],
)
def test_what_comes_to_a_meter_that_drew_nothing_is_no_more_than_suspicious(
    before: list[float], fresh_w: float | None
) -> None:
    mean = np.array([*before, *[1_500.0] * 24])
    steps = Steps(TEN - len(before) * HOUR_NS, HOUR_NS, {"mean": mean, "low": mean, "high": mean})
    record = power_record(0.95, description=CAME | {"onset_ns": TEN + HOUR_NS // 2}, drawn=steps)
    assert metered.nothing_before(record) == fresh_w
    wanted = Verdict.MINING if fresh_w is None else Verdict.SUSPICIOUS
    assert metered.verdict(record, LIMITS, NOBODY) is wanted
    told = metered.fresh(record)
    assert (told is None) == (fresh_w is None)
    if told:
        assert told.weight == 0 and told.facts == {"meter": "M-1", "before_w": fresh_w}
        assert told.summary.startswith(f"M-1 drew {fresh_w:g} W before the load came")


def test_level_speaks_beside_contract_or_peers_and_never_of_little() -> None:
    assert not Level().speaks(9_000.0) and not Level(contract_kw=10.0).speaks(None)
    assert Level(contract_kw=10.0).speaks(6_000.0) and not Level(contract_kw=10.0).speaks(5_999.0)
    assert Level(peers=20, peers_w=300.0).speaks(1_500.0) and not Level(peers=20, peers_w=301.0).speaks(
        1_500.0
    )
    assert not Level(contract_kw=0.5, peers=20, peers_w=1.0).speaks(999.0)
    assert not Level(contract_kw=0.0).speaks(9_000.0)  # a contract of nothing is none


def meters(*floors_w: float | None) -> dict[str, HostRecord]:
    return {
        f"M-{i}": HostRecord(TEN, TEN, power=power_record(meter=f"M-{i}", description={"floor_w": floor}))
        for i, floor in enumerate(floors_w)
    }


def test_peers_are_meters_of_the_same_role() -> None:
    floors = [float(100 + i) for i in range(FEWEST_PEERS + 1)]
    read = meters(*floors, 5_000.0, None)
    assets = Assets(by_meter={name: Asset(name, role="household", contract_kw=9.0) for name in read})
    assets.by_meter["M-9"] = Asset("M-9", role="mill")
    level = Peers(read, assets).level("M-0")
    assert level == Level(contract_kw=9.0, peers=FEWEST_PEERS, peers_w=104.0)
    assert Peers(read, assets).level("M-9") == Level()  # the only mill
    assert Peers(read, assets).level("unknown") == Level()
    few = dict(list(read.items())[:FEWEST_PEERS])
    assert Peers(few, assets).level("M-0") == Level(contract_kw=9.0)


def test_what_came_in_words() -> None:
    facts = CAME | {"added_spread": 0.004, "weekend": 1.01, "missing": 0.05}
    level = Level(contract_kw=10.0, peers=40, peers_w=300.0)
    told = metered.drawn(power_record(0.95, description=facts, estimated=True), level)
    assert told.summary == (
        "M-1 draws 1.50 kW more ±0.4% day and night since 2026-03-02 10:00 UTC, for 3 days so far,"
        " indifferent to weekends; 2.00 kW on average; contract 10 kW; 40 peers' night base 300 W"
        " (estimated, not measured; 5% of the readings missing)"
    )
    assert told.facts["step_w"] == 1500.0 and told.facts["peers_w"] == 300.0


def test_what_was_always_there_in_words() -> None:
    told = metered.drawn(power_record(0.95), NOBODY)
    assert told.summary == (
        "M-1 draws 2.00 kW on average, most of the time within ±0.5%, 98% of the day's level at night"
    )
    unknown = {"flatness": None, "night_day": None, "mean_w": 60.0}
    assert metered.drawn(power_record(description=unknown), NOBODY).summary == "M-1 draws 60 W on average"


@pytest.mark.parametrize(("tier", "wanted"), [("second", "jobs"), ("hour", "start"), (None, "more readings")])
def test_why_undecided_says_what_would_tell(tier: str | None, wanted: str) -> None:
    told = metered.undecided(power_record(0.95, description={"tier": tier}))
    assert "steady from the first reading on" in told and wanted in told
    assert "steady from" not in metered.undecided(power_record(0.7, description=CAME))


@pytest.mark.parametrize(
    ("probability", "packets", "windows", "told"),
    [(0.9, 1_200, 12, True), (0.9, 1_201, 12, False), (0.9, 100, 11, False), (0.4, 100, 12, False)],
)
def test_a_load_that_nothing_feeds_is_told(
    probability: float, packets: int, windows: int, told: bool
) -> None:
    found = metered.unfed(power_record(probability), host(packets=packets, windows=windows))
    assert (found is not None) == told
    if found:
        assert found.weight == 0
        assert found.summary.startswith(
            "M-1 draws 2.00 kW beside almost no traffic: 1 200 packets in 12 windows"
        )


@pytest.mark.parametrize("state", ["off", "stuck", "coarse"])
def test_a_broken_sensor_is_not_flat(state: str) -> None:
    told = metered.undecided(power_record(0.6, description={"state": state}))
    assert "steady" not in told and "a miner, a server" not in told
    assert metered.drawn(power_record(description={"state": state}), NOBODY).summary.endswith(")")


def test_a_busy_gpu_is_told_in_words_and_moves_nothing() -> None:
    busy, idle, short = GpuUse(98.6, 6.0, 6.5), GpuUse(20.0, 1.0, 6.5), GpuUse(99.0, 0.5, 0.5)
    told = metered.busy_gpu(power_record(meter="rig/0", gpu_use=busy))
    assert told is not None and told.kind == "gpu_use" and told.weight == 0
    assert told.summary == "the GPU of rig/0 is 99 % busy on average, at 95 % or more for 6 h of 6.5 h read"
    assert told.facts == {"meter": "rig/0", "mean_percent": 98.6, "busy_h": 6.0, "read_h": 6.5}
    for use in (idle, short, None):
        assert metered.busy_gpu(power_record(gpu_use=use)) is None
    found = []
    for use in (busy, None):
        record = power_record(0.95, gpu_use=use, description=CAME)
        found += judge(ledger({}, (record,)), Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert {"gpu_use"} == {one.kind for one in found[0].evidence} - {one.kind for one in found[1].evidence}
    assert (found[0].verdict, found[0].score) == (found[1].verdict, found[1].score)


def test_of_a_meter_that_is_undecided_it_is_told_too_and_is_no_reason() -> None:
    record = power_record(0.7, gpu_use=GpuUse(99.0, 6.0, 6.0))
    (found,) = judge(ledger({}, (record,)), Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert found.verdict is Verdict.UNDECIDED and [one.kind for one in found.evidence] == ["gpu_use"]
    assert "would tell" in found.why
