"""What each client asked of DNS and was told, by the answers in the capture; nothing is ever resolved.

Names the other end of a channel by what its own client looked up, and says where a client that
asks did not ask for this address: an address that came from a configuration, not from a name.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from detector import hosts
from detector.kernel import layout
from detector.records import ChannelWindows, Lookup, Names

if TYPE_CHECKING:
    from detector.records import UInt64s

CLIENTS: Final = 8_192
ADDRESSES: Final = 128
"""Of a client, the newest: what a browser's day brings; an address takes about 0.2 kB."""
SETTLED_NS: Final = 600_000_000_000
"""What was asked for before the capture began lives on in caches; most answers may be kept for less."""


class Lookups:
    """Answers by client, bounded: the least recently heard clients and addresses are forgotten first."""

    def __init__(self, clients: int = CLIENTS, addresses: int = ADDRESSES) -> None:
        self._clients: OrderedDict[tuple[int, int], _Told] = OrderedDict()
        self._bounds = clients, addresses

    def hear(self, table: ChannelWindows) -> None:
        """Take in the answers that channels of DNS carried."""
        for row, names in enumerate(table.names):
            if names is not None and names.lookups:
                client = _key(table.client, row)
                told = self._clients.pop(client, None) or _Told(names.lookups[0].ts_ns)
                told.add(names.lookups, self._bounds[1])
                self._clients[client] = told
                if len(self._clients) > self._bounds[0]:
                    self._clients.popitem(last=False)

    def name(self, table: ChannelWindows) -> None:
        """Say of each channel for which name its client was told the address; or that it never asked."""
        if not self._clients:
            return
        for row, names in enumerate(table.names):
            told = self._clients.get(_key(table.client, row))
            if told is not None:
                opened_ns = int(table.wide[row, layout.OPENING_NS])
                table.names[row] = told.of(hosts.text(table.server[row]), opened_ns, names or Names())


class _Told:
    """What one client was told."""

    __slots__ = ("addresses", "forgot", "shared", "since_ns")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns  # of the first answer
        self.forgot = False  # some of what it was told
        self.addresses: OrderedDict[str, str] = OrderedDict()  # address -> the name that was asked for last
        self.shared: set[str] = set()  # addresses that other names had, too

    def add(self, lookups: tuple[Lookup, ...], most: int) -> None:
        for one in lookups:
            if one.address is not None:
                if self.addresses.pop(one.address, one.name) != one.name:
                    self.shared.add(one.address)
                self.addresses[one.address] = one.name
        while len(self.addresses) > most:
            self.shared.discard(self.addresses.popitem(last=False)[0])
            self.forgot = True

    def of(self, address: str, opened_ns: int, names: Names) -> Names:
        """The names of a channel to that address, with what was looked up; its opening at 0 was not seen."""
        name = self.addresses.get(address)
        settled = opened_ns >= self.since_ns + SETTLED_NS and not self.forgot
        return replace(
            names,
            shared=names.shared or address in self.shared,
            looked_up=name,
            unasked=False if name else (True if settled else None),
        )


def _key(addresses: UInt64s, row: int) -> tuple[int, int]:
    high, low = addresses[row].tolist()
    return high, low
