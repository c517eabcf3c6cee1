"""What a family of conversations is: a name, a label and a way to start sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.simulation.draw import Draw
from training.simulation.script import Link, Session

MINING = "mining"
BENIGN = "benign"
TCP = 6
UDP = 17


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of conversation with random parameters.

    `start` draws the parameters once; the session it returns may be run several times
    (reconnects) and keeps them.  `text` families write real text and may travel in the clear;
    the others have lengths only and are always wrapped.  `hangs_up`: an HTTP-like client, which
    may use a new connection for each request.
    """

    name: str
    label: str
    start: Callable[[Draw, Link], Session]
    text: bool = False
    transport: int = TCP
    hangs_up: bool = False
    wraps: tuple[str, ...] = ()
    """Where given, the only wrappings that exist for it."""
    spreads: bool = False
    """Each session goes to a remote of its own, and most remotes do not answer."""
