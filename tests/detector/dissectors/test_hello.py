"""Hellos and JA4, against FoxIO's examples and fingerprints that others published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors import hello
from tests.detector.dissectors import hellos

# Chrome 143 as a public fingerprinting page prints it (JA4_r, unhashed), and the JA4 it gives for it.
CHROME_CIPHERS = (
    0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D,
    0x002F, 0x0035,
)  # fmt: skip
CHROME_ALGORITHMS = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
CHROME_OTHERS = (
    0x0005, 0x000A, 0x000B, 0x0012, 0x0017, 0x001B, 0x0023, 0x002D, 0x0033, 0x44CD, 0xFE0D, 0xFF01,
)  # fmt: skip
GREASE = 0x3A3A


def chrome(*, grease: int = GREASE) -> bytes:
    return hellos.client_hello(
        (grease, *CHROME_CIPHERS),
        hellos.extension(grease),
        hellos.server_name("Mail.Example.org"),
        hellos.alpn(b"h2", b"http/1.1"),
        hellos.versions(grease, 0x0304, 0x0303),
        hellos.algorithms(*CHROME_ALGORITHMS),
        *(hellos.extension(kind) for kind in reversed(CHROME_OTHERS)),
    )


def test_a_browser() -> None:
    told = hello.client_hello(chrome())
    assert told == hello.ClientHello(True, "mail.example.org", "h2", "t13d1516h2_8daaf6152771_d8a2da3f94cd")


@given(digit=st.integers(0, 15))
def test_grease_is_no_part_of_the_fingerprint(digit: int) -> None:
    assert hello.client_hello(chrome(grease=(digit << 4 | 0xA) * 0x0101)) == hello.client_hello(chrome())


def test_a_miner_that_was_given_an_address() -> None:
    """XMRig's defaults: neither server name nor protocol."""
    told = hello.client_hello(hellos.client_hello((0x1301, 0x00FF), hellos.versions(0x0304)))
    assert told is not None and (told.named, told.server_name, told.alpn) == (False, None, None)
    assert told.ja4.startswith("t13i020100_")


@pytest.mark.parametrize(
    ("version", "code"), [(0x0303, "12"), (0x0302, "11"), (0x0301, "10"), (0x0300, "s3"), (0x7F1C, "00")]
)
def test_versions(version: int, code: str) -> None:
    """Without the extension the hello's own version counts."""
    told = hello.client_hello(hellos.client_hello((0x002F,), version=version))
    assert told is not None and told.ja4[1:3] == code


def test_nothing_to_hash_is_zeros() -> None:
    """The specification: no hash of an empty list; server name and protocol are in no list."""
    told = hello.client_hello(hellos.client_hello(()))
    assert told is not None and told.ja4 == "t12i000000_000000000000_000000000000"
    named = hello.client_hello(hellos.client_hello((), hellos.server_name("a.example"), hellos.alpn(b"h2")))
    assert named is not None and named.ja4 == "t12d0002h2_000000000000_000000000000"


@pytest.mark.parametrize(
    ("protocol", "ends"),
    [(b"h2", "h2"), (b"x", "xx"), (b"http/1.1", "h1"), (b"\xab\xcd", "ad"), (b"\x30\xab", "3b")],
)
def test_ends_of_a_protocol(protocol: bytes, ends: str) -> None:
    """Letters and digits as they are, anything else by its hexadecimal form."""
    told = hello.client_hello(hellos.client_hello((), hellos.alpn(protocol)))
    assert told is not None and told.ja4[8:10] == ends


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.example", "a.example"),
        ("192.0.2.7", None),
        ("user:secret@pool.example", None),
        ("", None),
        ("1bvbmseystwetqtfn5au4m4gfg7xjanvn2.pool.example", "*.pool.example"),
        ("long-but-ordinary-name-of-2-hosts.example", "long-but-ordinary-name-of-2-hosts.example"),
    ],
)
def test_what_is_no_host_name_is_there_and_not_told(name: str, read: str | None) -> None:
    told = hello.client_hello(hellos.client_hello((), hellos.server_name(name)))
    assert told is not None and told.named and told.server_name == read


def test_a_server_chose() -> None:
    assert hello.server_hello(hellos.server_hello()) == hello.ServerHello("1.2")
    chosen = hellos.extension(43, hellos.numbers(0x0304))
    assert hello.server_hello(hellos.server_hello(chosen)) == hello.ServerHello("1.3")
    assert hello.server_hello(hellos.server_hello(version=0x7F1C)) == hello.ServerHello(None)


@given(cut=st.integers(0, len(chrome()) - 1))
def test_a_cut_hello_is_none_or_shorter_lists(cut: int) -> None:
    """A hello that ends where its extensions would begin is one without any; every other cut is seen."""
    told = hello.client_hello(chrome()[:cut])
    assert told is None or told.ja4.startswith("t12i1500")


@given(st.binary(max_size=300))
def test_anything_is_read_or_none(body: bytes) -> None:
    hello.client_hello(body)
    hello.server_hello(body)
