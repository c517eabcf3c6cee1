"""Scenes in which a miner is hard to see: how it is wrapped, who stands beside it, what the capture misses.

A scene is one capture with one mining family in it.  Hosts that mine are named; whoever else is in
it does not mine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

import numpy as np

from training.simulation.capture import drawn_ends
from training.simulation.conversation import Conversation, simulate
from training.simulation.draw import Draw
from training.simulation.evasion import Evasion
from training.simulation.frames import LINK_ETHERNET, Address, Ends, Packets
from training.simulation.pcap import WHOLE, pcap_bytes
from training.simulation.script import DOWN, UP, Link

_EPOCH_NS = 1_772_323_200 * 10**9  # 2026-03-01, when a window begins
_DAY_S = 86_400
WORKERS = 6
_PROXY_PORT = 3333  # of xmrig-proxy
_DONATES_S, _DONATION_S = 6_000.0, 60.0  # XMRig gives one minute in a hundred (DonateStrategy.cpp)


@dataclass(frozen=True, slots=True)
class Scene:
    """A capture, and who in it mines."""

    pcap: bytes
    miners: frozenset[str]
    seconds: float


Part = tuple[Conversation, list[Ends], float]  # a conversation, its ends, when it begins (seconds)


@dataclass(frozen=True, slots=True)
class Disguise:
    """What is done to a mining family.  Fields that are words of `simulate` stand in `talk`."""

    name: str
    talk: Mapping[str, Any]
    version: int = 4
    keep: Callable[[Packets, np.random.Generator], np.ndarray] | None = None
    beside: Callable[[Draw, Conversation, Address], list[Part]] | None = None


def scene(disguise: Disguise, family: str, seed: int, duration_s: float) -> Scene:
    """A family in a disguise, begun at a random time of day.  Raises KeyError for an unknown family."""
    draw = Draw(f"{disguise.name}/{family}/{seed}")
    talk = {"whole": True, "tunnel": ""} | dict(disguise.talk)
    conversation = simulate(family, seed, duration_s=duration_s, **talk)
    ends = [_wired(one) for one in drawn_ends(draw, conversation.remotes, disguise.version)]
    client = ends[0].client
    beside = disguise.beside(draw, conversation, client) if disguise.beside else []
    return _scene([(conversation, ends, 0.0), *beside], draw, frozenset({str(client)}), disguise.keep)


def farm(family: str, seed: int, duration_s: float) -> Scene:
    """Workers behind a proxy in the house, and its one connection outside: the capture sees both.  Jobs come
    at Monero's pace.

    The proxy hands each job on at once and gathers the shares; it mines as far as anybody can see."""
    draw = Draw(f"farm/{family}/{seed}")
    blocks = [(time, True) for time in draw.poisson(120.0, duration_s)]
    jobs = sorted([*blocks, *((time, False) for time in draw.ticks(30.0, duration_s, 0.2))])
    proxy, miners, parts = IPv4Address("10.77.0.2"), {"10.77.0.2"}, []
    common = {"duration_s": duration_s, "tunnel": "", "whole": True, "jobs": jobs}
    for number in range(WORKERS):
        host = IPv4Address("10.77.0.10") + number
        talk: dict[str, Any] = {"wrap": "none", "link": Link(0.0008, 0.001)} | common
        inside = simulate(family, seed * 100 + number, **talk)
        ends = [
            replace(_wired(one), server=proxy, server_port=_PROXY_PORT)
            for one in drawn_ends(draw, 1, client=host)
        ]
        parts.append((inside, ends, 0.0))
        miners.add(str(host))
    shares = {"share_s": draw.log_uniform(0.5, 5.0), "share_start": 1.0, "pause_s": 0.0}
    outside = simulate(family, seed * 100 + 99, **{"wrap": "tls13", "paced": shares} | common)
    parts.append((outside, [_wired(one) for one in drawn_ends(draw, 1, client=proxy)], 0.0))
    return _scene(parts, draw, frozenset(miners), None)


def _wired(ends: Ends) -> Ends:
    """On Ethernet, untagged, so that all ends of a scene share a link."""
    return replace(ends, macs=(b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"), vlan=None)


def _scene(
    parts: list[Part],
    draw: Draw,
    miners: frozenset[str],
    keep: Callable[[Packets, np.random.Generator], np.ndarray] | None,
) -> Scene:
    taken = []
    for conversation, ends, start in parts:
        packets = conversation.packets(ends, WHOLE)
        packets.time += start
        taken.append(packets)
    packets = Packets.together(taken)
    seconds = float(packets.time[-1]) if len(packets.time) else 0.0
    if keep is not None:
        packets = packets.only(keep(packets, draw.arrays()))
    begins = _EPOCH_NS + draw.whole(0, _DAY_S) * 10**9
    return Scene(pcap_bytes(packets, LINK_ETHERNET, begins), miners, seconds)


def one_in(count: int) -> Callable[[Packets, np.random.Generator], np.ndarray]:
    """Keeps each packet with a chance of one in `count`."""
    return lambda packets, generator: generator.random(len(packets.frames)) < 1.0 / count


def _half(way: int) -> Callable[[Packets, np.random.Generator], np.ndarray]:
    return lambda packets, _: packets.way == way


def _browses(draw: Draw, mining: Conversation, client: Address) -> list[Part]:
    """Somebody who uses the web behind the same address."""
    length, parts = mining.until_s - mining.from_s, []
    for number, family in enumerate(("browsing", "browsing", "team_chat", "dns", "video")):
        lasts = max(60.0, length * draw.uniform(0.3, 0.9))
        made = simulate(family, draw.whole(0, 10**6), duration_s=lasts, whole=True, tunnel="")
        ends = [_wired(one) for one in drawn_ends(draw, made.remotes, client=client)]
        parts.append((made, ends, number * 0.02 * length))
    return parts


def _donates(draw: Draw, mining: Conversation, client: Address) -> list[Part]:
    """A minute for the developer at another pool, over and over; the first within a first round."""
    length, parts = mining.until_s - mining.from_s, []
    for number, when in enumerate(draw.ticks(_DONATES_S, length, 1.0, draw.uniform(60.0, 0.8 * length))):
        made = simulate(
            mining.family.name, 10**7 + number, duration_s=_DONATION_S, wrap="tls13", tunnel="", whole=True
        )
        parts.append((made, [_wired(one) for one in drawn_ends(draw, made.remotes, client=client)], when))
    return parts


_TLS: Mapping[str, Any] = {"wrap": "tls13"}
CLEAR = Disguise("in the clear", {"wrap": "none"})
TLS_13 = Disguise("TLS 1.3", _TLS)
DISGUISES = (
    CLEAR,
    TLS_13,
    Disguise("TLS 1.2", {"wrap": "tls12"}),
    Disguise("TLS 1.2, CBC", {"wrap": "tls12cbc"}),
    Disguise("WebSocket in the clear", {"wrap": "ws"}),
    Disguise("WebSocket in TLS 1.3", {"wrap": "wss"}),
    Disguise("in an unknown cipher", {"wrap": "opaque"}),
    Disguise("SOCKS5, in the clear inside", {"wrap": "none", "tunnel": "socks5"}),
    Disguise("SOCKS5, TLS 1.3 inside", {"wrap": "tls13", "tunnel": "socks5"}),
    Disguise("TLS 1.3 over IPv6", _TLS, version=6),
    Disguise("TLS 1.3, no share", {"wrap": "tls13", "paced": {"share_s": 0.0}}),
    Disguise("TLS 1.3, a share a second", {"wrap": "tls13", "paced": {"share_s": 1.0, "share_start": 1.0}}),
    Disguise(
        "TLS 1.3, throttled to a tenth", {"wrap": "tls13", "paced": {"share_s": 150.0, "share_start": 1.0}}
    ),
    Disguise(
        "TLS 1.3, mines 5 of 15 minutes", {"wrap": "tls13", "paced": {"pause_s": 900.0, "active": 0.33}}
    ),
    Disguise("TLS 1.3, two pools in turn", {"wrap": "tls13", "breaks": (900.0, 1_800.0)}),
    Disguise("TLS 1.3, donates", _TLS, beside=_donates),
    Disguise("TLS 1.3, a user browses behind the same NAT", _TLS, beside=_browses),
    Disguise("TLS 1.3, client's half only", _TLS, keep=_half(UP)),
    Disguise("TLS 1.3, server's half only", _TLS, keep=_half(DOWN)),
    Disguise("TLS 1.3, sampled 1:10", _TLS, keep=one_in(10)),
    Disguise("TLS 1.3, sampled 1:100", _TLS, keep=one_in(100)),
    Disguise("in the clear, sampled 1:10", {"wrap": "none"}, keep=one_in(10)),
    Disguise("in the clear, sampled 1:100", {"wrap": "none"}, keep=one_in(100)),
    Disguise("in the clear, sampled 1:1000", {"wrap": "none"}, keep=one_in(1_000)),
)


def evading(evasion: Evasion) -> Disguise:
    """TLS 1.3 with padded records and delayed messages."""
    name = f"TLS 1.3, padded to {evasion.padding}, late by {evasion.jitter_s:g} s"
    return Disguise(name, {"wrap": "tls13", "evasion": evasion})
