"""Where results may go: refused in one line before the work, where nothing can be written or an input stands.

Files are told apart by device and number, so that `./a`, a link and a hard link of an input are that
input.  Of folders that are read only the files count that would be read.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

STDOUT = "-"
Number = tuple[int, int]  # device and number of a file


def check(
    files: Mapping[str, str | None],
    read: Iterable[str] = (),
    kept: Iterable[str | None] = (),
    *,
    appended: bool = False,
) -> None:
    """Refuse results (option -> file) that cannot be written, or would replace what is needed.

    read: captures, logs, readings, and folders and patterns of them; kept: other files that are read,
    and folders that are used whole (a bundle).  appended: to a file that stays.  Raises OSError.
    """
    taken: dict[object, str] = {}
    there: dict[Number, str] = {}
    for option, path in files.items():
        if path is None:
            continue
        if path == STDOUT:
            raise _refused(errno.EINVAL, f"{option} needs a file; one of this name is ./-", path)
        _writable(path, appended)
        number = _number(path)
        if number is not None:
            there[number] = path
        if number is not None or not os.path.exists(path):  # noqa: PTH110  devices take any number of results
            if (key := number or os.path.realpath(path)) in taken:
                raise _refused(errno.EEXIST, f"named for two results, {taken[key]} and {option}", path)
            taken[key] = option
    _refuse_inputs(_standard_output() | there, read, kept)


def check_folder(
    path: str, names: Iterable[str], read: Iterable[str] = (), kept: Iterable[str | None] = ()
) -> None:
    """Refuse a folder in which files `names` cannot be made, or are inputs.  It need not be there.

    Raises OSError.
    """
    if path == STDOUT:
        raise _refused(errno.EINVAL, "a folder is needed; one of this name is ./-", path)
    place = Path(os.path.realpath(path))
    there = next(folder for folder in (place, *place.parents) if os.path.lexists(folder))
    if not there.is_dir():
        what = "is a file; name a folder" if there == place else f"{there} is no folder"
        raise NotADirectoryError(errno.ENOTDIR, what, path)
    _room_in(there, path)
    paths = [f"{path}{os.sep}{name}" for name in names]
    numbers = {number: name for name in paths if (number := _number(name)) is not None}
    _refuse_inputs(numbers, read, kept)


def _writable(path: str, appended: bool) -> None:
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise _refused(errno.ELOOP, "is a link that leads to itself", path)
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file in it", path)
    if not place.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {place.parent}", path)
    mode = place.stat().st_mode if place.exists() else stat.S_IFREG
    if stat.S_ISSOCK(mode):
        raise _refused(errno.ENXIO, "is a socket, not a file", path)
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "may not be written", path)
    if stat.S_ISREG(mode) and not (appended and place.exists()):
        _room_in(place.parent, path)


def _room_in(folder: Path, path: str) -> None:
    """A file is written beside its place first, so it is the folder that must take one."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = (error.strerror or "not writable").lower()
        raise type(error)(error.errno, f"no file can be made in {folder}: {why}", path) from error


def _refuse_inputs(results: Mapping[Number, str], read: Iterable[str], kept: Iterable[str | None]) -> None:
    """results: number of a file that is there -> how it was named.  Raises OSError."""
    if not results:
        return
    from detector.inputs import files_read  # noqa: PLC0415  numpy: not for --help

    for path in files_read(read, results):
        _refuse_input(results, path)
    for path in filter(None, kept):
        if os.path.isdir(path):  # noqa: PTH112  Path raises where it may not look
            for place, _, names in os.walk(path):
                for name in names:
                    _refuse_input(results, f"{place}{os.sep}{name}")
        else:
            _refuse_input(results, path)


def _refuse_input(results: Mapping[Number, str], path: str) -> None:
    named = results.get(_number(path) or (-1, -1))
    if named is not None:
        which = "it is an input, too" if path == named else f"it is the input {path}"
        raise _refused(errno.EEXIST, f"{which}; name another file for the result", named)


def _number(path: str) -> Number | None:
    """Device and number of a file of bytes; None of what is not there, and of devices and pipes."""
    try:
        about = os.stat(path)  # noqa: PTH116  Path would take a zero byte for a missing file
    except (OSError, ValueError):
        return None
    return (about.st_dev, about.st_ino) if stat.S_ISREG(about.st_mode) else None


def _standard_output() -> dict[Number, str]:
    """Of what standard output was led to, where that is a file (`>> capture.pcap`)."""
    try:
        about = os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):  # closed, or none of the system's
        return {}
    return {(about.st_dev, about.st_ino): "standard output"} if stat.S_ISREG(about.st_mode) else {}


def _refused(number: int, why: str, path: str) -> OSError:
    return OSError(number, why, path)
