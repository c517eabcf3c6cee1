"""The parsers outside the kernel: hostile bytes in, a declared error or a result out.

Each takes bytes and gives one word of what came of them; any exception but those that its
docstring declares is a finding.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np

from detector import bundle, hosts, inputs, settings, streams
from detector.capture import files
from detector.dissectors import Dissection
from detector.kernel import Meter
from detector.kernel.forest import Trees
from detector.model import Bundle
from detector.records import TCP, UDP, SourceReport
from detector.telemetry import TelemetryError, read_power
from detector.telemetry.jobs_list import read_jobs
from detector.windows.parquet import WindowsFileError
from tests.detector.dissectors.dialogue import Piece
from training import window_tables
from training.labels import LabelError, read_labels

_FOLDER = Path(tempfile.mkdtemp(prefix="minewatch-fuzz-"))
FEATURES = 3
# Or a bomb takes 64 MiB before it is one.
_LIMITS = settings.InputSettings(unpacked_ratio=20, unpacked_free_mib=1, unpack_mib=16)


def _written(name: str, data: bytes) -> str:
    path = _FOLDER / name
    path.write_bytes(data)
    return str(path)


def dissect(data: bytes) -> str:
    """Pieces of one connection: each a byte of bits (from a, gap, opening, UDP), two of length, its bytes."""
    dissection, at = Dissection(300), 0
    while at + 3 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 3])
        piece = data[at + 3 : at + 3 + size]
        bits, at = data[at], at + 3 + size
        transport = UDP if bits & 8 else TCP
        dissection.feed(
            [Piece(bool(bits & 1), piece, gap=bool(bits & 2), transport=transport, opening=bool(bits & 4))]
        )
    dissection.names(7, 1_772_323_200 * 10**9)
    facts = dissection.facts(7, 1_772_323_200 * 10**9)
    return "no facts" if facts is None else "facts"


def capture(data: bytes) -> str:
    """A capture file, packed or not."""
    meter, report = Meter(settings.MeterSettings(max_connections=30)), SourceReport("f")
    try:
        for _ in files.read(streams.open_stream(_written("f", data), _LIMITS), meter, report):
            meter.payloads()
    except streams.StreamError as error:
        return _line(error)
    if report.problem and "data unpacks more than" in report.problem:
        return "bomb stopped"
    return "read in part" if report.problem else "read"


def power(data: bytes) -> str:
    try:
        readings = read_power(_written("p.csv", data))
    except TelemetryError as error:
        return _line(error)
    assert len(readings)
    assert np.isfinite(readings.watts).all()
    return "read in part" if readings.problem else "read"


def table(data: bytes) -> str:
    """A Parquet file of windows, read as training reads it."""
    path, rows = _written("w.parquet", data), 0
    try:
        kind = window_tables.kind_of(path)
        if kind == "channels":
            rows = sum(len(windows) for _, tables in window_tables.channels(path) for windows in tables)
        elif kind == "power":
            rows = sum(len(windows) for windows in window_tables.power(path))
    except WindowsFileError as error:
        return _line(error)
    return "read" if rows else "no window table"


def labels(data: bytes) -> str:
    try:
        read_labels(_written("l.csv", data))
    except LabelError:
        return "refused"
    return "read"


def assets(data: bytes) -> str:
    try:
        hosts.read_assets(_written("a.csv", data))
    except hosts.AssetsError as error:
        return _line(error)
    return "read"


def jobs(data: bytes) -> str:
    """A scheduler's list of jobs."""
    try:
        listed = read_jobs(_written("j.txt", data))
    except TelemetryError as error:
        return _line(error)
    found = listed.of(listed.nodes)
    assert (found.start_ns <= found.end_ns).all()
    return "read in part" if listed.problem else "read"


def config(data: bytes) -> str:
    try:
        settings.load(_written("c.toml", data))
    except settings.SettingsError:
        return "refused"
    return "read"


def kind(data: bytes) -> str:
    try:
        inputs.kind_of(_written("input", data))
    except streams.StreamError:
        return "refused"
    return "read"


def model(data: bytes) -> str:
    """A zip of a bundle, sealed anew, so that what is wrong in a member is met and not only its digest."""
    try:
        members = {}
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(members.pop(bundle.MANIFEST))
        members = bundle.seal(manifest, members)
    except Exception:  # noqa: BLE001  what cannot be sealed is loaded as it is
        members = {}
    try:
        if members:
            Bundle.from_members(members, "bundle")
        else:
            Bundle.load(_written("b.zip", data))
    except bundle.BundleError as error:
        return _line(error)
    return "loaded"


def trees(data: bytes) -> str:
    """The arrays of a forest, as bytes of an .npz: what `Trees.of` accepts must be safe to walk."""
    try:
        forest = Trees.of(FEATURES, bundle.read_arrays(data, "forest"))
    except (bundle.BundleError, ValueError, KeyError):
        return "refused"
    rows = np.array([[0.0, np.nan, 1e300], [-1.0, 2.0, np.inf]])
    forest.walk(rows, 0.0)
    forest.contribute(rows[0])
    return "walked"


def _line(error: Exception) -> str:
    assert "\n" not in str(error), f"more than one line: {error!r}"
    assert len(str(error)) < 2_000
    return "refused"


PARSERS: dict[bytes, Callable[[bytes], str]] = {
    b"d": dissect, b"g": capture, b"p": power, b"l": labels, b"a": assets, b"c": config, b"k": kind,
    b"m": model, b"t": trees, b"w": table, b"j": jobs,
}  # fmt: skip
