"""Hosts that are no end hosts: mining proxies and pools at home, and gateways with many hosts behind.

A host at home that hands work to miners is a mining proxy where it mines with somebody else in its
turn, else a pool (or a node that serves solo miners).  Where no words are read, as under TLS, a proxy is
who has a mining-like channel to the outside and such channels from several hosts at home.  A gateway is
what the asset map calls so, or an address from which so many kinds of mining programs, or of client
(`behind`), spoke that no one machine runs them all.
The far end of a miner's channel is nobody's finding: it is outside the home networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from detector.findings.behind import MANY
from detector.findings.evidence import clean
from detector.records import Evidence
from detector.text import plural

if TYPE_CHECKING:
    from detector.findings.ledger import ChannelRecord, Ledger

PROXY: Final = "mining proxy"
POOL: Final = "pool"
GATEWAY: Final = "gateway"
GATEWAYS: Final = frozenset({"gateway", "nat", "router", "firewall", "vpn", "proxy"})
"""Words of the asset map's column `role` that mean an address which many hosts share."""
PROGRAMS: Final = 3  # a rig runs one for its CPU and one for its cards
LISTED: Final = 8  # workers named in a sentence
KEPT: Final = 64  # workers named in the facts
LIKE_MINING: Final = 2  # windows in which a channel was suspect that is taken for a worker's or a proxy's
WORKERS: Final = 2  # hosts at home that must look like workers of a proxy whose words nobody read


@dataclass(slots=True)
class Role:
    """What a host is beside, or instead of, an end host."""

    name: str
    workers: list[str] = field(default_factory=list)  # at home, that take work from it
    elsewhere: int = 0  # channels over which others do
    programs: frozenset[str] = frozenset()  # that spoke from a gateway
    systems: frozenset[str] = frozenset()  # kinds of client that did
    read: bool = True  # words of mining were; else told by how its channels behave
    first_ns: int | None = None
    last_ns: int | None = None


class Roles:
    """Who works for whom at a site, from the channels on which words of mining were heard."""

    def __init__(self, ledger: Ledger) -> None:
        self._serving: dict[str, Role] = {}
        self._boss: dict[str, str] = {}
        self._upstream: set[str] = set()
        self._programs: dict[str, set[str]] = {}
        spoken = list(ledger.spoken.values())
        at_home = ledger.at_home([channel.end[0] for channel in spoken])
        for channel, inside in zip(spoken, at_home, strict=True):
            host, end = ledger.names(channel)
            if not channel.is_client:
                self._serve(host, channel).elsewhere += 1
            elif inside:
                self._serve(end, channel).workers.append(channel.host)
                self._boss[host] = end
            else:
                self._upstream.add(host)
                self._heard(host, channel)
        for host, role in self._serving.items():
            role.name = PROXY if host in self._upstream else POOL
            role.workers = sorted(set(role.workers))
        self._systems, self._shapes = ledger.systems, ledger.shapes
        self._guess(ledger)

    def _guess(self, ledger: Ledger) -> None:
        """Proxies of which no words were read: who has a mining-like channel out, and several to it."""
        alike = [
            one for one in ledger.suspect.values() if one.suspect_windows >= LIKE_MINING and one.is_client
        ]
        outward: set[str] = set()
        inward: dict[str, list[tuple[str, ChannelRecord]]] = {}
        at_home = ledger.at_home([channel.end[0] for channel in alike])
        for channel, inside in zip(alike, at_home, strict=True):
            host, end = ledger.names(channel)
            if inside:
                inward.setdefault(end, []).append((host, channel))
            else:
                outward.add(host)
        for host, channels in inward.items():
            workers = sorted({worker for worker, _ in channels})
            if host in outward and host not in self._serving and len(workers) >= WORKERS:
                first = min(channel.first_ns for _, channel in channels)
                last = max(channel.last_ns for _, channel in channels)
                self._serving[host] = Role(PROXY, workers, first_ns=first, last_ns=last, read=False)
                self._boss |= dict.fromkeys(workers, host)

    def _serve(self, host: str, channel: ChannelRecord) -> Role:
        role = self._serving.setdefault(host, Role(POOL, first_ns=channel.first_ns, last_ns=channel.last_ns))
        role.first_ns = min(role.first_ns or channel.first_ns, channel.first_ns)
        role.last_ns = max(role.last_ns or channel.last_ns, channel.last_ns)
        return role

    def _heard(self, host: str, channel: ChannelRecord) -> None:
        agent = channel.facts.agent if channel.facts else None
        if agent:
            program = clean(agent).replace("/", " ").split()[:1]
            self._programs.setdefault(host, set()).update(word.casefold() for word in program)

    def of(self, host: str, asset_role: str | None) -> Role | None:
        """The role of a host, by the address under which it is counted."""
        serving = self._serving.get(host)
        if serving is not None:
            return serving
        programs, systems = self._programs.get(host, set()), self._systems.get(host, set())
        many = len(programs) >= PROGRAMS or len(systems) >= MANY
        if many or (asset_role or "").casefold() in GATEWAYS:
            return Role(GATEWAY, programs=frozenset(programs), systems=frozenset(systems))
        return None

    def crowded(self, host: str) -> int | None:
        """The window in which a host had shown so many kinds of TLS client that it may be a gateway."""
        return self._shapes.many(host)

    def boss(self, host: str) -> tuple[str, Role] | None:
        """Through which host at home another one mines."""
        name = self._boss.get(host)
        return None if name is None else (name, self._serving[name])


def served(role: Role) -> Evidence:
    """What a proxy or pool does, and for whom.  The score knows nothing of it, so it weighs nothing."""
    passes = "passes on the work of a pool" if role.name == PROXY else "hands out work"
    whom = [_listed(role.workers)] if role.workers else []
    if role.elsewhere:
        whom.append(f"{plural(role.elsewhere, 'channel')} from elsewhere")
    return Evidence(
        kind="serves_miners",
        weight=0.0,
        summary=f"{_named(role)}: {passes} to {' and '.join(whom)}",
        first_ns=role.first_ns,
        last_ns=role.last_ns,
        facts={"role": role.name, "workers": role.workers[:KEPT], "elsewhere": role.elsewhere},
    )


def works_for(name: str, role: Role) -> Evidence:
    """That a miner takes its work from a host at home."""
    behind = f" with {plural(len(role.workers), 'worker')} at home"
    return Evidence(
        kind="works_for",
        weight=0.0,
        summary=f"{'takes' if role.read else 'seems to take'} its work from {name}, {_named(role)}{behind}",
        first_ns=role.first_ns,
        last_ns=role.last_ns,
        facts={"through": name, "role": role.name},
    )


def shared(role: Role) -> Evidence:
    """That an address stands for many hosts, so that it may be none that mines."""
    kinds = [f"{len(role.systems)} kinds of client behind it: {', '.join(sorted(role.systems))}"]
    heard = kinds if len(role.systems) >= MANY else []
    heard += [f"{', '.join(sorted(role.programs))} spoke from it"] if role.programs else []
    told = f" ({'; '.join(heard)})" if heard else ""
    return Evidence(
        kind="gateway",
        weight=0.0,
        summary=f"a gateway: many hosts share this address{told}; which of them mines cannot be told from"
        " here: capture behind it",
        facts={"role": role.name, "programs": sorted(role.programs), "systems": sorted(role.systems)},
    )


def _named(role: Role) -> str:
    """A proxy whose words nobody read only looks like one."""
    return f"a {role.name}" if role.read else f"what looks like a {role.name}"


def _listed(workers: Iterable[str]) -> str:
    names = list(workers)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{plural(len(names), 'miner')} at home: {', '.join(names[:LISTED])}{more}"
