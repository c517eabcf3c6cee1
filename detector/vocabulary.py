"""What the exchange formats say alike: the ATT&CK technique, severities, stable ids, ends of a channel.

Each format has its own words for these; the sinks put them there.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from detector.records import Evidence, Finding, Verdict
from detector.text import harmless, plain, printable

PRODUCT: Final = "minewatch"
ATTACK: Final = "18.1"  # version of MITRE ATT&CK that the names are of
TACTIC: Final = ("TA0040", "Impact")
TECHNIQUE: Final = ("T1496", "Resource Hijacking")
SUBTECHNIQUE: Final = ("T1496.001", "Compute Hijacking")
REFERENCES: Final = {  # id -> its page
    "TA0040": "https://attack.mitre.org/tactics/TA0040",
    "T1496": "https://attack.mitre.org/techniques/T1496",
    "T1496.001": "https://attack.mitre.org/techniques/T1496/001",
}
ACCUSED: Final = (Verdict.MINING, Verdict.SUSPICIOUS)
TITLES: Final = {
    Verdict.MINING: "Cryptocurrency mining",
    Verdict.SUSPICIOUS: "Possible cryptocurrency mining",
    Verdict.UNDECIDED: "Not enough to tell whether it mines",
    Verdict.CLEAR: "Nothing looks like mining",
}
SPOKEN_FACTS: Final = (
    "dialect", "coin", "algorithm", "agent", "pool", "carrier", "wallet", "worker",
    "logins", "requests", "jobs", "shares", "accepted", "rejected", "difficulty",
)  # fmt: skip
_NAMESPACE: Final = uuid.UUID("921b87f7-2d73-48e9-90a3-adb165dfab8c")  # of the ids that are made here


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a channel of a finding; None where a text is no address, or nothing was told."""

    host: str | None
    remote: str | None
    port: int | None  # of the service
    client_port: int | None  # of the connection that `community_id` is of
    transport: str | None  # "tcp" or "udp"
    serving: bool  # the service is the host's
    community_id: str | None

    @property
    def source(self) -> str | None:
        """Address of the client."""
        return self.remote if self.serving else self.host

    @property
    def destination(self) -> str | None:
        """Address of the service."""
        return self.host if self.serving else self.remote


def accuses(finding: Finding) -> bool:
    """Whether it is an alert: of what looks like mining and is not allowed."""
    return weighed(finding) in ACCUSED


def weighed(finding: Finding) -> Verdict:
    """The verdict as it weighs: what is allowed weighs as much as what is clear, and is told all the same."""
    return Verdict.CLEAR if finding.allowed else finding.verdict


def alone(finding: Finding) -> Ends:
    """The host without a channel; its address is None for a meter."""
    host = address(finding.host) if finding.kind == "ip" else None
    return Ends(host, None, None, None, None, serving=False, community_id=None)


def ends(finding: Finding, item: Evidence) -> Ends | None:
    """The ends of the channel that `item` is about; None where it is about no channel or nothing known."""
    if item.channel is None:
        return None
    channel = plain(item.channel)
    transport = str(channel.get("transport") or "").lower()
    community_id = channel.get("community_id")
    found = Ends(
        host=address(finding.host),
        remote=address(channel.get("remote")),
        port=_port(channel.get("port")),
        client_port=_port(channel.get("client_port")),
        transport=transport if transport in ("tcp", "udp") else None,
        serving=channel.get("role") == "server",
        community_id=printable(community_id) if community_id else None,
    )
    return found if found.host or found.remote else None


def _port(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 65_536 else None


def channels(finding: Finding) -> Iterator[tuple[Evidence, Ends]]:
    """Evidence that is about a channel, and the ends of that channel, heaviest first."""
    for item in finding.evidence:
        between = ends(finding, item)
        if between:
            yield item, between


def address(value: object) -> str | None:
    """`value` as an IP address in its usual spelling, None when it is none; zones (`%eth0`) are none."""
    try:
        spelled = str(ipaddress.ip_address(str(value)))
    except ValueError:
        return None
    return None if "%" in spelled else spelled


def percent(score: float | None) -> int | None:
    """A score as a whole number, 0..100, cut: 0.996 is not 100."""
    known = plain(score)
    return None if known is None else int(100 * min(max(known, 0.0), 1.0))


def identity(*parts: object) -> uuid.UUID:
    """The same UUID (version 5, RFC 9562) for the same parts: what is exported twice is one thing."""
    name = "\x00".join(printable(part, 4096) for part in parts)
    return uuid.uuid5(_NAMESPACE, name)


def finding_id(finding: Finding) -> str:
    """Of one host and the stretch of time that begins there; what is learned later keeps it."""
    return str(identity("finding", finding.kind, finding.host, finding.first_ns))


def spoken_facts(item: Evidence) -> dict[str, Any]:
    """The facts that every dialogue has, under their names; formats with fixed columns take only these."""
    shown: dict[str, Any] = harmless({name: item.facts.get(name) for name in SPOKEN_FACTS})
    return shown
