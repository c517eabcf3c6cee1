"""Row arithmetic on tables of channel windows: the typed side of `summaries`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detector.kernel import layout, summaries
from detector.records import ChannelWindows

if TYPE_CHECKING:
    from detector.records import Int64s


def words(table: np.ndarray[Any, Any]) -> memoryview:
    """The flat view of a C-contiguous array that the kernel takes."""
    if not table.flags.c_contiguous:
        raise ValueError("the kernel takes contiguous tables only")
    return memoryview(table.reshape(-1))  # type: ignore[arg-type]  # ndarray has the buffer protocol


def merge_rows(into: ChannelWindows, i: Int64s, other: ChannelWindows, j: Int64s) -> None:
    """Merge row j[k] of `other` into row i[k] of `into`, k = 0, 1, ...: wide and narrow words.

    The two rows may be of one window or of two; the result carries the start of the later
    one, and BUSY_BEFORE what was busy in the earlier.  Exact for counts, sums, extremes,
    histograms and gaps.  Heavy hitters are exact while nothing is dropped.  Pushes, replies
    and answers across the seam are exact when the later row starts after the earlier one's
    last message and what the seam changes lies in the two rings of events (always, where
    fewer than layout.HEAD_EVENTS messages follow within layout.PROMPT_NS of the seam);
    FIRST_PUSH_NS and push gaps also need the later row's first remaining push in its ring.
    Raises IndexError for a row that is not there, ValueError for tables of the wrong shape.
    """
    i, j = np.ascontiguousarray(i, np.int64), np.ascontiguousarray(j, np.int64)
    if len(i) != len(j):
        raise ValueError(f"{len(i)} rows to merge into, {len(j)} to merge")
    _check(into, i)
    _check(other, j)
    summaries.merge(
        words(into.wide),
        words(into.narrow),
        words(i),
        words(other.wide),
        words(other.narrow),
        words(j),
        words(np.zeros(layout.WIDE, np.int64)),
        words(np.zeros(layout.NARROW, np.uint32)),
        words(np.zeros(4 * layout.COMMON_LENGTHS, np.int64)),
    )


def turn_rows(windows: ChannelWindows, i: Int64s) -> None:
    """Exchange up and down in rows i: wide and narrow words; client and server stay to the caller."""
    i = np.ascontiguousarray(i, np.int64)
    _check(windows, i)
    summaries.turn(words(windows.wide), words(windows.narrow), words(i))


def _check(windows: ChannelWindows, rows: Int64s) -> None:
    n = len(windows)
    if windows.wide.shape != (n, layout.WIDE) or windows.narrow.shape != (n, layout.NARROW):
        raise ValueError(f"not rows of {layout.WIDE} and {layout.NARROW} words")
    if len(rows) and (rows.min() < 0 or rows.max() >= n):
        raise IndexError(f"row {rows.min() if rows.min() < 0 else rows.max()} of {n}")
