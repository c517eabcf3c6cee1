"""Numbers of keys, held against a dict; refusals of the compiled side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.kernel import hashing
from detector.kernel.index import Index
from detector.kernel.rows import words

BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**64 - 1)), max_size=60), max_size=8)


@given(BATCHES)
def test_keys_are_numbered_as_a_dict_would(batches: list[list[tuple[int, int]]]) -> None:
    index, known = Index(2), dict[tuple[int, int], int]()
    for batch in batches:
        wanted = [known.setdefault(key, len(known)) for key in batch]
        found = index.numbers(np.array(batch, np.uint64).reshape(-1, 2))
        assert found.tolist() == wanted
        assert len(index) == len(known)
    assert [tuple(key) for key in index.keys.tolist()] == list(known)


def test_many_keys_that_differ_in_one_bit_keep_apart() -> None:
    index = Index(5)
    keys = np.zeros((50_000, 5), np.uint64)
    keys[:, 3] = np.arange(len(keys), dtype=np.uint64) << np.uint64(40)
    for part in np.split(keys, 7 * [0] + [1, 300, 301, 20_000]):
        index.numbers(part)
    assert index.numbers(keys).tolist() == list(range(len(keys)))


def test_keys_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="not of 2 words"):
        Index(2).numbers(np.zeros((3, 5), np.uint64))


@pytest.mark.parametrize(("room", "table"), [(1, 8), (2, 2), (2, 6)])
def test_tables_without_room_are_refused(room: int, table: int) -> None:
    """The kernel trusts no caller: too small a table would never end the search."""
    keys = np.zeros((2, 2), np.uint64)
    known, hashes = np.zeros((room, 2), np.uint64), np.zeros(table, np.uint64)
    with pytest.raises(ValueError, match=r"room|too small"):
        hashing.number(words(keys), 2, 1, words(known), 0, words(hashes), words(np.zeros(2, np.int64)))
