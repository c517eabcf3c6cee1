"""Whether watts follow a channel: they step up as it opens, and dip as it drops.

Both are taken on one grid of equal steps.  A load that follows by chance does so as well when the
channel is moved in time; one that follows the channel does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from detector.records import Floats

    Mask = NDArray[np.bool_]

BESIDE: Final = 3  # steps on each side of a switch whose median is its level
LEAST_STEPS: Final = 3  # open and not open, with readings
LEAST_W: Final = 20.0  # and LEAST_SHARE of the higher level: a smaller step is no switch of a miner
LEAST_SHARE: Final = 0.2
BY_CHANCE: Final = 0.05  # of all shifts may do as well


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was drawn while a channel was open and while it was not."""

    open_w: float  # medians
    else_w: float
    steps_open: int
    steps_else: int
    switches: int  # openings and closings with readings on both sides
    agreed: int  # of them: the watts stepped the same way
    open_spread: float  # of the watts while open: half of what their middle 80 % span, over the median
    by_chance: float  # share of shifts of the channel at which as many or more agree, 0..1

    @property
    def speaks(self) -> bool:
        """Whether the watts follow the channel, and would not follow it anywhere else."""
        follows = self.agreed >= 1 and self.agreed >= 0.75 * self.switches
        return follows and self.open_w > self.else_w and self.by_chance <= BY_CHANCE


def agreement(is_open: Mask, watts: Floats) -> Agreement | None:
    """(n,) whether the channel was open and (n,) watts, NaN where nobody read; None where either is unknown.

    Costs n² in the number of steps: strips have at most some hundreds.
    """
    read = np.isfinite(watts)
    during, beside = read & is_open, read & ~is_open
    if during.sum() < LEAST_STEPS or beside.sum() < LEAST_STEPS:
        return None
    low, level, high = np.quantile(watts[during], (0.1, 0.5, 0.9)).tolist()
    stepped = _steps(watts)  # of the load at each place: -1, 0 or 1; NaN where it is not known
    switched, agreed = _agreed(is_open, stepped)
    shifts = [_agreed(np.roll(is_open, shift), stepped)[1] for shift in range(1, len(watts))]
    return Agreement(
        open_w=level,
        else_w=float(np.median(watts[beside])),
        steps_open=int(during.sum()),
        steps_else=int(beside.sum()),
        switches=switched,
        agreed=agreed,
        open_spread=(high - low) / 2 / level if level > 0 else float("inf"),
        by_chance=float(np.mean(np.array(shifts) >= agreed)) if agreed else 1.0,
    )


def _steps(watts: Floats) -> Floats:
    """(n,) which way the load steps between place i - 1 and i."""
    out = np.full(len(watts), np.nan)
    for i in range(1, len(watts)):
        before, after = watts[max(0, i - BESIDE) : i], watts[i : i + BESIDE]
        before, after = before[np.isfinite(before)], after[np.isfinite(after)]
        if len(before) and len(after):
            low, high = float(np.median(before)), float(np.median(after))
            tall = abs(high - low) >= max(LEAST_W, LEAST_SHARE * max(low, high))
            out[i] = float(np.sign(high - low)) if tall else 0.0
    return out


def _agreed(is_open: Mask, stepped: Floats) -> tuple[int, int]:
    """(switches of the channel where the load is known, those at which it stepped the same way)."""
    way = np.diff(is_open.astype(np.int8), prepend=is_open[:1])
    known = (way != 0) & np.isfinite(stepped)
    return int(known.sum()), int((stepped[known] == way[known]).sum())
