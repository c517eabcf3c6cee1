"""Addresses through which many kinds of TLS client speak: maybe gateways.

A kind is the lists that a ClientHello offers (JA4 without its readable head, which tells the protocol and
whether a server was named: one program's hellos differ in that).  One machine runs a few of them: a browser,
what updates it, an agent or two.  A program may vary its lists on purpose: this moves no score and no
verdict, and makes no role.
"""

from __future__ import annotations

from typing import Final

from detector.records import Evidence

ENOUGH: Final = 12
"""Kinds within an hour: no benign address of public captures showed so many (docs/judgement.md)."""
WITHIN_NS: Final = 3_600_000_000_000


class Shapes:
    """Of each address the kinds it lately showed, fewer than ENOUGH; then only that it did."""

    def __init__(self) -> None:
        self._lately: dict[str, dict[str, int]] = {}  # host -> kind -> newest window
        self._many: dict[str, int] = {}  # host -> the window in which it had shown enough

    def hear(self, host: str, ja4: str, window_ns: int) -> None:
        """A hello that a host sent in the window that starts at `window_ns`; windows come in order."""
        if host in self._many:
            return
        known = self._lately.setdefault(host, {})
        known[ja4.partition("_")[2]] = window_ns
        if len(known) < ENOUGH:
            return
        known = {kind: heard for kind, heard in known.items() if window_ns - heard < WITHIN_NS}
        self._lately[host] = known
        if len(known) >= ENOUGH:
            self._many[host] = window_ns
            del self._lately[host]

    def many(self, host: str) -> int | None:
        """The window in which a host had shown ENOUGH kinds within an hour; None where it never did."""
        return self._many.get(host)


def maybe_shared(window_ns: int) -> Evidence:
    """The doubt whose machine it is.  The score knows nothing of it, so it weighs nothing."""
    return Evidence(
        kind="maybe_gateway",
        weight=0.0,
        summary=f"maybe a gateway: at least {ENOUGH} kinds of client speak through it; if so, which of those"
        " behind it mines cannot be told from here: capture behind it",
        first_ns=window_ns,
        last_ns=window_ns,
        facts={"kinds": ENOUGH, "within_h": 1},
    )
