"""A progress bar on standard error that never holds up the work.

It appears only on a terminal, and only when the work has taken a while: a small file is
scored before the library that draws the bar would be loaded.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

PATIENCE_S = 0.7  # before anything is drawn
EVERY_S = 0.1

Progress = Callable[[str, int, int], None]


@contextlib.contextmanager
def shown(wanted: bool) -> Iterator[Progress | None]:
    """What to call with (source, bytes done, bytes in all); None when nobody looks."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    def __init__(self) -> None:
        self._next = time.monotonic() + PATIENCE_S
        self._progress: Any = None
        self._task: Any = None

    def update(self, source: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        with contextlib.suppress(OSError):  # the terminal has gone; the work has not
            self._draw(source, done, total)

    def _draw(self, source: str, done: int, total: int) -> None:
        if self._progress is None:
            self._progress = _rich_progress()
            self._task = self._progress.add_task(_short(source))
            self._progress.start()
        self._progress.update(self._task, description=_short(source), completed=done, total=total or None)
        self._progress.refresh()

    def close(self) -> None:
        if self._progress is not None:
            with contextlib.suppress(OSError):
                self._progress.stop()


def _short(source: str) -> str:
    from detector.text import printable  # noqa: PLC0415

    name = printable(source)
    return name if len(name) <= 32 else "…" + name[-31:]


def _rich_progress() -> Any:
    from rich import progress  # noqa: PLC0415  heavy, and only for those who watch
    from rich.console import Console  # noqa: PLC0415

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,  # no thread: nothing may happen behind the work's back
    )
