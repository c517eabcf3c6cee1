"""nfdump's files, as nfcapd and nfpcapd write them: read by the program itself.

Its format changes with its versions, and packs records in four ways: the program knows them all
(1.6 and 1.7).  It is asked for numbers, one line a record, times in UTC to the millisecond
(nfdump(1), OUTPUT FORMAT).  Sampled counts are scaled up by nfcapd already: they are estimates.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.flowlogs.contract import Account, FlowLogError, Flows, protocol, usable
from detector.flowlogs.delimited import rows
from detector.flowlogs.lines import Block, blocks
from detector.flowlogs.pairing import paired
from detector.streams import open_stream
from detector.text import plural, printable

if TYPE_CHECKING:
    from detector.records import SourceReport
    from detector.streams import Stream

NAME: Final = "nfdump file"
PROGRAM: Final = "nfdump"
MISSING: Final = "this needs the program nfdump: sudo apt install nfdump"
PATIENCE_S: Final = 10.0  # for it to end once its output has
_MAGICS: Final = (b"\x0c\xa5", b"\xa5\x0c")  # little and big endian
_LAYOUTS: Final = (1, 2)  # nfdump 1.6 and 1.7
_FIELDS: Final = ("ts", "te", "pr", "sa", "sp", "da", "dp", "pkt", "byt", "opkt", "obyt")
_SPACED: Final = re.compile(r"packet interval: (\d{1,9}), packet space: (\d{1,9})")  # 1.7
_INTERVAL: Final = re.compile(r"(?<!packet )interval: (\d{1,9})")  # 1.6
_FAILURES: Final = re.compile(r"Sequence failures: (\d{1,9})")


def sniff(head: bytes) -> bool:
    """Whether it begins with the header of an nfdump file."""
    order = "little" if head.startswith(_MAGICS[0]) else "big"
    return head.startswith(_MAGICS) and int.from_bytes(head[2:4], order) in _LAYOUTS  # type: ignore[arg-type]


def read(stream: Stream, report: SourceReport) -> Iterator[Flows]:
    """See `FlowSource`.  Starts nfdump; raises FlowLogError where it is not installed."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise FlowLogError(f"{stream.path}: {MISSING}")
    account = Account(report, "record")
    with _as_file(stream) as path:
        exact = not _sampled(program, path, account)
        with _printed(program, path, stream.path, account) as printed:
            for block in blocks(printed, account):
                if not block.data.startswith(b"No match"):  # an empty file
                    yield from _flows(block, exact, account)
    account.finish()


@contextmanager
def _as_file(stream: Stream) -> Iterator[str]:
    """A path that nfdump can open: of the file itself, or of a copy of what is packed or piped."""
    if stream.is_file and not stream.codec:
        yield os.path.abspath(stream.path)  # noqa: PTH100  so that no name begins with a dash
        return
    with tempfile.NamedTemporaryFile(prefix="minewatch-") as copy:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        yield copy.name


def _sampled(program: str, path: str, account: Account) -> bool:
    """Whether its exporters say that they sample; that is noted, and what they say was lost."""
    told = _asked(program, "-E", path)
    rates = sampling_rates(told)
    for rate in rates:
        account.note(f"one packet in {rate} was sampled: counts are estimates")
    lost = sum(map(int, _FAILURES.findall(told)))
    if lost:
        account.note(f"{plural(lost, 'failure')} in the sequence of export messages: some were lost")
    return bool(rates)


def sampling_rates(told: str) -> list[int]:
    """What the samplers of `nfdump -E` are set to, but for 1: so many packets for one that is seen."""
    spaced = {(int(packets) + int(space)) // (int(packets) or 1) for packets, space in _SPACED.findall(told)}
    return sorted((spaced | set(map(int, _INTERVAL.findall(told)))) - {0, 1})


def _asked(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  no shell; the path is absolute
            command,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_ENVIRONMENT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


_ENVIRONMENT: Final = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}


@contextmanager
def _printed(program: str, path: str, name: str, account: Account) -> Iterator[Stream]:
    """Its records as text.  What it complains of is the problem of the source."""
    layout = "fmt:" + ",".join(f"%{field}" for field in _FIELDS)
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603  no shell; the path is absolute
            [program, "-q", "-N", "-6", "-r", path, "-o", layout],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=_ENVIRONMENT,
        )
        try:
            assert process.stdout is not None
            with process.stdout as pipe, open_stream(f"/dev/fd/{pipe.fileno()}") as printed:
                yield printed
        finally:
            status = _ended(process)
        complaints.seek(0)
        told = complaints.read(4_096).decode("utf-8", "replace").strip().splitlines()
        if told or status:
            why = printable(told[0].replace(path, name) if told else f"status {status}", 120)
            account.report.problem = f"{name}: nfdump: {why}"


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _flows(block: Block, exact: bool, account: Account) -> Iterator[Flows]:
    found = rows(block, _FIELDS, _FIELDS, account, delimiter=",")
    columns, n = found.columns, len(found.columns)
    source, known = columns.addresses("sa")
    target, known_too = columns.addresses("da")
    there = np.stack([columns.whole("pkt"), columns.whole("byt")], axis=1)
    back = np.stack([columns.whole("opkt"), columns.whole("obyt")], axis=1)
    flows = paired(
        source=source,
        target=target,
        ports=(columns.whole("sp"), columns.whole("dp")),
        transport=columns.coded("pr", protocol),
        times=(columns.ns("ts"), columns.ns("te")),
        there=there,
        back=np.maximum(back, 0),
        exact=np.full(n, exact, np.bool_),
    )
    yield from usable(flows, known & known_too, account, found.line, "bad_record")
