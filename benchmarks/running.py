"""Starts engines in turn, a process each, and measures them: CPU time, wall time, peak memory.

CPU time and memory come from wait4, so those of processes that the engine itself started
and waited for are in the CPU time; of memory it is the largest one process held.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from benchmarks.captures import ONE_PACKET, Capture, Made
from benchmarks.engines import CAPTURE, ROOT, Engine

MOST_S = 600.0  # for one run
MOST_SHARE = 1 / 3  # of the machine's memory
STOPPED = "stopped"  # by us: what a run was until then still tells something
# Over the shell's: programs find this tree, and may keep their bytecode, as an installed package does.
_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
_LOOK_S = 0.1
_PIECE = 1 << 22
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Job:
    """An engine on (the head of) a capture, or on nothing."""

    engine: Engine
    capture: str  # name in the table; "" = none
    given: Capture | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One run."""

    engine: str
    capture: str
    round: int
    packets: int  # given to it
    n_bytes: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    failed: str = ""  # why, in a line
    told: Mapping[str, Any] | None = None  # what the program printed, of one that tells


def jobs(engines: Sequence[Engine], captures: Sequence[Capture]) -> list[Job]:
    """One round, capture by capture, so that what is compared runs side by side."""
    found = [Job(engine, ONE_PACKET.name, ONE_PACKET) for engine in engines if engine.captures]
    for capture in captures:
        for engine in engines:
            if capture.name in engine.captures:
                given = capture.head(engine.captures[capture.name])
            elif engine.curve and capture.on_curve:
                given = capture
            else:
                continue
            found.append(Job(engine, capture.name, given))
    return found + [Job(engine, "") for engine in engines if not engine.captures]


def measure(
    work: Sequence[Job], made: Mapping[str, Made], rounds: int, say: Callable[[str], None]
) -> Iterator[Sample]:
    """All jobs in turn, `rounds` times."""
    for number in range(1, rounds + 1):
        for job in work:
            sample = run(job, made[job.given.name] if job.given else None, number)
            result = sample.failed or f"{sample.cpu_s:.2f} s CPU"
            say(f"round {number}/{rounds}: {job.engine.name}, {job.capture or 'alone'}: {result}")
            yield sample


def run(
    job: Job, capture: Made | None, number: int, most_s: float = MOST_S, most_bytes: float | None = None
) -> Sample:
    """One run of one engine, its capture read into the page cache before."""
    path = str(capture.path) if capture else ""
    if capture:
        _warm(capture.path)
    command = [part.replace(CAPTURE, path) for part in job.engine.command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=out if job.engine.tells else subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        guard = Guard(process.pid, most_s, most_bytes or MOST_SHARE * _memory_bytes())
        guard.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:  # it is in a session of its own, where Ctrl-C does not reach
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall_s = time.perf_counter() - began
        guard.over.set()
        guard.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        told = _told(out) if job.engine.tells else None
        return Sample(
            engine=job.engine.name,
            capture=job.capture,
            round=number,
            packets=capture.packets if capture else 0,
            n_bytes=capture.n_bytes if capture else 0,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss * 1024 / 1e6,
            failed=guard.killed or _why(process.returncode, errors, told),
            told=told,
        )


class Guard(threading.Thread):
    """Kills a process, and all that it started, when it takes too long or too much memory."""

    def __init__(self, pid: int, most_s: float, most_bytes: float) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.killed = ""
        self._pid, self._most_s, self._most_bytes = pid, most_s, most_bytes

    def run(self) -> None:
        until = time.monotonic() + self._most_s
        while not self.over.wait(_LOOK_S):
            if _resident_bytes(self._pid) > self._most_bytes:
                self.killed = f"{STOPPED}: it held more than {self._most_bytes / 1e9:.1f} GB"
            elif time.monotonic() > until:
                self.killed = f"{STOPPED} after {self._most_s:.0f} s"
            if self.killed:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._pid, signal.SIGKILL)
                return


def _resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 where it is gone (proc(5), statm)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * _PAGE


def _warm(path: Path) -> None:
    """Reads a file once, so that no engine waits for the disk."""
    room = bytearray(_PIECE)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(room):
            pass


def _told(out: BinaryIO) -> dict[str, Any] | None:
    """The JSON object in the last line printed."""
    out.seek(0)
    lines = out.read().splitlines()
    with contextlib.suppress(ValueError):
        found = json.loads(lines[-1]) if lines else None
        return found if isinstance(found, dict) else None
    return None


def _why(status: int, errors: BinaryIO, told: Mapping[str, Any] | None) -> str:
    """Why a run does not count; nothing for one that does."""
    if told and "refused" in told:
        return str(told["refused"])
    if status == 0:
        return ""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return f"exit {status}: {lines[-1][:200]}" if lines else f"exit {status}"
