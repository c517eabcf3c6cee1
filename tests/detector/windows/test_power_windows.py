"""Power windows: worked values, and pieces that merge into the whole."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.records import PowerWindows, Readings
from detector.settings import WindowSettings
from detector.windows.power import COLUMNS, column, combine, merge, power_windows, roll_up

S = 1_000_000_000
T0 = 1_767_225_600  # 2026-01-01, a whole day
SETTINGS = WindowSettings()


def readings(meters: dict[str, list[tuple[int, float]]], interval_s: float) -> Readings:
    """Readings from (seconds after T0, watts) of each meter."""
    rows = [(i, T0 + s, w) for i, series in enumerate(meters.values()) for s, w in series]
    return Readings(
        list(meters),
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] * S for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.float64),
        np.full(len(meters), interval_s),
    )


def test_worked_window() -> None:
    series = [(0, 100.0), (60, 100.0), (120, 30.0), (180, 90.0), (300, -5.0), (301, 0.0)]
    windows = power_windows(readings({"a": series}, 60.0), SETTINGS)
    assert len(windows) == 2 and windows.window_s.tolist() == [300.0, 300.0]
    assert windows.window_ns.tolist() == [T0 * S, (T0 + 300) * S]
    expected = {
        "n": [4, 2], "sum_w": [320, -5], "sum_w2": [29_000, 25], "sum_step": [130, 5],
        "sum_step2": [8_500, 25], "changes": [2, 1], "falls": [1, 0], "rises": [1, 0],
        "zeros": [0, 1], "negatives": [0, 1],
        "min_w": [30, -5], "max_w": [100, 0], "min_step": [60, 5], "interval_s": [60, 60],
        "first_s": [0, 0], "first_w": [100, -5], "last_s": [180, 1], "last_w": [90, 0],
    }  # fmt: skip
    assert {name: column(windows, name).tolist() for name in COLUMNS} == expected


def test_length_of_windows_follows_the_interval() -> None:
    table = readings(
        {"s": [(0, 1.0)], "q": [(0, 1.0)], "h": [(0, 1.0)], "d": [(0, 1.0)], "?": [(0, 1.0)]}, 1.0
    )
    table.interval_s = np.array([299.0, 300.0, 3600.0, 3601.0, np.nan])
    assert power_windows(table, SETTINGS).window_s.tolist() == [300.0, 3600.0, 3600.0, 86_400.0, 3600.0]


def test_nothing_gives_nothing() -> None:
    empty = power_windows(readings({}, 1.0), SETTINGS)
    assert len(empty) == 0 and empty.columns.shape == (0, len(COLUMNS))
    assert len(merge(empty, empty)) == 0


def test_roll_up_to_hours_equals_hourly_windows() -> None:
    rng = np.random.default_rng(3)
    series = [
        (int(s), float(w)) for s, w in zip(np.arange(0, 9000, 30), rng.integers(0, 500, 300), strict=True)
    ]
    table = readings({"a": series, "b": series[40:]}, 30.0)
    hourly = power_windows(table, WindowSettings(power_fast_s=3600))
    same_table(roll_up(power_windows(table, SETTINGS), 3600), hourly)


def test_interleaved_pieces_admit_that_the_order_is_lost() -> None:
    even = power_windows(readings({"a": [(0, 1.0), (20, 3.0)]}, 10.0), SETTINGS)
    odd = power_windows(readings({"a": [(10, 2.0), (30, 9.0)]}, 10.0), SETTINGS)
    both = merge(odd, even)
    assert column(both, "n").tolist() == [4] and column(both, "sum_w").tolist() == [15]
    assert column(both, "first_w").tolist() == [1.0] and column(both, "last_w").tolist() == [9.0]
    assert np.isnan(column(both, "sum_step")[0]) and np.isnan(column(both, "falls")[0])


def test_float_noise_is_no_change() -> None:
    windows = power_windows(readings({"a": [(0, 0.1 + 0.2), (10, 0.3), (20, 1.3)]}, 10.0), SETTINGS)
    assert column(windows, "changes").tolist() == [1] and column(windows, "min_step")[0] == 1.0


SERIES = st.lists(
    st.tuples(st.integers(0, 7200), st.integers(-50, 5000)), min_size=1, max_size=60, unique_by=lambda r: r[0]
).map(lambda rows: [(s, float(w)) for s, w in sorted(rows)])


@settings(max_examples=150, deadline=None)
@given(SERIES, SERIES, st.lists(st.integers(0, 7200), max_size=4), st.booleans())
def test_pieces_merge_into_the_whole(
    a: list[tuple[int, float]], b: list[tuple[int, float]], cuts: list[int], from_the_right: bool
) -> None:
    edges = [-1, *sorted(cuts), 7201]
    whole = power_windows(readings({"a": a, "b": b}, 60.0), SETTINGS)
    pieces = [
        power_windows(
            readings(
                {name: [r for r in rows if lo <= r[0] < hi] for name, rows in (("a", a), ("b", b))}, 60.0
            ),
            SETTINGS,
        )
        for lo, hi in pairwise(edges)
    ]
    if from_the_right:
        merged = pieces[-1]
        for piece in reversed(pieces[:-1]):
            merged = merge(piece, merged)
    else:
        merged = pieces[0]
        for piece in pieces[1:]:
            merged = merge(merged, piece)
    same_table(merged, whole)  # watts are whole numbers, so even the sums are exact


def test_meters_are_joined_by_name() -> None:
    one = power_windows(readings({"x": [(0, 1.0)], "y": [(0, 2.0)]}, 60.0), SETTINGS)
    two = power_windows(readings({"y": [(60, 4.0)], "z": [(0, 8.0)]}, 60.0), SETTINGS)
    both = merge(one, two)
    assert both.meters == ["x", "y", "z"]
    assert column(both, "sum_w").tolist() == [1.0, 6.0, 8.0]


def test_combine_of_single_rows_is_a_copy() -> None:
    windows = power_windows(readings({"x": [(0, 1.0)], "y": [(0, 2.0)]}, 60.0), SETTINGS)
    copy = combine(windows.columns, np.arange(2))
    assert copy is not windows.columns and np.array_equal(copy, windows.columns, equal_nan=True)


def same_table(a: PowerWindows, b: PowerWindows) -> None:
    assert a.meters == b.meters
    assert a.meter.tolist() == b.meter.tolist() and a.window_ns.tolist() == b.window_ns.tolist()
    np.testing.assert_allclose(a.columns, b.columns, rtol=1e-12, atol=1e-9, equal_nan=True)
