"""Silence of a watched site lets scores fall back; time that nobody watched does not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import channel as features
from detector.findings import judge, strip
from detector.findings.forgetting import BESIDE_NS, GRACE_NS, HOUR_NS, REST, SPANS, Watched, lost
from detector.findings.ledger import Ledger, Newest
from detector.hosts import Assets, HomeNetworks
from detector.records import Finding, Scores, Verdict
from detector.settings import PRIVATE_NETWORKS, FindingSettings, Settings
from tests.detector.findings.records import Models, heard, logit
from tests.detector.findings.test_ledger import row

DAY = 288  # windows
OTHER = "10.0.0.8"


def told(made: Ledger, half_life_h: float = 24.0) -> dict[str, Finding]:
    settings = Settings(findings=FindingSettings(half_life_h=half_life_h))
    return {f.host: f for f in judge(made, Models(), settings, Assets())}  # type: ignore[arg-type]


def new() -> Ledger:
    return Ledger(HomeNetworks(PRIVATE_NETWORKS), 6, 0.6)


def hear(made: Ledger, window: int, probability: float = 0.99, said: bool = True, port: int = 3333) -> None:
    """The host mines (or does something else) in that window."""
    table = row(window=window, port=port)
    table.facts[0] = heard() if said else None
    made.see(table, "a.pcap")
    made.scoreable(table)
    scores = Scores(np.array([probability]), np.array([logit(probability)]), np.zeros(1))
    made.add(table, Newest(table.facts, table.wide[:, strip.COUNTED]), features.extract(table), scores)


def watch(made: Ledger, windows: range) -> None:
    """Another host is seen."""
    for window in windows:
        made.see(row(OTHER, window=window), "a.pcap")


def test_a_score_falls_back_by_half_of_its_log_odds_in_each_half_life() -> None:
    made = new()
    hear(made, 0)
    watch(made, range(1, 1 + DAY + 12))  # a day, and the hour that is no silence
    found = told(made)["10.0.0.7"]
    expected = REST + (logit(0.99) - REST) / 2
    assert found.score == pytest.approx(1 / (1 + math.exp(-expected)), abs=2e-3)
    assert found.network_score == found.score


def test_what_is_heard_again_is_remembered_whole() -> None:
    made = new()
    hear(made, 0)
    watch(made, range(1, 5 * DAY))
    assert told(made)["10.0.0.7"].verdict is Verdict.UNDECIDED
    hear(made, 5 * DAY)
    found = told(made)["10.0.0.7"]
    assert found.verdict is Verdict.MINING and found.score == pytest.approx(0.99)


def test_other_traffic_of_the_host_is_no_sign_of_mining() -> None:
    made = new()
    hear(made, 0)
    for window in range(1, 5 * DAY, 6):
        hear(made, window, 0.1, said=False, port=443)
    assert told(made)["10.0.0.7"].verdict is Verdict.UNDECIDED


def test_the_silent_are_undecided_and_told_since_when() -> None:
    made = new()
    hear(made, 0)
    watch(made, range(1, 4 * DAY))
    found = told(made)["10.0.0.7"]
    assert found.verdict is Verdict.UNDECIDED and found.evidence == []
    (silence,) = (item for item in found.counter_evidence if item.kind == "silence")
    assert silence.weight < 0 and found.why == silence.summary
    assert found.why == "no sign of mining since 2026-03-02 10:00 UTC, in 3.95 days of watching"


@pytest.mark.parametrize("gap", [30 * DAY, 3_000 * DAY])
def test_nothing_is_forgotten_between_two_captures(gap: int) -> None:
    made = new()
    hear(made, 0)
    watch(made, range(gap, gap + 3))
    found = told(made)["10.0.0.7"]
    assert found.verdict is Verdict.MINING and found.score == pytest.approx(0.99)


def test_an_hour_is_no_silence() -> None:
    made = new()
    hear(made, 0)
    watch(made, range(1, 12))
    assert told(made)["10.0.0.7"].score == pytest.approx(0.99)


def test_who_never_looked_like_mining_has_nothing_to_forget() -> None:
    made = new()
    hear(made, 0, 0.3, said=False)
    watch(made, range(1, 9 * DAY))
    assert told(made)["10.0.0.7"].score == pytest.approx(0.3)


@given(st.floats(-50, 50), st.floats(0, 1), st.floats(0, 1))
def test_forgetting_never_raises_log_odds_and_more_of_it_lowers_them_more(
    logit: float, one: float, other: float
) -> None:
    less, more = (lost(logit, kept) for kept in sorted((one, other), reverse=True))
    assert more <= less <= 0
    assert logit + more >= min(logit, REST) - 1e-12


MOMENTS = st.lists(st.integers(0, 40), min_size=1, max_size=20)


@given(MOMENTS, st.integers(-1, 41), st.integers(-1, 41))
def test_watched_time_is_the_union_whatever_the_order(moments: list[int], since: int, until: int) -> None:
    step = BESIDE_NS // 3
    one, other = Watched(), Watched()
    for moment in moments:
        one.see(moment * step, moment * step)
    for moment in sorted(moments, reverse=True):
        other.see(moment * step, moment * step)
    known = sorted(set(moments))
    expected = sum(max(0, b - max(a, since)) for a, b in itertools.pairwise(known) if b - a <= 3)
    assert one.since(since * step) == other.since(since * step) == expected * step
    bounded = sum(max(0, min(b, until) - max(a, since)) for a, b in itertools.pairwise(known) if b - a <= 3)
    assert one.since(since * step, until * step) == bounded * step
    beside = any(a <= since <= b for a, b in itertools.pairwise(known) if b - a <= 3)
    assert one.during(since * step, since * step + 1) == (since in known or beside)


def test_spans_are_bounded() -> None:
    made = Watched()
    for i in range(3 * SPANS):
        made.see(i * 3 * HOUR_NS, i * 3 * HOUR_NS + HOUR_NS)
    assert made.since(0) == SPANS * HOUR_NS
    assert GRACE_NS <= BESIDE_NS
