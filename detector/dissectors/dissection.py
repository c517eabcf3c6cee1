"""All connections: payload pieces in, facts and names per channel and window out.

Bounded by itself: the least recently heard connections and windows that nobody asked for
are forgotten first.  A forgotten connection that goes on is read as one that was joined
in the middle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, KeysView, Sequence
from dataclasses import dataclass
from typing import Final

from detector.dissectors.contract import Dissector, Payload
from detector.dissectors.conversation import Conversation
from detector.dissectors.facts import add_facts
from detector.dissectors.kept import Kept
from detector.dissectors.names import merge_names
from detector.dissectors.openings import Openings
from detector.dissectors.registry import DISSECTORS
from detector.records import TCP, Facts, Names


@dataclass(frozen=True, slots=True)
class Decision:
    """What the kernel should do with a connection."""

    connection: int
    ignore: bool  # nobody's: its payload is not wanted any more
    client_is_a: bool | None = None  # the roles, once they are known


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a dissection may hold."""

    connections: int = 20_000
    n_bytes: int = 64 << 20  # of unfinished messages, all connections together
    windows: int = 100_000  # (channel, window) pairs with facts, or with names, that were not fetched


BOUNDS: Final = Bounds()
UNREAD: Final = 256
"""Openings that wait for each other: what is done often in a row is done from the caches."""


class Dissection:
    """The dissectors at work on the flagged connections of one capture."""

    def __init__(
        self,
        window_s: int,
        *,
        dissectors: Sequence[Callable[[], Dissector]] = DISSECTORS,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._window_ns = window_s * 1_000_000_000
        self._dissectors = dissectors
        self._bounds = bounds
        self._conversations: OrderedDict[int, Conversation] = OrderedDict()
        self._openings = Openings()
        self._unread: list[Payload] = []  # openings
        self._facts: Kept[Facts] = Kept(bounds.windows, add_facts)
        self._names: Kept[Names] = Kept(bounds.windows, merge_names)
        self._held = 0

    def feed(self, payloads: Iterable[Payload]) -> list[Decision]:
        """Read pieces in the order given.  A connection is decided on once as ignored, once by its roles."""
        return [decision for payload in payloads if (decision := self._take(payload)) is not None]

    def heard(self) -> KeysView[int]:
        """Channels with facts that were not fetched, as they are now."""
        return self._facts.channels()

    def named(self) -> KeysView[int]:
        """Channels with names that were not fetched, as they are now."""
        self._open()
        return self._names.channels()

    def facts(self, channel: int, window_ns: int) -> Facts | None:
        """What was seen on a channel in the window that starts at `window_ns`; forgotten thereby."""
        return self._facts.take(channel, window_ns)

    def names(self, channel: int, window_ns: int) -> Names | None:
        """The names that a channel showed in that window; forgotten thereby."""
        self._open()
        return self._names.take(channel, window_ns)

    def join(self, old: int, new: int) -> None:
        """Channel `old` became part of `new` (its roles were found the other way round): so do its facts."""
        self._open()
        self._facts.join(old, new)
        self._names.join(old, new)

    def close(self, connection: int) -> None:
        """The connection ended: forget it.  Its facts stay until they are fetched."""
        conversation = self._conversations.pop(connection, None)
        if conversation is not None:
            self._held -= conversation.held
        self._open()
        self._openings.close(connection)

    def _take(self, payload: Payload) -> Decision | None:
        if payload.opening:
            self._unread.append(payload)
            if len(self._unread) >= UNREAD:
                self._open()
            return None
        conversation = self._conversation(payload.connection)
        if conversation.ignored:
            return None
        if payload.transport != TCP:
            conversation.ignored = True
            return Decision(payload.connection, ignore=True)
        roles = conversation.client_is_a
        self._held -= conversation.held
        found = conversation.read(payload.data, from_a=payload.from_a, ts_ns=payload.ts_ns, gap=payload.gap)
        self._held += conversation.held
        for facts in found:
            self._facts.add(payload.channel, payload.ts_ns // self._window_ns * self._window_ns, facts)
        self._trim()
        return _decision(payload.connection, conversation, roles)

    def _conversation(self, connection: int) -> Conversation:
        conversation = self._conversations.get(connection)
        if conversation is None:
            conversation = self._conversations[connection] = Conversation(self._dissectors)
        self._conversations.move_to_end(connection)
        return conversation

    def _open(self) -> None:
        """Read pieces in which connections that nobody flagged name themselves: nothing hangs on them."""
        for piece in self._unread:
            window_ns = piece.ts_ns // self._window_ns * self._window_ns
            known = self._names.get(piece.channel, window_ns)
            names = known or Names()
            if self._openings.read(piece, names) and known is None:
                self._names.add(piece.channel, window_ns, names)
        self._unread.clear()

    def _trim(self) -> None:
        """Hold the bounds; the connection heard last stays."""
        while len(self._conversations) > self._bounds.connections or (
            self._held > self._bounds.n_bytes and len(self._conversations) > 1
        ):
            _, forgotten = self._conversations.popitem(last=False)
            self._held -= forgotten.held


def _decision(connection: int, conversation: Conversation, roles: bool | None) -> Decision | None:
    """What became known by the last piece; `roles` as known before it."""
    if conversation.ignored:
        return Decision(connection, ignore=True)
    if conversation.client_is_a != roles:
        return Decision(connection, ignore=False, client_is_a=conversation.client_is_a)
    return None
