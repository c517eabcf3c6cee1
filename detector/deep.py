"""`--deep`: Wireshark's word on suspected channels, added to their evidence.

It adds facts to what is told and moves no score: the model never saw such facts.
"""

from __future__ import annotations

from detector.capture.deep import look
from detector.capture.files import CaptureError
from detector.records import Evidence, Finding, Verdict

MOST_CHANNELS = 50  # each costs a pass of tshark over the capture


def look_deeper(findings: list[Finding], captures: list[str], problems: list[str]) -> None:
    """Ask tshark about the channels in the evidence of suspected hosts, worst first.

    What cannot be asked becomes one line in `problems`; nothing else is lost.
    """
    suspected = [f for f in findings if f.verdict in (Verdict.MINING, Verdict.SUSPICIOUS)]
    asked = [(f, e) for f in suspected for e in f.evidence if e.channel is not None]
    try:
        for finding, evidence in asked[:MOST_CHANNELS]:
            _look(evidence, [path for path in captures if path in finding.quality["sources"]])
    except (OSError, CaptureError) as error:
        problems.append(str(error))


def _look(evidence: Evidence, captures: list[str]) -> None:
    channel = evidence.channel or {}
    found: dict[str, list[str]] = {}
    for path in captures:
        for name, values in look(path, channel["remote"], channel["port"], channel["transport"]).items():
            found.setdefault(name, []).extend(value for value in values if value not in found[name])
    evidence.facts = {**evidence.facts, "deep": found}
