"""Files that are whole or not there: written beside their place, then put into it."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """A text stream (UTF-8) that becomes `path` when the block ends without an exception.

    Devices and pipes are written to directly.  Raises OSError.
    """
    place = Path(path)
    if place.exists() and not place.is_file() and not place.is_dir():
        with named(path), place.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    with drafted(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        yield stream


@contextlib.contextmanager
def drafted(path: str | Path) -> Iterator[Path]:
    """The name of an empty file beside `path` that becomes `path` when the block ends without an
    exception, and is removed otherwise.  A link is followed.  Raises OSError."""
    place = Path(os.path.realpath(path))  # Path.resolve knows no OSError for a loop
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file", str(path))
    draft = _draft(place, str(path))
    try:
        with named(path):
            yield draft
            draft.chmod(_mode(place))
            draft.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


@contextlib.contextmanager
def named(path: str | Path) -> Iterator[None]:
    """A full disk does not say which file it is that does not fit."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None and not isinstance(error, BrokenPipeError):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise


def _draft(place: Path, named: str) -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix=f".{place.name[:32]}.", suffix=".part", dir=place.parent)
    except OSError as error:  # name what the user named, not the draft
        raise type(error)(error.errno, error.strerror, named) from error
    os.close(handle)
    return Path(name)


def _mode(place: Path) -> int:
    """The permissions of the file that is replaced, or those of any new file."""
    if place.exists():
        return place.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
