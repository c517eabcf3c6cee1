"""One stream metered by several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from detector.metering import Metering
from detector.settings import Settings


class SchedulerError(ValueError):
    """The cluster cannot be used; one line that says why."""


@contextmanager
def metered_with(settings: Settings, jobs: int) -> Iterator[Callable[[], Metering]]:
    yield lambda: Metering(settings)
