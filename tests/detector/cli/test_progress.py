"""Progress: drawn for those who watch, after a while, and never in the way."""

import contextlib
import os
import pty
import sys

import pytest

from detector.cli import progress


def test_nothing_without_a_terminal() -> None:
    with progress.shown(True) as told:
        assert told is None


def terminal(monkeypatch: pytest.MonkeyPatch) -> int:
    """Standard error is a terminal from now on; its other end."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", os.fdopen(theirs, "w"))
    return ours


def all_written(end: int) -> str:
    """What was drawn, to the end: one read of a terminal may give a part of it."""
    sys.stderr.close()
    drawn = b""
    with contextlib.suppress(OSError):  # Linux: EIO once the other end is closed
        while piece := os.read(end, 65536):
            drawn += piece
    return drawn.decode(errors="replace")


def test_quiet_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    with progress.shown(False) as told:
        assert told is None


def test_short_work_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch)
    bar = progress._Bar()
    bar.update("a.pcap", 1, 2)
    assert bar._progress is None


def test_long_work_is_drawn_and_hostile_names_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    end = terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE_S", 0)
    monkeypatch.setattr(progress, "EVERY_S", 0)
    with progress.shown(True) as told:
        assert told is not None
        told("[bold]x\x1b]0;owned\x07", 1, 2)
        told("unknown length", 5, 0)
    drawn = all_written(end)
    assert "unknown length" in drawn and "]0;owned\x07" not in drawn.replace(r"\x1b]0;owned\x07", "")


def test_a_terminal_that_goes_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    end = terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE_S", 0)
    monkeypatch.setattr(progress, "EVERY_S", 0)
    bar = progress._Bar()
    os.close(end)
    bar.update("a", 1, 2)
    bar.close()
