"""Simulated ClientHellos held against tshark, and who sends what."""

from __future__ import annotations

import contextlib
import shutil
import ssl
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.test_traffic_packets import pcap_of, tshark
from training.simulation.catalogue import BENIGN_FAMILIES, MINING_FAMILIES, family_named
from training.simulation.conversation import simulate
from training.simulation.draw import Draw
from training.simulation.hellos import OPENSSL, Hello, kind_of

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
    conversation.stack = replace(conversation.stack, loss=0.0)  # tshark joins no segments out of order
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
    drawn = {kind: [Hello.drawn(Draw(f"{kind}/{n}"), kind, "tls13") for n in range(600)] for kind in KINDS}
    named = {kind: sum(hello.name is not None for hello in hellos) for kind, hellos in drawn.items()}
    spoken = {kind: sum(bool(hello.alpn) for hello in hellos) for kind, hellos in drawn.items()}
    assert 120 < named["miner"] < 240
    assert 500 < named["library"] < 590
    assert 420 < named["device"] < 540
    assert 8 < spoken["miner"] < 60
    assert 260 < spoken["library"] < 400
    assert spoken["browser"] > 560


def test_a_greeting_stays_over_reconnects_but_for_its_random() -> None:
    hello = Hello.drawn(Draw(4), "browser", "tls13")
    first, second = (hello.build(Draw(seed), b"") for seed in (1, 2))
    assert first != second
    assert len(first) > 200


@pytest.mark.parametrize("wrap", ["tls13", "tls12", "tls12cbc", "wss"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_takes_what_was_offered(kind: str, wrap: str) -> None:
    for seed in range(60):
        hello = Hello.drawn(Draw(f"{kind}/{wrap}/{seed}"), kind, wrap)
        chosen = hello.chosen(Draw(seed), wrap)
        assert chosen in hello.suites
        assert (chosen >> 8 == 0x13) == (wrap in ("tls13", "wss"))
        kinds = list(offered(hello.build(Draw(seed), b"")))
        assert len(kinds) == len(set(kinds))


def offered(hello: bytes) -> dict[int, bytes]:
    """Extensions of a ClientHello record in their order; under -1 its suites (RFC 8446 section 4.1.2)."""
    body, at = hello[9:], 34
    at += 1 + body[at]
    size = int.from_bytes(body[at : at + 2], "big")
    found = {-1: body[at + 2 : at + 2 + size]}
    at += 2 + size
    at += 1 + body[at] + 2
    while at < len(body):
        kind, size = (int.from_bytes(body[at + n : at + n + 2], "big") for n in (0, 2))
        found[kind] = body[at + 4 : at + 4 + size]
        at += 4 + size
    return found


@pytest.mark.skipif(not (1, 1, 1) <= ssl.OPENSSL_VERSION_INFO[:3] < (3, 5), reason="another OpenSSL's hello")
def test_openssl_greets_as_openssl_does() -> None:
    """The library itself is the oracle: same suites, extensions and contents, in the same order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT")
    context.set_alpn_protocols(["h2", "http/1.1"])
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="a.example.com").do_handshake()
    told = offered(out.read())
    drawn = Hello(OPENSSL, True, "a.example.com", ("h2", "http/1.1"), OPENSSL.suites, False, 21 in told)
    made = offered(drawn.build(Draw(1), bytes(32)))
    assert list(made) == list(told)
    random = {51}  # the key share
    assert {k: v for k, v in made.items() if k not in random} == {
        k: v for k, v in told.items() if k not in random
    }
    assert len(made[51]) == len(told[51])


def test_every_family_has_its_habits() -> None:
    kinds = Counter(kind_of(family_named(name)) for name in BENIGN_FAMILIES)
    assert set(kinds) == {"browser", "library", "device"}
    assert {kind_of(family_named(name)) for name in MINING_FAMILIES} == {"miner"}
