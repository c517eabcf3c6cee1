"""What an organisation allows, and how sure it wants to be: `--policy FILE`, in TOML.

    [[allow]]
    name = "Blockchain lab, licence 2026-17"     told beside the verdict
    asset = ["rig-1", "rig-2"]                   of the asset map
    wallet = "sha256:0123456789abcdef"           as findings print it, or in the clear
    from = 2026-01-01
    until = 2026-07-01T00:00:00Z

    [thresholds."Faculty of Physics"]
    mining = 0.99

A rule covers a host where every condition that it names holds, one of the values of each; of
`wallet` and `pool` on every channel that speaks for mining: who mines for a licensed pool and for
another one is not allowed.  What is allowed is still reported.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from detector.settings import SettingsError, read_table, refuse_unknown
from detector.text import grouped, nanoseconds

CONDITIONS: Final = ("asset", "organisation", "host", "wallet", "pool")
TIMES: Final = ("from", "until")
LIMITS: Final = ("mining", "suspicious")
MOST_RULES: Final = 10_000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PolicyError(SettingsError):
    """The policy cannot be used: one line with file, rule and what is wrong."""


@dataclass(frozen=True, slots=True)
class Mined:
    """Where one channel mines, as far as that was heard."""

    remote: str  # address of the other end
    names: frozenset[str] = frozenset()  # of the pool
    wallets: frozenset[str] = frozenset()  # spellings of the wallet: in the clear, and as it is told


@dataclass(frozen=True, slots=True)
class Subject:
    """A host that stands accused, as rules see it."""

    host: str  # address, or name of a meter
    asset: str | None
    organisation: str | None
    mined: Sequence[Mined]  # channels that speak for mining; none where only watts do
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[allow]]`.  An empty condition asks nothing."""

    name: str
    asset: frozenset[str] = frozenset()
    organisation: frozenset[str] = frozenset()
    host: frozenset[str] = frozenset()  # addresses, networks, names of meters
    wallet: frozenset[str] = frozenset()
    pool: frozenset[str] = frozenset()  # names (with what is below them), addresses, networks
    from_ns: int | None = None
    until_ns: int | None = None

    def covers(self, subject: Subject) -> bool:
        """Whether all that speaks against the subject is allowed by this rule."""
        in_time = (self.from_ns is None or self.from_ns <= subject.first_ns) and (
            self.until_ns is None or subject.last_ns < self.until_ns
        )
        named = (
            (not self.asset or subject.asset in self.asset)
            and (not self.organisation or subject.organisation in self.organisation)
            and (not self.host or _within(subject.host, self.host))
        )
        if not (in_time and named):
            return False
        if not (self.wallet or self.pool):
            return True
        return bool(subject.mined) and all(self._pays(one) for one in subject.mined)

    def _pays(self, mined: Mined) -> bool:
        wallet = not self.wallet or bool(self.wallet & mined.wallets)
        pool = (
            not self.pool
            or _within(mined.remote, self.pool)
            or any(_below(name, self.pool) for name in mined.names)
        )
        return wallet and pool


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in order, and thresholds by organisation (keys of LIMITS)."""

    rules: tuple[Rule, ...] = ()
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def allows(self, subject: Subject) -> str | None:
        """The name of the first rule that covers the subject."""
        return next((rule.name for rule in self.rules if rule.covers(subject)), None)


NO_POLICY: Final = Policy()


def read_policy(path: str) -> Policy:
    """Read a policy.  Raises SettingsError, of which PolicyError is one."""
    table = read_table(path)
    refuse_unknown(table, ("allow", "thresholds"), path)
    listed, limits = table.get("allow", []), table.get("thresholds", {})
    if not isinstance(listed, list) or len(listed) > MOST_RULES:
        raise PolicyError(f"{path}: 'allow' must be at most {grouped(MOST_RULES)} tables [[allow]]")
    if not isinstance(limits, dict):
        raise PolicyError(f'{path}: [thresholds] must hold a table an organisation, [thresholds."Name"]')
    rules = tuple(_rule(rule, f"{path}: [[allow]] {n}") for n, rule in enumerate(listed, 1))
    told = {name: _limits(value, f"{path}: [thresholds.{name!r:.80}]") for name, value in limits.items()}
    return Policy(rules, told)


def _rule(table: Any, where: str) -> Rule:
    if not isinstance(table, dict):
        raise PolicyError(f"{where} must be a table")
    refuse_unknown(table, ("name", *CONDITIONS, *TIMES), where)
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise PolicyError(f"{where}: 'name' is missing: it is told beside the verdict")
    where = f"{where} ({name!r:.80})"
    if len(table) == 1:
        raise PolicyError(f"{where} allows everything; name one of {', '.join((*CONDITIONS, *TIMES))}")
    conditions = {key: _texts(table[key], f"{where} {key}") for key in CONDITIONS if key in table}
    start, end = (_moment(table[key], f"{where} {key}") if key in table else None for key in TIMES)
    if start is not None and end is not None and start >= end:
        raise PolicyError(f"{where}: 'from' is not before 'until'")
    return Rule(name=name.strip(), from_ns=start, until_ns=end, **conditions)


def _texts(value: Any, where: str) -> frozenset[str]:
    """One text or a list of them; none of them empty: an empty condition would ask nothing."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(v, str) and v for v in listed):
        raise PolicyError(f"{where} must be a text or a list of texts, none of them empty")
    for text in listed:
        if "/" in text and where.endswith((" host", " pool")) and _network(text) is None:
            raise PolicyError(f"{where}: {text!r:.80} is no network, such as 10.0.0.0/8")
    return frozenset(listed)


def _moment(value: Any, where: str) -> int:
    """A TOML date (midnight UTC) or date and time with its zone, in ns since the epoch."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PolicyError(f"{where} must be a date or a time with its zone, as 2026-03-01T00:00:00Z")
    return nanoseconds(value)


def _limits(value: Any, where: str) -> Mapping[str, float]:
    if not isinstance(value, dict):
        raise PolicyError(f"{where} must be a table")
    refuse_unknown(value, LIMITS, where)
    for key, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise PolicyError(f"{where} {key} must be a number from 0 to 1")
    if value.get("suspicious", 0.0) > value.get("mining", 1.0):
        raise PolicyError(f"{where}: 'suspicious' is above 'mining'")
    return {key: float(number) for key, number in value.items()}


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(name: str, wanted: frozenset[str]) -> bool:
    """Whether an address or a name is among the wanted, or in a wanted network."""
    if name in wanted:
        return True
    address = _network(name)
    nets = [net for net in map(_network, wanted) if net is not None] if address is not None else []
    return any(address.network_address in net for net in nets) if address is not None else False


def _below(name: str, wanted: frozenset[str]) -> bool:
    """Whether a name is a wanted one or below it: eu.pool.example is below pool.example."""
    host = name.casefold().rsplit("://", 1)[-1].split("/", 1)[0]
    host = host if host.startswith("[") else host.split(":", 1)[0]
    host = host.rstrip(".")
    return any(host == one or host.endswith("." + one) for one in map(str.casefold, wanted))
