"""How the names of two stretches of one channel become one.

`merge_names` is associative, like `facts.merge_facts`: counts add, the first known name stays,
look-ups are the first LOOKUPS distinct ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detector.records import Lookup, Names

LOOKUPS: Final = 256
"""Pairs of name and address kept of a channel and window."""


def merge_names(a: Names | None, b: Names | None) -> Names | None:
    """Names of `a` and `b`, `a` the earlier; None is nothing seen."""
    if a is None or b is None:
        return b if a is None else a
    return Names(
        hellos=a.hellos + b.hellos,
        without_name=a.without_name + b.without_name,
        without_alpn=a.without_alpn + b.without_alpn,
        server_name=a.server_name or b.server_name,
        alpn=a.alpn or b.alpn,
        ja4=a.ja4 or b.ja4,
        version=a.version or b.version,
        certificate=a.certificate or b.certificate,
        self_signed=b.self_signed if a.self_signed is None else a.self_signed,
        http_host=a.http_host or b.http_host,
        http_agent=a.http_agent or b.http_agent,
        quic=a.quic or b.quic,
        shared=a.shared
        or b.shared
        or _differ(a.server_name, b.server_name)
        or _differ(a.http_host, b.http_host),
        looked_up=a.looked_up or b.looked_up,
        unasked=b.unasked if a.unasked is None else a.unasked,
        lookups=_first(a.lookups, b.lookups),
    )


def without_lookups(names: Names | None) -> Names | None:
    """The names without what a channel carried for others; None where nothing is left."""
    if names is None or not names.lookups:
        return names
    rest = replace(names, lookups=())
    return None if rest == Names() else rest


def _differ(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


def _first(a: tuple[Lookup, ...], b: tuple[Lookup, ...]) -> tuple[Lookup, ...]:
    """The first LOOKUPS, a name and address once."""
    if not a or not b:
        return a or b
    kept: dict[tuple[str, str | None], Lookup] = {}
    for one in a + b:
        kept.setdefault((one.name, one.address), one)
    return tuple(kept.values())[:LOOKUPS]
