"""Which device a row is of, where a log polls several in turn and does not say which.

`nvidia-smi --query-gpu=timestamp,power.draw -l` without `index` writes the GPUs of a host one
after the other, milliseconds apart, and then pauses: the place in the group is the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from detector.records import Int64s

LEAST_WHOLE: Final = 0.8  # of the rows stand in groups of the usual size, or it is no such log


def place_in_group(time_ns: Int64s) -> tuple[int, Int64s]:
    """(devices, number of the device of each row), rows in the order of the file; -1 for rows of
    groups that lack a device or have one too many.  One device where rows come evenly."""
    even = 1, np.zeros(len(time_ns), dtype=np.int64)
    if len(time_ns) < 4:
        return even
    step = np.diff(time_ns)
    pause = np.median(step[step >= step.mean()])  # between groups; within them steps are short
    starts = np.flatnonzero(np.concatenate([[True], (step > pause / 2) | (step < 0)]))
    sizes = np.diff(np.append(starts, len(time_ns)))
    n = int(np.bincount(sizes).argmax())
    if n == 1 or n * (sizes == n).sum() < LEAST_WHOLE * len(time_ns):
        return even
    place = np.arange(len(time_ns)) - np.repeat(starts, sizes)
    return n, np.where(np.repeat(sizes == n, sizes), place, -1)
