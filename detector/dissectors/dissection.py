"""All connections: payload pieces in, facts per channel and window out.

Bounded by itself: the least recently heard connections and windows that nobody asked for
are forgotten first.  A forgotten connection that goes on is read as one that was joined
in the middle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, KeysView, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from detector.dissectors.contract import Dissector
from detector.dissectors.conversation import Conversation
from detector.dissectors.facts import add_facts
from detector.dissectors.registry import DISSECTORS
from detector.records import TCP, Facts


class Payload(Protocol):
    """A piece of one side of a connection, in order: what `kernel.Payload` is, as far as it is read here."""

    @property
    def connection(self) -> int: ...
    @property
    def channel(self) -> int: ...
    @property
    def from_a(self) -> bool: ...
    @property
    def ts_ns(self) -> int: ...
    @property
    def gap(self) -> bool: ...
    @property
    def data(self) -> bytes: ...
    @property
    def transport(self) -> int: ...


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
    windows: int = 100_000  # (channel, window) pairs with facts that were not fetched


BOUNDS: Final = Bounds()


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
        self._facts: OrderedDict[int, dict[int, Facts]] = OrderedDict()  # by channel, then window
        self._windows = 0  # in all of them
        self._held = 0

    def feed(self, payloads: Iterable[Payload]) -> list[Decision]:
        """Read pieces in the order given.  A connection is decided on once as ignored, once by its roles."""
        return [decision for payload in payloads if (decision := self._take(payload)) is not None]

    def heard(self) -> KeysView[int]:
        """Channels with facts that were not fetched, as they are now."""
        return self._facts.keys()

    def facts(self, channel: int, window_ns: int) -> Facts | None:
        """What was seen on a channel in the window that starts at `window_ns`; forgotten thereby."""
        windows = self._facts.get(channel, {})
        found = windows.pop(window_ns, None)
        self._windows -= found is not None
        if not windows:
            self._facts.pop(channel, None)
        return found

    def join(self, old: int, new: int) -> None:
        """Channel `old` became part of `new` (its roles were found the other way round): so do its facts."""
        for window_ns, earlier in self._facts.pop(old, {}).items():
            self._windows -= 1
            later = self.facts(new, window_ns)
            self._keep(new, window_ns, earlier)
            if later is not None:
                self._keep(new, window_ns, later)

    def close(self, connection: int) -> None:
        """The connection ended: forget it.  Its facts stay until they are fetched."""
        conversation = self._conversations.pop(connection, None)
        if conversation is not None:
            self._held -= conversation.held

    def _take(self, payload: Payload) -> Decision | None:
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
            self._keep(payload.channel, payload.ts_ns // self._window_ns * self._window_ns, facts)
        self._trim()
        return _decision(payload.connection, conversation, roles)

    def _conversation(self, connection: int) -> Conversation:
        conversation = self._conversations.get(connection)
        if conversation is None:
            conversation = self._conversations[connection] = Conversation(self._dissectors)
        self._conversations.move_to_end(connection)
        return conversation

    def _keep(self, channel: int, window_ns: int, facts: Facts) -> None:
        """Adds facts to those of a channel and window, which are as recent thereby as any."""
        windows = self._facts.setdefault(channel, {})
        earlier = windows.setdefault(window_ns, facts)
        if earlier is not facts:
            add_facts(earlier, facts)
        else:
            self._windows += 1
        self._facts.move_to_end(channel)

    def _trim(self) -> None:
        """Hold the bounds; the connection heard last stays."""
        while len(self._conversations) > self._bounds.connections or (
            self._held > self._bounds.n_bytes and len(self._conversations) > 1
        ):
            _, forgotten = self._conversations.popitem(last=False)
            self._held -= forgotten.held
        while self._windows > self._bounds.windows:
            channel, windows = next(iter(self._facts.items()))
            self.facts(channel, next(iter(windows)))


def _decision(connection: int, conversation: Conversation, roles: bool | None) -> Decision | None:
    """What became known by the last piece; `roles` as known before it."""
    if conversation.ignored:
        return Decision(connection, ignore=True)
    if conversation.client_is_a != roles:
        return Decision(connection, ignore=False, client_is_a=conversation.client_is_a)
    return None
