"""The checks of the evaluation, on a small made-up sample: each can fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.features.channel import NAMES
from detector.records import Verdict
from detector.settings import Settings
from training import table
from training.corpora import Capture
from training.dataset import dataset_of
from training.evaluation import captures, checks, held_out, leaks, power_sample, power_traps, report, tables
from training.evaluation.sample import Sample
from training.evaluation.scorers import logistic
from training.simulation import wrapping
from training.simulation.capture import capture
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES, family_named
from training.simulation.conversation import simulate
from training.simulation.draw import Draw
from training.splits import row_weights


def sample() -> Sample:
    """16 groups of 15 rows, half of them mining; the last four are recorded and benign."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(16), 15)
    labels = (group % 2 == 0) & (group < 12)
    values = rng.normal(size=(240, len(NAMES)))
    values[:, :3] += 2.0 * labels[:, None]
    recorded = group >= 12
    names = [f"g{g:02d}" for g in group]
    rows = dataset_of(values, labels, names, NAMES, simulated=~recorded)
    time = np.where(recorded, group * 1e6, np.nan)
    sources = np.array([f"s{g % 2}" if g >= 12 else "simulated" for g in group], object)
    return Sample(rows, np.zeros((240, 4)), sources, np.zeros(240, np.int64), time)


def test_duration_is_seen_where_it_is_a_label() -> None:
    buckets = np.repeat([0, 1], 50)
    labels = buckets == 1
    told = checks.duration(buckets, labels, np.ones(100))
    assert [row[2] for row in told] == [0.0, 1.0]


def test_a_leak_is_seen() -> None:
    of = sample().rows
    found = checks.probe(checks.part(of, [0, 1, 2]), 0, logistic)
    nothing = checks.probe(checks.part(of, [10, 11]), 0, logistic)
    assert (found.auc.value or 0) > 0.9 > 0.7 > (nothing.auc.value or 0)


def test_a_threshold_that_hangs_on_one_group_says_so() -> None:
    score = np.concatenate([np.linspace(-3, 0, 196), np.full(4, 5.0)])
    labels = np.zeros(200, bool)
    groups = np.array(["many"] * 196 + ["loud"] * 4, object)
    found = held_out.Judged(score, labels, ~labels, groups, np.zeros(200, np.int64), labels)
    told = checks.hangs_on(found)
    assert told.groups == ("loud",) and told.threshold > 4.9
    ((name, without),) = told.without
    assert name == "loud" and without < 0.1
    assert "| `loud` | -" in report._hanging(found)


def test_a_probe_that_tells_fails_aloud() -> None:
    of = sample().rows
    assert checks.tells(checks.probe(checks.part(of, [0, 1, 2]), 0, logistic))
    assert not checks.tells(checks.probe(checks.part(of, [10, 11]), 0, logistic))
    assert tables.passes(False) == "**FAILS**"


def test_a_disturbance_of_one_class_is_named() -> None:
    """Thirteen captures wrapped in a way of their own, all mining; one that both classes met alike."""
    labels = np.arange(100) % 2 == 0
    wrap = np.where(labels & (np.arange(100) < 26), "noise", "tls")
    loss = np.where(np.arange(100) < 50, "0", "0.01")
    told = {one.name: one.even for one in checks.met_evenly({"wrapping": wrap, "lost": loss}, labels)}
    assert told == {"wrapping: noise": False, "wrapping: tls": True, "lost: 0": True, "lost: 0.01": True}
    text = tables.met({"wrapping": wrap}, labels)
    assert "| wrapping: noise | 13 of 13 | 100% | **FAILS** |" in text and "**Not met alike**" in text
    assert "All were met alike" in tables.met({"lost": loss}, labels)


def test_quarters_hold_equal_values_together() -> None:
    values = np.array([0.0] * 60 + [1.0, 2.0, 3.0, 4.0] * 10)
    named = checks.quarters(values)
    assert len(set(named[:60].tolist())) == 1 and len(set(named.tolist())) > 1


def test_duration_that_labels_fails_aloud() -> None:
    """Miners watched for longer: weighed as training weighs them it says nothing, unweighed it is a label."""
    of = sample()
    buckets = np.where(of.rows.labels, 3, 1)
    buckets[::4] = 3
    buckets[1::4] = 1
    weights = row_weights(of.rows.labels, buckets.tolist(), of.rows.groups.tolist())
    weighed = replace(of.rows, weights=weights)
    assert "**FAILS**" not in report._duration(Sample(weighed, of.words, of.sources, buckets, of.time))
    assert "**FAILS**" in report._duration(Sample(of.rows, of.words, of.sources, buckets, of.time))
    of_one_class = Sample(weighed, of.words, of.sources, of.rows.labels.astype(np.int64), of.time)
    assert "| one class only |" in report._duration(of_one_class)


def test_what_a_family_is_is_no_disturbance() -> None:
    """Noise is what Stratum V2 is, and is not drawn: it is left out, and so is its class of the share."""
    labels = np.array([True] * 40 + [False] * 20)
    sealed = np.array([""] * 20 + ["tls13", "no TLS"] * 20, object)
    told = checks.met_evenly({"wrapping": sealed}, labels)
    assert [(one.name, one.mining.count, one.even) for one in told] == [
        ("wrapping: no TLS", 10, True),
        ("wrapping: tls13", 10, True),
    ]


def test_paths_and_wrappings_of_both_classes_are_drawn_alike() -> None:
    """TLS, losses, round trips and joined segments of the simulated traffic."""
    drawn = leaks.drawn(120, 3)
    told = checks.met_evenly(drawn.met, drawn.rows.labels)
    assert len(told) >= 13 and [one.name for one in told if not one.even] == []


def test_tls_of_the_miners_own_fails_the_probe() -> None:
    """As drawn, in which TLS it travels tells little; where every miner has TLS 1.2 it tells all."""
    drawn = leaks.drawn(120, 3).rows
    places = leaks.of("wrapping")
    assert len(places) == len(leaks.SEALED) == 4
    assert not checks.tells(checks.probe(checks.part(drawn, places), 3, logistic))
    spoilt = drawn.values.copy()
    spoilt[np.ix_(drawn.labels, places)] = np.array(leaks.SEALED) == "tls12"
    assert checks.tells(checks.probe(checks.part(replace(drawn, values=spoilt), places), 3, logistic))


def wrapped(family: str, seed: int, wrap: str) -> np.ndarray:
    """Last row of a channel of twenty minutes; (1 or 0, columns), none where too little was said."""
    talk = simulate(family, seed, duration_s=1_200.0, wrap=wrap, tunnel="", whole=True)
    origin = table.Origin(0, "g", family, "simulated", f"{family}/{seed}", simulated=True)
    seen = table.simulated_tables(capture(talk, Draw(f"{wrap}/{family}/{seed}")).pcap, Settings())
    return table.rows_of(seen, Settings(), origin).values[-1:]


def talks_text(family: str) -> bool:
    """Whether its wrapping is drawn, and may be any."""
    return family_named(family).text and not family_named(family).wraps


@pytest.mark.parametrize(("other", "told"), [("opaque", False), ("tls13", True)])
def test_an_opaque_stream_is_to_the_columns_as_the_clear_and_tls_is_not(other: str, told: bool) -> None:
    """A model on the columns of the same talks in both: it tells TLS, and not an opaque stream."""
    classes = ([name for name in of if talks_text(name)][:5] for of in (MINING_FAMILIES, BENIGN_FAMILIES))
    talks = [(family, seed) for names in classes for family in names for seed in range(4)]
    pairs = {talk: [wrapped(*talk, wrap) for wrap in ("none", other)] for talk in talks}
    pairs = {talk: pair for talk, pair in pairs.items() if all(map(len, pair))}
    assert len(pairs) >= 35
    labels = np.arange(2 * len(pairs)) % 2 == 1
    groups = [family for family, _ in pairs for _ in range(2)]
    rows = np.concatenate([row for pair in pairs.values() for row in pair])
    found = checks.probe(dataset_of(rows, labels, groups, NAMES), 3, logistic)
    assert checks.tells(found) == told


def test_tls_is_drawn_as_often_for_who_has_words_as_for_who_has_none() -> None:
    """Exactly: of the odds themselves, which a sample of captures would show only if they were far apart."""
    sealed = [
        [
            odds
            for wrap, odds in zip(wrapping._DRAWN, of, strict=True)
            if wrap.startswith("tls") or wrap == "wss"
        ]
        for of in (wrapping._ODDS_TEXT, wrapping._ODDS_HTTP, wrapping._ODDS_LENGTHS)
    ]
    assert sealed[0] == sealed[1] == sealed[2]
    assert all(sum(of) == pytest.approx(1) for of in (wrapping._ODDS_TEXT, wrapping._ODDS_LENGTHS))


def test_power_is_told_by_kind_and_its_disturbances_meet_both_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(power_traps, "boosted", logistic)  # quick: what is tested is what is asked of it
    monkeypatch.setattr(power_traps, "POWER_BASELINES", {"logistic regression": logistic})
    monkeypatch.setattr(checks.probe, "__defaults__", (logistic,))
    of = power_sample.made(9, 160, None)
    of = replace(of, source=["one", "two"] * 80)
    told = "\n".join(power_traps.sections(of, 9))
    for kind in ("asic", "gpu rig", "cpu"):
        assert f"| {kind} |" in told
    for number, name in enumerate(("one", "two")):
        mining = int(of.label[number::2].sum())
        assert f"| {name} | {mining} |" in told and f"| {80 - mining} |" in told
    assert all(one.even for one in checks.met_evenly(power_traps.disturbances(of), of.label))
    assert "the probe passes" in told


def test_a_noise_of_the_miners_own_fails_the_probe() -> None:
    """The trap of the power spike: the miners' noise of another recipe than the others'."""
    measured = power_traps.measured(power_sample.made(9, 160, None))
    values = measured.values.copy()
    values[measured.labels, power_sample.MEASURED.index("colour")] *= 0.2
    spoilt = replace(measured, values=values)
    assert checks.tells(checks.probe(spoilt, 9, logistic))


def test_how_long_it_took_is_told_of_every_miner() -> None:
    """By hand: one called in the second window, one never."""
    capture = Capture(
        Path("a.pcap"), "o__r", "mining", "traffic", "XMR", frozenset({"10.0.0.1", "10.0.0.2"}), False, ""
    )
    told = (
        captures.Told("10.0.0.1", Verdict.MINING, 0.99, (), 0.1, delay=2),
        captures.Told("10.0.0.2", Verdict.CLEAR, 0.2, (), 0.1),
    )
    text = captures._mining_table([captures.Outcome(capture, told, ())])
    assert (
        "| 10.0.0.1 | XMR | mining | 0.990 | 2 |" in text and "| 10.0.0.2 | XMR | clear | 0.200 | - |" in text
    )
