"""`minewatch doctor`: tells what is there, what is missing, and the line that mends it."""

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from detector import kernel
from detector.bundle import BundleError
from detector.cli import doctor, main
from detector.model import Bundle


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH, and a model that loads."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Bundle, "load", lambda: SimpleNamespace(id="default-1"))
    return tmp_path


def states(checks: object) -> list[tuple[str, str | None]]:
    return [(check.state, check.mend) for check in checks]  # type: ignore[attr-defined]


def test_all_is_told_and_ends_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(folder, "tshark", "echo 'TShark (Wireshark) 4.0.17'")
    program(folder, "dumpcap", 'case "$1" in -D) echo "1. eth0"; echo "2. lo (Loopback)";; *) exit 0;; esac')
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    for words in (
        "minewatch 0.",
        "numpy ",
        "default-1",
        "TShark (Wireshark) 4.0.17",
        "may capture on eth0, lo",
    ):
        assert words in told
    assert "broken" not in told


def test_without_tshark_it_still_ends_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "missing  tshark, for --engine pyshark and --deep\n           -> sudo apt install tshark" in (
        capsys.readouterr().out
    )


def test_a_broken_model_is_essential(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> None:
        raise BundleError("default_model: channel.npz: changed\x1b[2J since the bundle was written")

    monkeypatch.setattr(Bundle, "load", load)
    assert main(["doctor"]) == 2
    told = capsys.readouterr().out
    assert "broken   default model: default_model: channel.npz: changed\\x1b[2J since" in told


def test_rights_to_capture_are_tried_not_guessed(folder: Path) -> None:
    program(folder, "dumpcap", 'case "$1" in -D) echo "1. eth0";; *) echo "no permission" >&2; exit 2;; esac')
    (check,) = doctor._dumpcap()
    assert check.state == "missing" and "no permission" in check.what
    assert check.mend == f"sudo setcap cap_net_raw,cap_net_admin+eip {folder / 'dumpcap'}"


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "echo 'There are no interfaces' >&2; exit 2"])
def test_no_interface_is_missing_rights(folder: Path, script: str) -> None:
    program(folder, "dumpcap", script)
    assert [state for state, _ in states(doctor._dumpcap())] == ["missing"]


def test_a_program_that_hangs_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.2)
    program(folder, "tshark", "while :; do :; done")
    assert [state for state, _ in states(doctor._tshark())] == ["missing"]


def test_an_uncompiled_core_is_told_but_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "COMPILED", False)
    ((state, mend),) = states(doctor._kernel())
    assert state == "missing" and mend and mend.startswith("sudo apt install gcc")


def test_a_library_that_is_not_installed_is_essential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REQUIRED", ("numpy", "no-such-library"))
    assert states(doctor._libraries()) == [("ok", None), ("broken", "pip install no-such-library")]


def test_an_extra_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "EXTRAS", {"cluster": ("numpy", "no-such-library")})
    assert states(doctor._extras()) == [("missing", "pip install 'minewatch[cluster]'")]
