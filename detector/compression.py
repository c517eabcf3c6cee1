"""Compressed streams as plain bytes: gzip, zstd, lz4 frames, bzip2 and xz, in bounded memory.

Owns which formats there are, their members, and where unpacking stops: at a ratio, a size or
a window that no capture needs.  All of them are runs of members, unpacked one after the
other (RFC 1952 2.2, RFC 8878 3, the lz4 frame and xz file formats).

Why these libraries: bz2, lzma, lz4.frame and PEP 784's zstd share one incremental interface
that bounds what a call gives back, and each loads in 1 ms.  pyarrow reads four of the five,
but takes 0.2 s to load, names no offset and sets no limit to windows; zstandard's incremental
object gives back everything at once.  Only what the file at hand needs is imported.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from detector.settings import InputSettings

FEED_BYTES: Final = 1 << 14
"""Packed bytes a step: what is lost before damage, since a decompressor drops the step that fails."""
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
_LONGEST_MAGIC: Final = 6
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # 50..5f before it; then the size: RFC 8878 3.1.2, lz4 likewise


class CompressionError(ValueError):
    """Compressed data that cannot be unpacked (further): what, and the offset in the packed bytes."""


class Packed(Protocol):
    """Where packed bytes come from."""

    def read(self, n: int, /) -> bytes | None: ...


class Decompressor(Protocol):
    """One member at work."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


Started = tuple[Decompressor, type[Exception]]
"""A decompressor, and what it raises."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A format: how its members begin, and how one is unpacked with a window of so many MiB at most."""

    name: str
    magic: bytes
    start: Callable[[int], Started]


class _Gunzip:
    """zlib with the interface of the others: it keeps what it was given and could not take yet."""

    def __init__(self) -> None:
        self._unzip = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._unzip.eof

    @property
    def needs_input(self) -> bool:
        return not self._unzip.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._unzip.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._unzip.decompress(self._unzip.unconsumed_tail + data, max_length)


def _gzip(_mib: int) -> Started:
    return _Gunzip(), zlib.error  # a window is 32 KiB


def _zstd(mib: int) -> Started:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415
    except ImportError:  # before Python 3.14
        from backports import zstd  # noqa: PLC0415

    log = (mib * _MIB).bit_length() - 1
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: log}), zstd.ZstdError


def _lz4(_mib: int) -> Started:
    import lz4.frame  # noqa: PLC0415

    return lz4.frame.LZ4FrameDecompressor(), RuntimeError  # blocks are 4 MiB at most


def _bzip2(_mib: int) -> Started:
    import bz2  # noqa: PLC0415

    return bz2.BZ2Decompressor(), OSError  # blocks are 900 kB at most


def _xz(mib: int) -> Started:
    import lzma  # noqa: PLC0415

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=mib * _MIB), lzma.LZMAError


CODECS: Final = (
    Codec("gzip", b"\x1f\x8b", _gzip),
    Codec("zstd", b"\x28\xb5\x2f\xfd", _zstd),
    Codec("lz4", b"\x04\x22\x4d\x18", _lz4),
    Codec("bzip2", b"BZh", _bzip2),
    Codec("xz", b"\xfd7zXZ\0", _xz),
)


def codec_of(head: bytes) -> Codec | None:
    """The format that the first bytes are of, skippable frames of zstd and lz4 looked past."""
    skippable = None
    while head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F:
        skippable = CODECS[1]
        head = head[8 + int.from_bytes(head[4:8], "little") :]
    return next((codec for codec in CODECS if head.startswith(codec.magic)), skippable)


class Unpacked(io.RawIOBase):
    """The plain bytes of a compressed stream, member after member."""

    def __init__(self, packed: Packed, codec: Codec, limits: InputSettings) -> None:
        self.codec = codec
        self.position = 0  # packed bytes taken
        self._source = packed
        self._limits = limits
        self._packed = b""
        self._member: Decompressor | None = None
        self._errors: type[Exception] = CompressionError
        self._given = 0
        self._short = False  # the last read gave less than was asked for: the next one may wait
        self._problem: CompressionError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any, /) -> int:
        """Fills `room` as far as no waiting is needed; 0 at the end.

        Raises CompressionError, once all that came before has been given.
        """
        view = memoryview(room).cast("B")
        filled = 0
        while filled < len(view) and not (filled and self._short):
            piece = self._step(len(view) - filled)
            if piece is None:
                break
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if not filled and self._problem:
            raise self._problem
        return filled

    def _step(self, most: int) -> bytes | None:
        """Some more plain bytes, perhaps none; None at the end, or where there is a problem."""
        if self._problem:
            return None
        try:
            if self._member is None and not self._next_member():
                return None
            return self._unpack(most)
        except CompressionError as error:
            self._problem = error
            return None

    def _unpack(self, most: int) -> bytes:
        member = self._member
        assert member is not None
        if member.needs_input and not self._packed and not self._feed():
            raise self._error("data cut short")
        at = self.position - len(self._packed)
        data, self._packed = self._packed, b""
        try:
            piece = member.decompress(data, most)
        except self._errors as error:
            raise self._damage(error, at) from error
        if member.eof:
            self._packed, self._member = member.unused_data or b"", None
        self._given += len(piece)
        self._check_bounds()
        return piece

    def _next_member(self) -> bool:
        """Starts the member that is next; False at the end.  Zeros between members are padding."""
        while len(self._packed) < _LONGEST_MAGIC and self._feed():
            self._packed = self._packed.lstrip(b"\0")
        self._packed = self._packed.lstrip(b"\0")
        if not self._packed:
            return False
        if codec_of(self._packed) is not self.codec and self._packed[1:4] != _SKIPPABLE:
            raise self._error("data ends; what lies behind it is left out", self.position - len(self._packed))
        self._member, self._errors = self.codec.start(self._limits.unpack_mib)
        return True

    def _feed(self) -> int:
        more = self._source.read(FEED_BYTES) or b""
        self._packed += more
        self.position += len(more)
        self._short = len(more) < FEED_BYTES
        return len(more)

    def _check_bounds(self) -> None:
        limits = self._limits
        if self._given > max(limits.unpacked_free_mib * _MIB, limits.unpacked_ratio * self.position):
            raise self._error(f"data unpacks more than {limits.unpacked_ratio}-fold")
        if self._given > limits.unpacked_gib * _GIB:
            raise self._error(f"data unpacks to more than {limits.unpacked_gib} GiB")

    def _damage(self, error: Exception, at: int) -> CompressionError:
        if "memory" in str(error).lower():  # how zstd and lzma say that a window is too large
            return self._error(f"data needs more than {self._limits.unpack_mib} MiB to unpack", at)
        return CompressionError(f"damaged {self.codec.name} data: {error} (offset {at})")

    def _error(self, what: str, at: int | None = None) -> CompressionError:
        at = self.position if at is None else at
        return CompressionError(f"{self.codec.name} {what} (offset {at})")
