"""Real captures scored as a user would: every miner found for what it is, nobody else called mining.

Captures are in $MINEWATCH_DATA or ../shared/data beside the repository; skipped without.  A
spread sample of the others is scored here, all of them by `make evaluation`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Finding, Verdict
from training import corpora
from training.corpora import Capture

MIRROR = corpora.mirror()
CAPTURES = corpora.captures(MIRROR) if MIRROR else []
LARGEST = 3_000_000  # bytes; three captures are larger
SAMPLED = 150  # of the benign ones, and of the parser vectors
pytestmark = pytest.mark.skipif(not CAPTURES, reason="no captures in $MINEWATCH_DATA or ../shared/data")

ZEC, ETH, XMR = ("zcash", "ZEC"), ("ethproxy", "ETH"), ("cryptonote", "XMR")
HEARD = {  # capture -> host -> (dialect, coin), as labels.tsv states it
    "ethereum.pcap": {"192.168.2.92": ETH},
    "monero.pcap": {"192.168.2.92": XMR},
    "stratum.pcap": {"192.168.2.148": ZEC},
    "eth-eu1.nanopool.org.copy.pcapng": {"147.229.13.222": ETH},
    "eth-eu1.nanopool.org.pcapng": {"147.229.13.222": ETH},
    "pool.eth.pp.ua.pcapng": {"147.229.13.222": ("getwork", "ETH")},
    "xmr-eu1.nanopool.org.pcapng": {"147.229.13.222": XMR},
    "xmr.suprnova.cc.pcapng": {"147.229.13.222": XMR},
    "zec-eu.suprnova.cc.pcapng": {"147.229.13.222": ZEC},
    "zec-eu1.nanopool.org.pcapng": {"147.229.13.222": ZEC},
}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load()


def judged(capture: Capture, bundle: Bundle) -> dict[str, Finding]:
    result = score(Request(paths=(str(capture.path),)), bundle=bundle)
    assert all("\n" not in problem and "mistake" not in problem for problem in result.problems)
    return {finding.host: finding for finding in result.findings}


def heard(finding: Finding) -> set[tuple[str, str]]:
    return {(e.facts["dialect"], e.facts["coin"]) for e in finding.evidence if "dialect" in e.facts}


def name_of(capture: Capture) -> str:
    return f"{capture.source.split('__')[-1]}/{capture.path.name}"


MINING = [capture for capture in CAPTURES if capture.label == "mining"]


def test_every_mining_capture_is_there() -> None:
    assert len(MINING) == 16


@pytest.mark.parametrize("capture", MINING, ids=name_of)
def test_who_mines_is_called_mining_and_nobody_else_there(capture: Capture, bundle: Bundle) -> None:
    found = judged(capture, bundle)
    assert capture.mining_hosts
    mining = {host for host, finding in found.items() if finding.verdict is Verdict.MINING}
    assert mining == capture.mining_hosts


@pytest.mark.parametrize("capture", [c for c in MINING if c.path.name in HEARD], ids=name_of)
def test_dialect_and_coin_are_those_of_the_label(capture: Capture, bundle: Bundle) -> None:
    found = judged(capture, bundle)
    for host, spoken in HEARD[capture.path.name].items():
        assert heard(found[host]) == {spoken}


@pytest.mark.parametrize("capture", [c for c in MINING if c.path.name.startswith("cgminer")], ids=name_of)
def test_cgminer_is_heard_probing_pools(capture: Capture, bundle: Bundle) -> None:
    dialects = {dialect for dialect, _ in heard(judged(capture, bundle)["192.168.1.100"])}
    assert dialects and dialects <= {"stratum", "zcash", "getwork", "getblocktemplate"}


def test_the_merged_capture_holds_all_its_miners(bundle: Bundle) -> None:
    (capture,) = [c for c in MINING if c.path.name == "mining.pcapng"]
    found = judged(capture, bundle)
    assert {host: heard(found[host]) for host in capture.mining_hosts} == {
        "192.168.2.148": {ZEC},
        "192.168.2.92": {XMR},
        "147.229.13.222": {ETH},
    }


def spread(captures: list[Capture]) -> list[Capture]:
    """A sample over the whole list, the same every time."""
    fit = [capture for capture in captures if capture.path.stat().st_size <= LARGEST]
    return fit[:: max(1, len(fit) // SAMPLED)]


@pytest.mark.parametrize(
    ("label", "role", "least"),
    [("ambiguous", "traffic", 6), ("benign", "traffic", SAMPLED), ("benign", "robustness", SAMPLED)],
)
def test_nobody_else_is_called_mining(label: str, role: str, least: int, bundle: Bundle) -> None:
    chosen = spread([c for c in CAPTURES if (c.label, c.role) == (label, role)])
    assert len(chosen) >= least
    hosts, wrong = 0, []
    for capture in chosen:
        found = judged(capture, bundle)
        hosts += len(found)
        wrong += [(name_of(capture), f.host, f.why) for f in found.values() if f.verdict is Verdict.MINING]
    assert hosts > len(chosen) // 2  # not clean for want of anything read
    assert wrong == []


def test_unreadable_captures_are_problems_and_not_crashes(bundle: Bundle) -> None:
    """The smallest parser vectors, many of which are cut or damaged."""
    vectors = [capture for capture in CAPTURES if capture.role == "robustness"]
    smallest = sorted(vectors, key=lambda capture: (capture.path.stat().st_size, str(capture.path)))[:60]
    paths = tuple(str(capture.path) for capture in smallest)
    result = score(Request(paths=paths), bundle=bundle)
    told = {report.source for report in result.sources}
    for path in map(Path, paths):
        assert str(path) in told or any(str(path) in problem for problem in result.problems)
    assert not any("mistake" in problem for problem in result.problems)
