"""Row arithmetic: merging equals metering at once, turning twice is nothing, and bounds hold."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detector.kernel import Meter, Packet, layout, merge_rows, turn_rows
from detector.records import ChannelWindows
from detector.settings import MeterSettings
from tests.detector.kernel.by_hand import MS, START, S, canonical, histogram, pairs, wide

BLOCKS = (layout.UP, layout.DOWN)


def datagrams(messages: list[tuple[int, bool, int]]) -> list[Packet]:
    """UDP messages (time after START, up, length): each is a message of its own."""
    ends = (1, 50_000, 2, 53)
    out = []
    for at, up, n in messages:
        source, sport, destination, dport = ends if up else (*ends[2:], *ends[:2])
        out.append(Packet(START + at, source, sport, destination, dport, 17, n + 42, n))
    return out


def table(packets: list[Packet]) -> ChannelWindows:
    fed = Meter(MeterSettings())
    fed.observe(packets)
    return fed.windows(True)[0]


def merged(a: ChannelWindows, b: ChannelWindows) -> ChannelWindows:
    merge_rows(a, np.array([0]), b, np.array([0]))
    return a


STEPS = st.sampled_from([MS, 50 * MS, 400 * MS, 700 * MS, 3 * S, 12 * S])
MESSAGES = st.lists(
    st.tuples(STEPS, st.booleans(), st.sampled_from([1, 2, 63, 119, 120, 70_000])), min_size=2, max_size=24
)


def timed(steps: list[tuple[int, bool, int]]) -> list[tuple[int, bool, int]]:
    at, out = 0, []
    for step, up, n in steps:
        at += step
        out.append((at, up, n))
    return out


def words(row: ChannelWindows, skip: set[int]) -> list[int]:
    return [int(v) for i, v in enumerate(row.wide[0]) if i not in skip]


def offsets(*names: str) -> set[int]:
    return {block + getattr(layout, name) for block in BLOCKS for name in names}


def histograms(row: ChannelWindows, *names: str) -> list[dict[int, int]]:
    return [histogram(row, name, direction) for name in names for direction in ("up", "down")]


@settings(max_examples=300, deadline=None)
@given(MESSAGES, st.floats(0, 1))
def test_merging_equals_metering_at_once(steps: list[tuple[int, bool, int]], share: float) -> None:
    """Everything but the heavy hitters that dropped, while the rings hold what the seam changes."""
    messages = timed(steps)
    cut = 1 + int(share * (len(messages) - 2))
    first, second = messages[:cut], messages[cut:]
    whole = table(datagrams(messages))
    halves = merged(table(datagrams(first)), table(datagrams(second)))
    dropped = offsets("LENGTHS_DROPPED", "PUSH_LENGTHS_DROPPED", "REPLY_LENGTHS_DROPPED")
    assume(not any(whole.wide[0, i] or halves.wide[0, i] for i in dropped))
    exact = (
        len(second) <= layout.HEAD_EVENTS
        or second[layout.HEAD_EVENTS - 1][0] > first[-1][0] + layout.PROMPT_NS
    )
    seam = set() if exact else offsets("PUSHES", "PUSHES_ANSWERED")
    if len(second) > layout.HEAD_EVENTS:  # the first push that stays may lie behind the ring
        seam |= offsets("FIRST_PUSH_NS")
    assert words(halves, seam) == words(whole, seam)
    near = sum(ns <= first[-1][0] + layout.PROMPT_NS for ns, *_ in second)  # what the seam can change
    for name in ("PUSHES", "PUSHES_ANSWERED"):
        for direction in ("up", "down"):
            assert abs(wide(halves, name, direction) - wide(whole, name, direction)) <= near
    plain = ("LENGTH_HISTOGRAM", "GAP_HISTOGRAM", "REPLY_DELAY_HISTOGRAM")
    assert histograms(halves, *plain) == histograms(whole, *plain)
    for direction in ("up", "down"):
        assert pairs(halves, "LENGTHS", direction) == pairs(whole, "LENGTHS", direction)
        assert pairs(halves, "REPLY_LENGTHS", direction) == pairs(whole, "REPLY_LENGTHS", direction)
        if exact:
            assert pairs(halves, "PUSH_LENGTHS", direction) == pairs(whole, "PUSH_LENGTHS", direction)
    if len(second) <= layout.HEAD_EVENTS:
        assert histograms(halves, "PUSH_GAP_HISTOGRAM") == histograms(whole, "PUSH_GAP_HISTOGRAM")


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.floats(0, 1))
def test_the_order_of_the_two_does_not_matter(steps: list[tuple[int, bool, int]], share: float) -> None:
    messages = timed(steps)
    cut = 1 + int(share * (len(messages) - 2))
    one, two = (lambda: table(datagrams(messages[:cut]))), (lambda: table(datagrams(messages[cut:])))
    assert canonical(merged(one(), two())) == canonical(merged(two(), one()))


@settings(max_examples=50, deadline=None)
@given(MESSAGES)
def test_turning_twice_is_nothing_and_once_exchanges(steps: list[tuple[int, bool, int]]) -> None:
    assume(steps)
    row, turned = table(datagrams(timed(steps))), table(datagrams(timed(steps)))
    turn_rows(turned, np.array([0]))
    assert (
        turned.wide[0, layout.UP : layout.DOWN].tolist() == row.wide[0, layout.DOWN : layout.EVENTS].tolist()
    )
    assert turned.narrow[0, : layout.NARROW_DOWN].tolist() == row.narrow[0, layout.NARROW_DOWN :].tolist()
    assert wide(turned, "HEAD") == wide(row, "HEAD")
    assert int(turned.wide[0, layout.HEAD + 1]) ^ int(row.wide[0, layout.HEAD + 1]) == 1 << 32
    turn_rows(turned, np.array([0]))
    assert canonical(turned) == canonical(row)


def test_two_windows_merge_into_the_later_one() -> None:
    packets = datagrams([(5 * S, True, 10), (15 * S, True, 10), (310 * S, True, 20), (320 * S, False, 5)])
    both = table(packets)
    assert len(both) == 2
    later = ChannelWindows(
        *(
            getattr(both, name)[1:].copy()
            for name in ("client", "server", "port", "transport", "basis", "wide", "narrow")
        ),
        facts=[None],
    )
    merge_rows(later, np.array([0]), both, np.array([0]))
    assert wide(later, "WINDOW_NS") == START + 300 * S
    assert (wide(later, "BUSY_BINS", "up"), wide(later, "BUSY_BEFORE", "up")) == (1 << 1, 2)
    assert wide(later, "LONGEST_GAP_NS", "up") == 295 * S
    assert pairs(later, "LENGTHS", "up") == {10: 2, 20: 1}
    assert wide(later, "FIRST_NS") == START + 5 * S
    events = later.wide[0, layout.HEAD : layout.TAIL].reshape(-1, 2)
    assert events[:5, 0].tolist() == [START + 5 * S, START + 15 * S, START + 310 * S, START + 320 * S, 0]


def test_a_reply_across_the_seam() -> None:
    first, second = (
        [(S, False, 30), (10 * S, True, 100)],
        [(10 * S + 200 * MS, False, 60), (20 * S, False, 61)],
    )
    a, b = table(datagrams(first)), table(datagrams(second))
    assert wide(b, "PUSHES", "down") == 2  # alone, nothing prompted the first
    row = merged(a, b)
    assert wide(row, "PUSHES", "down") == 2
    assert pairs(row, "PUSH_LENGTHS", "down") == {30: 1, 61: 1}
    assert wide(row, "FIRST_PUSH_NS", "down") == START + S
    assert histogram(row, "PUSH_GAP_HISTOGRAM", "down") == {15: 1}  # 19 s; not 9.2 s and 9.8 s
    assert pairs(row, "REPLY_LENGTHS", "up") == {60: 1}
    assert wide(row, "PUSHES_ANSWERED", "up") == 1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=400),
    st.lists(st.integers(1, 40), min_size=1, max_size=400),
)
def test_heavy_hitters_keep_the_stated_bound(one: list[int], two: list[int]) -> None:
    """A count is at most the truth and at least the truth less DROPPED (Agarwal et al. 2013)."""
    a = table(datagrams([(i * 10 * MS, True, n) for i, n in enumerate(one)]))
    b = table(datagrams([(20 * S + i * 10 * MS, True, n) for i, n in enumerate(two)]))
    assert_bound(a, one)
    assert_bound(b, two)
    assert_bound(merged(a, b), one + two)


def assert_bound(row: ChannelWindows, said: list[int]) -> None:
    truth, counted, dropped = Counter(said), pairs(row, "LENGTHS", "up"), wide(row, "LENGTHS_DROPPED", "up")
    assert all(truth[n] - dropped <= counted.get(n, 0) <= truth[n] for n in truth)
    assert dropped * (layout.COMMON_LENGTHS + 1) <= len(said)


def test_wrong_rows_and_shapes_are_refused() -> None:
    row = table(datagrams([(0, True, 1)]))
    with pytest.raises(IndexError):
        merge_rows(row, np.array([0]), row, np.array([1]))
    with pytest.raises(IndexError):
        turn_rows(row, np.array([-1]))
    with pytest.raises(ValueError, match="to merge"):
        merge_rows(row, np.array([0]), row, np.array([], np.int64))
    row.wide = row.wide[:, :-1]
    with pytest.raises(ValueError, match="not rows"):
        turn_rows(row, np.array([0]))
