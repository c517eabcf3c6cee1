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


def _files(folder: str) -> list[str]:
    return [str(path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def _walk(folder: str, inputs: Inputs) -> None:
    skipped = []
    for path in _files(folder):
        kind = _kind_or_problem(path)
        if kind == "capture":
            inputs.captures.append(path)
        elif kind == "power" and _has_times(path):
            inputs.power.append(path)
        else:
            skipped.append(Path(path).name)
    if skipped:
        shown = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        inputs.notes.append(f"{folder}: {len(skipped)} files skipped, no captures or power readings: {shown}")


def _has_times(path: str) -> bool:
    """Whether a table in a folder begins with a header that has a column of times: labels and asset maps
    lie beside readings, and are none."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
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
        if not Path(path).is_file():
            return "no such file" if not os.path.lexists(path) else "not a file"
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        return (error.strerror or "cannot be read").lower()
    return kind_of(head)


def kind_of(head: bytes) -> str:
    """ "capture" or "power" by the first bytes, gzip looked into; else what it is instead."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return "damaged gzip data"
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
    if b"\0" in head.replace(b"\xff\xfe", b"") or not _first_line_is_table(head):
        return "neither a capture (pcap, pcapng) nor a table of power readings (CSV, Parquet)"
    return "power"


def _first_line_is_table(head: bytes) -> bool:
    """Whether one of the first lines has separators as a CSV header has."""
    return any(line.count(mark) >= 1 for line in _lines(head) for mark in (b",", b";", b"\t"))


def _lines(head: bytes) -> list[bytes]:
    return head.splitlines()[:5]
