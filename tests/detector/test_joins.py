"""Community IDs of evidence are those of flows in the capture, by another parser and another library."""

from collections.abc import Iterator
from pathlib import Path

import communityid
import dpkt
import pytest

from detector.model import Bundle
from detector.pipeline import Request, score
from detector.records import Verdict
from training import corpora

MIRROR = corpora.mirror()
CAPTURES = [c for c in corpora.captures(MIRROR) if c.label == "mining"] if MIRROR else []
pytestmark = pytest.mark.skipif(not CAPTURES, reason="no captures in $MINEWATCH_DATA or ../shared/data")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load()


def flows(path: Path) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Both ends of every TCP segment, as dpkt reads it."""
    with path.open("rb") as file:
        for _, frame in dpkt.pcap.UniversalReader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6) and isinstance(packet.data, dpkt.tcp.TCP):
                yield packet.src, packet.data.sport, packet.dst, packet.data.dport


def names(path: Path) -> set[str]:
    known = communityid.CommunityID()
    return {
        known.calc(communityid.FlowTuple.make_tcp(source, destination, port, service))
        for source, port, destination, service in set(flows(path))
    }


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda c: c.path.name)
def test_evidence_names_a_flow_of_the_capture(capture: corpora.Capture, bundle: Bundle) -> None:
    findings = score(Request(paths=(str(capture.path),)), bundle=bundle).findings
    mining = [finding for finding in findings if finding.verdict is Verdict.MINING]
    channels = [item.channel for finding in mining for item in finding.evidence if item.channel]
    told = {str(channel["community_id"]) for channel in channels if channel["community_id"]}
    assert told and told <= names(capture.path)
    heaviest = [finding.evidence[0].channel for finding in mining]
    assert all(channel and channel["community_id"] for channel in heaviest)
