"""The list of pools: suffixes and nothing else; the user's own file; one line where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.pools import PoolNames, PoolsError, read_pools

LISTED = PoolNames(frozenset({"pool.example", "xmr.other.example"}))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pool.example", "pool.example"),
        ("EU1.xmr.Pool.Example.", "pool.example"),
        ("*.pool.example", "pool.example"),
        ("pool.example.evil.net", None),
        ("notpool.example", None),
        ("example", None),
        ("other.example", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_and_what_is_below_it(name: str | None, found: str | None) -> None:
    assert LISTED.listed(name) == found


def test_the_shipped_list() -> None:
    shipped = read_pools()
    assert shipped.listed("xmr-eu1.nanopool.org") and shipped.listed("pool.supportxmr.com")
    for name in (
        "mail.google.com",
        "www.github.com",
        "coinhive.com",
        "mooo.com",
        "cloudflare.com",
        "xmrig.com",
    ):
        assert shipped.listed(name) is None
    assert all("." in name for name in shipped.names)


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("# mine\nPool.Example  # since 2026\n\n*.other.example\n")
    assert read_pools(path).names == {"pool.example", "other.example"}


def test_stix(tmp_path: Path) -> None:
    """STIX 2.1: bundles of indicators; other objects, revoked ones and other patterns are passed over."""
    either = "[domain-name:value = 'a.example' OR domain-name:value='b.example']"
    objects = [
        {"type": "indicator", "pattern_type": "stix", "pattern": "[domain-name:value = 'pool.example']"},
        {
            "type": "indicator",
            "pattern": f"{either} AND [ipv4-addr:value = '192.0.2.1']",
        },
        {"type": "indicator", "pattern": "[domain-name:value = 'old.example']", "revoked": True},
        {"type": "malware", "pattern": "[domain-name:value = 'other.example']"},
        "odd",
    ]
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}))
    assert read_pools(path).names == {"pool.example", "a.example", "b.example"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"pool.example\n192.0.2.1\n", "line 2: '192.0.2.1' is no name of a domain"),
        (b"com\n", "line 1: 'com' is no name of a domain"),
        (b"a.example\nhttps://pool.example/x\n", "line 2: 'https://pool.example/x' is no name of a domain"),
        (b"# nothing\n", "holds no name"),
        (b"a.example\n\xff\xfe\n", "line 2: not UTF-8 text"),
        (b'{"objects": 7}', "'objects' is no list"),
        (b'{"objects": [', "line 1: Expecting value"),
        (b"[" * 100_000, "no JSON that can be read"),
    ],
    ids=["address", "top level", "url", "empty", "encoding", "objects", "cut", "deep"],
)
def test_what_is_wrong_is_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "own"
    path.write_bytes(content)
    with pytest.raises(PoolsError) as error:
        read_pools(path)
    assert str(error.value) == f"{path}: {told}"
    with pytest.raises(PoolsError, match="no such file"):
        read_pools(tmp_path / "none")
