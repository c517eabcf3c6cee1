"""Channels that share a clock, with each other or with a chain: blocks meet, timers and busy channels do
not, and memory is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.findings import judge
from detector.findings.ledger import ChannelRecord
from detector.findings.synchrony import CHANNELS, LEAST, PUSHES, BlockClock, pushes
from detector.hosts import Assets, words
from detector.kernel import layout
from detector.records import Verdict
from detector.settings import Settings
from tests.detector.findings.records import TEN, Models, channel_record, host, ledger

S = 1_000_000_000


def ring(events: list[tuple[int, bool]]) -> np.ndarray:
    """A row whose newest messages are (ns, whether the server's)."""
    wide = np.zeros(layout.WIDE, np.int64)
    flat = [word for when, down in events[-layout.TAIL_EVENTS :] for word in (when, int(down) << 32 | 100)]
    wide[layout.TAIL : layout.TAIL + len(flat)] = flat
    return wide


def suspect(home: str, remote: str, probability: float = 0.9) -> ChannelRecord:
    record = channel_record(probability, remote=remote, suspect_windows=1)
    key = np.array([*words(home), *words(remote), 3333 << 8 | 6], np.uint64).tobytes()
    record.key = key
    return record


def hear(clock: BlockClock, record: ChannelRecord, moments: np.ndarray) -> ChannelRecord:
    """Pushes at these times (s), some in each window's ring."""
    times = (TEN + moments * S).astype(np.int64).tolist()
    for start in range(0, len(times), 4):
        clock.hear(
            record, ring([(times[start] - 5 * S, True), *((t, True) for t in times[start : start + 4])])
        )
    return record


def blocks(seed: int, n: int = 30, mean_s: float = 40.0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(mean_s, n) + 3.0)


def test_a_push_is_what_nothing_of_the_client_prompted() -> None:
    events = [(TEN, True), (TEN + 10 * S, True), (TEN + 20 * S, False), (TEN + 20 * S + S // 10, True)]
    events += [(TEN + 23 * S, True)]
    assert pushes(ring(events)).tolist() == [TEN + 10 * S, TEN + 23 * S]
    assert pushes(ring([])).tolist() == []


def test_pools_of_one_coin_share_a_clock() -> None:
    clock, moments = BlockClock(), blocks(1)
    late = np.random.default_rng(2).uniform(-0.4, 0.4, len(moments))
    one = hear(clock, suspect("10.0.0.7", "203.0.113.5"), moments)
    other = hear(clock, suspect("10.0.0.8", "198.51.100.9"), np.sort(moments + late))
    found = clock.meetings()
    assert found[one.key].other is other and found[other.key].other is one
    assert found[one.key].met >= 25 and found[one.key].by_chance <= found[one.key].met // 2


@pytest.mark.parametrize("period", [2.0, 5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0])
def test_timers_of_one_period_in_step_share_none(period: float) -> None:
    clock = BlockClock()
    for number in (7, 8):
        hear(clock, suspect(f"10.0.0.{number}", f"203.0.113.{number}"), period * np.arange(1, 60))
    assert clock.meetings() == {}


@pytest.mark.parametrize("seed", range(40))
def test_channels_that_know_nothing_of_each_other_share_none(seed: int) -> None:
    clock = BlockClock()
    for number in range(6):
        moments = blocks(100 * seed + number, 60, 4.0 * (1 + number))
        hear(clock, suspect(f"10.0.0.{number}", f"203.0.113.{number}"), moments)
    assert clock.meetings() == {}


@pytest.mark.parametrize(("home", "remote"), [("10.0.0.7", "198.51.100.9"), ("10.0.0.8", "203.0.113.5")])
def test_one_host_or_one_service_is_no_second_witness(home: str, remote: str) -> None:
    clock = BlockClock()
    hear(clock, suspect("10.0.0.7", "203.0.113.5"), blocks(1))
    hear(clock, suspect(home, remote), blocks(1))
    assert clock.meetings() == {}


def test_few_pushes_meet_by_accident() -> None:
    clock = BlockClock()
    for number in (7, 8):
        hear(clock, suspect(f"10.0.0.{number}", f"203.0.113.{number}"), blocks(1, LEAST - 1))
    assert clock.meetings() == {}


def test_memory_is_bounded_and_the_most_suspect_stay() -> None:
    clock = BlockClock()
    for number in range(CHANNELS + 20):
        home = f"10.0.1.{number}"
        hear(clock, suspect(home, f"203.0.113.{number}", 0.6 + number / 1000), blocks(number, 2 * PUSHES))
    kept = [heard.record.host for heard in clock._heard.values()]
    assert len(kept) == CHANNELS and "10.0.1.83" in kept and "10.0.1.0" not in kept
    assert max(len(heard.moments) for heard in clock._heard.values()) == PUSHES


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=layout.WIDE, max_size=layout.WIDE))
def test_any_row_is_taken(row: list[int]) -> None:
    clock = BlockClock()
    for number in (7, 8):
        record = suspect(f"10.0.0.{number}", f"203.0.113.{number}")
        for _ in range(3):
            clock.hear(record, np.array(row, np.int64))
    clock.meetings()


def known(times: np.ndarray, chain: str = "BTC") -> BlockClock:
    return BlockClock({chain: (TEN + times * S).astype(np.int64)})


def test_pushes_that_follow_a_chain_are_told_with_its_name() -> None:
    clock, found = known(blocks(1, 20, 600.0)), blocks(2, 20, 600.0)
    clock = BlockClock(dict(clock._blocks) | known(found, "XMR")._blocks)
    late = np.random.default_rng(3).uniform(-0.3, 2.0, len(found))
    timer = np.arange(1, 200) * 45.0
    record = hear(clock, suspect("10.0.0.7", "203.0.113.5"), np.sort([*(found + late), *timer]))
    told = clock.followed()[record.key]
    assert told.chain == "XMR" and told.met >= 15 and told.by_chance <= told.met // 2


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("mean_s", [2.0, 15.0, 60.0])
def test_pushes_that_know_of_no_block_follow_none(seed: int, mean_s: float) -> None:
    clock = known(blocks(seed, 40, 150.0))
    hear(clock, suspect("10.0.0.7", "203.0.113.5"), blocks(100 + seed, 250, mean_s))
    hear(clock, suspect("10.0.0.8", "203.0.113.6"), mean_s * np.arange(1, 250))
    assert clock.followed() == {}


def test_blocks_that_were_found_while_nobody_listened_count_for_nothing() -> None:
    clock = known(blocks(1, LEAST - 1))
    hear(clock, suspect("10.0.0.7", "203.0.113.5"), np.arange(1, 4_000, 20.0))
    assert clock.followed() == {}
    assert BlockClock({"BTC": np.zeros(0, np.int64)}).followed() == {}


def test_followed_blocks_are_a_second_kind_of_evidence() -> None:
    record = suspect("10.0.0.7", "203.0.113.5", 0.95)
    made = ledger({"10.0.0.7": host(record)})
    made.clock = known(blocks(1))
    (alone,) = judge(made, Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert alone.verdict is Verdict.SUSPICIOUS
    hear(made.clock, record, blocks(1) + 0.5)
    (found,) = judge(made, Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert found.verdict is Verdict.MINING
    (told,) = [item for item in found.evidence if item.kind == "blocks"]
    assert "blocks of BTC were followed" in told.summary and told.weight == 0


def test_a_shared_clock_is_a_second_kind_of_evidence() -> None:
    records = {f"10.0.0.{n}": suspect(f"10.0.0.{n}", f"203.0.113.{n}", 0.95) for n in (7, 8)}
    made = ledger({name: host(record) for name, record in records.items()})
    alone = judge(made, Models(), Settings(), Assets())  # type: ignore[arg-type]
    assert [found.verdict for found in alone] == [Verdict.SUSPICIOUS] * 2
    for record in records.values():
        hear(made.clock, record, blocks(1))
    for found in judge(made, Models(), Settings(), Assets()):  # type: ignore[arg-type]
        assert found.verdict is Verdict.MINING
        (told,) = [item for item in found.evidence if item.kind == "synchrony"]
        assert "share a clock" in told.summary and told.weight == 0
