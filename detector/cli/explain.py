"""What became of the input, on standard error: packets read, decoded, left out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from detector.cli import INTERRUPTED, OK, WRONG
from detector.cli.output import note
from detector.records import SourceReport
from detector.text import grouped, plural, printable

LISTED = 20  # sources named one by one
WORDS = {
    "not_ip": "not IP",
    "bad_ip_header": "bad IP header",
    "other_transport": "neither TCP nor UDP",
    "fragment": "fragment without its first",
    "tiny_fragment": "fragment too small for its ports",
    "overlapping_fragment": "overlapping or repeated fragment",
    "encrypted_link": "encrypted on the link",
    "too_many_tunnels": "too many tunnels in one another",
}
"""Reasons whose own name does not say it."""


def outcome(
    sources: Sequence[SourceReport],
    problems: Sequence[str],
    *,
    interrupted: bool,
    nothing: bool,
    quiet: bool,
    passed_over: Sequence[str] = (),
) -> int:
    """Tell what became of the input, and why `nothing` came of it; the exit status it deserves."""
    lines = told_problems(sources, problems)
    for line in lines:
        note(f"minewatch: {line}")
    for line in empty(sources) if nothing else []:
        note(line)
    if not quiet:
        for line in [*map(printable, passed_over), *notes(sources), totals(sources)]:
            note(line)
    if interrupted:
        note("minewatch: interrupted; this is what was known")
        return INTERRUPTED
    if lines:
        note(f"minewatch: {plural(len(lines), 'unreadable input')} (nothing else lost)")
        return WRONG
    return OK


def told_problems(sources: Iterable[SourceReport], problems: Iterable[str]) -> list[str]:
    """Every input that was not wholly read, one line each, in order, once."""
    lines = [*problems, *(s.problem for s in sources if s.problem)]
    return list(dict.fromkeys(printable(line) for line in lines))


def notes(sources: Sequence[SourceReport]) -> list[str]:
    """What was detected rather than told: units, time zones, layouts."""
    lines = [f"{printable(s.source)}: {printable(line)}" for s in sources for line in s.notes]
    return (
        lines if len(lines) <= LISTED else [*lines[:LISTED], f"and {grouped(len(lines) - LISTED)} more notes"]
    )


def totals(sources: Sequence[SourceReport]) -> str:
    """`read 912 packets and 288 readings from 2 sources; 12 packets left out (truncated 12)`."""
    packets = sum(s.packets for s in sources)
    readings = sum(s.readings for s in sources)
    records = sum(s.records for s in sources)
    counts = ((packets, "packet"), (records, "flow record"), (readings, "reading"))
    nouns = [plural(n, noun) for n, noun in counts if n]
    line = f"read {_listed(nouns) or 'nothing'} from {plural(len(sources), 'source')}"
    reasons: Counter[str] = Counter()
    for source in sources:
        reasons.update(source.undecodable)
    if reasons.total():  # packets, or readings of a power file
        line += f"; {grouped(reasons.total())} left out ({_reasons(reasons)})"
    lost = [s.lost for s in sources if s.lost is not None]
    if sum(lost):
        line += f"; {grouped(sum(lost))} lost by the capturing system"
    return line


def _listed(nouns: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(nouns[:-1]), *nouns[-1:]]))


def empty(sources: Sequence[SourceReport]) -> list[str]:
    """Why there is no finding, source by source."""
    lines = ["nothing to judge: no packet or flow record of a host was read, and no reading of a meter"]
    lines += [f"  {printable(s.source)}: {_outcome(s)}" for s in sources[:LISTED]]
    if len(sources) > LISTED:
        lines.append(f"  and {plural(len(sources) - LISTED, 'more source')}")
    return lines


def _outcome(source: SourceReport) -> str:
    if not source.packets and not source.readings and not source.records:
        return "not read" if source.problem else "empty"
    if source.records:
        return plural(source.records, "flow record")
    told = f"{plural(source.packets, 'packet')}, {grouped(source.decoded)} decoded"
    if source.readings:
        told = plural(source.readings, "reading") + (f", {told}" if source.packets else "")
    if source.undecodable:
        told += f", left out: {_reasons(Counter(source.undecodable))}"
    elif source.packets and not source.decoded:
        told += "; none carries IP"
    return told


def _reasons(reasons: Counter[str]) -> str:
    """`truncated header 22, not IP 65`: the six commonest."""
    return ", ".join(f"{reason_in_words(reason)} {grouped(n)}" for reason, n in reasons.most_common(6))


def reason_in_words(reason: str) -> str:
    """`not IP`; `unknown link type 220 (USB (Linux))`."""
    name, _, link = reason.partition(":")
    if name == "unknown_linktype" and link.isdecimal():
        from detector.capture.links import link_name  # noqa: PLC0415  (its package imports numpy)

        return f"unknown link type {link_name(int(link))}"
    return WORDS.get(reason) or printable(reason).replace("_", " ")
