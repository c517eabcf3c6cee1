"""Ethereum's unit of work, the same over raw TCP and HTTP: [header hash, seed hash, boundary(, height)].

Source: the eth_getWork method of Ethereum's JSON-RPC (execution-apis, before the Merge).
"""

from __future__ import annotations

from typing import Any, TypeGuard

from detector.dissectors.identity import is_hex


def is_work(result: Any) -> TypeGuard[list[Any]]:
    """[header hash, seed hash, boundary(, height)] in hex.

    The boundary starts with 16 zero bits, be they written or left out: three hashes of
    transactions (eth_getFilterChanges) would, once in 65 536.
    """
    if not isinstance(result, list) or len(result) not in (3, 4, 5):
        return False
    if not all(isinstance(item, str) and item[:2] == "0x" for item in result[:3]):
        return False
    header, seed, boundary = (item[2:] for item in result[:3])
    hashes = is_hex(header, 64, 64) and is_hex(seed, 64, 64) and is_hex(boundary, 1, 64)
    return hashes and int(boundary, 16) < 1 << 240


def difficulty_of(result: list[Any]) -> float | None:
    """Hashes a share takes: 2**256 over the boundary."""
    boundary = int(result[2], 16)
    return float((1 << 256) // boundary) if boundary else None
