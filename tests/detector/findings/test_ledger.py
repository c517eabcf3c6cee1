"""What is remembered of each host: counted once, the most suspect moment, no more than is bounded."""

from __future__ import annotations

import ipaddress
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import channel as features
from detector.findings import strip
from detector.findings.ledger import KEPT_CHANNELS, Ledger, Newest
from detector.findings.roster import KEPT_SOURCES
from detector.hosts import HomeNetworks
from detector.kernel import layout
from detector.records import ChannelWindows, Facts, Scores, Vectors
from detector.settings import PRIVATE_NETWORKS
from detector.windows.channel import concatenate, empty
from tests.detector.findings.records import HOUR_NS, TEN, logit, power_record

HOST, SERVER = "10.0.0.7", "203.0.113.5"
WINDOW_NS = 300_000_000_000


def words(address: str) -> tuple[int, int]:
    value = ipaddress.ip_address(address)
    number = int(value) | (0xFFFF_0000_0000 if value.version == 4 else 0)
    return number >> 64, number & (2**64 - 1)


def row(
    client: str = HOST, server: str = SERVER, port: int = 3333, window: int = 0, up: int = 5, down: int = 5
) -> ChannelWindows:
    """A row with as many packets as messages, all in the first second of its window."""
    table = empty(1)
    table.client[0], table.server[0] = words(client), words(server)
    table.port[0], table.transport[0] = port, 6
    start = TEN + window * WINDOW_NS
    wide = table.wide[0]
    wide[[layout.WINDOW_NS, layout.FIRST_NS, layout.LAST_NS]] = start, start + 1, start + 1_000_000_000
    wide[[layout.UP + layout.PACKETS, layout.UP + layout.MESSAGES]] = up
    wide[[layout.DOWN + layout.PACKETS, layout.DOWN + layout.MESSAGES]] = down
    return table


def new() -> Ledger:
    return Ledger(HomeNetworks(PRIVATE_NETWORKS), min_messages=6, suspicious=0.6)


def add(made: Ledger, table: ChannelWindows, *probabilities: float, marks: float = 0.0) -> None:
    """See and judge the rows; the vectors are filled with `marks`."""
    made.see(table, "a.pcap")
    told = np.array(probabilities)
    scores = Scores(told, np.array([logit(p) for p in told]), np.full(len(told), 0.5))
    vectors = Vectors(features.NAMES, np.full((len(told), len(features.NAMES)), marks))
    made.add(table, Newest(table.facts, table.wide[:, strip.COUNTED]), vectors, scores)


# --- seen


def test_packets_windows_and_times_of_a_host() -> None:
    made = new()
    made.see(concatenate([row(), row(port=443), row(window=2)]), "a.pcap")
    made.see(row(window=3), "b.pcap")
    record = made.hosts[HOST]
    assert (record.packets, record.windows) == (40, 3)
    assert (record.first_ns, record.last_ns) == (TEN + 1, TEN + 3 * WINDOW_NS + 1_000_000_000)
    assert record.sources == {"a.pcap", "b.pcap"}


def test_a_table_of_many_windows_counts_each_once() -> None:
    """One read of a file may finish an hour of windows."""
    made = new()
    hour = concatenate([row(port=port, window=i) for i in range(12) for port in (1, 2)])
    made.see(hour, "a.pcap")
    assert made.hosts[HOST].windows == 12
    made.see(concatenate([row(window=11), row(window=12)]), "b.pcap")
    assert made.hosts[HOST].windows == 13


def test_hosts_of_one_table_are_counted_apart() -> None:
    made = new()
    made.see(concatenate([row(), row("10.0.0.8", window=1), row("10.0.0.8", window=2)]), "a.pcap")
    assert {name: (r.packets, r.windows) for name, r in made.hosts.items()} == {
        HOST: (10, 1),
        "10.0.0.8": (20, 2),
    }


def test_both_ends_at_home_are_hosts_and_the_client_is_judged() -> None:
    made = new()
    add(made, row(server="10.0.0.1"), 0.7)
    assert set(made.hosts) == {HOST, "10.0.0.1"}
    assert list(made.hosts["10.0.0.1"].channels) == [] and len(made.hosts[HOST].channels) == 1


def test_a_server_at_home_of_clients_elsewhere_is_the_host() -> None:
    made = new()
    add(made, row(client="198.51.100.9", server=HOST), 0.7)
    assert set(made.hosts) == {HOST}
    (channel,) = made.hosts[HOST].channels.values()
    assert (channel.is_client, channel.end[0]) == (False, "198.51.100.9")


def test_names_of_sources_are_bounded() -> None:
    made = new()
    for i in range(100):
        made.see(row(window=i), f"{i}.pcap")
    assert len(made.hosts[HOST].sources) == KEPT_SOURCES


def test_a_host_is_found_by_its_usual_spelling_only() -> None:
    made = new()
    made.see(row(), "a.pcap")
    assert HOST in made.hosts
    for name in ("::ffff:10.0.0.7", "10.0.0.8", "rig-7", ""):
        assert name not in made.hosts


def test_late_windows_of_a_host_are_not_counted_again() -> None:
    made = new()
    for window in (4, 2, 4, 5):
        made.see(row(window=window), "a.pcap")
    assert made.hosts[HOST].windows == 2


# --- scoreable


@pytest.mark.parametrize(
    ("up", "down", "facts", "enough"),
    [
        (3, 3, None, True),
        (3, 2, None, False),
        (9, 0, None, False),
        (0, 9, None, False),
        (1, 0, Facts("stratum"), True),
        (1, 1, Facts("management", server_mines=True), False),
    ],
)
def test_enough_is_both_directions_and_some_messages_or_words(
    up: int, down: int, facts: Facts | None, enough: bool
) -> None:
    made, table = new(), row(up=up, down=down)
    table.facts[0] = facts
    made.see(table, "a.pcap")
    assert made.scoreable(table).tolist() == [enough]
    record = made.hosts[HOST]
    assert record.asked and record.one_way == (not up or not down)
    assert record.most_messages == (0 if enough else up + down)


def test_one_way_is_said_only_while_nothing_went_both_ways() -> None:
    made = new()
    table = concatenate([row(up=9, down=0), row(port=443, up=1, down=1)])
    made.see(table, "a.pcap")
    made.scoreable(table)
    assert not made.hosts[HOST].one_way
    later = row(window=1, up=9, down=0)
    made.see(later, "a.pcap")
    made.scoreable(later)
    assert not made.hosts[HOST].one_way


# --- judged


def test_the_most_suspect_moment_is_kept_with_the_times_and_words_of_all() -> None:
    made = new()
    for window, (probability, jobs) in enumerate([(0.3, 1), (0.8, 2), (0.7, 4)]):
        table = row(window=window)
        table.facts[0] = Facts("stratum", jobs=jobs)
        add(made, table, probability, marks=probability)
    (channel,) = made.hosts[HOST].channels.values()
    assert channel.values is not None and channel.wide is not None
    assert (channel.probability, channel.values[0]) == (0.8, 0.8)
    assert channel.wide[layout.WINDOW_NS] == TEN + WINDOW_NS
    assert (channel.first_ns, channel.last_ns) == (TEN + 1, TEN + 2 * WINDOW_NS + 1_000_000_000)
    assert channel.suspect_windows == 2  # 0.8 and 0.7 reach 0.6
    assert channel.facts is not None and channel.facts.jobs == 7
    assert made.hosts[HOST].judged == 3


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12))
def test_a_channel_is_remembered_at_its_most_suspect_twice_and_over_all_windows(said: list[float]) -> None:
    made = new()
    for window, probability in enumerate(said):
        add(made, row(window=window), probability)
    (channel,) = made.hosts[HOST].channels.values()
    logits = sorted((logit(probability) for probability in said), reverse=True)
    assert channel.logit == logits[0] and channel.windows == len(said)
    assert channel.mean == pytest.approx(np.mean(logits))
    assert channel.again == logits[1] if len(logits) > 1 else math.isnan(channel.again)


@pytest.mark.parametrize(("probability", "suspect"), [(0.6, 1), (0.599, 0)])
def test_a_window_is_suspect_from_the_threshold_on(probability: float, suspect: int) -> None:
    made = new()
    add(made, row(), probability)
    (channel,) = made.hosts[HOST].channels.values()
    assert channel.suspect_windows == suspect


@pytest.mark.parametrize("rising", [True, False])
def test_only_the_most_suspect_channels_of_a_host_stay(rising: bool) -> None:
    made = new()
    ports = list(range(1, 41))
    for port in ports if rising else reversed(ports):
        add(made, row(port=port), port / 50)
    kept = made.hosts[HOST].channels
    assert len(kept) == KEPT_CHANNELS
    assert sorted(c.end[1] for c in kept.values()) == ports[-KEPT_CHANNELS:]
    assert made.hosts[HOST].judged == 40


def test_words_are_kept_whatever_louder_channels_score() -> None:
    """A heard dialogue with a low score does not lose its place to many mute channels with higher ones."""
    made, spoken = new(), row(port=1)
    spoken.facts = [Facts("stratum", logins=1)]
    add(made, spoken, 0.1)
    for port in range(2, 2 + 3 * KEPT_CHANNELS):
        add(made, row(port=port), 0.5 + port / 100)
    assert 1 in {channel.end[1] for channel in made.hosts[HOST].channels.values()}
    assert len(made.hosts[HOST].channels) == KEPT_CHANNELS


@given(st.data())
def test_the_order_of_rows_within_a_window_does_not_matter(data: st.DataObject) -> None:
    """Threads give them in another one.  Many channels, few different scores: there are ties to break."""
    moments = st.tuples(st.integers(1, 30), st.sampled_from([0.1, 0.5, 0.7, 0.9]), st.booleans())
    windows = data.draw(st.lists(st.lists(moments, max_size=30, unique_by=lambda m: m[0]), max_size=4))
    told = []
    for order in (windows, [data.draw(st.permutations(window)) for window in windows]):
        made = new()
        for number, window in enumerate(order):
            for port, probability, heard in window:
                table = row(port=port, window=number)
                table.facts = [Facts("stratum", requests=1) if heard else None]
                add(made, table, probability)
        made.settle()
        kept = made.hosts[HOST].channels.values() if windows and any(windows) else ()
        assert len(kept) <= KEPT_CHANNELS
        told.append(sorted((c.key, c.logit, c.windows, c.suspect_windows, c.facts is None) for c in kept))
    assert told[0] == told[1]


def test_what_is_kept_is_not_a_view_of_the_batch() -> None:
    made, table = new(), row()
    add(made, table, 0.7)
    table.wide[:] = 0
    (channel,) = made.hosts[HOST].channels.values()
    assert channel.wide is not None and channel.values is not None
    assert channel.wide[layout.WINDOW_NS] == TEN and channel.wide.base is None
    assert channel.values.base is None


def test_what_evidence_does_not_need_is_not_kept() -> None:
    """Rows of suspect moments, vectors of the most suspect channel and of those with words: no others."""
    made, spoken = new(), row(port=1)
    spoken.facts = [Facts("stratum", logins=1)]
    add(made, spoken, 0.1)
    for port, probability in ((2, 0.5), (3, 0.2), (4, 0.7)):
        add(made, row(port=port), probability)
    kept = {channel.end[1]: channel for channel in made.hosts[HOST].channels.values()}
    assert {port for port, channel in kept.items() if channel.wide is not None} == {4}
    assert {port for port, channel in kept.items() if channel.values is not None} == {1, 2, 4}


def test_words_that_come_after_the_most_suspect_moment_bring_a_vector() -> None:
    made, later = new(), row(port=1, window=1)
    add(made, row(port=2), 0.5)
    add(made, row(port=1), 0.3, marks=0.3)
    later.facts = [Facts("stratum", logins=1)]
    add(made, later, 0.2, marks=0.2)
    channel = next(channel for channel in made.hosts[HOST].channels.values() if channel.end[1] == 1)
    assert channel.probability == 0.3
    assert channel.values is not None and channel.values[0] == 0.2


# --- meters


def test_the_newest_word_on_a_meter_stays_with_the_times_of_all() -> None:
    made = new()
    made.add_power(power_record(0.9), (TEN, TEN + HOUR_NS), "a.csv")
    made.add_power(power_record(0.2), (TEN - HOUR_NS, TEN), "b.csv")
    record = made.meters["M-1"]
    assert record.power is not None and record.power.probability == 0.2
    assert (record.first_ns, record.last_ns) == (TEN - HOUR_NS, TEN + HOUR_NS)
    assert record.sources == {"a.csv", "b.csv"}


# --- pictures


def test_a_suspect_channel_keeps_what_its_windows_held_by_themselves() -> None:
    made = new()
    for window, probability in enumerate((0.1, 0.9, 0.2)):
        add(made, row(window=window, up=5 + window), probability)
    (channel,) = made.hosts[HOST].channels.values()
    assert channel.strip is not None
    steps = channel.strip.steps()
    assert steps is not None and steps.start_ns == (TEN + WINDOW_NS) // WINDOW_NS * WINDOW_NS
    assert steps.columns["messages"].tolist() == [11, 12]
    assert np.allclose(steps.columns["score"], [0.9, 0.2])


def test_an_ordinary_channel_keeps_no_picture() -> None:
    made = new()
    add(made, row(), 0.1)
    (channel,) = made.hosts[HOST].channels.values()
    assert channel.strip is None
