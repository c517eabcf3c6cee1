"""The bundle's container: a folder or zip of named members, a manifest, digests.  Data, not code.

Nothing here knows what a model is; `model` does.  Everything read is bounded before it is
read, and nothing is unpickled: array members are parsed by their header, of known types only.

Layout: manifest.json; channel.npz, power.npz, fusion.npz; reference.npz; model_card.md; and
manifest.sig where it is signed.  The manifest holds the SHA-256 of every other member but the
signature and, as `digest`, of its own canonical JSON without that key.  The same inputs give
the same bytes: no dates, members in fixed order.

Format 2 (2026-11): deciles and held-out scores in reference.npz, `clear` among the thresholds.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

import detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 2
DEFAULT = Path(__file__).parent / "data" / "default_model"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
ARRAYS = ("channel.npz", "power.npz", "fusion.npz", "reference.npz")
CARD = "model_card.md"
MEMBERS = (MANIFEST, *ARRAYS, CARD)
FILES = (*MEMBERS, SIGNATURE)  # what may lie in a bundle
LARGEST = 64 << 20  # bytes of a member, unpacked; the default bundle has less than 4 MB
LARGEST_TEXT = 4 << 20  # bytes of the manifest or the card
LARGEST_SIGNATURE = 64  # bytes: Ed25519
MOST_ARRAYS = 64  # in one member
TYPES = frozenset({"<f8", "<i4", "<i8", "|u1"})
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


class BundleError(ValueError):
    """A bundle that will not be used; one line that says where and why."""


def read(path: Path) -> dict[str, bytes]:
    """Members of the bundle at `path` by name, bounded in size.  Raises BundleError."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise BundleError(f"{path}: no such model bundle")
        if not path.is_file() or not zipfile.is_zipfile(path):
            raise BundleError(f"{path}: not a model bundle (neither a folder nor a zip)")
        if path.stat().st_size > 2 * LARGEST:
            raise BundleError(f"{path}: larger than {2 * LARGEST} bytes")
        with zipfile.ZipFile(path) as archive:
            return _read_archive(archive, FILES, str(path))
    except BundleError:
        raise
    except UNREADABLE as error:
        raise BundleError(f"{path}: cannot be read: {error!s:.200}") from error


def verify(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest, when of this format and with every member as digested.  Raises BundleError."""
    if MANIFEST not in members:
        raise BundleError(f"{MANIFEST} is missing")
    manifest = _parse(members[MANIFEST])
    if manifest.get("format") != FORMAT or isinstance(manifest["format"], bool):
        raise BundleError(f"{MANIFEST}: {_format_side(manifest.get('format'))}")
    if manifest.get("digest") != manifest_digest(manifest):
        raise BundleError(f"{MANIFEST}: changed since it was written (its digest differs)")
    _check_fields(manifest)
    told = manifest["members"]
    for name in sorted(set(members) | set(told)):
        if name == MANIFEST or (name == SIGNATURE and name not in told):
            continue
        if name not in told:
            raise BundleError(f"{name!r:.80}: not in the manifest")
        if name not in members:
            raise BundleError(f"{name!r:.80}: in the manifest, but missing")
        if hashlib.sha256(members[name]).hexdigest() != told[name]:
            raise BundleError(f"{name}: changed since the bundle was written (its digest differs)")
    return manifest


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest's canonical JSON without its own `digest`."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(canonical(rest)).hexdigest()


def seal(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> dict[str, bytes]:
    """All members with their manifest: `members` (without it) digested, format and digest filled in."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(members.items())}
    full = dict(manifest) | {"format": FORMAT, "members": digests}
    full["digest"] = manifest_digest(full)
    text = json.dumps(full, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return {MANIFEST: text.encode() + b"\n", **members}


def write(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a bundle: a zip when `path` ends in .zip, else a folder.  Raises OSError."""
    if path.suffix == ".zip":
        draft = path.with_name(f".{path.name}.part")
        draft.write_bytes(_archive(members, zipfile.ZIP_DEFLATED))
        draft.replace(path)
        return
    path.mkdir(parents=True, exist_ok=True)
    for name in (name for name in FILES if name in members):
        draft = path.with_name(f".{path.name}.{name}.part")
        draft.write_bytes(members[name])
        draft.replace(path / name)
    if SIGNATURE not in members:  # that of what lay here before speaks of nothing any more
        (path / SIGNATURE).unlink(missing_ok=True)


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as an .npz member: stored, in order of name, so that no zlib changes a byte."""
    members = {}
    for name, array in sorted(arrays.items()):
        stream = io.BytesIO()
        npy.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
        members[f"{name}.npy"] = stream.getvalue()
    return _archive(members, zipfile.ZIP_STORED)


def read_arrays(data: bytes, where: str) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz member by name.  Raises BundleError that begins with `where`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _read_archive(archive, None, where)
    except BundleError:
        raise
    except UNREADABLE as error:
        raise BundleError(f"{where}: cannot be read: {error!s:.200}") from error
    return {name.removesuffix(".npy"): _array(item, f"{where}: {name}") for name, item in members.items()}


def which_side(made_by: str) -> str:
    """Words for which of bundle and program is the older one."""
    mine = detector.__version__
    ours, theirs = _version(mine), _version(made_by)
    if theirs < ours:
        return f"the bundle is older (minewatch {made_by}; this is {mine}): train it again"
    if theirs > ours:
        return f"this minewatch is older ({mine}; the bundle was made by {made_by}): upgrade minewatch"
    return f"both say they are of minewatch {mine}: the bundle was made by a changed copy; train it again"


def _array(data: bytes, where: str) -> NDArray[Any]:
    """One .npy array: header of version 1.0, a plain type of TYPES, and exactly as long as it says."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"npy version {version}")
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise BundleError(f"{where}: not an array: {error!s:.200}") from error
    body = data[stream.tell() :]
    if dtype.str not in TYPES or fortran or any(size < 0 for size in shape):
        raise BundleError(f"{where}: arrays of {dtype.str} are not accepted")
    if math.prod(shape) * dtype.itemsize != len(body):
        raise BundleError(f"{where}: holds {len(body)} bytes, its header says otherwise")
    return np.frombuffer(body, dtype).reshape(shape).copy()


def _read_folder(path: Path) -> dict[str, bytes]:
    names = sorted(item.name for item in path.iterdir())
    if MANIFEST not in names:
        raise BundleError(f"{path}: not a model bundle (no {MANIFEST})")
    members = {}
    for name in names:
        if name not in FILES:
            raise BundleError(f"{path}: {name!r:.80}: not in the manifest")
        status = (path / name).stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would never end
            raise BundleError(f"{path}: {name}: not a file")
        with (path / name).open("rb") as stream:
            data = stream.read(_limit(name) + 1)
        if len(data) > _limit(name):
            raise BundleError(f"{path}: {name}: larger than {_limit(name)} bytes")
        members[name] = data
    return members


def _read_archive(archive: zipfile.ZipFile, known: tuple[str, ...] | None, where: str) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MOST_ARRAYS:
        raise BundleError(f"{where}: {len(entries)} members, at most {MOST_ARRAYS}")
    if sum(entry.file_size for entry in entries) > 2 * LARGEST:
        raise BundleError(f"{where}: larger than {2 * LARGEST} bytes when unpacked")
    members: dict[str, bytes] = {}
    for entry in entries:
        if entry.filename in members:
            raise BundleError(f"{where}: {entry.filename!r:.80} is there twice")
        if known is not None and entry.filename not in known:
            raise BundleError(f"{where}: {entry.filename!r:.80}: not in the manifest")
        if entry.file_size > _limit(entry.filename):
            raise BundleError(f"{where}: {entry.filename!r:.80}: larger than {_limit(entry.filename)} bytes")
        members[entry.filename] = archive.read(entry)  # never more than file_size, and with its CRC
    return members


def _limit(name: str) -> int:
    if name == SIGNATURE:
        return LARGEST_SIGNATURE
    return LARGEST_TEXT if name in (MANIFEST, CARD) else LARGEST


def _archive(members: Mapping[str, bytes], compression: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # the same bytes on every system
            archive.writestr(entry, data)
    return stream.getvalue()


def _parse(data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{MANIFEST}: not JSON: {error!s:.200}") from error
    if not isinstance(manifest, dict):
        raise BundleError(f"{MANIFEST}: not a JSON object")
    return manifest


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The one way to write a manifest that digests and signatures speak of."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _check_fields(manifest: Mapping[str, Any]) -> None:
    """Types of what every reader relies on.  Raises BundleError."""
    texts = {"id": manifest.get("id"), "created": manifest.get("created")}
    libraries, members, models = (manifest.get(key) for key in ("libraries", "members", "models"))
    if not isinstance(libraries, dict) or not isinstance(members, dict) or not isinstance(models, dict):
        raise BundleError(f"{MANIFEST}: 'libraries', 'members' and 'models' must be objects")
    texts["libraries.minewatch"] = libraries.get("minewatch")
    for name, value in texts.items():
        if not isinstance(value, str) or not _short_line(value):
            raise BundleError(f"{MANIFEST}: {name!r} must be a short line of text")
    for kind, about in models.items():
        names = about.get("features") if isinstance(about, dict) else None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise BundleError(f"{MANIFEST}: {kind!r:.80}: 'features' must be a list of names")
        if len(set(names)) != len(names):
            raise BundleError(f"{MANIFEST}: {kind!r:.80}: a feature is listed twice")
        if not isinstance(about.get("thresholds"), dict):
            raise BundleError(f"{MANIFEST}: {kind!r:.80}: 'thresholds' must be an object")


def _short_line(text: str) -> bool:
    """Safe to show on a terminal as it is."""
    return 0 < len(text) <= 200 and text.isascii() and text.isprintable()


def _format_side(found: Any) -> str:
    if not isinstance(found, int) or isinstance(found, bool):
        return f"'format' is {found!r:.80}, not a version"
    if found > FORMAT:
        return f"the bundle has format {found}, this minewatch reads {FORMAT}: upgrade minewatch"
    return f"the bundle has the old format {found}, this minewatch reads {FORMAT}: train it again"


def _version(text: str) -> tuple[int, ...]:
    """Leading numbers of a version, for comparison: '0.10.1rc2' -> (0, 10, 1)."""
    numbers = []
    for part in text.split(".")[:4]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits[:9]))
    return tuple(numbers)
