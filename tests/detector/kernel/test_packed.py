"""Rows without their zeros come back as they were, wherever they lie and however often they move."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.kernel import layout, packing
from detector.kernel.packed import PackedRows
from detector.kernel.rows import words

Table = tuple[np.ndarray, np.ndarray]
EXTREMES = (0, 1, -1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, -(2**63))


def table(n: int, density: float, seed: int) -> Table:
    """n rows of which a share of the words is not zero, extremes among them."""
    random = np.random.default_rng(seed)
    wide = random.choice(np.array(EXTREMES, np.int64), (n, layout.WIDE))
    narrow = random.choice(np.array([0, 1, 2**32 - 1], np.uint32), (n, layout.NARROW))
    wide[random.random(wide.shape) >= density] = 0
    narrow[random.random(narrow.shape) >= density] = 0
    return wide, narrow


def same(a: Table, b: Table) -> bool:
    return np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])


@given(st.integers(0, 40), st.sampled_from([0.0, 0.1, 0.9, 1.0]), st.randoms(use_true_random=False))
def test_rows_come_back_in_any_order(n: int, density: float, random) -> None:
    rows = table(n, density, random.randrange(1000))
    picked = np.array([random.randrange(n) for _ in range(n)], np.int64)
    kept = PackedRows()
    places = kept.put(*rows, picked)
    order = np.array(random.sample(range(n), n), np.int64)
    assert same(kept.get(places[order]), (rows[0][picked[order]], rows[1][picked[order]]))


def test_full_rows_fill_chunk_after_chunk_and_survive_moving() -> None:
    rows, kept = table(3_000, 1.0, 1), PackedRows()
    places = np.concatenate([kept.put(*rows, part) for part in np.split(np.arange(3_000), [700, 701, 2_500])])
    assert len(kept._chunks) > 3
    assert same(kept.get(places), rows)
    wanted = np.arange(2_999, -1, -7)
    moved = kept.compact(places[wanted])
    assert same(kept.get(moved), (rows[0][wanted], rows[1][wanted]))
    assert len(kept._chunks) == 1 + len(wanted) * packing.LONGEST // (1 << 18)


def test_holes_are_closed_when_they_are_most_of_it() -> None:
    rows, kept = table(1_000, 0.1, 2), PackedRows()
    for _ in range(10):
        places = kept.put(*rows, np.arange(1_000))
    assert kept.sparse(1_000) and not kept.sparse(9_000)
    places = kept.compact(places)
    assert not kept.sparse(1_000) and same(kept.get(places), rows)


def test_nothing_packs_to_nothing() -> None:
    kept, none = PackedRows(), np.zeros(0, np.int64)
    assert len(kept.put(*table(5, 0.5, 3), none)) == 0
    assert kept.get(none)[0].shape == (0, layout.WIDE)
    assert len(kept.compact(none)) == 0


def test_rows_that_are_not_there_are_refused() -> None:
    wide, narrow = (words(part.view(np.uint64)) for part in table(2, 0.5, 4))
    packed = np.zeros(2 * packing.LONGEST, np.uint32)
    for row in (-1, 2):
        with pytest.raises(IndexError):
            packing.pack(wide, narrow, words(np.array([row])), 0, words(packed), words(np.zeros(2, np.int64)))
        with pytest.raises(IndexError):
            packing.unpack(words(packed), words(np.zeros(1, np.int64)), words(np.array([row])), wide, narrow)
    with pytest.raises(IndexError):
        packing.unpack(words(packed), words(np.array([len(packed)])), words(np.array([0])), wide, narrow)


def test_a_forged_bitmap_ends_at_the_bounds() -> None:
    """More bits than words follow, and bits beyond the last word of a row."""
    wide, narrow = (words(part.view(np.uint64)) for part in table(1, 0.0, 5))
    packed = np.full(packing.HEAD + 8, 2**32 - 1, np.uint32)
    with pytest.raises(IndexError):
        packing.unpack(words(packed), words(np.zeros(1, np.int64)), words(np.array([0])), wide, narrow)
