"""Rows of many sources that arrive when they arrive -> batches of one window, in order of time.

The pushed form of `windows.channel.in_order`: that one asks its sources, this one is told
by them, since a live source cannot be asked to hurry.  Where every source is read before
it is passed over (`NOT_KNOWN`), both give the same batches; a test holds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from detector.kernel import layout
from detector.records import ChannelWindows
from detector.windows.channel import concatenate, merged, take

NOT_KNOWN: Final = -1
"""Floor of a source that may still give any window: nothing overtakes it."""
ENDED: Final = 1 << 62
"""Floor of a source that gives nothing any more."""
MOST_ROWS: Final = 100_000  # about 200 MB; what is held beyond that is passed on without waiting


class HoldBack:
    """Holds batches until no source is expected to give rows of an earlier window.

    A floor is the start (ns) of the earliest window that a source is still expected to
    give.  Rows below it are not lost: they are a batch of their own, late.
    """

    def __init__(self, sources: int) -> None:
        self._queues: list[deque[tuple[int, ChannelWindows]]] = [deque() for _ in range(sources)]
        self._held: list[ChannelWindows] = []
        self._held_start = NOT_KNOWN
        self.rows = 0  # in the queues

    def put(self, source: int, table: ChannelWindows) -> None:
        """Take in a table of a source: windows in order, as far as its packets were."""
        starts = table.wide[:, layout.WINDOW_NS]
        for start in np.unique(starts):
            batch = take(table, np.flatnonzero(starts == start))
            self._queues[source].append((int(start), batch))
            self.rows += len(batch)

    def empty(self, source: int) -> bool:
        """Whether nothing of that source waits."""
        return not self._queues[source]

    def release(self, floors: Sequence[int]) -> Iterator[ChannelWindows]:
        """Batches that need not wait any longer, given the floor of every source."""
        while True:
            due, source = min((self._due(i, floor), i) for i, floor in enumerate(floors))
            if self.empty(source):
                if self.rows <= MOST_ROWS:
                    break
                due, source = min((queue[0][0], i) for i, queue in enumerate(self._queues) if queue)
            _, batch = self._queues[source].popleft()
            self.rows -= len(batch)
            if self._held and self._held_start != due:
                yield self._let_go()
            self._held_start = due
            self._held.append(batch)
        if self._held and self._held_start < due:
            yield self._let_go()

    def _due(self, source: int, floor: int) -> int:
        """Start of the next batch of a source, or of the earliest that it may give."""
        queue = self._queues[source]
        return queue[0][0] if queue else floor

    def _let_go(self) -> ChannelWindows:
        batch = merged(concatenate(self._held))
        self._held = []
        return batch
