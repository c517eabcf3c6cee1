"""Quantiles, entropy, regularity and common lengths against values worked by hand."""

import numpy as np
import pytest

from detector.windows import histograms


def counts(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.uint32)


def test_quantile_interpolates_inside_the_bin_that_reaches_it() -> None:
    # 10 in bin 1 (edges 1 to 2), 30 in bin 3: the 5th is half through bin 1, the 20th a third through bin 3
    row = counts([0, 10, 0, 30])
    found = histograms.quantiles(row, (0.125, 0.25, 0.5, 1.0))
    assert np.concatenate(found) == pytest.approx([1.5, 2.0, 3 + 10 / 30, 4.0])


def test_quantile_of_each_row_on_its_own_and_nan_for_an_empty_one() -> None:
    (found,) = histograms.quantiles(counts([4, 0], [0, 0], [0, 4]), (0.5,))
    assert found[[0, 2]] == pytest.approx([0.5, 1.5])
    assert np.isnan(found[1])


def test_octave_seconds() -> None:
    """Bin b begins at 2**(19 + b) ns: bin 1 at 2**20 ns."""
    found = histograms.octave_seconds(np.array([1.0, 11.0]))
    assert 2**found == pytest.approx([2**20 / 1e9, 2**30 / 1e9])


def test_entropy_in_bits() -> None:
    found = histograms.entropy(counts([5, 0, 0, 0], [1, 1, 1, 1], [2, 1, 1, 0], [0, 0, 0, 0]))
    assert found[:3] == pytest.approx([0.0, 2.0, 1.5])
    assert np.isnan(found[3])


def test_regular_is_the_best_pair_of_neighbours() -> None:
    found = histograms.regular(counts([0, 6, 2, 0, 2], [5, 0, 5, 0, 0], [0, 0, 0, 0, 0]))
    assert found[:2] == pytest.approx([0.8, 0.5])
    assert np.isnan(found[2])


def test_regular_does_not_overflow_its_counters() -> None:
    most = 2**32 - 1
    assert histograms.regular(counts([most, most])) == pytest.approx([1.0])


def test_positive() -> None:
    found = histograms.positive(np.array([2.0, 0.0, -1.0]))
    assert found[0] == 2 and np.isnan(found[1:]).all()


# lengths 100 (4 times), 104 (3), 109 (2), 300 (1), behind two unused words
PAIRS = counts([9, 9, 100, 4, 104, 3, 109, 2, 300, 1])


def common(row: np.ndarray = PAIRS, pairs: int = 4) -> histograms.Common:
    return histograms.Common(row, 2, pairs)


def test_common_length_and_shares() -> None:
    n = np.array([20.0])
    assert 2 ** common().length() == pytest.approx([100])
    assert common().share(n, 1) == pytest.approx([4 / 20])
    assert common().share(n, 3) == pytest.approx([9 / 20])
    assert common().distinct() == pytest.approx([4])


def test_close_counts_what_lies_within_8_bytes_above_one_length() -> None:
    # from 100: 100 and 104, not 109; from 104: 104 and 109
    assert common().close(np.array([10.0])) == pytest.approx([0.7])
    eight = counts([0, 0, 100, 4, 108, 3, 117, 2, 0, 0])
    assert common(eight).close(np.array([9.0])) == pytest.approx([7 / 9])


def test_of_equally_common_lengths_the_shortest_whatever_the_order() -> None:
    one, other = counts([0, 0, 80, 5, 60, 5]), counts([0, 0, 60, 5, 80, 5])
    assert 2 ** common(one, 2).length() == pytest.approx([60])
    assert 2 ** common(other, 2).length() == pytest.approx([60])


def test_an_empty_list_has_no_length_and_no_share() -> None:
    nothing = counts([0] * 10)
    assert np.isnan(common(nothing).length()).all()
    assert np.isnan(common(nothing).share(np.array([np.nan]), 1)).all()
    assert np.isnan(common(nothing).close(np.array([np.nan]))).all()
    assert common(nothing).distinct() == pytest.approx([0])
