"""Which family a column of the features belongs to: what is ablated together, and told together of drift."""

from __future__ import annotations

from collections.abc import Sequence

_SIDE = (("push", "pushes"), ("repl", "replies"), ("opening", "opening"))
_RHYTHM = ("rate", "gap", "busy", "silence")
_CHANNEL = {
    "message_ratio": "volume",
    "byte_ratio": "volume",
    "byte_rate": "volume",
    "framed_share": "transport",
    "datagram": "transport",
    "retransmitted": "transport",
}
_POWER = {
    "level": "level",
    "quantile": "level",
    "plateau": "plateaus",
    "two": "plateaus",
    "within": "noise",
    "dip": "noise",
    "shift": "onset",
    "onset": "onset",
    "quality": "quality",
}


def family_of(name: str) -> str:
    """The family of a column named as the features name it."""
    room, _, rest = name.partition(".")
    if room == "channel":
        side, _, statistic = rest.partition(".")
        if side == "volume":
            return "volume"
        return _of_side(statistic) if side in ("up", "down") else _CHANNEL.get(rest, "other")
    if room == "fusion":
        return "power" if rest.startswith("power") else "network" if rest.startswith("network") else "words"
    return _POWER.get(room, "days")


def families(names: Sequence[str]) -> dict[str, list[int]]:
    """Places of the columns of each family, in the order of their first column."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(family_of(name), []).append(place)
    return found


def _of_side(statistic: str) -> str:
    for start, family in _SIDE:
        if statistic.startswith(start):
            return family
    return "rhythm" if statistic.startswith(_RHYTHM) else "lengths"
