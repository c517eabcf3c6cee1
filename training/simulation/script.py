"""What two applications say to each other on one connection, before any wrapping or packets.

A script is a list of events (time, direction, what): seconds since the connection is open
as seen at the client, `UP` for client to server, and either the text itself or, where only
the shape matters, its length in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from training.simulation.draw import Draw

UP = 0
DOWN = 1
What = bytes | int
Event = tuple[float, int, What]


@dataclass(frozen=True, slots=True)
class Link:
    """The way between client and server."""

    rtt_s: float  # round trip, seen at the client
    service_s: float  # what the server takes to answer, median


@dataclass(slots=True)
class Script:
    """Events of one connection in any order; `sorted_events` puts them in time order."""

    draw: Draw
    link: Link
    events: list[Event] = field(default_factory=list)

    def up(self, time: float, what: What) -> None:
        self.events.append((time, UP, what))

    def down(self, time: float, what: What) -> None:
        self.events.append((time, DOWN, what))

    def delay(self) -> float:
        """One round trip and one answer time of the server."""
        return self.link.rtt_s + self.link.service_s * self.draw.log_uniform(0.3, 3.0)

    def ask(self, time: float, request: What, reply: What) -> float:
        """A request at `time` and its reply; returns when the reply comes."""
        self.events.append((time, UP, request))
        arrives = time + self.delay()
        self.events.append((arrives, DOWN, reply))
        return arrives

    def tell(self, time: float, push: What, answer: What) -> None:
        """A push at `time` which the client answers at once."""
        self.events.append((time, DOWN, push))
        self.events.append((time + self.draw.log_uniform(0.0002, 0.03), UP, answer))

    def opening(self, exchanges: Iterable[tuple[What, What]], start: float = 0.001) -> float:
        """Requests and replies one after another; returns when the last reply has come."""
        now = start
        for request, reply in exchanges:
            now = self.ask(now, request, reply) + self.draw.log_uniform(0.0003, 0.02)
        return now

    def sorted_events(self) -> list[Event]:
        return sorted(self.events, key=_time_of)


Session = Callable[[float], Script]
"""Given how many seconds the connection lasts, one connection's script; parameters stay the same."""


def _time_of(event: Event) -> float:
    return event[0]


@dataclass(frozen=True, slots=True)
class Style:
    """How an implementation prints JSON."""

    separators: tuple[str, str]
    newline: str = "\n"

    @classmethod
    def drawn(cls, draw: Draw) -> Style:
        separators = draw.pick(((",", ":"), (", ", ": "), (",", ": ")), (0.6, 0.3, 0.1))
        return cls(separators, draw.pick(("\n", "\r\n"), (0.95, 0.05)))

    def line(self, message: Any) -> bytes:
        """One message on one line."""
        return (json.dumps(message, separators=self.separators) + self.newline).encode()

    def text(self, message: Any) -> str:
        return json.dumps(message, separators=self.separators)


def http_request(path: str, body: str, host: str, headers: str = "", method: str = "POST") -> bytes:
    """An HTTP/1.1 request with a JSON body (RFC 9112)."""
    kind = "Content-Type: application/json\r\n" if body else ""
    length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}{kind}{length}\r\n{body}".encode()


def http_reply(body: str, headers: str = "", status: str = "200 OK") -> bytes:
    """An HTTP/1.1 response with a JSON body."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


Talk = Callable[[Script, float], None]


def session_of(draw: Draw, link: Link, talk: Talk) -> Session:
    """A session that fills a fresh script by `talk(script, seconds)`."""

    def session(length: float) -> Script:
        script = Script(draw, link)
        talk(script, length)
        return script

    return session
