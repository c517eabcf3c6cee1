"""The power corpus: the same every time, labelled rightly, and alike in all that is not mining."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from detector.features import power as features
from detector.records import Readings
from detector.settings import WindowSettings
from detector.telemetry import read_power
from detector.windows.power import power_windows
from training.simulation.power_bank import LoadBank
from training.simulation.power_corpus import PowerExample, billed, examples, held_out
from training.simulation.power_disturbances import measure, new_clock
from training.simulation.power_loads import LOADS
from training.simulation.power_miners import BITAXE_W, EVASIONS, mine, unit
from training.simulation.power_nodes import NODES
from training.simulation.power_scene import Clock, Floats, plateau, scene
from training.simulation.power_steady import KINDS, kind, steady

DATA = Path(os.environ.get("MINEWATCH_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "power").is_dir(), reason=f"no power data under {DATA}")
SAME = 0.001  # p-value below which two samples of one distribution are held to differ


@pytest.fixture(scope="module")
def corpus() -> list[PowerExample]:
    return list(examples(11, 1600))


def test_same_seed_same_records_whatever_follows():
    short, long = list(examples(3, 6)), list(examples(3, 12))
    for a, b in zip(short, long[:6], strict=True):
        assert np.array_equal(a.readings.watts, b.readings.watts)
        assert np.array_equal(a.readings.time_ns, b.readings.time_ns)
        assert (a.label, a.group, a.evasion) == (b.label, b.group, b.evasion)
    other = next(examples(4, 1))
    assert not np.array_equal(short[0].readings.watts, other.readings.watts)


def test_readings_are_sorted_positive_and_of_the_tier(corpus: list[PowerExample]):
    for e in corpus:
        r = e.readings
        assert np.isfinite(r.watts).all() and (r.watts >= 0).all() and (np.diff(r.time_ns) > 0).all()
        days = (r.time_ns[-1] - r.time_ns[0]) / 86_400e9
        if e.tier == "meter":
            assert r.interval_s[0] in (900, 1800, 3600) and days <= 120
        elif e.tier == "daily":
            assert r.interval_s[0] in (86_400, 30 * 86_400) and days <= 720
        else:
            assert 1 <= r.interval_s[0] <= 60 and days <= 1.001


def test_without_a_bank_all_is_simulated_and_every_kind_appears(corpus: list[PowerExample]):
    assert all(e.simulated for e in corpus)
    hosts = {e.host for e in corpus if e.tier != "node"}
    named = {name for name in LOADS if not name.startswith("steady")}
    assert named | {"none"} <= hosts <= {*LOADS, "none"} and len(hosts - named) > KINDS / 2
    assert {e.host for e in corpus if e.tier == "node"} == {*NODES, "none"}
    mining = [e for e in corpus if e.label]
    assert {e.family for e in mining} == {"asic", "gpu rig", "cpu"}
    assert {e.evasion for e in mining} == {*EVASIONS, "behind PV"}
    assert 0.4 < np.mean([e.onset_in_view for e in mining]) < 0.6


def test_labels_say_what_was_drawn(corpus: list[PowerExample]):
    for e in corpus:
        if not e.label:
            assert e.share == 0 and e.units == 0 and e.evasion == "none" and not e.onset_in_view
            assert e.group == f"recipe:{e.host}"
            continue
        assert 0 <= e.share <= 1 and e.units >= 1 and e.mining_from_ns < e.mining_to_ns
        if e.onset_in_view:
            assert e.readings.time_ns[0] < e.mining_from_ns < e.readings.time_ns[-1]


def test_shares_reach_from_hidden_to_dominant(corpus: list[PowerExample]):
    shares = [e.share for e in corpus if e.label and e.tier == "meter"]
    assert np.quantile(shares, 0.1) < 0.15 and np.quantile(shares, 0.9) > 0.85


def test_disturbances_are_alike_in_both_classes(corpus: list[PowerExample]):
    for tier in ("meter", "node"):
        mining = [e.traits for e in corpus if e.tier == tier and e.label]
        benign = [e.traits for e in corpus if e.tier == tier and not e.label]
        for trait in ("quantum", "noise", "colour", "missing"):
            a, b = ([getattr(t, trait) for t in side] for side in (mining, benign))
            assert ks_2samp(a, b).pvalue > SAME, (tier, trait)


def lag_1(watts: Floats) -> float:
    """Correlation of neighbouring residuals after a half-hour median is taken away."""
    windows = watts[: len(watts) // 30 * 30].reshape(-1, 30)
    residual = windows - np.median(windows, axis=1, keepdims=True)
    return float(np.corrcoef(residual[:, 1:].ravel(), residual[:, :-1].ravel())[0, 1])


def test_noise_of_a_miner_is_the_noise_of_any_steady_load():
    """A booster must not find the simulator's noise: level and colour of plateaus have one distribution."""
    lags: dict[str, list[float]] = {"miner": [], "steady": []}
    levels: dict[str, list[float]] = {"miner": [], "steady": []}
    for seed in range(1200):
        s = scene(np.random.default_rng(seed), Clock(1_772_409_600 * 10**9, 60.0, 600))
        if seed % 2:
            side, watts = "steady", 1000 * plateau(s)
        else:
            made = mine(s, np.zeros(600), share=None, begins=False, node=True)
            side, watts = "miner", made.watts
            if made.evasion not in {"none", "throttle"} or made.to_s < s.clock.length_s:
                continue
        lags[side].append(lag_1(watts))
        levels[side].append(float(np.median(np.abs(np.diff(watts))) / np.median(watts)))
    assert len(lags["miner"]) > 200
    assert ks_2samp(lags["miner"], lags["steady"]).pvalue > SAME
    assert ks_2samp(levels["miner"], levels["steady"]).pvalue > SAME


def test_lag_test_can_tell_red_from_white():
    """The positive control of the test above."""
    s = scene(np.random.default_rng(0), Clock(0, 60.0, 600))
    white = [lag_1(1000 + s.rng.standard_normal(600)) for _ in range(100)]
    red = [lag_1(1000 + np.cumsum(s.rng.standard_normal(600))) for _ in range(100)]
    assert ks_2samp(white, red).pvalue < 1e-6


def test_units_have_the_watts_of_the_public_tables():
    rng = np.random.default_rng(5)
    drawn = [unit(rng, node=False) for _ in range(3000)]
    asic = np.array([w for kind, w in drawn if kind == "asic"])
    large = asic[asic > BITAXE_W[1]]
    assert large.min() > 1000 and large.max() < 6500  # 1200 W modified S19 to 5492 W M66, units apart by 3 %
    assert (asic[asic <= BITAXE_W[1]] >= BITAXE_W[0]).all()
    rigs = [w for kind, w in drawn if kind == "gpu rig"]
    assert min(rigs) > 100 and max(rigs) < 12 * 350 / 0.85 + 130
    assert all(45 <= w <= 500 for kind, w in drawn if kind == "cpu")


def test_flat_kinds_have_wide_recipes_not_one():
    """Levels of a kind span a decade and its flatness a factor of two: no recipe stands for a kind."""
    for name in ("telecom", "server room", "cold store", "pump", "ventilation", "standby"):
        made = []
        for seed in range(40):
            s = scene(np.random.default_rng(seed), Clock(1_772_409_600 * 10**9, 900.0, 96 * 14))
            watts = LOADS[name][0](s)
            made.append((watts.mean(), watts.std() / watts.mean()))
        low, high = np.quantile(made, [0.1, 0.9], axis=0)
        assert high[0] / low[0] > 10 and high[1] / low[1] > 2, name


def test_invented_kinds_differ_from_each_other_and_keep_their_habits():
    assert kind(3) == kind(3) and len({kind(number) for number in range(KINDS)}) == KINDS
    flatness = []
    for number in range(KINDS):
        s = scene(np.random.default_rng(number), Clock(1_772_409_600 * 10**9, 900.0, 96 * 14))
        watts = steady(number)(s)
        assert (watts >= 0).all() and kind(number).low_w * 0.2 < watts.mean() < kind(number).high_w * 2
        flatness.append(watts.std() / watts.mean())
    low, high = np.quantile(flatness, [0.1, 0.9])
    assert low < 0.05 and high > 0.25  # from flatter than a miner to a compressor


def test_bills_are_means_of_days_and_months():
    n = 96 * 60
    readings = Readings(
        ["m"], np.zeros(n, np.int64), np.arange(n) * 900 * 10**9, np.arange(n, dtype=float), np.array([900.0])
    )
    daily, monthly = billed(readings, 1), billed(readings, 30)
    assert daily.interval_s.tolist() == [86_400] and len(daily) == 60
    assert daily.watts[0] == np.arange(96).mean() and daily.time_ns[1] == 86_400 * 10**9
    assert len(monthly) == 2 and monthly.watts.mean() == readings.watts.mean()


def test_rounding_is_what_the_traits_say():
    rng = np.random.default_rng(8)
    s = scene(rng, new_clock(rng, node=True))
    readings, traits = measure(
        s, np.full(s.clock.n, 333.3), name="n", node=True, changed="none", quantum=10.0
    )
    assert traits.quantum == 10.0
    assert np.allclose(readings.watts % 10, 0)


def test_every_kind_gives_finite_or_undefined_features():
    settings = WindowSettings()
    defined = []
    for e in examples(21, 120):
        meters, vectors = features.extract(power_windows(e.readings, settings))
        assert meters == e.readings.meters
        assert not np.isinf(vectors.values).any()
        defined.append(np.isfinite(vectors.values).mean())
    # Stuck and coarsely rounded records have no shape; nine in ten have one.
    assert np.quantile(defined, 0.1) > 0.3


def test_records_pass_through_the_reader(tmp_path: Path):
    """Written as a log of watts and read again, a record is the same: what is fitted is what is scored."""
    for e in examples(31, 8):
        path = tmp_path / f"{e.readings.meters[0]}.csv"
        stamps = np.datetime_as_string(e.readings.time_ns.astype("datetime64[ns]"))
        rows = zip(stamps, e.readings.watts, strict=True)
        path.write_text(
            "time,watts\n" + "".join(f"{t}Z,{w!r}\n" for t, w in ((t, float(w)) for t, w in rows))
        )
        back = read_power(path)
        assert back.meters == e.readings.meters and not any(back.dropped.values())
        assert np.array_equal(back.time_ns, e.readings.time_ns)
        assert np.allclose(back.watts, e.readings.watts, rtol=1e-12)


@needs_data
def test_bank_takes_licensed_sources_only_and_groups_kin():
    bank = LoadBank.load(DATA)
    assert len(bank.meters) >= 50 and bank.nodes and bank.segments
    for profile in (*bank.meters, *bank.nodes):
        assert "(" in profile.source and "evaluation" not in profile.source
        assert np.isfinite(profile.watts).all() and (profile.watts >= 0).all()
    assert len({p.group for p in bank.meters if p.family == "electric vehicle"}) <= 2
    houses = [p for p in bank.meters if p.group.startswith("house:")]
    assert [p.name for p in houses] == ["UKDALE_House2"]  # REFIT's own word on its licence was not seen
    assert all((p.watts.reshape(-1, 96) <= 1e-6).mean(axis=1).max() < 0.06 for p in houses)  # no gaps as 0


@needs_data
def test_real_hosts_are_marked_and_keep_their_weekday():
    bank = LoadBank.load(DATA)
    made = list(examples(2, 300, bank))
    real = [e for e in made if not e.simulated]
    assert real and all(not e.label and not e.group.startswith("recipe:") for e in real)
    assert all(e.simulated for e in made if e.label)
    weekend = []
    for e in examples(6, 600, bank, tiers=("meter",), mining_share=0.0):
        if e.group == "simbench:G1-A" and e.traits.change == "none":  # a weekday business
            day = (e.readings.time_ns / 1e9 // 86_400 + 3) % 7
            weekend.append(e.readings.watts[day >= 5].mean() / e.readings.watts[day < 5].mean())
    assert weekend and np.median(weekend) < 0.9


@needs_data
def test_held_out_traces_are_real_and_benign():
    traces = list(held_out(DATA))
    assert {e.family for e in traces} >= {"AI training", "idle", "household"}
    assert {e.tier for e in traces if e.family == "household"} == {"meter"}
    assert all(not e.label and not e.simulated and "evaluation only" in e.source for e in traces)
