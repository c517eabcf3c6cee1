"""The same captures by others: ndpiReader as a program, and published rules re-stated as facts.

A rule is what its authors look for in one packet, told in our words from their source; we run none of
their code.  A capture is called when any of its packets is.  Where ndpiReader is absent, the section
says so and its column is empty.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.records import Verdict
from training.evaluation import tables
from training.evaluation.captures import Outcome
from training.evaluation.trials import Trial, speaks_clear
from training.metrics import clopper_pearson
from training.simulation.catalogue import MINING_FAMILIES
from training.simulation.disguises import CLEAR

PROGRAM = "ndpiReader"
TIMEOUT_S = 60
MOST_BYTES = 64 << 20  # of a capture that is shown to the rules
_MINING = re.compile(r"^\s+Mining\s+packets:", re.M)


@dataclass(frozen=True, slots=True)
class Segment:
    """What a rule is shown: the payload of one packet, and its ports."""

    payload: bytes
    ports: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """A published rule."""

    name: str
    holds: Callable[[Segment], bool]


def _any_of(pattern: bytes) -> Callable[[Segment], bool]:
    found = re.compile(pattern).search
    return lambda segment: found(segment.payload) is not None


_NDPI = re.compile(
    rb'^\{.*?("mining\.subscribe"|"mining\.configure"|"method": "eth_submitLogin|"agent":"xmr-stak-cpu)', re.S
)
_METHODS = (
    rb"mining\.(?:authorize|get_transactions|subscribe|submit|notify|set_difficulty)|getwork|getblocktemplate"
    rb"|submitblock|getjob|job|submit|login|eth_getWork|eth_submitWork"
)
_FALCO_PORTS = frozenset(
    (
        25, 3333, 3334, 3335, 3336, 3357, 4444, 5555, 5556, 5588, 5730, 6099, 6666, 7777, 7778, 8000, 8001,
        8008, 8080, 8118, 8333, 8888, 8899, 9332, 9999, 14433, 14444, 45560, 45700,
    )
)  # fmt: skip
RULES = (
    # ntop/nDPI src/lib/protocols/mining.c, October 2024
    Rule("nDPI's signature", lambda segment: _NDPI.search(segment.payload) is not None),
    # ET Open sids 2017871-3 and 2017878-9 (method names), 2022886 (login at the start), 2016758 (HTTP header)
    Rule(
        "ET Open coinminer",
        _any_of(
            rb'"mining\.(?:subscribe|authorize|notify)"|"getblocktemplate"|^.{0,10}?\{"method":"login",'
            rb"|X-Mining-Extensions"
        ),
    ),
    # jsiwek/zeek-cryptomining mining.zeek, json-rpc.sig: any of its methods in JSON-RPC
    Rule("zeek-cryptomining", _any_of(rb'"method"\s*:\s*"(?:' + _METHODS + rb')"')),
    # plnyrich/DeCrypto, the payload detector
    Rule("DeCrypto's payload words", _any_of(rb'"jsonrpc":|"method":|"worker":|params":')),
    # falcosecurity/rules, falco-sandbox_rules.yaml
    Rule("Falco's miner ports", lambda segment: bool(_FALCO_PORTS.intersection(segment.ports))),
)


def section(outcomes: Sequence[Outcome]) -> str:
    """Captures that minewatch has scored (`captures.judge_captures`), by the peers."""
    scored = [one for one in outcomes if one.capture.role == "traffic"]
    mining = sorted(
        (one for one in scored if one.capture.label == "mining"), key=lambda o: str(o.capture.path)
    )
    rows = [_row(one) for one in mining]
    head = ["mining capture", "minewatch", "ndpiReader", *(rule.name for rule in RULES)]
    others = [one for one in scored if one.capture.label != "mining"]
    return (
        f"## Peers\n{_program()} Rules are re-stated from their sources; a capture is called when any packet"
        " is. Recorded captures.\n\n"
        + tables.table(head, rows)
        + "\n\nOrdinary captures that do not mine, and how many of them are called:\n\n"
        + tables.table(["called by", "captures"], _false(others))
        + "\n\n**Simulated**: a clear conversation of ten minutes of each dialect.\n\n"
        + tables.table(["dialect", *head[2:-1]], _dialects())
    )


def _program() -> str:
    """The version that is there, or that none is."""
    told = _run("-h")
    if told is None:
        return f"{PROGRAM} is not installed: its column is empty."
    version = re.search(r"nDPI (\S+)", told)
    return f"{PROGRAM} is version {version[1] if version else 'unknown'}, run as a program."


def _run(*words: str) -> str | None:
    """What ndpiReader prints; None where it is absent, fails to start or takes too long."""
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    try:
        done = subprocess.run([program, *words], capture_output=True, check=False, timeout=TIMEOUT_S)  # noqa: S603  found on the path
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout.decode("utf-8", "replace")


def mines(path: Path) -> bool | None:
    """Whether ndpiReader names the protocol Mining; None where it says nothing."""
    told = _run("-i", str(path))
    return None if told is None else _MINING.search(told) is not None


def matched(path: Path) -> list[bool]:
    """For each of RULES, whether any packet of the capture fits."""
    found = [False] * len(RULES)
    for segment in segments(path):
        for place, rule in enumerate(RULES):
            found[place] = found[place] or rule.holds(segment)
        if all(found):
            break
    return found


def segments(path: Path) -> Iterator[Segment]:
    """TCP payloads of a capture, as far as it can be read."""
    import dpkt  # noqa: PLC0415  (a test's dependency)

    readers = {1: dpkt.ethernet.Ethernet, 101: dpkt.ip.IP, 113: dpkt.sll.SLL, 0: dpkt.loopback.Loopback}
    if path.stat().st_size > MOST_BYTES:
        return
    with path.open("rb") as file:
        try:
            capture = dpkt.pcap.UniversalReader(file)
            read = readers.get(capture.datalink())
            for _, frame in capture if read else ():
                segment = _segment(read, frame)
                if segment is not None:
                    yield segment
        except (ValueError, dpkt.Error, KeyError):
            return


def _segment(read: Callable[[bytes], object], frame: bytes) -> Segment | None:
    """The TCP payload of one frame."""
    import dpkt  # noqa: PLC0415

    try:
        packet: object = read(frame)
    except (dpkt.Error, IndexError, ValueError, AttributeError):
        return None
    while packet is not None and not isinstance(packet, bytes | dpkt.tcp.TCP):
        packet = getattr(packet, "data", None)
    if not isinstance(packet, dpkt.tcp.TCP) or not isinstance(packet.data, bytes):
        return None
    return Segment(packet.data, (packet.sport, packet.dport))


def _row(outcome: Outcome) -> list[str]:
    capture = outcome.capture
    hosts = [told.verdict for told in outcome.told if told.host in capture.mining_hosts]
    ours = f"{sum(verdict is Verdict.MINING for verdict in hosts)} of {len(capture.mining_hosts)} hosts"
    name = f"{capture.source.split('__')[-1]}/{capture.path.name}"
    return [name, ours, _said(mines(capture.path)), *map(_said, matched(capture.path))]


def _false(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """(who, `3 of 913 (at most 0.9 %)`)."""
    ours = sum(any(told.verdict is Verdict.MINING for told in one.told) for one in outcomes)
    theirs = [mines(one.capture.path) for one in outcomes]
    rules = [matched(one.capture.path) for one in outcomes]
    counts = {"minewatch": ours}
    if None not in theirs or any(theirs):
        counts[PROGRAM] = sum(bool(called) for called in theirs)
    counts |= {rule.name: sum(found[place] for found in rules) for place, rule in enumerate(RULES)}
    return [[name, tables.rate(clopper_pearson(count, len(outcomes)))] for name, count in counts.items()]


def _dialects() -> list[list[str]]:
    """Of each dialect what hears it; not by its port, which the simulation draws at random."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dialect.pcap"
        for family in filter(speaks_clear, MINING_FAMILIES):
            path.write_bytes(Trial(family, 0, CLEAR, 600.0).made().pcap)
            rows.append([family, _said(mines(path)), *map(_said, matched(path)[:-1])])
    return rows


def _said(called: bool | None) -> str:
    return "-" if called is None else "yes" if called else "no"
