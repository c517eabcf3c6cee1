"""Channels named by what their own client looked up, in memory that has a bound."""

from __future__ import annotations

import numpy as np

from detector import hosts
from detector.kernel import layout
from detector.records import ChannelWindows, Lookup, Names
from detector.settings import MeterSettings, WindowSettings
from detector.windows.channel import Rollup, empty
from detector.windows.lookups import SETTLED_NS, Lookups

START = 1_772_323_200_000_000_000
LATER = START + SETTLED_NS


def table(*rows: tuple[str, str, Names | None], opened: int = LATER) -> ChannelWindows:
    """Rows of (client, server, names)."""
    made = empty(len(rows))
    for i, (client, server, names) in enumerate(rows):
        made.client[i], made.server[i] = hosts.words(client), hosts.words(server)
        made.names[i] = names
    made.port[:], made.transport[:] = 443, 6
    made.wide[:, layout.OPENING_NS] = opened
    made.wide[:, layout.WINDOW_NS] = START
    return made


def dns(*pairs: tuple[str, str | None], ts_ns: int = START) -> Names:
    return Names(lookups=tuple(Lookup(ts_ns, name, address) for name, address in pairs))


def named(lookups: Lookups, *rows: tuple[str, str, Names | None], opened: int = LATER) -> list[Names | None]:
    asked = table(*rows, opened=opened)
    lookups.name(asked)
    return asked.names


def heard(*pairs: tuple[str, str | None]) -> Lookups:
    lookups = Lookups()
    lookups.hear(table(("10.0.0.7", "10.0.0.1", dns(*pairs))))
    return lookups


def test_a_channel_is_called_what_its_client_asked_for() -> None:
    told = named(heard(("xmr.pool.example", "203.0.113.5")), ("10.0.0.7", "203.0.113.5", None))
    assert told == [Names(looked_up="xmr.pool.example", unasked=False)]


def test_another_clients_look_up_says_nothing() -> None:
    assert named(heard(("a.example", "203.0.113.5")), ("10.0.0.8", "203.0.113.5", None)) == [None]


def test_an_address_that_a_client_which_asks_did_not_ask_for() -> None:
    """Told only once caches from before the capture are stale, and where the connection's start was seen."""
    lookups = heard(("a.example", "203.0.113.5"))
    row = ("10.0.0.7", "203.0.113.9", Names(hellos=1))
    assert named(lookups, row) == [Names(hellos=1, unasked=True)]
    assert named(lookups, row, opened=LATER - 1) == [Names(hellos=1)]
    assert named(lookups, row, opened=0) == [Names(hellos=1)]


def test_an_address_of_many_names_is_shared() -> None:
    lookups = heard(("a.example", "203.0.113.5"), ("b.example", "203.0.113.5"), ("b.example", "203.0.113.6"))
    rows = [("10.0.0.7", f"203.0.113.{i}", None) for i in (5, 6)]
    told = named(lookups, *rows)
    assert [one and (one.looked_up, one.shared) for one in told] == [
        ("b.example", True),
        ("b.example", False),
    ]


def test_bounds() -> None:
    """What is forgotten is not held against a channel."""
    lookups = Lookups(clients=2, addresses=3)
    for host in "789":
        pairs = [("a.example", f"203.0.113.{i}") for i in range(5)]
        lookups.hear(table((f"10.0.0.{host}", "10.0.0.1", dns(*pairs))))
    rows = [
        ("10.0.0.7", "203.0.113.4", None),
        ("10.0.0.9", "203.0.113.0", None),
        ("10.0.0.9", "203.0.113.4", None),
    ]
    assert named(lookups, *rows) == [None, Names(), Names(looked_up="a.example", unasked=False)]


def test_the_roll_up_keeps_names_of_a_channel_and_not_what_it_carried() -> None:
    """A channel opens once, and is judged for hours."""
    rollup = Rollup(MeterSettings(), WindowSettings())
    rollup.add(table(("10.0.0.7", "203.0.113.5", Names(hellos=1, server_name="a.example"))))
    for hours in (1, 2, 3):
        batch = table(("10.0.0.7", "203.0.113.5", dns(("b.example", "203.0.113.5"))))
        batch.wide[:, layout.WINDOW_NS] = START + hours * 3_600_000_000_000
        rolled = rollup.add(batch)
        assert rolled.names == [Names(hellos=1, server_name="a.example")]
        rollup.name(rolled)
        assert rolled.names == [
            Names(hellos=1, server_name="a.example", looked_up="b.example", unasked=False)
        ]


def test_names_are_forgotten_with_their_channel() -> None:
    rollup = Rollup(MeterSettings(), WindowSettings())
    rollup.add(
        table(("10.0.0.7", "203.0.113.5", Names(hellos=1)), ("10.0.0.8", "203.0.113.5", Names(quic=True)))
    )
    for hours in range(1, 5):
        batch = table(("10.0.0.8", "203.0.113.5", None))
        batch.wide[:, layout.WINDOW_NS] = START + hours * 3_600_000_000_000
        assert rollup.add(batch).names == [Names(quic=True)]
    assert len(rollup) == 1 and rollup._names == {0: Names(quic=True)}
    assert np.all(rollup._channels.keys[0][:2] == hosts.words("10.0.0.8"))
