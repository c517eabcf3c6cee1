"""What a dissector is: the types between framing, dialects and conversation.

Framing (`lines`, `http`, `sv2`, `plain`, `side`) turns one side of a connection into messages; a
`Dissector` reads the messages of both sides of one connection and says what each one is:
facts (mine), need more, or not mine.  It keeps the state of that one connection, bounded,
and never raises on any message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from detector.dissectors.lines import Cut
from detector.records import Facts


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
    @property
    def opening(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """The HTTP message (RFC 9112) that carried a JSON value; no credential but the user's name."""

    request: bool
    status: int = 0  # of a response
    target: str = ""  # of a request
    host: str | None = None
    agent: str | None = None
    cut: bool = False  # the body is JSON, but longer than what is read
    user: str | None = None  # of Basic authentication; the password is dropped while reading


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary message of Stratum V2; no fields where it was too long to be read."""

    kind: int  # message type, as `sv2.KINDS` lists them
    fields: tuple[Any, ...] = ()  # int or bytes, in the order of the specification


@dataclass(slots=True)  # not frozen: that costs 1 us a message
class Message:
    """One JSON object of one connection; `{}` is an HTTP message without one, a frame or text."""

    from_a: bool  # the side it came from; a = smaller (address, port)
    ts_ns: int
    value: dict[str, Any]
    http: Envelope | None = None
    frame: Frame | None = None
    text: str | None = None  # of a dialect that is no JSON

    @property
    def cut(self) -> bool:
        """Whether the end of the object was lost, and members with it."""
        return isinstance(self.value, Cut)

    @property
    def method(self) -> str | None:
        """The JSON-RPC method, or None for an answer."""
        method = self.value.get("method")
        return method if isinstance(method, str) else None

    @property
    def params(self) -> list[Any]:
        """Positional parameters; empty when they are named, absent or odd."""
        params = self.value.get("params")
        return params if isinstance(params, list) else []

    @property
    def named(self) -> dict[str, Any]:
        """Named parameters; empty when they are positional, absent or odd."""
        params = self.value.get("params")
        return params if isinstance(params, dict) else {}


class Reply(Enum):
    """What a dissector says of a message that yields no facts."""

    NEED_MORE = 1  # fits, or may fit, but tells nothing by itself
    NOT_MINE = 2  # this connection does not speak my dialect


class Dissector(Protocol):
    """One family of dialects on one connection."""

    def read(self, message: Message) -> Facts | Reply:
        """The facts of this message alone (counts of 0 or 1), or why there are none.

        The first dissector that returns facts owns the connection from then on.
        """


class Roles:
    """Which side mines, once a message that only one side sends was seen.

    What contradicts it later (an echo, a reflector) is no evidence and is refused.
    """

    __slots__ = ("client_is_a",)

    def __init__(self) -> None:
        self.client_is_a: bool | None = None

    def miner(self, message: Message) -> bool:
        """Take `message` as one that miners send; False where that contradicts what is known."""
        return self._take(message.from_a)

    def pool(self, message: Message) -> bool:
        """Take `message` as one that pools send; False where that contradicts what is known."""
        return self._take(not message.from_a)

    def is_pool(self, message: Message) -> bool:
        """Whether the pool is known to have sent it."""
        return self.client_is_a is not None and message.from_a != self.client_is_a

    def _take(self, client_is_a: bool) -> bool:
        if self.client_is_a is None:
            self.client_is_a = client_is_a
        return self.client_is_a == client_is_a
