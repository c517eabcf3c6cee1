"""The corpus: every family yields, equal seeds give equal bytes, only behaviour tells the classes apart."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import replace
from functools import reduce

import pytest

from detector.dissectors import merge_facts
from detector.kernel import layout
from detector.metering import Metering
from detector.records import ChannelWindows, Facts
from detector.settings import Settings
from training.simulation.capture import drawn_ends, service_port
from training.simulation.catalogue import BENIGN_FAMILIES, FAMILIES, MINING_FAMILIES, family_named
from training.simulation.conversation import LONGEST_S, SHORTEST_S, Conversation, simulate
from training.simulation.corpus import corpus, example, plan
from training.simulation.draw import Draw
from training.simulation.pcap import WHOLE, pcap_bytes
from training.simulation.script import UP

DISSECTED = {  # family -> dialect, and what of coin and algorithm its dialogue tells
    "stratum": ("stratum", None, None),
    "kaspa": ("stratum", "KAS", None),
    "kawpow": ("stratum", None, "kawpow"),
    "zcash": ("zcash", "ZEC", None),
    "zhash": ("zcash", "BTG", "equihash_144_5"),
    "equihash192": ("zcash", "ZER", "equihash_192_7"),
    "ergo": ("stratum", "ERG", "autolykos2"),
    "conflux": ("stratum", "CFX", "octopus"),
    "kadena": ("stratum", "KDA", "blake2s"),
    "xelis": ("stratum", "XEL", None),
    "aleo": ("stratum", "ALEO", None),
    "nervos": ("stratum", "CKB", "eaglesong"),
    "ironfish": ("stratum", "IRON", "fishhash"),
    "alephium": ("stratum", "ALPH", "blake3"),
    "cryptonote": ("cryptonote", None, None),
    "p2pool": ("cryptonote", "XMR", "rx/0"),
    "ethproxy": ("ethproxy", None, "ethash"),
    "ethproxy_poll": ("ethproxy", None, "ethash"),
    "ethereumstratum": ("ethereumstratum", None, "ethash"),
    "ethereumstratum2": ("ethereumstratum", None, "ethash"),
    "grin": ("grin", None, None),
    "beam": ("beam", None, "beamhash"),
    "arweave": ("arweave", "AR", None),
    "bytom": ("bytom", "BTM", "tensority"),
    "ckb": ("nervos", "CKB", "eaglesong"),
    "duino": ("duino", "DUCO", "duco-s1"),
    "stratum2_clear": ("stratumv2", None, "sha256d"),
    "stratum2_templates": ("stratumv2", "BTC", "sha256d"),
    "stratum2_declaration": ("stratumv2", None, "sha256d"),
    "getwork": ("getwork", None, None),
    "eth_getwork": ("getwork", None, "ethash"),
    "getblocktemplate": ("getblocktemplate", None, None),
    "daemon_poll": ("getblocktemplate", "XMR", None),
}
UNHEARD = {"generic", "stratum2", "prober"}
"""Lengths without words; Noise by its nature; and a prober's channels, each too short for a dialogue."""

POLLED = {"getwork", "eth_getwork", "getblocktemplate", "daemon_poll", "duino"}
"""Dialects without a login."""
WORDY = (
    "json_rpc_service",
    "web3_rpc",
    "node_rpc",
    "electrum",
    "language_server",
    "media_center",
    "block_explorer",
)


def metered(pcap: bytes) -> ChannelWindows:
    """Channel windows of a capture through the project's own kernel and dissectors."""
    metering = Metering(Settings())
    metering.meter.feed(pcap)
    metering.meter.finish()
    return metering.windows(final=True)


def clear_pcap(conversation: Conversation) -> bytes:
    ends = drawn_ends(Draw(1), conversation.remotes)
    return pcap_bytes(conversation.packets(ends, WHOLE), ends[0].link, 1_760_000_000 * 10**9)


def heard(pcap: bytes) -> Facts:
    """All facts of all windows of a capture."""
    facts = [fact for fact in metered(pcap).facts if fact is not None]
    assert facts, "no dialect heard"
    return reduce(merge_facts, facts)


def dialects(pcap: bytes) -> set[str]:
    return {fact.dialect for fact in metered(pcap).facts if fact is not None}


def test_there_are_enough_families() -> None:
    assert len(BENIGN_FAMILIES) >= 80
    assert len(MINING_FAMILIES) >= 36
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_every_family_yields_a_capture(family: str) -> None:
    made = example(family, 1)
    assert made.simulated
    assert made.label == family_named(family).label
    assert made.packets > 0
    assert len(made.pcap) > 24


@pytest.mark.parametrize("family", ["stratum", "generic", "dashboard", "dns", "prober"])
def test_equal_seeds_give_equal_bytes(family: str) -> None:
    assert example(family, 5) == example(family, 5)
    assert example(family, 5).pcap != example(family, 6).pcap


@pytest.mark.parametrize("family", DISSECTED)
def test_the_dissectors_know_every_clear_dialect(family: str) -> None:
    """Simulation and dissectors are held against each other: every job, share and login is counted."""
    dialect, coin, algorithm = DISSECTED[family]
    for seed in (11, 12, 13):
        conversation = simulate(family, seed, duration_s=120, wrap="none", tunnel="", whole=True)
        conversation.stack = replace(conversation.stack, loss=0.0)
        pcap = clear_pcap(conversation)
        facts = heard(pcap)
        assert dialects(pcap) == {dialect}
        assert facts.client_is_a is not None
        assert coin is None or facts.coin == coin
        assert algorithm is None or facts.algorithm == algorithm
        assert facts.errors == 0
        assert facts.jobs > 0 or family == "stratum2_declaration"
        assert facts.logins > 0 or family in POLLED
        assert facts.accepted + facts.rejected <= facts.shares + facts.requests


@pytest.mark.parametrize("carrier", ["ws", "socks5", "connect"])
def test_carried_dialogues_are_heard(carrier: str) -> None:
    for family in ("stratum", "cryptonote", "ethproxy", "grin", "beam"):
        wrap, tunnel = (carrier, "") if carrier == "ws" else ("none", carrier)
        conversation = simulate(family, 11, duration_s=120, wrap=wrap, tunnel=tunnel, whole=True)
        facts = heard(clear_pcap(conversation))
        assert facts.dialect == DISSECTED[family][0]
        assert facts.jobs > 0
        assert carrier != "ws" or facts.carrier == "websocket"


def test_every_dialect_is_held_against_its_dissector() -> None:
    assert DISSECTED.keys() | UNHEARD == set(MINING_FAMILIES)


@pytest.mark.parametrize("family", WORDY)
def test_json_look_alikes_are_no_dialect(family: str) -> None:
    conversation = simulate(family, 11, duration_s=120, wrap="none", tunnel="", whole=True)
    assert not dialects(clear_pcap(conversation))


@pytest.mark.parametrize("wrap", ["tls13", "tls12", "tls12cbc", "wss", "opaque"])
def test_wrapped_dialogues_show_nothing_but_records(wrap: str) -> None:
    conversation = simulate("cryptonote", 11, duration_s=300, wrap=wrap, tunnel="", whole=True)
    pcap = clear_pcap(conversation)
    assert b"jsonrpc" not in pcap
    assert not dialects(pcap)
    records = int(metered(pcap).wide[:, layout.TLS_RECORDS].sum())
    assert (records > 0) == (wrap != "opaque")


def test_shares_name_the_job_of_their_time() -> None:
    conversation = simulate("cryptonote", 3, duration_s=1_800, wrap="none", tunnel="", whole=True)
    job, shares, right = None, 0, 0
    for _, way, data in conversation.connections[0].writes:
        message = json.loads(data)
        given = message.get("params") if way != UP else None
        given = given or (message.get("result") or {}).get("job") if way != UP else None
        if way != UP and given and "job_id" in given:
            job = given["job_id"]
        elif way == UP and message["method"] == "submit":
            shares += 1
            right += message["params"]["job_id"] == job
    assert shares > 5
    assert right >= 0.9 * shares  # a retransmission or two may turn the order of what was said


def _distance(first: list[float], second: list[float]) -> float:
    """Kolmogorov-Smirnov distance of two samples."""
    edges = sorted({*first, *second})
    share = [[sum(value <= edge for value in one) / len(one) for edge in edges] for one in (first, second)]
    return max(abs(a - b) for a, b in zip(*share, strict=True))


def test_duration_is_no_label() -> None:
    """1.36 * sqrt(2 / 220) = 0.13 is the 5 % bound of the test; busy families end early in both classes."""
    made = [(family_named(name).label, simulate(name, seed)) for name, seed in plan(440, 9)]
    spans = {
        label: [c.until_s - c.from_s for kind, c in made if kind == label] for label in ("mining", "benign")
    }
    assert _distance(spans["mining"], spans["benign"]) < 0.16
    assert all(span <= LONGEST_S + 1 for values in spans.values() for span in values)
    assert min(statistics.median(values) for values in spans.values()) > 2 * SHORTEST_S


def test_ports_and_addresses_are_drawn_without_the_label() -> None:
    made = list(corpus(120, 3))
    for label in ("mining", "benign"):
        clients = [one.client for one in made if one.label == label]
        assert {text.split(".")[0] for text in clients if "." in text} <= {"10", "172", "192"}
        assert any(":" in text for text in clients)
    assert len({one.client for one in made}) > 100
    drawn = Counter(service_port(Draw(seed)) for seed in range(2_000))
    assert drawn[443] > 100
    assert drawn[3333] > 50
    assert len(drawn) > 300


def test_joining_and_reconnecting_happen_to_both_classes() -> None:
    shares = {}
    for label, names in (("mining", MINING_FAMILIES), ("benign", BENIGN_FAMILIES)):
        plain = [name for name in names if not family_named(name).spreads and not family_named(name).hangs_up]
        made = [simulate(plain[n % len(plain)], n, duration_s=300) for n in range(200)]
        joined = sum(c.from_s > 0 for c in made) / len(made)
        again = sum(len(c.connections) > 1 for c in made) / len(made)
        shares[label] = (joined, again)
    for joined, again in shares.values():
        assert 0.25 < joined < 0.46
        assert 0.1 < again < 0.3


def test_the_plan_is_half_and_half_and_in_turn() -> None:
    labels = Counter(family_named(name).label for name, _ in plan(400, 1))
    assert labels == {"mining": 200, "benign": 200}
    assert {name for name, _ in plan(400, 1)} == {family.name for family in FAMILIES}
    assert plan(50, 1) == plan(50, 1)
    assert plan(50, 1) != plan(50, 2)
