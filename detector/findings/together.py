"""Evidence of a host that no single fact accuses: what of all that is known moved its score the most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from detector.findings.evidence import channel
from detector.records import Evidence

if TYPE_CHECKING:
    from detector.findings.ledger import ChannelRecord

MOST: Final = 4  # columns that are told
WORDS: Final = {
    "fusion.network_logit": "how a channel behaves in its most suspect window",
    "fusion.network_second": "how a second channel behaves",
    "fusion.network_again": "how that channel behaves in another window",
    "fusion.network_mean": "how a channel behaves over all its windows",
    "fusion.unnamed": "a TLS opening that names no server",
    "fusion.no_protocol": "a TLS opening that offers no protocol",
    "fusion.self_signed": "a certificate that the server signed itself",
    "fusion.power_logit": "what it draws",
    "novelty": "how unlike what was learned from it is",
}


def together(lead: ChannelRecord, parts: Sequence[tuple[str, float, float]]) -> Evidence:
    """Of the most suspect channel and what moved the score of its host: (column, value, log-odds) of each.

    Columns of words are not told: who spoke them is accused by them.
    """
    known = [(added, WORDS[name]) for name, _, added in parts if name in WORDS]
    known.sort(key=lambda part: -part[0])
    speaking = [part for part in known if part[0] > 0][:MOST] or known[:1]
    words = "; ".join(f"{told} ({added:+.1f})" for added, told in speaking)
    return Evidence(
        kind="together",
        weight=round(sum(added for added, _ in speaking), 2),
        summary=f"no single fact; these together: {words or 'all that is known of its channels'}",
        first_ns=lead.first_ns,
        last_ns=lead.last_ns,
        channel=channel(lead),
    )
