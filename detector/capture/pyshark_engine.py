"""`--engine pyshark`: any capture that Wireshark can open, decoded by tshark through pyshark.

The second opinion on the native decoder, and the way in for link types and file formats
that it does not know.  Slow (some thousand packets a second).  tshark runs under a process
of ours (`pyshark_child`) with an empty configuration folder as its working directory: no
preferences, scripts or `config.ini` of a user or of an unpacked archive change what it says.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from detector.capture.files import CaptureError, count
from detector.capture.pyshark_child import HEADER, PACKET
from detector.kernel import Meter, Packet
from detector.records import SourceReport
from detector.settings import MeterSettings

TSHARK_MISSING = "tshark is not installed: sudo apt install tshark (or brew install wireshark)"
_ENDED: tuple[list[Packet], dict[str, Any], int] = (
    [],
    {"problem": "the process that reads its output ended early"},
    0,
)
_ROOT = Path(__file__).resolve().parents[2]  # what holds the package `detector`


def read(
    path: str,
    meter: Meter,
    report: SourceReport,
    waiting: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Iterator[tuple[int, int]]:
    """Meter a capture; yields (bytes done, about; bytes in all) as `files.read` does.

    What goes wrong on the way stands in `report.problem`, and what came before is metered.
    Raises CaptureError when nothing of it can be read.
    """
    total = _size(path)
    if shutil.which("tshark") is None:
        raise CaptureError(f"{path}: {TSHARK_MISSING}")
    with (
        tempfile.TemporaryDirectory(prefix="minewatch-") as empty,
        _child(path, empty, meter.settings) as child,
    ):
        assert child.stdout is not None
        try:
            yield from _metered(path, total, child.stdout, meter, report, waiting=waiting)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # with its tshark


def _size(path: str) -> int:
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CaptureError(f"{path}: {str(reason).lower()}") from error


def _child(path: str, empty: str, settings: MeterSettings) -> subprocess.Popen[bytes]:
    paths = [str(_ROOT), *(p for p in sys.path if p)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "WIRESHARK_CONFIG_DIR": empty,
        "LC_ALL": "C",
    }
    told = [str(Path(path).resolve()), ",".join(settings.tunnels), str(settings.tunnel_depth)]
    return subprocess.Popen(  # noqa: S603  no shell
        [sys.executable, "-P", "-m", "detector.capture.pyshark_child", *told],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what matters comes with the last message
        cwd=empty,
        env=environment,
        start_new_session=True,
    )


def _metered(
    path: str,
    total: int,
    out: IO[bytes],
    meter: Meter,
    report: SourceReport,
    *,
    waiting: Callable[[], contextlib.AbstractContextManager[None]],
) -> Iterator[tuple[int, int]]:
    problem: str | None = None
    messages = _messages(out)
    while True:
        with waiting():
            packets, counts, done = next(messages, _ENDED)
        meter.observe(packets)
        if "problem" in counts:
            problem = counts["problem"] and _line(path, counts["problem"])
            break
        for reason, times in counts.items():
            for _ in range(times):
                meter.reject(reason)
        yield min(done, total), total
    counters = meter.next_stream()
    count(counters, report)
    if problem and not counters.packets:
        raise CaptureError(problem)
    report.problem = problem


def _messages(out: IO[bytes]) -> Iterator[tuple[list[Packet], dict[str, Any], int]]:
    """(packets, counts, bytes done) a message, until the stream ends, be it inside one."""
    try:
        while True:
            number, told, done = HEADER.unpack(out.read(HEADER.size))
            packets = [_packet(out) for _ in range(number)]
            yield packets, json.loads(out.read(told)), done
    except (struct.error, json.JSONDecodeError):
        return


def _packet(out: IO[bytes]) -> Packet:
    (
        ts,
        source,
        source_port,
        destination,
        destination_port,
        transport,
        flags,
        sequence,
        wire,
        length,
        captured,
    ) = PACKET.unpack(out.read(PACKET.size))
    return Packet(
        ts_ns=ts,
        source=int.from_bytes(source, "big"),
        source_port=source_port,
        destination=int.from_bytes(destination, "big"),
        destination_port=destination_port,
        transport=transport,
        wire_bytes=wire,
        payload_bytes=length,
        payload=out.read(captured),
        flags=flags,
        sequence=sequence,
    )


def _line(path: str, problem: str) -> str:
    """What tshark said, with the path as the user gave it."""
    text = problem.removeprefix("tshark: ").replace(f'"{Path(path).resolve()}" ', "")
    return f"{path}: tshark: {''.join(c if c.isprintable() else '?' for c in text)[:300]}"
