"""Simulated ClientHellos held against tshark, and who sends what."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.training.test_traffic_packets import pcap_of, tshark
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES, family_named
from training.simulation.conversation import simulate
from training.simulation.draw import Draw
from training.simulation.hellos import Hello, kind_of

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
KINDS = ("miner", "browser", "library", "device")
FIELDS = (
    "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "tls.handshake.ciphersuite",
)  # fmt: skip


@needs_tshark
@pytest.mark.parametrize(
    ("family", "seed", "wrap"),
    [("cryptonote", seed, wrap) for seed in (1, 2, 3) for wrap in ("tls13", "tls12")]
    + [("browsing", seed, "tls13") for seed in (1, 2, 3)]
    + [("iot_cloud", seed, "tls12") for seed in (1, 2)]
    + [("market_narrow", seed, "wss") for seed in (1, 2, 3)],
)
def test_tshark_reads_what_was_drawn(family: str, seed: int, wrap: str, tmp_path: Path) -> None:
    conversation = simulate(family, seed, duration_s=60, wrap=wrap, tunnel="", whole=True)
    pcap = pcap_of(conversation, port=443)
    assert not tshark(pcap, tmp_path, "-Y", "_ws.malformed || _ws.expert.severity >= 8388608 && tls")
    columns = [word for field in FIELDS for word in ("-e", field)]
    lines = tshark(
        pcap, tmp_path, "-Y", "tls.handshake.type==1", "-T", "fields", "-E", "separator=;", *columns
    )
    name, alpn, suites = lines[0].split(";")
    hello = conversation.hello
    assert name == (hello.name or "")
    assert alpn == ",".join(hello.alpn)
    heard = [int(text, 16) for text in suites.split(",")]
    assert [suite for suite in heard if suite & 0x0F0F != 0x0A0A] == list(hello.suites)
    assert tshark(pcap, tmp_path, "-Y", "tls.handshake.type==2", "-T", "fields", "-e", "frame.number")


def test_neither_name_nor_protocol_is_a_label() -> None:
    """Miners seldom name the server and applications mostly do, but some of each do the other."""
    drawn = {
        kind: [Hello.drawn(Draw(f"{kind}/{n}"), kind, True, False) for n in range(600)] for kind in KINDS
    }
    named = {kind: sum(hello.name is not None for hello in hellos) for kind, hellos in drawn.items()}
    spoken = {kind: sum(bool(hello.alpn) for hello in hellos) for kind, hellos in drawn.items()}
    assert 120 < named["miner"] < 240
    assert 500 < named["library"] < 590
    assert 420 < named["device"] < 540
    assert 8 < spoken["miner"] < 60
    assert 260 < spoken["library"] < 400
    assert spoken["browser"] > 560


def test_a_greeting_stays_over_reconnects_but_for_its_random() -> None:
    hello = Hello.drawn(Draw(4), "browser", True, False)
    first, second = (hello.build(Draw(seed), b"") for seed in (1, 2))
    assert first != second
    assert len(first) > 200


def test_every_family_has_its_habits() -> None:
    kinds = Counter(kind_of(family_named(name)) for name in BENIGN_FAMILIES)
    assert set(kinds) == {"browser", "library", "device"}
    assert {kind_of(family_named(name)) for name in MINING_FAMILIES} == {"miner"}
