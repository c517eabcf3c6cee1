"""`--format eve`: alerts as Suricata's eve.json tells them, one a line and channel.

https://docs.suricata.io/en/latest/output/eve/eve-json-format.html.  Only findings that accuse are
alerts.  Signature ids lie in the range that Suricata leaves to local rules (1 000 000 to 1 999 999), and
`alert.metadata` says that minewatch and not Suricata speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

from detector import __version__, vocabulary
from detector.document import Context, encoded
from detector.records import Evidence, Finding, Verdict
from detector.text import harmless, printable, probability, rfc3339

GENERATOR: Final = 1
SIGNATURES: Final = {Verdict.MINING: 1_496_001, Verdict.SUSPICIOUS: 1_496_002}
SEVERITY: Final = {Verdict.MINING: 1, Verdict.SUSPICIOUS: 2}  # 1 is the highest
CATEGORY: Final = "Crypto Currency Mining Activity Detected"  # of coin-mining in classification.config


class Eve:
    """EVE records of type alert as JSON lines."""

    name = "eve"

    def write(self, findings: Sequence[Finding], stream: TextIO, context: Context) -> None:
        """Findings that accuse, in the order given."""
        for finding in findings:
            for alert in alerts(finding):
                stream.write(encoded(alert) + "\n")


def alerts(finding: Finding) -> Iterator[dict[str, Any]]:
    """One a channel of the evidence; one without addresses where there is none, as of a meter."""
    if not vocabulary.accuses(finding):
        return
    channels = list(vocabulary.channels(finding))
    for item, between in channels:
        yield harmless(_record(finding, item) | _tuple(between))
    if not channels:
        yield harmless(_record(finding, None) | _tuple(vocabulary.alone(finding)))


def _record(finding: Finding, item: Evidence | None) -> dict[str, Any]:
    seen = finding.last_ns if item is None or item.last_ns is None else item.last_ns
    return {
        "timestamp": rfc3339(seen).removesuffix("Z") + "+0000",
        "event_type": "alert",
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": SIGNATURES[finding.verdict],
            "rev": 1,
            "signature": f"MINEWATCH {vocabulary.TITLES[finding.verdict]}",
            "category": CATEGORY,
            "severity": SEVERITY[vocabulary.weighed(finding)],
            "metadata": _metadata(finding, item),
        },
    }


def _metadata(finding: Finding, item: Evidence | None) -> dict[str, list[str]]:
    """Lists of texts, as rules have them; the words for ATT&CK are those of public rule sets."""
    told: dict[str, Any] = {
        "engine": f"{vocabulary.PRODUCT} {__version__}",
        "finding_id": vocabulary.finding_id(finding),
        "mitre_tactic_id": vocabulary.TACTIC[0],
        "mitre_tactic_name": vocabulary.TACTIC[1],
        "mitre_technique_id": vocabulary.SUBTECHNIQUE[0],
        "mitre_technique_name": vocabulary.SUBTECHNIQUE[1].replace(" ", "_"),
        "host": finding.host,
        "organisation": finding.organisation,
        "verdict": finding.verdict.value,
        "score": probability(finding.score),
        "why": item.summary if item else finding.why,
        **(vocabulary.spoken_facts(item) if item else {}),
    }
    return {name: [printable(value)] for name, value in told.items() if value not in (None, "")}


def _tuple(between: vocabulary.Ends) -> dict[str, Any]:
    return {
        "src_ip": between.source,
        "src_port": between.client_port,
        "dest_ip": between.destination,
        "dest_port": between.port,
        "proto": between.transport and between.transport.upper(),
        "community_id": between.community_id,
    }
