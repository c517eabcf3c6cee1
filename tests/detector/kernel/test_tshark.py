"""Packets, bytes, flows and payload against tshark on real captures (`make agreement` does them all).

Exact agreement on a sample of every source and link type; on each capture that differs, the
reasons that `explained.tsv` states and no others.
"""

from __future__ import annotations

import shutil

import pytest

from tests.agreement import corpus
from tests.agreement.compare import agreed, compare, in_channels
from tests.agreement.ours import Channel, Way
from tests.agreement.tshark import Frame, Layer, Network, Transport

EACH = 2
LARGEST = 5_000  # packets: what tshark reads in about a second
EXPLAINED = corpus.explained()
CAPTURES = corpus.sample(EACH, LARGEST)

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
needs_data = pytest.mark.skipif(
    not CAPTURES, reason=f"no public captures at {corpus.DATA} (set MINEWATCH_DATA)"
)


@needs_tshark
@needs_data
@pytest.mark.parametrize("name", [name for name in CAPTURES if name not in EXPLAINED])
def test_exact_agreement(name: str) -> None:
    agreement = compare(corpus.DATA / name, name)
    assert not agreement.unexplained
    assert agreement.exact or agreement.refused


@needs_tshark
@needs_data
@pytest.mark.parametrize("name", EXPLAINED)
def test_explained_differences(name: str) -> None:
    agreement = compare(corpus.DATA / name, name)
    assert not agreement.unexplained
    assert set(agreement.explained) == EXPLAINED[name]


WAY = Way(1, 40_000, 2, 443, 6)


def frame(length: int = 140, **how: int) -> Frame:
    network = Network(WAY.source, WAY.destination, length, 20, **how)
    layers = Layer("ip", network), Layer("tcp", network, Transport(6, 40_000, 443, 20, 100))
    return Frame(154, 154, ("eth", "ethertype", "ip", "tcp"), layers, {})


def test_a_difference_without_a_reason_is_not_explained() -> None:
    told = agreed("x", [frame(), frame()], {WAY: {"packets": 1, "wire": 154, "payload": 100}})
    assert len(told.unexplained) == 1


def test_a_reason_explains_no_more_than_its_frames() -> None:
    frames = [frame(), frame(more=True)]
    assert not agreed("x", frames, {WAY: {"packets": 3, "wire": 400, "payload": 100}}).unexplained
    assert agreed("x", frames, {WAY: {"packets": 4, "wire": 400, "payload": 100}}).unexplained
    assert agreed("x", frames, {WAY: {"packets": 3, "wire": 600, "payload": 100}}).unexplained


def test_channels_are_the_sums_of_their_flows() -> None:
    totals = {"packets": 1, "wire": 154, "payload": 100}
    flows = {WAY: totals, WAY._replace(source_port=40_001): totals}
    twice = {name: 2 * n for name, n in totals.items()}
    assert in_channels(flows, {Channel(1, 2, 443, 6): {"up": twice, "down": {}}}) == []
    assert in_channels(flows, {Channel(1, 2, 443, 6): {"up": totals, "down": {}}})
    assert in_channels(flows, {Channel(1, 2, 443, 6): {"up": {}, "down": twice}})
