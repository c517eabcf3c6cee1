"""What the user named -> captures, flow logs and power files, told apart by content.

Folders are walked in order of name; a file in a folder that is of neither kind is
skipped and told, a file that was named itself and is of neither kind is a problem.  A file
that is named twice, or by two links, is read once.  Pipes are opened here, since what is
looked at of a pipe is gone: whoever reads one takes its stream from `Inputs.streams`.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.copies import Copies
from detector.formats import CAPTURE_MAGICS, PARQUET, foreign_capture, looks_like
from detector.settings import InputSettings
from detector.streams import STDIN, Stream, StreamError, not_read, open_stream, reason
from detector.text import plural

CAPTURE, FLOWS, POWER = "capture", "flows", "power"
_TIMES = re.compile(rb"(?i)(^|[\W_])(date|time|datetime|timestamp|ts|epoch)([\W_]|$|s\b)")
_NEITHER = (
    "neither a capture (pcap, pcapng) nor a flow log (Zeek, Suricata, NetFlow, IPFIX, nfdump)"
    " nor a table of power readings (CSV, Parquet)"
)
UTF16 = (b"\xff\xfe", b"\xfe\xff")
FLOWS_IN_UTF16 = "a flow log in UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
_SHOWN = 3  # of what a folder holds besides


@dataclass(slots=True)
class Inputs:
    """What to read, by kind, and one line for each that cannot be."""

    captures: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    power: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    streams: dict[str, Stream] = field(default_factory=dict)  # of pipes, opened: each can be read once

    def add(self, path: str, kind: str) -> None:
        """Takes in a path that is of one of the three kinds."""
        {CAPTURE: self.captures, FLOWS: self.flows, POWER: self.power}[kind].append(path)

    def found(self) -> int:
        """How much has been said so far."""
        return len(self.captures) + len(self.flows) + len(self.power) + len(self.problems)


def sort_inputs(
    paths: Iterable[str],
    power: Iterable[str] = (),
    settings: InputSettings | None = None,
    foreign: bool = False,
) -> Inputs:
    """Sort `paths` by what they hold; what is in `power` and is neither capture nor flow log is a power file.

    "-" is standard input.  Waits for the first bytes of a pipe.  `foreign`: captures that
    only Wireshark reads count, too.
    """
    sorting = _Sorting(settings or InputSettings(), foreign)
    for name in paths:
        sorting.take(name, told_power=False)
    for name in power:
        sorting.take(name, told_power=True)
    return sorting.inputs


def files_read(named: Iterable[str], among: Container[tuple[int, int]]) -> Iterator[str]:
    """Those of the files `among` (device, number) that `sort_inputs` of the same names would read."""
    for name in named:
        for path in _expanded(STDIN if name == "-" else name, Inputs()):
            if not os.path.isdir(path):  # noqa: PTH112  Path raises where it may not look
                yield path
                continue
            for inner in _files(path, Inputs()):
                with contextlib.suppress(OSError, StreamError):
                    about = inner.stat()
                    if (about.st_dev, about.st_ino) in among and _told_in_folder(
                        str(inner), InputSettings(), True
                    ):
                        yield str(inner)


class _Sorting:
    """Inputs as they are gathered."""

    def __init__(self, settings: InputSettings, foreign: bool) -> None:
        self.inputs = Inputs()
        self._settings = settings
        self._foreign = foreign
        self._seen: dict[tuple[int, int], str] = {}  # (device, number) -> path
        self._copies = Copies(settings)

    def take(self, name: str, told_power: bool) -> None:
        """A path, a pattern that the shell left alone, or "-"; `told_power`: it was given as readings."""
        if ":" in name and "\0" not in name and self._is_server(name, told_power):
            return
        for path in _expanded(STDIN if name == "-" else name, self.inputs):
            if os.path.isdir(path):  # noqa: PTH112  Path raises where it may not look
                self._walk(path)
            else:
                self._sort(path, told_power)

    def _is_server(self, name: str, told_power: bool) -> bool:
        """Whether it is, or was meant to be, the address of a server with readings; taken in, or told."""
        from detector.telemetry import is_address, mistyped, problem_of, scheme_of  # noqa: PLC0415  numpy

        if not is_address(name):
            problem = mistyped(name)
        elif told_power:
            problem = problem_of(name)
        else:
            problem = f"{scheme_of(name)}: a server with readings is named with --power"
        if problem:
            self.inputs.problems.append(problem)
        elif is_address(name):
            self.inputs.power.append(name)
        return problem is not None or is_address(name)

    def _sort(self, path: str, told_power: bool) -> None:
        inputs = self.inputs
        try:
            if self._again(path):
                return
            kind = self._kind(path)
        except StreamError as error:
            kind = str(error).removeprefix(f"{path}: ").removesuffix(" (offset 0)")
        except (OSError, ValueError) as error:
            kind = reason(error) if isinstance(error, OSError) else "no name of a file"  # a zero byte
        if kind in (CAPTURE, FLOWS, POWER):
            self._add(path, kind)
        elif told_power:
            inputs.power.append(path)  # whose reader says what is wrong with it
        else:
            inputs.problems.append(f"{path}: {kind}")

    def _add(self, path: str, kind: str) -> None:
        """Take it in, unless it is a copy of a capture or flow log that was; that is noted."""
        if kind in (CAPTURE, FLOWS) and path not in self.inputs.streams:
            with open_stream(path, self._settings) as stream:
                head = stream.head()
            if first := self._copies.original(path, head):
                self.inputs.notes.append(f"{path}: holds the same as {first}; read once")
                return
        self.inputs.add(path, kind)

    def _kind(self, path: str) -> str:
        """Its kind by its first bytes; a pipe stays open."""
        stream = open_stream(path, self._settings)
        if not stream.is_file:
            self.inputs.streams[path] = stream
            return _kind_of_head(stream, self._foreign)
        with stream:
            return _kind_of_head(stream, self._foreign)

    def _again(self, path: str) -> bool:
        """Whether it has been taken already, under any name; that is noted.  Raises OSError, ValueError."""
        about = os.stat(path)  # noqa: PTH116  Path would take a zero byte for a missing file
        number = (about.st_dev, about.st_ino)
        first = self._seen.get(number)
        if first is None:
            self._seen[number] = path
            return False
        twice = "named twice" if first == path else f"the same file as {first}"
        self.inputs.notes.append(f"{path}: {twice}; read once")
        return True

    def _walk(self, folder: str) -> None:
        inputs, before, skipped, again = self.inputs, self.inputs.found(), [], len(self.inputs.notes)
        for path in _files(folder, inputs):
            try:
                mode = path.stat().st_mode
                what = _not_in_folder(mode)
                if not what and self._again(str(path)):
                    continue
                what = what or _told_in_folder(str(path), self._settings, self._foreign)
            except FileNotFoundError:
                what = "a link that leads nowhere" if path.is_symlink() else "gone"
            except (StreamError, OSError) as error:
                told = str(error).removesuffix(" (offset 0)") if isinstance(error, StreamError) else None
                inputs.problems.append(told or f"{path}: {reason(error)}")  # type: ignore[arg-type]
                continue
            if what in (CAPTURE, FLOWS, POWER):
                self._add(str(path), what)
            else:
                skipped.append(path.name + (f" ({what})" if what else ""))
        self._tell(folder, skipped, empty=inputs.found() == before and len(inputs.notes) == again)

    def _tell(self, folder: str, skipped: list[str], empty: bool) -> None:
        shown = ", ".join(skipped[:_SHOWN]) + (", ..." if len(skipped) > _SHOWN else "")
        if empty:
            line = f"{folder}: no captures, flow logs or power readings in this folder ({shown or 'empty'})"
            self.inputs.problems.append(line)
        elif skipped:
            left = (
                f"{plural(len(skipped), 'file')} skipped, no captures, flow logs or power readings: {shown}"
            )
            self.inputs.notes.append(f"{folder}: {left}")


def _expanded(name: str, inputs: Inputs) -> list[str]:
    """The name itself, or what it matches when it is a pattern that the shell left alone."""
    if "\0" in name or os.path.lexists(name) or not glob.has_magic(name):
        return [name]
    matches = sorted(glob.glob(name))
    if not matches:
        inputs.problems.append(f"{name}: no file matches")
    return matches


def _files(folder: str, inputs: Inputs) -> list[Path]:
    """Every file below `folder`; folders that may not be entered are problems, links to folders are left."""

    def closed(error: OSError) -> None:
        inputs.problems.append(f"{error.filename}: {reason(error)}")

    return sorted(Path(place, name) for place, _, names in os.walk(folder, onerror=closed) for name in names)


def _not_in_folder(mode: int) -> str:
    """Why what has this mode is left where it lies in a folder: opening a pipe there might wait for ever."""
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else not_read(mode)


def _told_in_folder(path: str, settings: InputSettings, foreign: bool) -> str:
    """Its kind, or what is told of it beside its name: nothing, where it is just another file."""
    with open_stream(path, settings) as stream:
        head, kind = stream.head(), _kind_of_head(stream, foreign)
    if kind in (CAPTURE, FLOWS) or (kind == POWER and (_has_times(head) or _is_power_log(head))):
        return kind
    return foreign_capture(head) or (kind if kind == FLOWS_IN_UTF16 else "")


def _has_times(head: bytes) -> bool:
    """Whether a table in a folder begins with a header that has a column of times: labels and asset maps
    lie beside readings, and are none."""
    head = _narrow(head)
    return head.startswith(PARQUET) or any(_TIMES.search(line) for line in _lines(head)[:1])


def kind_of(path: str | Path) -> str:
    """ "capture", "flows" or "power" by the first bytes of a file, unpacked; else what it is instead.

    Raises StreamError.
    """
    with open_stream(str(path)) as stream:
        return _kind_of_head(stream, foreign=False)


def _kind_of_head(stream: Stream, foreign: bool) -> str:
    head = stream.head()
    if not head:
        return f"empty file, packed as {stream.codec.name}" if stream.codec else "empty file"
    if head.startswith(CAPTURE_MAGICS) or (foreign and foreign_capture(head)):
        return CAPTURE
    if _is_flow_log(_narrow(head)):
        return FLOWS_IN_UTF16 if head.startswith(UTF16) else FLOWS
    if head.startswith(PARQUET):
        return POWER
    what = looks_like(head)
    if what != "text" and not what.startswith("starts with"):
        return f"{_NEITHER.partition(' (')[0]} nor power readings but {what}"
    head = _narrow(head)
    known = b"\0" not in head and (_first_line_is_table(head) or _is_power_log(head))
    return POWER if known else _NEITHER


def _is_flow_log(head: bytes) -> bool:
    from detector.flowlogs import kind_of as kind_of_flow_log  # noqa: PLC0415  imports numpy

    return kind_of_flow_log(head) is not None


def _is_power_log(head: bytes) -> bool:
    """Whether it is a log of readings that is no table: ipmitool, turbostat, a smart meter ..."""
    from detector.telemetry import is_power_log  # noqa: PLC0415  imports numpy

    return is_power_log(head, "")


def _narrow(head: bytes) -> bytes:
    """UTF-16 with a byte order mark, as spreadsheets save it, as UTF-8; anything else as it is."""
    if not head.startswith(UTF16):
        return head
    return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode("utf-8", "replace")


def _first_line_is_table(head: bytes) -> bool:
    """Whether one of the first lines has separators as a CSV header has."""
    return any(line.count(mark) >= 1 for line in _lines(head) for mark in (b",", b";", b"\t"))


def _lines(head: bytes) -> list[bytes]:
    return head.splitlines()[:5]
