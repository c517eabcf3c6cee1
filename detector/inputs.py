"""What the user named -> captures and power files, told apart by content.

Folders are walked in order of name; a file in a folder that is of neither kind is
skipped and counted, a file that was named itself and is of neither kind is a problem.
"""

from __future__ import annotations

import glob
import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from detector.text import plural

HEAD_BYTES = 4096
_TIMES = re.compile(rb"(?i)(^|[\W_])(date|time|datetime|timestamp|ts|epoch)([\W_]|$|s\b)")
CAPTURE_MAGICS = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4",  # pcap, microseconds
    b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",  # pcap, nanoseconds
    b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34",  # pcap as modified by Kuznetzov
    b"\x0a\x0d\x0d\x0a",  # pcapng
)  # fmt: skip
_OTHER = {
    b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"\x7fELF": "a program", b"\x89PNG": "a picture",
    b"\x28\xb5\x2f\xfd": "zstd-compressed: decompress it first",
    b"BZh": "bzip2-compressed: decompress it first", b"\xfd7zXZ": "xz-compressed: decompress it first",
}  # fmt: skip


@dataclass(slots=True)
class Inputs:
    """Files to read, by kind, and one line for each that cannot be."""

    captures: list[str] = field(default_factory=list)
    power: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sort_inputs(paths: Iterable[str], power: Iterable[str] = ()) -> Inputs:
    """Sort `paths` by what they hold; what is in `power` and is no capture is a power file."""
    inputs = Inputs()
    for name in paths:
        for path in _expanded(name, inputs):
            if Path(path).is_dir():
                _walk(path, inputs)
            else:
                _sort(path, inputs)
    for name in power:
        for path in _expanded(name, inputs):
            if Path(path).is_dir():
                _walk(path, inputs)
            elif not Path(path).is_fifo() and _kind_or_problem(path) == "capture":
                # `--power a.csv b.pcap` swallows the capture
                inputs.captures.append(path)
            else:
                inputs.power.append(path)
    return inputs


def _expanded(name: str, inputs: Inputs) -> list[str]:
    """The name itself, or what it matches when it is a pattern that the shell left alone."""
    if os.path.lexists(name) or not glob.has_magic(name):
        return [name]
    matches = sorted(glob.glob(name))
    if not matches:
        inputs.problems.append(f"{name}: no file matches")
    return matches


def _files(folder: str, inputs: Inputs) -> list[str]:
    """Every file below `folder`; folders that may not be entered are problems, links to folders are left."""

    def closed(error: OSError) -> None:
        inputs.problems.append(f"{error.filename}: {_reason(error)}")

    found = [Path(place, name) for place, _, names in os.walk(folder, onerror=closed) for name in names]
    return [str(path) for path in sorted(found)]


def _walk(folder: str, inputs: Inputs) -> None:
    before, skipped = len(inputs.captures) + len(inputs.power) + len(inputs.problems), []
    for path in _files(folder, inputs):
        try:
            if not Path(path).is_file():
                continue
            kind = kind_of(_head(path))
            if kind == "power" and not _has_times(path):
                kind = "another table"
        except OSError as error:
            inputs.problems.append(f"{path}: {_reason(error)}")
            continue
        if kind in {"capture", "power"}:
            (inputs.captures if kind == "capture" else inputs.power).append(path)
        else:
            skipped.append(Path(path).name)
    shown = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
    if len(inputs.captures) + len(inputs.power) + len(inputs.problems) == before:
        inputs.problems.append(f"{folder}: no captures or power readings in this folder ({shown or 'empty'})")
    elif skipped:
        left = f"{plural(len(skipped), 'file')} skipped, no captures or power readings: {shown}"
        inputs.notes.append(f"{folder}: {left}")


def _has_times(path: str) -> bool:
    """Whether a table in a folder begins with a header that has a column of times: labels and asset maps
    lie beside readings, and are none."""
    head = _head(path)
    if head[:2] == b"\x1f\x8b":
        head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    head = _narrow(head)
    return head[:4] == b"PAR1" or any(_TIMES.search(line) for line in _lines(head)[:1])


def _sort(path: str, inputs: Inputs) -> None:
    kind = _kind_or_problem(path)
    if kind == "capture":
        inputs.captures.append(path)
    elif kind == "power":
        inputs.power.append(path)
    else:
        inputs.problems.append(f"{path}: {kind}")


def _kind_or_problem(path: str) -> str:
    """ "capture", "power", or why it is neither."""
    try:
        if Path(path).is_fifo():
            return "capture"  # no look inside: what is read from a pipe is gone
        Path(path).stat()  # says why a link leads nowhere
        return kind_of(_head(path)) if Path(path).is_file() else "not a file"
    except OSError as error:
        return _reason(error)
    except ValueError:
        return "no name of a file"  # holds a zero byte


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(HEAD_BYTES)


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return (error.strerror or "cannot be read").lower()


def kind_of(head: bytes) -> str:
    """ "capture" or "power" by the first bytes, gzip looked into; else what it is instead."""
    if head[:2] == b"\x1f\x8b":
        try:
            unzip = zlib.decompressobj(wbits=31)
            head = unzip.decompress(head, HEAD_BYTES)
        except zlib.error:
            return "damaged gzip data"
        if not head:
            return "empty file, gzipped" if unzip.eof else "gzip data cut short"
    if head[:4] in CAPTURE_MAGICS:
        return "capture"
    return _text_or_other(head)


def _text_or_other(head: bytes) -> str:
    if not head:
        return "empty file"
    if head[:4] == b"PAR1":
        return "power"
    for magic, name in _OTHER.items():
        if head.startswith(magic):
            return f"neither a capture nor power readings but {name}"
    head = _narrow(head)
    if b"\0" in head or not _first_line_is_table(head):
        return "neither a capture (pcap, pcapng) nor a table of power readings (CSV, Parquet)"
    return "power"


def _narrow(head: bytes) -> bytes:
    """UTF-16 with a byte order mark, as spreadsheets save it, as UTF-8; anything else as it is."""
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head
    return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode("utf-8", "replace")


def _first_line_is_table(head: bytes) -> bool:
    """Whether one of the first lines has separators as a CSV header has."""
    return any(line.count(mark) >= 1 for line in _lines(head) for mark in (b",", b";", b"\t"))


def _lines(head: bytes) -> list[bytes]:
    return head.splitlines()[:5]
