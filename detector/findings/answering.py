"""Hosts at home that only answer others: their channels are judged at those who asked, and told here.

A server of which enough was seen, and whose clients' channels all look ordinary, is `clear`: it did
nothing that looks like mining.  That rests on several clients, since who captures at one client's port
sees nothing of what else a server does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from detector.records import Evidence
from detector.text import plural

if TYPE_CHECKING:
    from detector.findings.roster import HostRecord

CLIENTS: Final = 3  # at home, from which on what is seen of a server is more than one client's view
ORDINARY: Final = 0.5  # a channel is more likely ordinary than not


@dataclass(slots=True)
class Answered:
    """Judged channels of which a host at home was the server."""

    rows: int = 0
    nearest: float = 0.0  # the highest probability of mining of any of them
    clients: set[int] = field(default_factory=set)  # the first CLIENTS of them

    def add(self, client: int, probability: float) -> None:
        """One row that was scored.  client: number of the host that asked."""
        self.rows += 1
        self.nearest = max(self.nearest, probability)
        if len(self.clients) < CLIENTS:
            self.clients.add(client)


def ordinary(answered: Answered | None, record: HostRecord) -> Evidence | None:
    """That a host only answered, and nothing of it looks like mining; None where too little was seen."""
    if answered is None or len(answered.clients) < CLIENTS or answered.nearest >= ORDINARY:
        return None
    return Evidence(
        kind="ordinary_server",
        weight=0.0,
        summary=f"only answered hosts at home ({CLIENTS} or more); the most mining-like of their channels to"
        f" it scores {answered.nearest:.3f}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        facts={"rows_judged": answered.rows, "nearest": round(answered.nearest, 4)},
    )


def why_undecided(answered: Answered | None) -> str:
    """Why a host that only answers cannot be told."""
    asked = "only answered hosts at home"
    if answered is None:
        return f"{asked}, and none of its channels held enough to be judged"
    if answered.nearest >= ORDINARY:
        return (
            f"{asked}, and a channel to it scores {answered.nearest:.3f}: it may hand out work;"
            " its traffic with the outside would tell"
        )
    return f"only answered {plural(len(answered.clients), 'host')} at home: too few to tell what else it does"
