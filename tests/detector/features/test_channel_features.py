"""Channel features: values worked by hand, what makes them unknown, and what must not change them."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features import channel, fusion
from detector.features.channel import FEATURES, NAMES, extract
from detector.kernel import layout
from detector.model import Bundle
from detector.records import TCP, UDP, ChannelWindows, Facts, Names
from detector.windows.channel import concatenate, empty
from tests.detector.kernel.by_hand import MS, START, S, Talk

SIDES = ("up", "down")


def row() -> ChannelWindows:
    """A row of a minute without a message, of a source that knows everything."""
    table = empty(1)
    table.transport[0] = TCP
    table.wide[0, [layout.WINDOW_NS, layout.FIRST_NS, layout.LAST_NS]] = START, START, START + 60 * S
    table.wide[0, layout.KNOWN] = layout.KNOWS_ALL
    return table


def put(table: ChannelWindows, side: str, **words: int) -> None:
    base = layout.UP if side == "up" else layout.DOWN
    for name, value in words.items():
        table.wide[0, base + getattr(layout, name)] = value


def fill(table: ChannelWindows, side: str, block: str, words: dict[int, int]) -> None:
    """Histogram bins: {bin: count}."""
    base = layout.NARROW_UP if side == "up" else layout.NARROW_DOWN
    for place, value in words.items():
        table.narrow[0, base + getattr(layout, block) + place] = value


def pairs(table: ChannelWindows, side: str, block: str, lengths: dict[int, int]) -> None:
    """Heavy hitters: {length: count}."""
    flat = [word for pair in lengths.items() for word in pair]
    fill(table, side, block, dict(enumerate(flat)))


def told(table: ChannelWindows, place: int = 0) -> dict[str, float]:
    found = extract(table)
    assert found.names == NAMES
    return {
        name.removeprefix("channel."): value
        for name, value in zip(NAMES, found.values[place].tolist(), strict=True)
    }


# --- the schema


def test_every_feature_is_named_once_and_explained() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(FEATURES)
    assert all(feature.meaning for feature in FEATURES)
    assert all(name.startswith("channel.") for name in NAMES)
    assert {name.removeprefix("channel.up.") for name in NAMES if ".up." in name} == {
        name.removeprefix("channel.down.") for name in NAMES if ".down." in name
    }


def test_the_shipped_model_was_fitted_on_these_columns() -> None:
    bundle = Bundle.load()
    assert bundle.channel.names == NAMES
    assert bundle.fusion.names == fusion.NAMES


def test_a_table_without_rows_has_no_vectors() -> None:
    assert extract(empty()).values.shape == (0, len(NAMES))


# --- values worked by hand, family by family


@pytest.mark.parametrize("side", SIDES)
def test_lengths(side: str) -> None:
    """Eight messages in a minute: 5 of 64 bytes, 2 of 72, 1 of 2048."""
    table = row()
    put(table, side, MESSAGES=8, MESSAGE_BYTES=5 * 64 + 144 + 2048, LONGEST=2048)
    fill(table, side, "LENGTH_HISTOGRAM", {12: 7, 22: 1})
    pairs(table, side, "LENGTHS", {64: 5, 72: 2, 2048: 1})
    found = told(table)
    assert found[f"{side}.rate"] == pytest.approx(math.log2(8.01))
    assert found[f"{side}.common_length"] == pytest.approx(6)
    assert found[f"{side}.common_share"] == pytest.approx(5 / 8)
    assert found[f"{side}.common_share_3"] == pytest.approx(1)
    assert found[f"{side}.close_share"] == pytest.approx(7 / 8)
    assert found[f"{side}.close_share_2"] == 1
    assert found[f"{side}.distinct"] == pytest.approx(3 / 8)
    assert found[f"{side}.length_entropy"] == pytest.approx(-(7 / 8) * math.log2(7 / 8) + 3 / 8)
    assert found[f"{side}.length_p10"] == pytest.approx((12 + 0.8 / 7) / 2)
    assert found[f"{side}.length_p50"] == pytest.approx((12 + 4 / 7) / 2)
    assert found[f"{side}.length_p90"] == pytest.approx((22 + 0.2) / 2)
    assert found[f"{side}.tiny_share"] == 0
    assert found[f"{side}.big_share"] == pytest.approx(1 / 8)
    assert found[f"{side}.longest_ratio"] == pytest.approx(11 - (12 + 4 / 7) / 2)


def test_tiny_is_below_16_bytes_and_big_from_1536() -> None:
    """As the kernel bins them: 15 and 16 bytes, 1535 and 1536."""
    talk = Talk().open()
    for i, length in enumerate((15, 16, 1535, 1536)):
        talk.say((i + 1) * S, True, length)
    found = told(talk.rows())
    assert found["up.tiny_share"] == found["up.big_share"] == 0.25


@pytest.mark.parametrize("side", SIDES)
def test_gaps(side: str) -> None:
    """Four gaps, three in octave 15 of 2**20 ns, the longest of half a minute; 3 busy bins and 1 before."""
    table = row()
    put(table, side, MESSAGES=5, LONGEST_GAP_NS=30 * S, BUSY_BINS=0b10101, BUSY_BEFORE=1)
    fill(table, side, "GAP_HISTOGRAM", {15: 3, 3: 1})
    found = told(table)
    assert found[f"{side}.gap_p50"] == pytest.approx(15 + 1 / 3 + 19 - math.log2(1e9))
    assert found[f"{side}.gap_spread"] == pytest.approx(15 + 2.6 / 3 - 3.4)
    assert found[f"{side}.gap_regular"] == pytest.approx(0.75)
    assert found[f"{side}.busy"] == pytest.approx(4 * 10 / 60)
    assert found[f"{side}.silence"] == pytest.approx(0.5)


@pytest.mark.parametrize("side", SIDES)
def test_pushes(side: str) -> None:
    table = row()
    put(table, side, MESSAGES=10, PUSHES=4, PUSHES_ANSWERED=1)
    fill(table, side, "PUSH_GAP_HISTOGRAM", {14: 2, 15: 1})
    pairs(table, side, "PUSH_LENGTHS", {256: 2, 262: 1, 900: 1})
    found = told(table)
    assert found[f"{side}.push_share"] == pytest.approx(0.4)
    assert found[f"{side}.push_answered"] == pytest.approx(0.25)
    assert found[f"{side}.push_common"] == pytest.approx(0.5)
    assert found[f"{side}.push_close"] == pytest.approx(0.75)
    assert found[f"{side}.push_close_2"] == 1
    assert found[f"{side}.push_length"] == pytest.approx(8)
    assert found[f"{side}.push_gap_p50"] == pytest.approx(14.75 + 19 - math.log2(1e9))
    assert found[f"{side}.push_gap_spread"] == pytest.approx(15.7 - 14.15)


@pytest.mark.parametrize("side", SIDES)
def test_replies(side: str) -> None:
    table = row()
    put(table, side, MESSAGES=8, REPLIED=4, REPLIED_BYTES=1024, REPLY_BYTES=256, SHORT_REPLIES=3)
    fill(table, side, "REPLY_DELAY_HISTOGRAM", {6: 4})
    pairs(table, side, "REPLY_LENGTHS", {64: 3, 65: 1})
    found = told(table)
    assert found[f"{side}.replied"] == pytest.approx(0.5)
    assert found[f"{side}.reply_common"] == pytest.approx(0.75)
    assert found[f"{side}.reply_close"] == 1
    assert found[f"{side}.reply_length"] == pytest.approx(6)
    assert found[f"{side}.reply_ratio"] == pytest.approx(-2)
    assert found[f"{side}.reply_short"] == pytest.approx(0.75)
    assert found[f"{side}.reply_delay"] == pytest.approx(6.5 + 19 - math.log2(1e9))


@given(st.dictionaries(st.integers(1, 60), st.integers(1, 9), min_size=1, max_size=6), st.randoms())
def test_kinds_of_lengths_are_taken_the_largest_first(counts: dict[int, int], random: Random) -> None:
    left, shares, n = dict(counts), [], sum(counts.values())
    for _ in range(2):
        kinds = [{size for size in left if low <= size <= low + 8} for low in sorted(left)]
        largest = max(kinds, key=lambda kind: sum(left[size] for size in kind), default=set())
        shares.append(sum(left.pop(size) for size in largest) / n)
    table, shuffled = row(), list(counts.items())
    random.shuffle(shuffled)
    put(table, "down", MESSAGES=n, PUSHES=n)
    pairs(table, "down", "LENGTHS", dict(shuffled))
    pairs(table, "down", "PUSH_LENGTHS", dict(shuffled))
    found = told(table)
    assert found["down.close_share"] == found["down.push_close"] == pytest.approx(shares[0])
    assert found["down.close_share_2"] == found["down.push_close_2"] == pytest.approx(sum(shares))


def test_jobs_shares_and_acknowledgements_against_each_other() -> None:
    table = row()
    put(table, "up", MESSAGES=4, REPLIED=4, REPLIED_BYTES=512, REPLY_BYTES=256)
    put(table, "down", MESSAGES=6, PUSHES=2)
    pairs(table, "up", "LENGTHS", {128: 4})
    pairs(table, "down", "PUSH_LENGTHS", {512: 2})
    found = told(table)
    assert (found["push_to_ask"], found["reply_to_push"]) == (2, -3)
    assert math.isnan(told(row())["push_to_ask"]) and math.isnan(told(row())["reply_to_push"])


def test_opening() -> None:
    table = row()
    put(table, "up", OPENING=128)
    table.wide[0, layout.UP + layout.OPENING + 1] = 512
    found = told(table)
    assert (found["up.opening_1"], found["up.opening_2"]) == (7, 9)
    assert math.isnan(found["down.opening_1"]) and math.isnan(found["down.opening_2"])


def test_the_whole_channel() -> None:
    table = row()
    put(table, "up", MESSAGES=7, MESSAGE_BYTES=1023, PACKETS=30, RETRANSMITTED=2)
    put(table, "down", MESSAGES=1, MESSAGE_BYTES=255, PACKETS=10, RETRANSMITTED=3)
    table.wide[0, layout.TLS_RECORDS] = 6
    found = told(table)
    assert found["message_ratio"] == pytest.approx(math.log2(7.5 / 1.5))
    assert found["byte_ratio"] == pytest.approx(2)
    assert found["byte_rate"] == pytest.approx(math.log2(1278 + 1))
    assert found["framed_share"] == pytest.approx(6 / 8)
    assert found["datagram"] == 0
    assert found["retransmitted"] == pytest.approx(5 / 40)
    table.transport[0] = UDP
    assert told(table)["datagram"] == 1


def test_a_short_observation_counts_as_ten_seconds() -> None:
    table = row()
    table.wide[0, layout.LAST_NS] = START + MS
    put(table, "up", MESSAGES=10)
    assert channel.span_s(table).tolist() == [10]
    assert told(table)["up.rate"] == pytest.approx(math.log2(60.01))


# --- unknown is NaN, never a number


def test_without_a_message_only_what_is_counted_from_nothing_is_known() -> None:
    known = {name for name, value in told(row()).items() if not math.isnan(value)}
    assert known == {
        *(f"{side}.{name}" for side in SIDES for name in ("rate", "busy", "silence")),
        "message_ratio", "byte_ratio", "byte_rate", "datagram",
    }  # fmt: skip


def test_messages_without_pushes_or_replies_leave_those_families_unknown() -> None:
    table = row()
    put(table, "up", MESSAGES=3)
    found = told(table)
    assert found["up.push_share"] == found["up.replied"] == 0
    for name in ("push_answered", "push_common", "push_close", "push_gap_p50", "reply_common", "reply_ratio"):
        assert math.isnan(found[f"up.{name}"])


@pytest.mark.parametrize("known", [0, layout.KNOWS_COUNTS, layout.KNOWS_COUNTS | layout.KNOWS_PAYLOAD])
def test_what_the_source_does_not_know_is_nan(known: int) -> None:
    full, flow = conversation(), conversation()
    flow.wide[0, layout.KNOWN] = known
    both = concatenate([full, flow])
    kept = {"datagram", *({"retransmitted"} if known & layout.KNOWS_PAYLOAD else ())}
    for name, value in told(both, 1).items():
        if name in kept:
            assert value == told(both, 0)[name]
        else:
            assert math.isnan(value), name
    assert sum(not math.isnan(value) for value in told(both, 0).values()) > 50


def test_nothing_is_infinite() -> None:
    table = concatenate([row(), conversation()])
    table.wide[1, layout.LAST_NS] = table.wide[1, layout.FIRST_NS]
    assert not np.isinf(extract(table).values).any()


# --- what is no feature: who, where, when


def conversation(at_ns: int = 0) -> ChannelWindows:
    talk = Talk().open(at_ns)
    for i in range(12):
        talk.say(at_ns + (10 + 20 * i) * S, i % 3 == 0, 60 + 7 * i)
        talk.say(at_ns + (10 + 20 * i) * S + 80 * MS, i % 3 != 0, 40 + i)
    return talk.rows()


@pytest.mark.parametrize("windows", [1, 12, 100_000])
def test_a_shift_in_time_changes_nothing(windows: int) -> None:
    here, there = conversation(), conversation(at_ns=windows * 300 * S)
    assert len(here) == len(there) == 1
    np.testing.assert_array_equal(extract(here).values, extract(there).values)


@settings(max_examples=30, deadline=None)
@given(
    addresses=st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4),
    port=st.integers(0, 65_535),
    basis=st.integers(0, 3),
)
def test_addresses_and_ports_are_no_features(addresses: list[int], port: int, basis: int) -> None:
    table = conversation()
    before = extract(table).values
    table.client[0], table.server[0] = addresses[:2], addresses[2:]
    table.port[0], table.basis[0] = port, basis
    np.testing.assert_array_equal(before, extract(table).values)


def test_what_was_said_is_no_feature() -> None:
    table = conversation()
    before = extract(table).values
    table.facts[0] = Facts("getwork", logins=1, jobs=9, shares=3, requests=7, coin="XMR", difficulty=9.0)
    np.testing.assert_array_equal(before, extract(table).values)


def test_rows_do_not_touch_each_other() -> None:
    one, other = conversation(), row()
    both = extract(concatenate([one, other])).values
    np.testing.assert_array_equal(both[:1], extract(one).values)
    np.testing.assert_array_equal(both[1:], extract(other).values)


# --- fusion


def test_fusion_takes_counts_as_logarithms_and_leaves_the_rest() -> None:
    host = fusion.HostEvidence(
        network_logit=2.5, network_second=-1.0, network_again=2.0, network_mean=1.5,
        unnamed=1.0, no_protocol=0.5, self_signed=0.0, logins=1, requests=0, jobs=7, shares=15,
    )  # fmt: skip
    found = dict(zip(fusion.NAMES, fusion.extract([host]).values[0].tolist(), strict=True))
    assert math.isnan(found.pop("fusion.power_logit"))
    assert found == {
        "fusion.network_logit": 2.5, "fusion.network_second": -1.0, "fusion.network_again": 2.0,
        "fusion.network_mean": 1.5,
        "fusion.unnamed": 1.0, "fusion.no_protocol": 0.5, "fusion.self_signed": 0.0,
        "fusion.logins": 1, "fusion.requests": 0, "fusion.jobs": 3, "fusion.shares": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (None, (math.nan,) * 3),
        (Names(), (math.nan,) * 3),
        (Names(self_signed=False), (math.nan, math.nan, 0.0)),
        (Names(hellos=4, without_name=4, without_alpn=1, self_signed=True), (1.0, 0.25, 1.0)),
    ],
)
def test_what_an_opening_lacks_is_known_where_it_was_read(
    names: Names | None, told: tuple[float, ...]
) -> None:
    assert fusion.lacks(names) == pytest.approx(told, nan_ok=True)


def test_fusion_of_no_host_and_of_power_alone() -> None:
    assert fusion.extract([]).values.shape == (0, len(fusion.NAMES))
    values = fusion.extract([fusion.HostEvidence(power_logit=-3.0)]).values[0]
    assert values[-1] == -3.0 and np.isnan(values[:-1]).all()


def test_every_column_of_fusion_may_but_raise_the_score() -> None:
    assert dict.fromkeys(fusion.NAMES, 1) == fusion.MONOTONE
