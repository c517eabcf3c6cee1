"""Captures metered in other processes, on this machine or a cluster, with joblib.

A worker reads one capture and hands back its finished windows, payload-free; they are
judged here, in order of time, so that the outcome is that of one process.  The windows of
all captures are held at once: about 2 KB a channel and window.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from detector.metering import channel_windows
from detector.records import ChannelWindows, SourceReport
from detector.settings import Settings


class SchedulerError(ValueError):
    """The cluster cannot be used; one line that says why."""


def metered(
    captures: list[str], settings: Settings, engine: str, jobs: int, scheduler: str | None
) -> list[tuple[list[ChannelWindows], SourceReport]]:
    """Tables and report of each capture, in the order given.

    jobs: processes on this machine; scheduler: address of a dask scheduler to use instead.
    Raises SchedulerError when it cannot be used.
    """
    from joblib import Parallel, delayed  # noqa: PLC0415  (0.2 s to import)

    with _backend(scheduler):
        work = (delayed(_meter)(path, settings, engine) for path in captures)
        return list(Parallel(n_jobs=None if scheduler else jobs)(work))


def _meter(path: str, settings: Settings, engine: str) -> tuple[list[ChannelWindows], SourceReport]:
    report = SourceReport(source=path)
    tables: list[ChannelWindows] = []
    try:
        tables.extend(channel_windows(path, settings, engine, report))
    except (OSError, ValueError) as error:  # CaptureError is a ValueError
        report.problem = str(error)
    return tables, report


def _backend(scheduler: str | None) -> AbstractContextManager[object]:
    if scheduler is None:
        return nullcontext()
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError as error:
        raise SchedulerError(
            "--scheduler needs dask: install it with  pip install 'minewatch[cluster]'"
        ) from error
    from joblib import parallel_config  # noqa: PLC0415

    try:
        Client(scheduler, timeout=10)  # registers itself as joblib's dask cluster
    except (OSError, ValueError) as error:
        raise SchedulerError(f"--scheduler {scheduler}: {error}") from error
    return parallel_config("dask")  # type: ignore[no-any-return]
