"""Windows of many sources in order of time, and what is rolled up of each channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kernel import layout, merge_rows
from detector.records import ChannelWindows, Facts
from detector.settings import MeterSettings, WindowSettings
from detector.windows.channel import (
    Rollup,
    concatenate,
    empty,
    in_order,
    keys,
    merged,
    take,
)
from tests.detector.kernel.by_hand import MS, START, S, Talk, canonical

WINDOW_NS, HOUR_NS = 300 * S, 3_600 * S
HOUR = START // HOUR_NS * HOUR_NS + HOUR_NS  # begins a span


def row(start: int, port: int = 3333, packets: int = 1, after: int = 0) -> ChannelWindows:
    """One row made by hand: `packets` packets up from `after` ns into the window that begins at `start`."""
    table = empty(1)
    table.client[0], table.server[0] = (0, 0xFFFF_0A00_0001), (0, 0xFFFF_CB00_7105)
    table.port[0], table.transport[0] = port, 6
    wide = table.wide[0]
    wide[layout.WINDOW_NS], wide[layout.KNOWN] = start, layout.KNOWS_ALL
    wide[layout.FIRST_NS], wide[layout.LAST_NS] = start + after + 1, start + after + packets
    wide[layout.UP + layout.PACKETS] = packets
    return table


def packets(table: ChannelWindows) -> list[int]:
    return table.wide[:, layout.UP + layout.PACKETS].tolist()


def starts(table: ChannelWindows) -> set[int]:
    return set(table.wide[:, layout.WINDOW_NS].tolist())


class Source:
    """Tables that know how many of them were asked for."""

    def __init__(self, *tables: ChannelWindows) -> None:
        self._tables = tables
        self.read = 0

    def __iter__(self) -> Iterator[ChannelWindows]:
        for table in self._tables:
            self.read += 1
            yield table


def batches(*sources: tuple[int, Source]) -> list[ChannelWindows]:
    return list(in_order([(begins, iter(source)) for begins, source in sources]))


# --- tables


def test_take_copies_in_the_given_order_with_the_facts() -> None:
    table = concatenate([row(HOUR, 1), row(HOUR, 2), row(HOUR, 3)])
    table.facts[2] = Facts("stratum")
    taken = take(table, np.array([2, 0]))
    assert taken.port.tolist() == [3, 1]
    assert taken.facts == [Facts("stratum"), None]
    taken.wide[:] = 0
    assert table.wide[2, layout.WINDOW_NS] == HOUR


def test_concatenate_of_nothing_and_of_some() -> None:
    assert len(concatenate([])) == 0
    both = concatenate([row(HOUR, 1), empty(), row(HOUR, 2)])
    assert both.port.tolist() == [1, 2] and len(both.facts) == 2


def test_keys_tell_channels_apart_by_every_part() -> None:
    table = concatenate([row(HOUR)] * 6)
    table.client[1, 1] += 1
    table.server[2, 0] += 1
    table.port[3] += 1
    table.transport[4] = 17
    names = keys(table)
    assert len(set(names[:5])) == 5 and names[5] == names[0]


def test_rows_of_one_channel_are_merged_in_order_of_time() -> None:
    late, early = row(HOUR, packets=5, after=100), row(HOUR, packets=3)
    late.facts[0] = Facts("cryptonote", jobs=2, difficulty=9.0)
    early.facts[0] = Facts("stratum", jobs=1, difficulty=4.0)
    late.basis[0] = 3
    one = merged(concatenate([late, row(HOUR, port=1), early]))
    mine = one.port.tolist().index(3333)
    assert len(one) == 2 and packets(one)[mine] == 8
    assert int(one.basis[mine]) == 3
    facts = one.facts[mine]
    assert facts is not None and (facts.jobs, facts.dialect, facts.difficulty) == (3, "cryptonote", 9.0)
    assert one.wide[mine, [layout.FIRST_NS, layout.LAST_NS]].tolist() == [HOUR + 1, HOUR + 105]


def test_three_rows_of_one_channel_are_one() -> None:
    parts = [row(HOUR, packets=2, after=i * 10) for i in range(3)]
    assert packets(merged(concatenate(parts))) == [6]


def test_merged_changes_nothing_it_was_given() -> None:
    table = concatenate([row(HOUR, packets=2), row(HOUR, packets=3, after=9)])
    before = table.wide.copy()
    merged(table)
    assert (table.wide == before).all()


# --- in_order


def test_windows_of_several_sources_come_in_order_each_once() -> None:
    a = Source(row(HOUR), concatenate([row(HOUR + WINDOW_NS), row(HOUR + 2 * WINDOW_NS)]))
    b = Source(row(HOUR + WINDOW_NS, port=2), row(HOUR + 3 * WINDOW_NS, port=2))
    found = batches((HOUR, a), (HOUR + WINDOW_NS, b))
    assert [starts(batch) for batch in found] == [{HOUR + i * WINDOW_NS} for i in range(4)]
    assert [len(batch) for batch in found] == [1, 2, 1, 1]


def test_the_same_channel_window_of_two_sources_is_one_row() -> None:
    found = batches((HOUR, Source(row(HOUR, packets=2))), (HOUR + 9, Source(row(HOUR, packets=5, after=9))))
    assert len(found) == 1 and packets(found[0]) == [7]


def test_a_source_is_not_touched_before_it_is_due() -> None:
    early = Source(row(HOUR), row(HOUR + WINDOW_NS))
    late = Source(row(HOUR + 5 * HOUR_NS, port=2))
    stream = in_order([(HOUR + 5 * HOUR_NS, iter(late)), (HOUR, iter(early))])
    next(stream)
    assert late.read == 0
    assert sum(1 for _ in stream) == 2 and late.read == 1


def test_a_source_may_hold_rows_of_the_window_it_begins_in() -> None:
    """Its first packet comes half an hour after the window's start: windows of an hour."""
    hours = Source(row(HOUR, packets=2), row(HOUR + HOUR_NS))
    later = Source(row(HOUR, packets=3, after=HOUR_NS // 2))
    found = batches((HOUR, hours), (HOUR + HOUR_NS // 2, later))
    assert packets(found[0]) == [5]


def test_a_source_whose_packets_are_out_of_order_may_begin_before_its_first() -> None:
    tidy = Source(*(row(HOUR + i * WINDOW_NS, packets=2) for i in range(3)))
    untidy = Source(row(HOUR, packets=3, after=9))
    found = batches((HOUR, tidy), (HOUR + 2 * WINDOW_NS, untidy))
    assert [packets(batch) for batch in found] == [[5], [2], [2]]


def test_rows_later_than_their_window_make_a_batch_of_their_own() -> None:
    backwards = Source(row(HOUR + WINDOW_NS), row(HOUR, packets=4))
    assert [packets(batch) for batch in batches((HOUR, backwards))] == [[1], [4]]


def test_empty_sources_and_none() -> None:
    assert batches() == []
    assert batches(
        (0, Source()),
        (
            HOUR,
            Source(row(HOUR)),
        ),
    )[0].port.tolist() == [3333]


@given(st.lists(st.lists(st.integers(0, 40), max_size=8), max_size=5), st.data())
def test_whatever_the_sources_every_row_comes_once_and_in_order(
    sources: list[list[int]], data: st.DataObject
) -> None:
    given_ = [sorted(windows) for windows in sources]
    order = data.draw(st.permutations(range(len(given_))))
    tables = [
        (HOUR + given_[i][0] * WINDOW_NS if given_[i] else 0,
         Source(*(row(HOUR + at * WINDOW_NS, port=i + 1) for at in given_[i])))
        for i in order
    ]  # fmt: skip
    found = batches(*tables)
    seen = [int(batch.wide[0, layout.WINDOW_NS]) for batch in found]
    assert seen == sorted(set(seen))
    assert sum(sum(packets(batch)) for batch in found) == sum(map(len, given_))


# --- Rollup


def rollup(span_windows: int = 12) -> Rollup:
    return Rollup(MeterSettings(), WindowSettings(span_windows=span_windows))


def test_spans_are_aligned_to_the_epoch_and_the_one_before_is_kept() -> None:
    """One packet a window from the middle of a span on: 6 windows, then 6 + 12, then 12 + 12."""
    kept, seen = rollup(), []
    for i in range(6, 42):
        seen += packets(kept.add(row(HOUR + i * WINDOW_NS)))
    assert seen == [*range(1, 7), *range(7, 19), *range(13, 25), *range(13, 19)]


def test_a_silent_span_between_is_forgotten() -> None:
    kept = rollup()
    kept.add(row(HOUR, packets=5))
    assert packets(kept.add(row(HOUR + 2 * HOUR_NS))) == [1]


def test_a_channel_that_pauses_within_the_span_before_is_not() -> None:
    kept = rollup()
    kept.add(row(HOUR, packets=5))
    assert packets(kept.add(row(HOUR + 2 * HOUR_NS - WINDOW_NS))) == [6]


def test_idle_channels_are_forgotten_and_their_room_is_used_again() -> None:
    """10 000 channels over 50 hours, never more than 400 at a time: no more room than for those."""
    kept = rollup()
    for hour in range(50):
        for part in range(2):
            ports = range(1 + hour * 200 + part * 100, 101 + hour * 200 + part * 100)
            start = HOUR + hour * HOUR_NS + part * WINDOW_NS
            kept.add(concatenate([row(start, port) for port in ports]))
        assert len(kept) <= 400
    assert len(kept._rows._chunks) == 1


def test_a_slot_used_again_holds_nothing_of_the_channel_before() -> None:
    kept = rollup()
    first = row(HOUR, port=1, packets=50)
    first.facts[0] = Facts("stratum", logins=1)
    kept.add(first)
    kept.add(row(HOUR + HOUR_NS, port=1, packets=50))
    assert len(kept) == 1
    later = row(HOUR + 5 * HOUR_NS, port=2)
    found = kept.add(later)
    assert len(kept) == 1
    assert packets(found) == [1] and found.facts == [None]
    assert packets(kept.add(row(HOUR + 5 * HOUR_NS + WINDOW_NS, port=2))) == [2]


def test_late_rows_join_the_running_span() -> None:
    kept = rollup()
    kept.add(row(HOUR + HOUR_NS, packets=2))
    assert packets(kept.add(row(HOUR + HOUR_NS - WINDOW_NS, packets=3))) == [5]
    assert packets(kept.add(row(HOUR + HOUR_NS + WINDOW_NS))) == [6]


def test_a_late_stranger_of_an_old_span_leaves_nothing_behind() -> None:
    """Not even in a slot whose last owner left two spans in it."""
    kept = rollup()
    for hour in (0, 1):
        kept.add(row(HOUR + hour * HOUR_NS, port=1, packets=50))
    kept.add(row(HOUR + 5 * HOUR_NS, port=3))
    kept.add(row(HOUR + HOUR_NS, port=2, packets=9))
    kept.add(row(HOUR + 2 * HOUR_NS, port=4, packets=9))
    both = concatenate([row(HOUR + 5 * HOUR_NS + WINDOW_NS, port) for port in (2, 4)])
    assert canonical(kept.add(take(both, np.arange(2)))) == canonical(both)


def said(start: int, port: int, up: int, down: int = 0) -> ChannelWindows:
    """A row with that many messages in each direction."""
    table = row(start, port)
    table.wide[0, layout.UP + layout.MESSAGES], table.wide[0, layout.DOWN + layout.MESSAGES] = up, down
    return table


def test_a_scan_takes_bounded_room_and_pushes_out_nobody_who_talks() -> None:
    """20 dialogues, then 20 000 silent channels and 500 of one direction through room for 100."""
    kept = Rollup(MeterSettings(max_connections=100), WindowSettings())
    talking = concatenate([said(HOUR, port, 3, 3) for port in range(1, 21)])
    kept.add(take(talking, np.arange(20)))
    for begin in range(1000, 21_000, 50):
        kept.add(concatenate([row(HOUR, port) for port in range(begin, begin + 50)]))
        assert len(kept) <= 150
    for begin in range(30_000, 30_500, 50):
        kept.add(concatenate([said(HOUR, port, up=1) for port in range(begin, begin + 50)]))
        assert len(kept) <= 150
    assert len(kept._rows._chunks) == 1
    assert packets(kept.add(talking)) == [2] * 20


def test_of_many_who_talk_the_longest_silent_make_room() -> None:
    kept = Rollup(MeterSettings(max_connections=100), WindowSettings())
    kept.add(said(HOUR, 1, 3, 3))
    for i in range(10):
        start = HOUR + i * WINDOW_NS
        kept.add(concatenate([said(start, port, 3, 3) for port in (2, *range(100 + 20 * i, 120 + 20 * i))]))
    later = concatenate([said(HOUR + 10 * WINDOW_NS, port, 3, 3) for port in (1, 2)])
    assert packets(kept.add(later)) == [1, 11]


def test_facts_of_both_spans_are_told_and_those_of_the_batch_stay() -> None:
    kept = rollup()
    for i in (0, 1, 12):
        batch = row(HOUR + i * WINDOW_NS)
        batch.facts[0] = Facts("stratum", jobs=1)
        found = kept.add(batch)
        assert batch.facts[0] == Facts("stratum", jobs=1)
    facts = found.facts[0]
    assert facts is not None and facts.jobs == 3


def test_what_is_returned_is_not_what_is_kept() -> None:
    kept = rollup()
    for i in range(3):
        found = kept.add(row(HOUR + i * WINDOW_NS))
        found.wide[:] = 0
        found.narrow[:] = 7
    assert packets(kept.add(row(HOUR + 3 * WINDOW_NS))) == [4]


def test_rows_come_in_the_order_of_the_batch() -> None:
    kept = rollup()
    kept.add(concatenate([row(HOUR, port, packets=port) for port in (5, 9, 7)]))
    found = kept.add(concatenate([row(HOUR + WINDOW_NS, port) for port in (7, 1, 5)]))
    assert found.port.tolist() == [7, 1, 5] and packets(found) == [8, 1, 6]


GAPS_NS = (MS, S, 40 * S, 400 * S, 1_700 * S)


@st.composite
def conversations(draw: st.DrawFn) -> list[Talk]:
    """Up to three connections to different services, over hours."""
    messages = st.tuples(st.sampled_from(GAPS_NS), st.booleans(), st.integers(1, 900))
    talks = []
    for number in range(draw(st.integers(1, 3))):
        talk = Talk(sport=40_000 + number, dport=3_333 + number).open()
        at = 0
        for gap, up, length in draw(st.lists(messages, max_size=25)):
            at += gap + 5 * MS
            talk.say(at, up, length)
        talks.append(talk)
    return talks


@settings(max_examples=40, deadline=None)
@given(conversations())
def test_a_rolled_up_row_is_the_merge_of_its_rows(talks: list[Talk]) -> None:
    """Held against rows merged one by one with the kernel, span by span, on metered conversations."""
    kept = rollup(span_windows=3)
    span_ns = 3 * WINDOW_NS
    history: dict[bytes, list[ChannelWindows]] = {}
    tables = iter([merged(talk.rows()) for talk in talks])
    for batch in in_order((0, iter([table])) for table in tables):
        found = kept.add(take(batch, np.arange(len(batch))))
        span = int(batch.wide[0, layout.WINDOW_NS]) // span_ns
        for i, key in enumerate(keys(batch)):
            history.setdefault(key, []).append(take(batch, np.array([i])))
            spans: dict[int, list[ChannelWindows]] = {}
            for one in history[key]:
                at = int(one.wide[0, layout.WINDOW_NS]) // span_ns
                if at >= span - 1:
                    spans.setdefault(at, []).append(one)
            wanted = joined([joined(spans[at]) for at in sorted(spans)])
            assert canonical(take(found, np.array([i]))) == canonical(wanted)


def joined(tables: list[ChannelWindows]) -> ChannelWindows:
    into = replace(take(tables[0], np.array([0])))
    for table in tables[1:]:
        merge_rows(into, np.array([0]), table, np.array([0]))
        into.basis[:] = np.maximum(into.basis, table.basis)
    return into


def test_memory_of_the_tables_is_that_of_the_open_channels() -> None:
    kept = rollup()
    kept.add(concatenate([row(HOUR, port) for port in range(1, 1001)]))
    assert len(kept) == 1000
    for i in range(1, 200):  # the same channels again and again: what was replaced is let go
        kept.add(concatenate([row(HOUR + i * WINDOW_NS, port) for port in range(1, 101)]))
    assert len(kept) <= 1100 and len(kept._kept) <= 1500
    assert len(kept._rows._chunks) <= 4


def test_growing_keeps_what_was_there() -> None:
    kept = rollup()
    kept.add(row(HOUR, port=1, packets=4))
    kept.add(row(HOUR + HOUR_NS, port=1, packets=5))
    kept.add(concatenate([row(HOUR + HOUR_NS, port) for port in range(2, 1500)]))
    assert packets(kept.add(row(HOUR + HOUR_NS + WINDOW_NS, port=1))) == [10]


@pytest.mark.parametrize("window_s", [60, 300])
def test_the_span_is_so_many_windows(window_s: int) -> None:
    kept = Rollup(MeterSettings(window_s=window_s), WindowSettings(span_windows=2))
    seen = [packets(kept.add(row(HOUR + i * window_s * S)))[0] for i in range(6)]
    assert seen == [1, 2, 3, 4, 3, 4]
