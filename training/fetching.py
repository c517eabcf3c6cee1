"""Sources of the manifest brought to the cache, from a mirror folder or from the repositories' archives.

    cache/sources/<digest>/...         the files of one source, wholly there or not at all
    cache/net/<name>, cache/power/...  links to them: the layout of a mirror

What a mirror or an archive holds is not believed.  Names that are written come from the manifest
alone, so nothing an archive says can leave the folder; a file is read up to the size that the
manifest states and must have its SHA-256, so nothing can grow; links are not followed out of an
archive, for a member is bytes and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from training.corpora import FOLDERS, CorpusError, File, Source

ARCHIVE_LIMIT = 2 << 30  # bytes of one archive
DIRECTORY_LIMIT = 64 << 20  # bytes of a zip's table of contents: some 500 000 members
TIMEOUT_S = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_END = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16

_BAD_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error,
)  # fmt: skip
"""What zipfile raises on its way through bytes that are none."""

Opener = Callable[[File], contextlib.AbstractContextManager[IO[bytes]]]


def fetch(source: Source, cache: Path, mirror: Path | None) -> None:
    """Bring one source to the cache, from `mirror` or, without one, by download.  Raises CorpusError."""
    kept = cache / "sources" / source.digest
    if not kept.is_dir():
        with _in_one_line(source), _whole_or_nothing(kept) as draft, _opened(source, mirror) as opener:
            for file in source.files:
                _copy(opener, file, draft)
    with _in_one_line(source):
        _link(cache / FOLDERS[source.kind] / source.name, kept)


def archive_url(source: Source) -> str:
    """Where the repository's archive at the manifest's commit lies.  Raises CorpusError."""
    if "commit" not in source.terms:
        raise CorpusError(f"cannot be downloaded ({source.terms['mirror_only']}): use --mirror")
    return f"{source.terms['repository']}/archive/{source.terms['commit']}.zip"


@contextlib.contextmanager
def _in_one_line(source: Source) -> Iterator[None]:
    """What goes wrong names the source."""
    try:
        yield
    except CorpusError as error:
        raise CorpusError(f"{source.name}: {error}") from error
    except urllib.error.URLError as error:
        raise CorpusError(f"{source.name}: {archive_url(source)}: {error.reason}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CorpusError(f"{source.name}: {where}{error.strerror or error}") from error
    except _BAD_ARCHIVE as error:
        raise CorpusError(f"{source.name}: damaged archive: {error}") from error


@contextlib.contextmanager
def _whole_or_nothing(place: Path) -> Iterator[Path]:
    """A folder beside `place` that becomes it when the block ends without an exception."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=place.parent) as folder:
        draft = Path(folder) / "files"
        draft.mkdir()
        yield draft
        draft.rename(place)


@contextlib.contextmanager
def _opened(source: Source, mirror: Path | None) -> Iterator[Opener]:
    """A function that opens each file of the source for reading."""
    if mirror is not None:
        place = source.place(mirror)
        yield lambda file: (place / _safe(file.path)).open("rb")
        return
    with tempfile.TemporaryFile() as stored:
        _download(archive_url(source), stored)
        with _archive(stored) as archive:
            top = _top(archive, source.terms.get("within", ""))
            yield lambda file: _member(archive, top + _safe(file.path), file)


def _copy(opener: Opener, file: File, folder: Path) -> None:
    """One file, if it is of the size and the content that the manifest says."""
    place = folder / _safe(file.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), file.size
    with opener(file) as stream, place.open("xb") as copy:
        while left >= 0 and (block := stream.read(min(1 << 20, left + 1))):
            left -= len(block)
            digest.update(block)
            copy.write(block)
    if left or digest.hexdigest() != file.sha256:
        raise CorpusError(f"{file.path} differs from the manifest")


def _safe(path: str) -> str:
    """The path, if it leads down from a folder and nowhere else."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/") or "\\" in path or "\0" in path:
        raise CorpusError(f"the manifest names the path {path!r}")
    return path


def _download(url: str, into: IO[bytes]) -> None:
    request = urllib.request.Request(_secure(url), headers={"User-Agent": "minewatch"})  # noqa: S310  _secure
    size = 0
    with urllib.request.build_opener(_SecureRedirects).open(request, timeout=TIMEOUT_S) as answer:
        while block := answer.read(1 << 20):
            size += len(block)
            if size > ARCHIVE_LIMIT:
                raise CorpusError(f"{url}: larger than {ARCHIVE_LIMIT} bytes")
            into.write(block)


def _secure(url: str) -> str:
    """The address, if it is https, or of this very machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise CorpusError(f"{url}: only https is trusted")
    return url


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        _secure(args[-1])
        return super().redirect_request(*args)


def _archive(stored: IO[bytes]) -> zipfile.ZipFile:
    """The archive, if its table of contents is of a size to be read at once."""
    size = stored.seek(0, os.SEEK_END)
    stored.seek(max(0, size - (1 << 16) - _END.size))
    tail = stored.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise CorpusError("what was downloaded is no zip archive")
    huge = tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")  # a zip64 record would have the last word
    if huge or _END.unpack_from(tail, at)[5] > DIRECTORY_LIMIT:
        raise CorpusError("the archive's table of contents is too large")
    return zipfile.ZipFile(stored)


def _top(archive: zipfile.ZipFile, within: str) -> str:
    """What stands before every path: the folder `<repository>-<commit>/` of such archives, and `within`."""
    first = next(iter(archive.namelist()), "")
    return f"{first.split('/', 1)[0]}/{within}/" if within else f"{first.split('/', 1)[0]}/"


def _member(archive: zipfile.ZipFile, name: str, file: File) -> IO[bytes]:
    try:
        return archive.open(name)
    except KeyError:
        raise CorpusError(f"{file.path} is not in the archive") from None


def _link(link: Path, kept: Path) -> None:
    """Put a link in its place at once, whatever it led to before."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.exists() and not link.is_symlink():
        raise CorpusError(f"{link} is in the way: it was not put there by fetch")
    draft = link.with_name(f".{link.name}.part")
    draft.unlink(missing_ok=True)
    draft.symlink_to(os.path.relpath(kept, link.parent), target_is_directory=True)
    draft.replace(link)
