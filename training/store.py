"""Rows that were extracted once, kept in a folder that may be deleted at any time.

An entry is one `.npz` of plain arrays (never a pickle), named by the SHA-256 of everything
that its rows depend on: the input's content, what is said of it, the settings, the feature
names, the source code that extracts, numpy and the machine.  So nothing is ever out of date:
what changes makes another name.  Entries are written whole or not at all; one that cannot
be read is made again.  An interrupted build goes on where it was.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import detector
from detector.atomic import drafted

LIMIT = 4 << 30
"""Bytes that the folder may hold; a full build of the default bundle needs about a tenth of it."""
ROOMS = (
    "capture", "dissectors", "features", "findings", "flowlogs", "kernel", "telemetry", "windows",
    "hosts.py", "metering.py", "pipeline.py", "records.py", "settings.py",
)  # fmt: skip
"""What of `detector` has a say in a row."""

T = TypeVar("T")


def home() -> Path:
    """Where this user's caches lie: $MINEWATCH_CACHE, else minewatch in $XDG_CACHE_HOME, else in ~/.cache."""
    chosen = os.environ.get("MINEWATCH_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minewatch"


def remembered(folder: Path | None, kind: type[T], parts: dict[str, Any], make: Callable[[], T]) -> T:
    """What `make()` gives, from the folder where it is there.  `folder` None: always made.

    kind: a dataclass of arrays with n rows and lists of n texts.  parts: what decides the rows beside the
    code, in JSON types.
    """
    if folder is None:
        return make()
    path = folder / f"{kind.__name__.lower()}-{_name(parts)}.npz"
    found = _read(path, kind)
    if found is None:
        found = make()
        with contextlib.suppress(OSError):  # a full disk costs time, not the build
            _write(path, found)
    return found


def prune(folder: Path, limit: int = LIMIT) -> int:
    """Delete entries, least recently used first, until at most `limit` bytes are left; how many went."""
    entries = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in folder.glob("*.npz"))
    excess, gone = sum(size for _, size, _ in entries) - limit, 0
    for _, size, path in entries:
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess, gone = excess - size, gone + 1
    return gone


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.  Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(parts: dict[str, Any]) -> str:
    told = json.dumps({"code": _code(), **parts}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


@functools.cache
def _code() -> list[str]:
    """Digest of the source that makes rows, and what else has a say in a float's last bit."""
    own, rooms = Path(__file__).parent, Path(detector.__file__).parent
    files = [own / "table.py", own / "build.py", *own.joinpath("simulation").glob("*.py")]
    for room in ROOMS:
        files += [rooms / room] if room.endswith(".py") else rooms.joinpath(room).rglob("*.p*")
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.suffix in {".py", ".pxd"}):
        digest.update(f"{path.parent.name}/{path.name} {digest_of(path)}\n".encode())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    vectors = np.show_config(mode="dicts")["SIMD Extensions"]["found"]  # logarithms differ in the last bit
    return [digest.hexdigest(), np.__version__, python, platform.machine(), *vectors]


def _write(path: Path, rows: Any) -> None:
    columns: dict[str, Any] = {}
    for item in fields(rows):
        value = getattr(rows, item.name)
        if isinstance(value, list):  # each distinct text once
            place = {text: i for i, text in enumerate(dict.fromkeys(value))}
            columns[f"{item.name}.texts"] = np.frombuffer(json.dumps(list(place)).encode(), np.uint8)
            value = np.array([place[text] for text in value], np.int32)
        columns[item.name] = value
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with drafted(path) as draft, draft.open("wb") as file:
        np.savez(file, **columns)


def _read(path: Path, kind: type[T]) -> T | None:
    """The entry, or None when there is none that can be read."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            columns = {item.name: _column(archive, item.name) for item in fields(kind)}
        if len({len(column) for column in columns.values()}) != 1:
            return None
        os.utime(path)  # used: `prune` takes it last
        return kind(**columns)
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _column(archive: Any, name: str) -> Any:
    column = archive[name]
    if f"{name}.texts" not in archive:
        return column
    texts = json.loads(archive[f"{name}.texts"].tobytes())
    return [texts[i] for i in column.tolist()]
