"""`--format cef`: one event a line in the Common Event Format, version 0.

ArcSight Common Event Format, Implementation Standard (version 25): a header of seven fields between
`|`, then `key=value` pairs.  `detector.syslog` sends the same lines.  Every finding is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

from detector import __version__, vocabulary
from detector.document import Context, spoken
from detector.records import Finding, Verdict
from detector.text import plain, printable

SEVERITY: Final = {Verdict.MINING: 8, Verdict.SUSPICIOUS: 5, Verdict.UNDECIDED: 2, Verdict.CLEAR: 0}
LONGEST: Final = {"msg": 1023, "shost": 1023, "externalId": 40}  # what the standard allows
TEXT: Final = 400  # custom strings may have 4 000
_MS: Final = 1_000_000


class Cef:
    """CEF events, one a line; ASCII is not needed, the standard asks for UTF-8."""

    name = "cef"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Every finding, in the order given."""
        for finding in findings:
            stream.write(event(finding) + "\n")


def event(finding: Finding) -> str:
    """The finding as one CEF event, without a line break."""
    header = (
        "CEF:0", vocabulary.PRODUCT, vocabulary.PRODUCT, __version__,
        finding.verdict.value, vocabulary.TITLES[finding.verdict], str(SEVERITY[vocabulary.weighed(finding)]),
    )  # fmt: skip
    pairs = (f"{key}={_escaped(key, value)}" for key, value in _extension(finding) if value not in (None, ""))
    return "|".join(_header_field(field) for field in header) + "|" + " ".join(pairs)


def _header_field(field: str) -> str:
    return printable(field).replace("\\", "\\\\").replace("|", "\\|")


def _escaped(key: str, value: Any) -> str:
    text = printable(value, LONGEST.get(key, TEXT))
    return text.replace("\\", "\\\\").replace("=", "\\=")


def _extension(finding: Finding) -> Iterator[tuple[str, Any]]:
    """The keys of the standard's dictionary, custom ones with the label that says what they hold."""
    channels = list(vocabulary.channels(finding))
    yield "rt", finding.last_ns // _MS
    yield "start", finding.first_ns // _MS
    yield "end", finding.last_ns // _MS
    yield "externalId", vocabulary.finding_id(finding)
    yield "cat", "Cryptocurrency mining"
    yield "msg", finding.why
    if channels:
        yield from _addresses(channels[0][1])
    else:
        yield from _addresses(vocabulary.alone(finding))
    if finding.kind != "ip":
        yield "shost", finding.host
    yield from _labelled("cfp1", "score", plain(finding.score))
    attack = vocabulary.SUBTECHNIQUE[0] if vocabulary.accuses(finding) else None
    coin, dialect = spoken(finding)
    named = {
        "mitreTechnique": attack,
        "coin": coin,
        "dialect": dialect,
        "organisation": finding.organisation,
        "allowed": finding.allowed,
        "communityId": channels[0][1].community_id if channels else None,
    }
    for number, (label, value) in enumerate(named.items(), 1):
        yield from _labelled(f"cs{number}", label, value)


def _addresses(between: vocabulary.Ends) -> Iterator[tuple[str, Any]]:
    """`src` and `dst` hold IPv4 only; IPv6 has custom fields of its own, 2 and 3 by convention."""
    for key, custom, label, value in (
        ("src", "c6a2", "Source IPv6 Address", between.source),
        ("dst", "c6a3", "Destination IPv6 Address", between.destination),
    ):
        if value and ":" in value:
            yield from _labelled(custom, label, value)
        else:
            yield key, value
    yield "spt", between.client_port
    yield "dpt", between.port
    yield "proto", between.transport and between.transport.upper()


def _labelled(key: str, label: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value not in (None, ""):
        yield key, value
        yield f"{key}Label", label
