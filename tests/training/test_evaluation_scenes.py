"""The sections on simulated scenes: they score, count and bound what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.records import Verdict
from training.evaluation import dialects, peers, trials
from training.evaluation.disguises import BLOCKS_S, _lost
from training.evaluation.peers import RULES, Segment
from training.evaluation.trials import Outcome, Trial, encrypted, recall, speaks_clear
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES
from training.simulation.disguises import CLEAR


def outcome(verdict: Verdict | None, family: str = "stratum", seconds: float = 3_600.0) -> Outcome:
    return Outcome(Trial(family, 0, CLEAR, seconds), (verdict,), (), seconds)


def test_a_clear_dialogue_is_mining_and_a_feed_is_not() -> None:
    mined, feed = trials.tried([Trial("stratum", 1, CLEAR, 300.0), Trial("market_wide", 1)], None, 1)
    assert mined.named == (Verdict.MINING,)
    assert feed.named[0] is not Verdict.MINING


def test_recall_is_counted_with_its_bound() -> None:
    called = [outcome(Verdict.MINING)] * 38 + [outcome(Verdict.SUSPICIOUS), outcome(None)]
    assert recall(called) == "38 of 40, ≥ 83%; 39 with suspicious"
    assert recall([]) == "-"


def test_each_fold_leaves_out_families_once() -> None:
    folds = dialects._folds(3)
    assert sorted(name for fold in folds for name in fold) == sorted([*MINING_FAMILIES, *BENIGN_FAMILIES])
    assert all(fold & set(MINING_FAMILIES) and fold & set(BENIGN_FAMILIES) for fold in folds)


def test_the_worst_look_alike_stands_first() -> None:
    quiet = [outcome(Verdict.CLEAR, "dns")] * 9
    loud = [outcome(Verdict.MINING, "presence"), *[outcome(Verdict.CLEAR, "presence")] * 9]
    told = dialects._mistaken([*quiet, *loud]).splitlines()
    assert told[2].startswith("| all | 1 of 19 (at most 26.03 %) | 19.0 |")
    assert told[3].startswith("| presence | 1 of 10")
    assert told[-1] == "1 of 2 families were never called anything."


def test_what_may_travel_in_the_clear() -> None:
    assert speaks_clear("stratum") and speaks_clear("stratum2_clear")
    assert not speaks_clear("stratum2") and not speaks_clear("generic")
    assert encrypted("stratum2") == "noise" and encrypted("stratum") == "tls13"
    assert encrypted("prober") is None


def test_delay_costs_more_where_blocks_are_fast() -> None:
    lost = [_lost(5.0, block_s) for block_s in BLOCKS_S.values()]
    assert lost == sorted(lost)
    assert _lost(0.0, 13.0) == 0.0
    assert _lost(13.0, 13.0) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("payload", "called"),
    [
        (b'{"id":1,"method":"mining.subscribe","params":[]}\n', (True, True, True, True)),
        (b'{"id": 1, "jsonrpc": "2.0", "method": "login", "params": {}}\n', (False, False, True, True)),
        (b'{"method":"login","params":{}}\n', (False, True, True, True)),
        (b'{"jsonrpc":"2.0","method":"eth_call","params":[]}\n', (False, False, False, True)),
        (b"GET / HTTP/1.1\r\n\r\n", (False, False, False, False)),
    ],
)
def test_rules_say_what_their_sources_say(payload: bytes, called: tuple[bool, ...]) -> None:
    assert tuple(rule.holds(Segment(payload, (50_000, 443))) for rule in RULES[:4]) == called
    assert not RULES[4].holds(Segment(payload, (50_000, 443)))
    assert RULES[4].holds(Segment(payload, (50_000, 3333)))


def test_rules_read_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(Trial("stratum", 0, CLEAR, 60.0).made().pcap)
    assert peers.matched(path)[0] and peers.matched(path)[2]
    path.write_bytes(b"not a capture")
    assert peers.matched(path) == [False] * len(RULES)
    assert peers.mines(path) in (None, False)


def test_an_absent_program_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers.shutil, "which", lambda _: None)
    assert peers.mines(tmp_path / "x") is None
    assert "not installed" in peers._program()
