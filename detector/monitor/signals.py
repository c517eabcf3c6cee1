"""SIGTERM and SIGINT as something to wait for, so that a stop loses nothing."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Self

_ASKED = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """While entered, the first SIGTERM or SIGINT is remembered; the second one does what it always did.

    Outside the main thread, where no signal arrives, only `ask` stops.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._asked = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._before: dict[int, object] = {}

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._asked

    def ask(self) -> None:
        """Stop."""
        if not self._asked:
            self._asked = True
            os.write(self._writer, b"!")

    def fileno(self) -> int:
        """Readable from the moment that a stop is asked for."""
        return self._reader

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _ASKED:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self._reader)
        os.close(self._writer)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self.ask()
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()
