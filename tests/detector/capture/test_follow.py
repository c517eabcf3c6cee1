"""A file that is still being written: nothing is lost, nothing is read twice."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.capture.follow import Event, FollowedFile


def take(file: FollowedFile, most: int = 1 << 16) -> bytes | Event:
    room = memoryview(bytearray(most))
    got = file.read_into(room)
    return got if isinstance(got, Event) else bytes(room[:got])


def test_waits_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "later"
    file = FollowedFile(str(path))
    assert take(file) is Event.NOTHING
    path.write_bytes(b"abc")
    assert take(file) == b"abc"
    assert take(file) is Event.NOTHING
    file.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.just(b"")), max_size=20), st.integers(1, 16))
def test_what_is_appended_is_read_once(tmp_path_factory: object, pieces: list[bytes], most: int) -> None:
    path = Path(tmp_path_factory.mktemp("f")) / "grows"  # type: ignore[attr-defined]
    path.touch()
    file = FollowedFile(str(path))
    read = b""
    with path.open("ab", buffering=0) as out:
        for piece in pieces:
            out.write(piece)
            while isinstance(got := take(file, most), bytes):
                read += got
            assert got is Event.NOTHING
    file.close()
    assert read == b"".join(pieces)


def test_truncated_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"first file")
    file = FollowedFile(str(path))
    assert take(file) == b"first file"
    path.write_bytes(b"second")  # the same file, cut and written again
    assert take(file) is Event.REPLACED
    assert take(file) == b"second"
    file.close()


def test_replaced_file_is_read_to_its_end_first(tmp_path: Path) -> None:
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_bytes(b"first file")
    file = FollowedFile(str(path))
    assert take(file, 5) == b"first"
    other.write_bytes(b"second")
    other.replace(path)
    assert take(file) == b" file"
    assert take(file) is Event.REPLACED
    assert take(file) == b"second"
    file.close()


def test_removed_file_is_kept_until_another_is_there(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    file = FollowedFile(str(path))
    assert take(file) == b"old"
    path.unlink()
    assert take(file) is Event.NOTHING
    path.write_bytes(b"new")
    assert take(file) is Event.REPLACED
    assert take(file) == b"new"
    file.close()


def test_a_named_pipe_is_never_waited_for_and_each_writer_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    file = FollowedFile(str(path))
    assert take(file) is Event.NOTHING  # nobody writes
    for number, words in enumerate((b"abc", b"defg")):
        with path.open("wb", buffering=0) as writer:
            assert take(file) is Event.NOTHING
            writer.write(words)
            if number:
                assert take(file) is Event.REPLACED
            assert take(file, 2) + take(file) == words  # type: ignore[operator]
        assert take(file) is Event.NOTHING
    file.close()
