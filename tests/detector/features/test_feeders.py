"""Feeder balance: worked sums, losses that are no bypass, and what cannot be balanced."""

import numpy as np
import pytest

from detector.features.feeders import FEWEST, Balance, Feeders
from detector.findings import feeders as judging
from detector.records import PowerWindows, Readings, Verdict
from detector.settings import WindowSettings
from detector.windows.power import power_windows

S = 1_000_000_000
T0 = 1_767_571_200  # Monday 2026-01-05, UTC
N = 14 * 96
Series = np.ndarray[tuple[int], np.dtype[np.float64]]


def table(step_s: int = 900, **series: Series) -> PowerWindows:
    lengths = [len(s) for s in series.values()]
    times = [(T0 + np.arange(n) * step_s) * S for n in lengths]
    return power_windows(
        Readings(
            list(series),
            np.repeat(np.arange(len(series)), lengths),
            np.concatenate(times).astype(np.int64),
            np.concatenate(list(series.values())),
            np.full(len(series), float(step_s)),
        ),
        WindowSettings(),
    )


def homes(count: int, seed: int = 1, n: int = N) -> dict[str, Series]:
    rng = np.random.default_rng(seed)
    evening = 1 + 2 * (np.arange(n) % 96 > 68)
    return {f"H{i}": 300 * evening * rng.lognormal(0, 0.5, n) for i in range(count)}


def balance(customers: dict[str, Series], delivered: Series, missing: tuple[str, ...] = ()) -> Balance:
    made = Feeders(dict.fromkeys(customers, "F"))
    read = {k: v for k, v in customers.items() if k not in missing}
    made.add(table(F=delivered, **read), "a.csv")
    (found,) = made.balances()
    return found


def test_losses_alone_leave_no_rest() -> None:
    customers = homes(20)
    found = balance(customers, 1.05 * np.sum(list(customers.values()), axis=0))
    assert (found.meters, found.unread, found.windows) == (20, 0, 14 * 24)
    assert found.losses == pytest.approx(0.05) and found.rest_w == pytest.approx(0, abs=1e-6)
    assert judging.judged([found])[0].verdict is Verdict.CLEAR


def test_a_bypassed_miner_is_what_is_left() -> None:
    customers = homes(20)
    total = np.sum(list(customers.values()), axis=0)
    rng = np.random.default_rng(3)
    found = balance(customers, 1.05 * total + 3400 * (1 + 0.005 * rng.standard_normal(N)))
    assert found.rest_w == pytest.approx(3400, rel=0.02) and found.spread_w < 0.02 * found.rest_w
    (told,) = judging.judged([found])
    assert told.verdict is Verdict.SUSPICIOUS and told.kind == "feeder" and told.score is None
    assert "a load that no meter sees" in told.why and told.evidence[0].kind == "feeder_balance"


def test_a_bypassed_household_follows_people_and_is_no_miner() -> None:
    customers = homes(20)
    stolen = 10 * homes(1, seed=9)["H0"]
    found = balance(customers, 1.05 * np.sum(list(customers.values()), axis=0) + stolen)
    assert found.rest_w > 500 and not judging.unexplained(found)


def test_what_was_not_read_is_no_bypass() -> None:
    customers = homes(5)
    found = balance(customers, np.sum(list(customers.values()), axis=0), missing=("H4",))
    assert found.unread == 1
    (told,) = judging.judged([found])
    assert told.verdict is Verdict.UNDECIDED and "1 of its 5 meters not read" in told.why


def test_gaps_are_left_out_of_the_balance() -> None:
    customers = homes(3)
    total = np.sum(list(customers.values()), axis=0)
    customers["H0"] = customers["H0"][: 7 * 96]  # half of the record; the rest is no bypass of 300 W
    found = balance(customers, total)
    assert found.windows == 7 * 24 and found.rest_w == pytest.approx(0, abs=20)


def test_sources_add_up_and_a_meter_counts_once() -> None:
    customers = homes(4)
    total = np.sum(list(customers.values()), axis=0)
    apart = Feeders(dict.fromkeys(customers, "F"))
    apart.add(table(H0=customers["H0"][:900], H1=customers["H1"][:900]), "a.csv")
    apart.add(table(H0=customers["H0"], H1=customers["H1"]), "a.csv")  # the log has grown
    apart.add(table(F=total, H2=customers["H2"], H3=customers["H3"], H0=customers["H0"]), "b.csv")
    (found,), whole = apart.balances(), balance(customers, total)
    assert (found.unread, found.windows, found.first_ns) == (0, whole.windows, whole.first_ns)
    assert found.delivered_w == pytest.approx(whole.delivered_w)
    assert found.rest_w == pytest.approx(whole.rest_w, abs=1e-9)  # sums, up to their order


def test_a_feeder_may_be_fed_and_days_are_windows_too() -> None:
    daily = {name: 1000 + 100 * np.random.default_rng(i).random(60) for i, name in enumerate("ABC")}
    low = daily["A"] + daily["B"]
    made = Feeders({"A": "F", "B": "F", "F": "S", "C": "S"})
    assert "F" in made and "A" not in made
    made.add(table(86_400, S=low + daily["C"] + 700.0, F=low, **daily), "a.csv")
    f, s = made.balances()
    assert (f.feeder, f.windows, s.meters) == ("F", 60, 2)
    assert f.rest_w == pytest.approx(0, abs=1e-6) and s.rest_w == pytest.approx(700, rel=0.01)


def test_nothing_to_balance() -> None:
    made = Feeders({})
    made.add(table(A=np.ones(10)), "a.csv")
    assert made.balances() == []
    short = homes(2, n=8)
    (told,) = judging.judged([balance(short, np.ones(8))])
    assert told.verdict is Verdict.UNDECIDED and f"{FEWEST} are needed" in told.why
    assert told.first_ns == T0 * S
    assert Feeders({"A": "F"}).balances() == []  # of what was not read nothing is told
