"""One connection: both sides framed, offered to the dissectors until one takes it.

Nobody owns a connection at first.  The first dissector that finds facts owns it; after
`LIMITS` without facts, or once a side is none of what is read, the connection is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from detector.dissectors import coins
from detector.dissectors.contract import Dissector, Frame, Message, Reply
from detector.dissectors.facts import names_of, share_names
from detector.dissectors.http import Part
from detector.dissectors.lines import MALFORMED
from detector.dissectors.plain import Text
from detector.dissectors.side import Side
from detector.records import Facts


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a connection is read before it is given up."""

    n_bytes: int = 16_384  # a share of Equihash 200,9 has 3 kB: several fit
    messages: int = 8


LIMITS: Final = Limits()


class Conversation:
    """The dissection of one connection, bounded: two framers and the owner's state."""

    __slots__ = (
        "_a", "_b", "_candidates", "_limits", "_messages", "_names", "_owner", "_seen", "held", "ignored",
    )  # fmt: skip

    def __init__(self, dissectors: Sequence[Callable[[], Dissector]], limits: Limits = LIMITS) -> None:
        self._a, self._b = Side(), Side()
        self._candidates: list[Dissector] = [new() for new in dissectors]
        self._owner: Dissector | None = None
        self._names: Facts | None = None  # of the facts so far
        self._limits = limits
        self._seen = 0
        self._messages = 0
        self.held = 0  # bytes
        self.ignored = False

    @property
    def client_is_a(self) -> bool | None:
        """Which side mines; None while nobody knows."""
        return self._names.client_is_a if self._names is not None else None

    def read(self, data: bytes, *, from_a: bool, ts_ns: int, gap: bool = False) -> list[Facts]:
        """Facts of the messages that `data` completes, with all names known by then.  Never raises."""
        if self.ignored:
            return []
        room = len(data) if self._owner is not None else self._limits.n_bytes - self._seen
        facts = self._read(data[:room], from_a, ts_ns, gap)
        if self._owner is None and len(data) > room:
            self.ignored = True
        if self.ignored:
            self._a, self._b, self._candidates = Side(), Side(), []
        elif len(data) > room:
            facts += self._read(data[room:], from_a, ts_ns, False)
        self.held = self._a.held + self._b.held
        return facts

    def _read(self, data: bytes, from_a: bool, ts_ns: int, gap: bool) -> list[Facts]:
        side, other = (self._a, self._b) if from_a else (self._b, self._a)
        side.led, side.spoken = "connect" in (other.carrier or ""), other.speaks
        self._seen += len(data)
        facts = []
        for part in side.feed(data, gap=gap):
            found = self._part(part, from_a, ts_ns)
            if found is not None:
                facts.append(self._named(found))
            if self.ignored:
                break
        if self._owner is None and side.text:
            self.ignored = True
        return facts

    def _part(self, part: Part, from_a: bool, ts_ns: int) -> Facts | None:
        value, envelope = part
        if value is MALFORMED:
            return self._malformed()
        if isinstance(value, Frame):
            return self._offer(Message(from_a, ts_ns, {}, frame=value))
        if isinstance(value, Text):
            return self._offer(Message(from_a, ts_ns, {}, text=value.line))
        return self._offer(Message(from_a, ts_ns, value, envelope))

    def _malformed(self) -> Facts | None:
        if self._names is not None:
            return Facts(self._names.dialect, errors=1)
        self._count()
        return None

    def _offer(self, message: Message) -> Facts | None:
        if self._owner is not None:
            reply = self._owner.read(message)
            return reply if isinstance(reply, Facts) else None
        for dissector in tuple(self._candidates):
            reply = dissector.read(message)
            if isinstance(reply, Facts):
                self._owner, self._candidates = dissector, []
                return reply
            if reply is Reply.NOT_MINE:
                self._candidates.remove(dissector)
        self._count()
        return None

    def _count(self) -> None:
        self._messages += 1
        if self._messages >= self._limits.messages or not self._candidates:
            self.ignored = True

    def _named(self, facts: Facts) -> Facts:
        """The facts of one message with what the connection told before."""
        facts.carrier = self._a.carrier or self._b.carrier
        if facts.pool is None and facts.carrier is not None:
            facts.pool = self._a.host or self._b.host
            facts.coin = coins.of_name(facts.pool) if facts.coin == coins.UNKNOWN else facts.coin
        if self._names is None:
            self._names = names_of(facts)
        else:
            share_names(self._names, facts)
        return facts
