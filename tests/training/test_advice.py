"""A small set of labels is called so, and what to add is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from training.advice import FEWEST_BENIGN, FEWEST_MINERS, advice


def rows(miners: int, benign: int, groups: int) -> Any:
    """So many channels of each class, two rows each, dealt out to the groups."""
    label = np.repeat([1] * miners + [0] * benign, 2)
    example = [f"e{i // 2}" for i in range(len(label))]
    group = [f"g{i // 2 % groups}" for i in range(len(label))]
    return SimpleNamespace(label=label, example=example, group=group)


def test_a_small_set_is_weak_and_says_what_is_lacking() -> None:
    lines = list(advice(rows(2, 20, 1)))
    assert "a weak bundle" in lines[0] and len(lines) == 4
    assert "mining: 2 channels of 1 groups; add up to 10" in lines[1] and "benign: 20 channels" in lines[2]


def test_one_lacking_class_is_told_alone() -> None:
    lines = list(advice(rows(FEWEST_MINERS - 1, FEWEST_BENIGN, 3)))
    assert len(lines) == 3 and "mining: 9 channels of 3 groups" in lines[1]


def test_enough_is_not_advised() -> None:
    assert list(advice(rows(FEWEST_MINERS, FEWEST_BENIGN, 3))) == []
