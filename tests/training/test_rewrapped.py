"""Recorded sessions re-wrapped: the messages that are read, and what is left of them on the wire."""

from __future__ import annotations

import pytest

from detector.records import Verdict
from detector.settings import Settings
from training import corpora, table
from training.evaluation import rewrapped
from training.evaluation.rewrapped import Outcome, Session
from training.simulation.script import DOWN, UP

MIRROR = corpora.mirror()
needs_data = pytest.mark.skipif(MIRROR is None, reason="no captures in $MINEWATCH_DATA or ../shared/data")
SESSION = Session(
    "by hand",
    tuple((20.0 * i + late, way, 150 + i % 3) for i in range(12) for late, way in ((0, UP), (0.1, DOWN))),
)


def test_pieces_of_one_message_are_one_and_others_are_not() -> None:
    ms = 1_000_000
    pieces = [(0, UP, 10), (ms, UP, 5), (2 * ms, DOWN, 7), (2 * ms + ms // 2, UP, 1), (9 * ms, UP, 2)]
    assert rewrapped._messages(pieces) == ((0.0, UP, 15), (0.002, DOWN, 7), (0.0025, UP, 1), (0.009, UP, 2))


@pytest.mark.parametrize("wrap", rewrapped.WRAPS)
def test_a_session_goes_through_every_wrapping_unread_and_the_same_twice(wrap: str) -> None:
    made = rewrapped.rewrapped(SESSION, wrap, 0)
    assert (
        made.pcap == rewrapped.rewrapped(SESSION, wrap, 0).pcap != rewrapped.rewrapped(SESSION, wrap, 1).pcap
    )
    settings = Settings()
    origin = table.Origin(1, "g", "f", "s", "n", simulated=True)
    rows = table.rows_of(table.simulated_tables(made.pcap, settings), settings, origin)
    assert len(rows) and not rows.dialogue.any()


def test_the_table_counts_verdicts() -> None:
    verdicts = (Verdict.MINING, Verdict.SUSPICIOUS, Verdict.CLEAR, Verdict.UNDECIDED)
    text = rewrapped.section([Outcome(SESSION, "tls13", verdict, None) for verdict in verdicts])
    assert "| by hand | 24 | 3.7 | 4 | 1 (at least 1%) | 2 (at least 7%) |" in text
    assert "| opaque | 0 | 0 (at least 0%) | 0 (at least 0%) |" in text


@needs_data
def test_ten_recorded_sessions_each_once() -> None:
    assert MIRROR is not None
    found = rewrapped.sessions(corpora.captures(MIRROR))
    assert len(found) == 10 and len({session.events for session in found}) == 10
    assert all(list(session.events) == sorted(session.events) for session in found)
    assert all({way for _, way, _ in session.events} == {UP, DOWN} for session in found)
