"""Watts that follow a suspect channel are evidence, and support a verdict; unwatched time says nothing."""

from __future__ import annotations

import numpy as np

from detector.findings import judge
from detector.findings.following import followed, told
from detector.findings.forgetting import Watched
from detector.findings.ledger import ChannelRecord, Ledger
from detector.findings.strip import Strip
from detector.hosts import Asset, Assets
from detector.records import Finding, Steps, Verdict
from detector.settings import Settings
from tests.detector.findings.records import HOUR_NS, TEN, Models, channel_record, host, ledger, power_record

STEP_NS = HOUR_NS // 4
START = TEN // STEP_NS * STEP_NS
N = 160
OPEN = [i for i in range(N) if 40 <= i < 80 or 110 <= i < 130]


def channel(steps: list[int] = OPEN) -> ChannelRecord:
    strip = Strip(300_000_000_000)
    for step in steps:
        for third in range(3):
            start = START + step * STEP_NS + third * 300_000_000_000
            strip.add(np.array([start, 2, 3, 1]), 0.9)
    return channel_record(0.95, suspect_windows=1, strip=strip)


def load(steps: list[int] = OPEN, high: float = 1_900.0) -> Steps:
    mean = np.full(N, 300.0)
    mean[steps] = high
    return Steps(START, STEP_NS, {"mean": mean, "low": mean, "high": mean})


def whole() -> Watched:
    watched = Watched()
    watched.see(START, START + N * STEP_NS)
    return watched


def test_watts_that_step_up_as_the_channel_opens_and_dip_as_it_drops() -> None:
    found = followed([channel_record(0.2), channel()], load(), whole())
    assert found is not None and (found[1].switches, found[1].agreed) == (4, 4)
    evidence = told(found)
    assert evidence.summary == (
        "its watts follow the channel with 203.0.113.5:3333: 1.90 kW within ±0.1% while it was open (15 h),"
        " 300 W while it was not (25 h); 4 of 4 openings and closings in step with the load"
    )
    assert evidence.weight == 0 and evidence.facts["by_chance"] < 0.05


def test_a_load_that_steps_elsewhere_or_never_does_not_follow() -> None:
    elsewhere = [(i + 15) % N for i in OPEN]
    assert followed([channel()], load(elsewhere), whole()) is None
    assert followed([channel()], load(high=300.0), whole()) is None


def test_time_that_nobody_watched_is_no_closing() -> None:
    """The channel is not known to be closed where no traffic was captured."""
    watched = Watched()
    for first, last in ((40, 80), (110, 130)):
        watched.see(START + first * STEP_NS, START + last * STEP_NS - 1)
    assert followed([channel()], load(), watched) is None


def findings(made: Ledger) -> Finding:
    asset = Asset("rig")
    (found,) = judge(made, Models(), Settings(), Assets({"10.0.0.7": asset}, {"M-1": asset}))  # type: ignore[arg-type]
    return found


def test_agreement_supports_one_suspect_window_and_is_told() -> None:
    for steps, verdict in ((OPEN, Verdict.MINING), ([], Verdict.SUSPICIOUS)):
        meter = power_record(0.55, drawn=load(steps))  # by itself not suspicious
        made = ledger({"10.0.0.7": host(channel())}, (meter,))
        made.watched.see(START, START + N * STEP_NS)
        found = findings(made)
        assert found.verdict is verdict
        assert ("agreement" in {item.kind for item in found.evidence}) == bool(steps)
