"""Files that are whole or not there."""

import os
import stat
from pathlib import Path

import pytest

from detector.atomic import drafted, replacing


def test_a_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "out.txt"
    place.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(place) as stream:
        stream.write("half")
        raise KeyboardInterrupt
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


def test_the_new_file_has_ordinary_permissions(tmp_path: Path) -> None:
    place = tmp_path / "out.txt"
    mask = os.umask(0o027)
    try:
        with replacing(place) as stream:
            stream.write("é")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert place.read_bytes() == "é".encode()


def test_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    place = tmp_path / "out.txt"
    place.write_text("old")
    place.chmod(0o600)
    with replacing(place) as stream:
        stream.write("new")
    assert (stat.S_IMODE(place.stat().st_mode), place.read_text()) == (0o600, "new")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing(tmp_path / "link") as stream:
        stream.write("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to() -> None:
    with replacing("/dev/null") as stream:
        stream.write("gone")
    assert Path("/dev/null").is_char_device()


def test_errors_name_what_the_user_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "file"):
        with pytest.raises(OSError) as told, drafted(path):
            pass
        assert told.value.filename == str(path)
