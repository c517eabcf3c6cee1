"""Stratum V2 over Noise in the simulated corpus: told where it is, nowhere else, and called mining."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Verdict
from detector.settings import Settings
from training import table
from training.simulation import corpus
from training.simulation.catalogue import BENIGN_FAMILIES
from training.simulation.conversation import simulate

UNSEEN = 7_000_000  # seeds that no recipe uses
FROM_ITS_START = [seed for seed in range(UNSEEN, UNSEEN + 16) if simulate("stratum2", seed).from_s <= 0]


def words(family: str, seed: int) -> table.Rows:
    settings, made = Settings(), corpus.example(family, seed)
    origin = table.Origin(0, "g", family, "s", "n", simulated=True)
    return table.rows_of(table.simulated_tables(made.pcap, settings), settings, origin)


@pytest.mark.parametrize("seed", FROM_ITS_START)
def test_a_session_seen_from_its_start_is_mining(seed: int, tmp_path: Path) -> None:
    made = corpus.example("stratum2", seed)
    path = tmp_path / "session.pcap"
    path.write_bytes(made.pcap)
    (found,) = [
        finding for finding in score(Request(paths=(str(path),))).findings if finding.host == made.client
    ]
    assert found.verdict is Verdict.MINING
    assert found.evidence[0].facts["carrier"] == "noise"
    assert "told by its lengths under encryption" in found.evidence[0].summary


@pytest.mark.parametrize("family", BENIGN_FAMILIES)
def test_no_look_alike_has_these_lengths(family: str) -> None:
    wrapped = [simulate(family, seed).wrap for seed in range(UNSEEN, UNSEEN + 6)]
    quiet = [seed for seed, wrap in enumerate(wrapped, UNSEEN) if wrap != "none"][:2]
    assert not any(words(family, seed).dialogue.any() for seed in quiet)


def test_the_shipped_model_has_no_column_for_what_was_said() -> None:
    assert not [name for name in Bundle.load().channel.names if "facts" in name]
