"""Compressed streams: every format, cut, damaged and hostile; what came before is always given."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable

import lz4.frame
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import compression
from detector.compression import CODECS, CompressionError, Unpacked, codec_of
from detector.settings import InputSettings

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
SKIPPABLE = b"\x5f\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"aside"
plain_bytes = st.binary(max_size=400) | st.builds(lambda n: bytes(range(256)) * n, st.integers(0, 300))
any_codec = st.sampled_from(CODECS)


class Dribble(io.RawIOBase):
    """Gives what it has in pieces of at most n bytes, as a pipe does."""

    def __init__(self, data: bytes, n: int) -> None:
        self._data, self._n = io.BytesIO(data), n

    def read(self, n: int = -1) -> bytes:
        return self._data.read(min(n, self._n))


def unpacked(data: bytes, piece: int = 1 << 20, limits: InputSettings | None = None) -> Unpacked:
    codec = codec_of(data)
    assert codec is not None
    return Unpacked(Dribble(data, piece), codec, limits or InputSettings())


def drained(stream: Unpacked, room: int = 1000) -> tuple[bytes, str | None]:
    """All it gives, and what it says at the end."""
    got, view = b"", bytearray(room)
    try:
        while n := stream.readinto(view):
            got += view[:n]
    except CompressionError as error:
        return got, str(error)
    return got, None


@settings(deadline=None)
@given(any_codec, st.lists(plain_bytes, min_size=1, max_size=4), st.integers(1, 50), st.integers(7, 5000))
def test_members_one_after_the_other_however_they_come(codec, parts, piece, room) -> None:
    data = b"".join(PACK[codec.name](part) for part in parts)
    assert codec_of(data) is codec
    assert drained(unpacked(data, piece), room) == (b"".join(parts), None)
    assert drained(unpacked(data + bytes(512)), room) == (b"".join(parts), None)  # padding of a tape


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_skippable_frames_are_skipped(name: str) -> None:
    one = PACK[name](b"one" * 99)
    for data in (one + SKIPPABLE + one, SKIPPABLE + SKIPPABLE + one + one, one + one + SKIPPABLE):
        assert drained(unpacked(data, 7)) == (b"one" * 198, None)


@settings(deadline=None)
@given(any_codec, plain_bytes, st.data())
def test_what_is_cut_gives_what_came_before(codec, plain, data) -> None:
    packed = PACK[codec.name](plain)
    at = data.draw(st.integers(len(codec.magic), len(packed) - 1))
    got, said = drained(unpacked(packed[:at], data.draw(st.integers(1, 99))))
    assert plain.startswith(got)
    assert said == f"{codec.name} data cut short (offset {at})"


@settings(deadline=None)
@given(any_codec, plain_bytes, st.data())
def test_damage_is_one_line(codec, plain, data) -> None:
    packed = bytearray(PACK[codec.name](plain))
    at = data.draw(st.integers(len(codec.magic), len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    got, said = drained(unpacked(bytes(packed)))
    assert said is None or (said.endswith(")") and "(offset " in said and "\n" not in said)
    assert said or got == plain or codec.name in ("lz4", "zstd")  # whose frames carry no sum unless asked to


@settings(deadline=None)
@given(any_codec, st.binary(max_size=200))
def test_any_bytes_behind_a_magic_are_data_or_one_line(codec, behind) -> None:
    got, said = drained(unpacked(codec.magic + behind))
    assert len(got) < 1 << 20
    assert said is None or "\n" not in said


@pytest.mark.parametrize("name", PACK)
def test_little_is_lost_before_damage(name: str) -> None:
    """Many members, one of them broken: what the ones before it held is given."""
    parts = [bytes([i]) * 5000 for i in range(40)]
    packed = [PACK[name](part) for part in parts]
    at = sum(map(len, packed[:30]))
    broken = b"".join(packed[:30]) + packed[30][: len(packed[30]) // 2] + b"\xff" * 9 + b"".join(packed[31:])
    got, said = drained(unpacked(broken, piece=16))
    assert got.startswith(b"".join(parts[:30])) and said is not None
    assert at <= int(said.rsplit(" ", 1)[1][:-1]) <= at + len(packed[30]) + 16


@pytest.mark.parametrize("name", PACK)
def test_what_lies_behind_the_end_is_told(name: str) -> None:
    data = PACK[name](b"x" * 100)
    got, said = drained(unpacked(data + b"something else"))
    assert got == b"x" * 100
    assert said == f"{name} data ends; what lies behind it is left out (offset {len(data)})"


@pytest.mark.parametrize("name", PACK)
def test_bombs_are_stopped_by_ratio_and_by_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PACK[name](bytes(64 << 20))
    got, said = drained(unpacked(data, limits=InputSettings(unpacked_ratio=50, unpacked_free_mib=1)), 1 << 20)
    assert len(got) < 6 << 20 and said and "data unpacks more than 50-fold (offset" in said
    monkeypatch.setattr(compression, "_GIB", 1 << 20)
    limits = InputSettings(unpacked_gib=2, unpacked_free_mib=1 << 20)
    got, said = drained(unpacked(data, limits=limits), 1 << 20)
    assert len(got) < 5 << 20 and said and "data unpacks to more than 2 GiB (offset" in said


def test_a_window_that_is_too_large_is_refused() -> None:
    level = {zstd.CompressionParameter.window_log: 26}
    packer = zstd.ZstdCompressor(options=level)
    wide = [packer.compress(bytes(100)) + packer.flush()]
    wide.append(lzma.compress(bytes(100), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 64 << 20}]))
    for data in wide:
        codec = codec_of(data)
        assert codec and drained(unpacked(data)) == (bytes(100), None)
        _, said = drained(unpacked(data, limits=InputSettings(unpack_mib=16)))
        assert said and said.startswith(f"{codec.name} data needs more than 16 MiB to unpack (offset ")
