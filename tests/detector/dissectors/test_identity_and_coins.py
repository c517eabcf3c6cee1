"""Names made safe, and the rules that tell a coin; addresses are made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors import coins
from detector.dissectors.identity import account, agent_name, host_name, is_hex

XMR = "4" + "B" * 94
ETH = "0x" + "9c" * 20


@pytest.mark.parametrize(
    ("text", "wallet", "worker"),
    [
        ("bob", "bob", None),
        ("bob.rig1", "bob", "rig1"),
        ("bob.rig1.x", "bob", "rig1.x"),
        ("bob:hunter2", "bob", None),
        ("bob:" + "hunter2" * 5, "bob", None),  # as long as an address, and no ticker before it
        ("bob@example.com", "bob", None),
        (f"{ETH}.rig/bob@example.com", ETH, "rig"),
        (f"{XMR}+50000", XMR, None),
        (f"{XMR}.{'ab' * 32}", XMR, "ab" * 32),
        ("LTC:" + "L" * 34 + ".rig#ref", "L" * 34, "rig"),
        ("kaspa:" + "q" * 62 + ".rig", "kaspa:" + "q" * 62, "rig"),
        ("", None, None),
        ("\u202e", None, None),
        (5, None, None),
    ],
)
def test_accounts(text: object, wallet: str | None, worker: str | None) -> None:
    assert account(text) == (wallet, worker)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Zec-EU.suprnova.cc", "zec-eu.suprnova.cc"),
        ("stratum+tcp://pool.example.org:3333/", "pool.example.org"),
        ("stratum+tcp://bob:hunter2@pool.example.org", None),
        ("192.0.2.1:3333", None),
        ("[2001:db8::1]:80", None),
        ("3333", None),
        ("a b", None),
        ("x" * 200, None),
        (None, None),
    ],
)
def test_host_names(text: object, name: str | None) -> None:
    assert host_name(text) == name


@given(st.text(max_size=300))
def test_names_are_short_printable_ascii(text: str) -> None:
    for name in (agent_name(text), host_name(text), *account(text)):
        assert name is None or (0 < len(name) <= 128 and name.isascii() and name.isprintable())


def test_hex() -> None:
    assert (
        is_hex("00fF", 4, 4) and not is_hex("0x00", 4, 4) and not is_hex("00f", 4, 8) and not is_hex(5, 1, 1)
    )


@pytest.mark.parametrize(
    ("name", "coin"),
    [
        ("zec-eu.suprnova.cc", "ZEC"),
        ("eu1-zcash.flypool.org", "ZEC"),
        ("etc.somepool.com", "ETC"),
        ("pool.supportxmr.com", "XMR"),
        ("stratum.example.org", "unknown"),
        ("methane.example.org", "unknown"),
        (None, "unknown"),
    ],
)
def test_pool_names(name: str | None, coin: str) -> None:
    assert coins.of_name(name) == coin


@pytest.mark.parametrize(
    ("bits", "hard"),
    [("17034219", True), ("18009645", False), ("1a44b9f2", False), ("0x17", False), ("", False)],
)
def test_bitcoins_difficulty(bits: str, hard: bool) -> None:
    assert coins.is_bitcoin_hard(bits) is hard


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


@pytest.mark.parametrize(
    ("version", "time_s", "told"),
    [
        (4, 1_484_582_100, ("XMR", "cn/0")),  # 2017-01-16
        (7, 1_525_000_000, ("XMR", "cn/1")),  # 2018-04-29
        (16, 1_772_323_200, ("XMR", "rx/0")),  # 2026-03-01
        (14, 1_772_323_200, ("unknown", None)),
        (16, 1_484_582_100, ("unknown", None)),
        (1, 1_420_000_000, ("unknown", None)),  # every CryptoNote chain was at version 1
        (12, 1_575_072_000 - 86_400, ("XMR", "rx/0")),  # within the slack of the fork's estimated day
        (12, 1_575_072_000 - 9 * 86_400, ("unknown", None)),
    ],
)
def test_moneros_versions(version: int, time_s: int, told: tuple[str, str | None]) -> None:
    blob = varint(version) + varint(version) + varint(time_s) + bytes(69)
    assert coins.of_cryptonote_blob(blob.hex()) == told


def test_odd_blobs() -> None:
    for blob in (None, 5, "", "ff" * 76, "0x" + "00" * 75, "zz" * 76, "10" * 39):
        assert coins.of_cryptonote_blob(blob) == ("unknown", None)
