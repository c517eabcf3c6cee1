"""Scores of channels that flow logs told of: the verdict that limits allow, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.features import volumes
from detector.findings import lasting
from detector.findings.lasting import Candidate, Lasting
from detector.findings.ledger import ChannelRecord
from detector.findings.roster import HostRecord
from detector.findings.upkeep import LEAST_NS
from detector.findings.volume_scores import Scored, VolumeScores, askable, countable
from detector.flow_limits import FlowLimits
from detector.kernel import layout
from detector.pools import NONE
from detector.records import TCP, ChannelWindows, Scores, Vectors, Verdict
from detector.windows.channel import empty, key_words, keys

LIMITS = FlowLimits(0.9, 0.6, 0.99, 5)
SEEN = HostRecord(0, 4 * LEAST_NS)


def _rows(n: int) -> ChannelWindows:
    rows = empty(n)
    rows.client[:, 1], rows.port[:], rows.transport[:] = np.arange(n), 3333, TCP
    rows.wide[:, layout.KNOWN] = layout.KNOWS_COUNTS
    rows.wide[:, layout.LAST_NS] = LEAST_NS
    for side in (layout.UP, layout.DOWN):
        rows.wide[:, [side + layout.PACKETS, side + layout.BYTES]] = 100, 20_000
    return rows


def candidate(probability: float, **other: object) -> Candidate:
    key = key_words(_rows(1)).tobytes()
    logit = float(np.log(probability) - np.log1p(-probability))
    scored = Scored(logit, probability, 0.5, np.zeros(len(volumes.WITH_MESSAGES)), 4, 3)
    record = ChannelRecord(key, True, 0, 3 * LEAST_NS, np.nan, np.nan, np.nan)
    return replace(Candidate(record, 10.0, 9.0, 4_500.0, 2 * LEAST_NS, True, scored), **other)


def verdict(one: Candidate, limits: FlowLimits | None = LIMITS) -> Verdict:
    told = lasting.view(Lasting(1, [one]), SEEN, (), False, NONE, limits=limits)
    assert (told.lead is not None) == (limits is not None and one.scored is not None)
    return told.verdict


def scored(one: Candidate, **other: object) -> Candidate:
    assert one.scored is not None
    return replace(one, scored=replace(one.scored, **other))


@pytest.mark.parametrize(
    ("one", "limits", "wanted"),
    [
        (candidate(0.95), LIMITS, Verdict.MINING),
        (candidate(0.9), LIMITS, Verdict.MINING),
        (candidate(0.89), LIMITS, Verdict.SUSPICIOUS),
        (candidate(0.59), LIMITS, Verdict.UNDECIDED),
        (candidate(0.95), None, Verdict.UNDECIDED),
        (candidate(0.95), FlowLimits(None, 0.6, 0.99, 5), Verdict.SUSPICIOUS),
        (candidate(0.95, exact=False), LIMITS, Verdict.SUSPICIOUS),
        (candidate(0.95, covered_ns=LEAST_NS - 1), LIMITS, Verdict.SUSPICIOUS),
        (candidate(0.95, scored=None), LIMITS, Verdict.UNDECIDED),
        (scored(candidate(0.95), suspect_windows=1), LIMITS, Verdict.SUSPICIOUS),
        (scored(candidate(0.95), windows=1, suspect_windows=1), LIMITS, Verdict.MINING),  # one long record
        (scored(candidate(0.95), novelty=0.99), LIMITS, Verdict.SUSPICIOUS),
        (scored(candidate(0.7), novelty=0.99), LIMITS, Verdict.UNDECIDED),
    ],
)
def test_a_score_accuses_as_far_as_limits_and_coverage_allow(
    one: Candidate, limits: FlowLimits | None, wanted: Verdict
) -> None:
    assert verdict(one, limits) is wanted


def test_who_is_accused_is_told_by_what_and_what_packets_told_of_is_left_to_them() -> None:
    one = candidate(0.95)
    told = lasting.view(Lasting(1, [one]), SEEN, (), False, NONE, limits=LIMITS)
    assert [evidence.kind for evidence in told.evidence] == ["flow_score", "lasting_channel"]
    assert "0.950 (suspicious from 0.600, mining from 0.900" in told.why and not told.lacks
    heard = lasting.view(Lasting(1, [one]), SEEN, (one.record.key,), False, NONE, limits=LIMITS)
    assert heard.lead is None and heard.verdict is Verdict.CLEAR


def scores(values: list[float]) -> Scores:
    logit = np.array(values)
    return Scores(1 / (1 + np.exp(-logit)), logit, np.zeros(len(logit)))


def test_of_each_channel_the_most_suspect_moment_is_kept_and_windows_are_counted() -> None:
    rows, kept = _rows(2), VolumeScores()
    for values in ([-1.0, 2.0], [3.0, -2.0], [1.0, -3.0]):
        kept.add(rows, Vectors(volumes.WITH_MESSAGES, np.full((2, 87), values[0])), scores(values), 0.6)
    one, two = (kept.of(key) for key in keys(rows))
    assert one is not None and two is not None
    assert (one.logit, one.windows, one.suspect_windows, one.values[0]) == (3.0, 3, 2, 3.0)
    assert (two.logit, two.windows, two.suspect_windows, two.values[0]) == (2.0, 3, 1, -1.0)


def test_the_least_suspect_are_forgotten_first_and_memory_is_bounded() -> None:
    kept = VolumeScores(most=10)
    for start in range(0, 100, 5):
        rows = _rows(100)
        rows.client[:, 0] = start
        vectors = Vectors(volumes.WITH_MESSAGES, np.zeros((100, 87)))
        kept.add(rows, vectors, scores([float(start + i % 7) for i in range(100)]), 0.6)
    assert len(kept) <= 10 + 100


def test_what_was_not_counted_or_not_kept_up_is_not_asked_about() -> None:
    rows = _rows(4)
    rows.wide[0, layout.KNOWN] = 0  # names alone, or scaled up from a sample
    rows.wide[1, layout.LAST_NS] = LEAST_NS - 1
    rows.wide[2, layout.DOWN + layout.PACKETS] = 0
    assert countable(rows).tolist() == [1, 2, 3]
    assert askable(rows).tolist() == [True, False, False, True]
    told = volumes.extract(rows).values[:, -len(volumes.NAMES) :]
    assert np.isnan(told[0]).all() and not np.isnan(told[1]).any()
