"""When a capture begins: the time of its first packet, without metering anything."""

from __future__ import annotations

import numpy as np

from detector.kernel import frames, tables
from detector.kernel.rows import words
from detector.kernel.stream import Stream
from detector.settings import MeterSettings


class Peek:
    """Takes bytes as a meter does, until the first packet that decodes."""

    def __init__(self) -> None:
        self.first_ns = 0  # 0 = none yet
        self._stream = Stream(MeterSettings())
        self._batch = np.zeros(tables.BATCH * tables.DESCRIPTOR, np.uint64)

    @property
    def problem(self) -> str | None:
        return self._stream.problem

    def room(self, n: int) -> memoryview:
        """At least n writable bytes."""
        return self._stream.room(n)

    def advance(self, n: int) -> None:
        """n bytes were written to the last `room`."""
        stream = self._stream
        window = stream.advance(n)
        at, walked = 0, -1
        while window is not None and not self.first_ns and at > walked:
            walked = at
            at = frames.walk(window, at, stream.state_view, stream.interfaces_view, words(self._batch))
            if stream.state[tables.BATCHED]:
                self.first_ns = int(self._batch[tables.TIME])
        stream.walked(at)
