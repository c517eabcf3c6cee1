"""What a set of labels is too small for, and what to add: said beside the model that came of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from training.table import Rows

FEWEST_MINERS = 10  # 9 of 10 found has a 95 % bound of 55 % to 100 %: with fewer, recall says nothing
FEWEST_GROUPS = 3  # of a class: one is held out, and there must be others to learn from
FEWEST_BENIGN = 300  # none of 300 called mining bounds false alarms at about 1 %


def advice(own: Rows) -> Iterator[str]:
    """Lines on the labelled channels; none where there are enough of both classes."""
    told = []
    for mining, fewest, what in ((True, FEWEST_MINERS, "mining"), (False, FEWEST_BENIGN, "benign")):
        rows = np.flatnonzero((own.label == 1) == mining).tolist()
        channels = len({own.example[row] for row in rows})
        groups = len({own.group[row] for row in rows})
        if channels < fewest or groups < FEWEST_GROUPS:
            told.append(
                f"  {what}: {channels} channels of {groups} groups; add up to {fewest} or more,"
                f" of {FEWEST_GROUPS} groups (sites, days) or more"
            )
    if told:
        yield "a weak bundle: of your labels it learned little, and what is measured on them is worth little"
        yield from told
        yield "  until then --recalibrate default keeps the shipped trees and moves them to your site"
