"""Captures metered on a dask cluster: every worker reads the files and meters a part of the channels.

The files must lie where every worker finds them under the same name.  Findings are those of
one job.  The rows of all windows come back at once: about 2 KB a channel and window.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

from detector.chains import Captures, Rows
from detector.inputs import Inputs
from detector.metering import Metering
from detector.records import SourceReport
from detector.settings import Settings


class SchedulerError(ValueError):
    """The cluster cannot be used; one line that says why."""


class Cluster:
    """Captures as `chains.Captures` gives them, from the workers of a scheduler."""

    def __init__(self, inputs: Inputs, settings: Settings, engine: str, scheduler: str) -> None:
        """Raises SchedulerError."""
        self.reports: list[SourceReport] = []
        self.interrupted = False
        self._work = (inputs.captures, settings, engine)
        self._client = _client(scheduler)
        if inputs.streams:
            raise SchedulerError(f"--scheduler reads files only, not pipes: {next(iter(inputs.streams))}")

    def __iter__(self) -> Iterator[list[Rows]]:
        """Rows in order of window, those of one window together."""
        with self._client as client:
            n = max(1, len(client.scheduler_info()["workers"]))
            tasks = [client.submit(_part, *self._work, (i, n), pure=False) for i in range(n)]
            parts: list[tuple[list[Rows], list[SourceReport]]] = client.gather(tasks)
        self.reports += _added([reports for _, reports in parts])
        ordered = heapq.merge(*(rows for rows, _ in parts), key=lambda rows: rows.start_ns)
        for _, together in itertools.groupby(ordered, key=lambda rows: rows.start_ns):
            yield list(together)


def _part(
    captures: list[str], settings: Settings, engine: str, part: tuple[int, int]
) -> tuple[list[Rows], list[SourceReport]]:
    """What one worker does."""
    found = Captures(
        Inputs(captures=captures), settings, engine=engine, metering=lambda: Metering(settings, part)
    )
    return list(itertools.chain.from_iterable(found)), found.reports


def _added(parts: list[list[SourceReport]]) -> list[SourceReport]:
    """Reports of all parts, which counted different packets of the same files, as one."""
    for whole, *others in zip(*parts, strict=True):
        for other in others:
            whole.packets += other.packets
            whole.decoded += other.decoded
            whole.undecodable = dict(Counter(whole.undecodable) + Counter(other.undecodable))
    return parts[0]


def _client(scheduler: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError as error:
        raise SchedulerError(
            "--scheduler needs dask: install it with  pip install 'minewatch[cluster]'"
        ) from error
    try:
        connect: Any = Client  # typed in some versions only
        return connect(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise SchedulerError(f"--scheduler {scheduler}: {error}") from error
