"""A record in two runs is the record in one: what came in the first is remembered in the second."""

import csv
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import power, power_facts
from detector.history import FILE, History, HistoryError
from detector.pipeline import Request, Result, score
from detector.records import PowerWindows, Readings, Verdict
from detector.settings import WindowSettings
from detector.windows import carried
from detector.windows.power import COLUMNS, power_windows

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY_NS = 86_400 * 10**9
COMES = 20  # day
MINER_W = 3_400.0


def shop(days: int, step_s: int = 900, seed: int = 1, comes: int = COMES) -> Readings:
    """A shop's meter to which a miner is added on day `comes`."""
    rng = np.random.default_rng(seed)
    n = days * 86_400 // step_s
    hour = np.arange(n) * step_s / 3600 % 24
    open_hours = np.exp(-(((hour - 14) / 4) ** 2))
    watts = 900 + 4_000 * open_hours * rng.lognormal(0, 0.2, n) + rng.normal(0, 30, n)
    watts += np.where(np.arange(n) * step_s >= comes * 86_400, MINER_W * rng.normal(1, 0.004, n), 0)
    start = int(START.timestamp()) * 10**9
    time_ns = start + np.arange(n) * step_s * 10**9
    return Readings(["M-1"], np.zeros(n, np.int64), time_ns, watts.round(), np.array([float(step_s)]))


def between(readings: Readings, first_day: float, end_day: float) -> Readings:
    day = (readings.time_ns - readings.time_ns[0]) / DAY_NS
    keep = (day >= first_day) & (day < end_day)
    return Readings(
        readings.meters,
        readings.meter[keep],
        readings.time_ns[keep],
        readings.watts[keep],
        readings.interval_s,
    )


def windows_of(readings: Readings) -> PowerWindows:
    return power_windows(readings, WindowSettings())


def run(history: History, readings: Readings) -> PowerWindows:
    """What a run with a history judges."""
    judged, remembered = carried.joined(history.recalled(readings.meters), windows_of(readings))
    facts = power_facts.describe_all(judged)
    history.keep(remembered, {name: told["onset_ns"] for name, told in facts.items()})
    return judged


def test_two_runs_judge_what_one_run_would(tmp_path: Path) -> None:
    whole = shop(40)
    history = History(str(tmp_path))
    run(history, between(whole, 0, 25.4))
    judged = run(history, between(whole, 25.4, 40))
    expected = windows_of(whole)
    assert np.array_equal(judged.window_ns, expected.window_ns)
    assert np.array_equal(judged.columns[:, 0], expected.columns[:, 0])
    np.testing.assert_allclose(judged.columns, expected.columns, rtol=1e-6)
    np.testing.assert_allclose(
        power.extract(judged)[1].values, power.extract(expected)[1].values, rtol=1e-3, atol=1e-5
    )


def test_a_start_is_remembered_long_after_it_left_the_record(tmp_path: Path) -> None:
    whole = shop(300)
    history = History(str(tmp_path))
    for month in range(10):
        judged = run(history, between(whole, 30 * month, 30 * month + 30))
        kept = len(history.recalled(["M-1"]))
        assert kept <= carried.KEPT_DAYS * 24
    facts = power_facts.describe(judged, "M-1")
    alone = power_facts.describe(windows_of(between(whole, 270, 300)), "M-1")
    assert not alone["arrived"]
    assert alone["onset_ns"] is None
    assert facts["arrived"]
    assert facts["onset_ns"] == int((START + timedelta(days=COMES)).timestamp()) * 10**9
    assert facts["step_w"] == pytest.approx(MINER_W, rel=0.05)
    assert facts["persists_h"] == pytest.approx(280 * 24, rel=0.02)
    assert facts["missing"] == pytest.approx(0, abs=0.01), "what was let go is no lost reading"


def test_fast_readings_are_remembered_as_hours(tmp_path: Path) -> None:
    whole = shop(12, step_s=60, comes=6)
    history = History(str(tmp_path))
    run(history, between(whole, 0, 8))
    assert set(history.recalled(["M-1"]).window_s.tolist()) == {3600.0}
    judged = run(history, between(whole, 8, 12))
    assert set(judged.window_s.tolist()) == {300.0, 3600.0}
    assert power_facts.describe(judged, "M-1")["arrived"]
    assert not power_facts.describe(windows_of(between(whole, 8, 12)), "M-1")["arrived"]


@pytest.mark.parametrize("again", [(0, 10), (3, 7), (5, 15), (9.3, 20)])
def test_what_is_read_again_counts_once(tmp_path: Path, again: tuple[float, float]) -> None:
    whole = shop(20)
    history = History(str(tmp_path))
    run(history, between(whole, 0, 10))
    judged = run(history, between(whole, *again))
    expected = windows_of(between(whole, 0, max(10, again[1])))
    assert np.array_equal(judged.window_ns, expected.window_ns)
    assert np.array_equal(judged.columns[:, 0], expected.columns[:, 0])


@given(cut=st.integers(1, 95), step_s=st.sampled_from([900, 1800, 3600]))
def test_order_of_the_runs_is_no_matter(cut: int, step_s: int) -> None:
    whole = shop(4, step_s)
    parts = [windows_of(between(whole, 0, cut / 24)), windows_of(between(whole, cut / 24, 9))]
    ahead, back = carried.joined(*parts)[0], carried.joined(*parts[::-1])[0]
    assert np.array_equal(ahead.window_ns, back.window_ns)
    assert np.array_equal(ahead.columns, back.columns, equal_nan=True)


def scored(folder: Path, readings: Readings, *, state: Path | None) -> Result:
    path = folder / "meter.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("time", "meter", "watts"))
        for time_ns, watts in zip(readings.time_ns.tolist(), readings.watts.tolist(), strict=True):
            table.writerow((datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(), "M-1", watts))
    return score(Request((), power=(str(path),), state=str(state) if state else None))


def test_score_says_mining_of_a_start_that_an_earlier_run_saw(tmp_path: Path) -> None:
    whole, state = shop(90), tmp_path / "state"
    late = between(whole, 45, 90)
    assert scored(tmp_path, late, state=None).findings[0].verdict is not Verdict.MINING
    scored(tmp_path, between(whole, 0, 45), state=state)
    result = scored(tmp_path, late, state=state)
    assert not result.problems
    assert result.findings[0].verdict is Verdict.MINING
    assert "since 2026-01-25 00:00 UTC" in result.findings[0].why


def test_a_damaged_history_costs_the_memory_and_not_the_run(tmp_path: Path) -> None:
    whole, state = shop(30), tmp_path / "state"
    scored(tmp_path, between(whole, 0, 15), state=state)
    with sqlite3.connect(state / FILE) as file:
        file.execute("UPDATE meter SET windows = ?", (b"\xff" * 40,))
    result = scored(tmp_path, between(whole, 15, 30), state=state)
    assert len(result.findings) == 1
    assert "1 meter was damaged" in result.problems[0]
    assert not scored(tmp_path, between(whole, 15, 30), state=state).problems, "begun anew"


@given(damage=st.data())
def test_no_bytes_of_a_history_crash(damage: st.DataObject) -> None:
    from detector.history import _packed, _unpacked  # noqa: PLC0415

    good = bytearray(_packed(windows_of(shop(3)), slice(0, 72)))
    for _ in range(damage.draw(st.integers(1, 4))):
        good[damage.draw(st.integers(0, len(good) - 1))] = damage.draw(st.integers(0, 255))
    found = _unpacked(bytes(good[: damage.draw(st.integers(0, len(good)))]))
    if found is not None:
        rows = found[0]
        table = PowerWindows(
            ["M"], np.zeros(len(rows), np.int64), rows["start"], rows["length"], rows["columns"]
        )
        assert rows["columns"].shape[1] == len(COLUMNS)
        power.extract(table)


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("a text of more than a hundred bytes\n" * 20)
    with pytest.raises(HistoryError, match="no history of power"):
        History(str(tmp_path))
    (tmp_path / FILE).unlink()
    with sqlite3.connect(tmp_path / FILE) as file:
        file.execute("PRAGMA user_version = 9")
    with pytest.raises(HistoryError, match="format 9"):
        History(str(tmp_path))
