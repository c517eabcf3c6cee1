"""What the job of a login-job-submit dialect tells: each family of chains names its members its own way.

CryptoNote: xmrig-proxy doc/STRATUM.md and STRATUM_EXT.md.  Grin: mimblewimble/grin
doc/stratum.md and NiceHash's modification.  Arweave: matpool's protocol page.  Bytom:
STRATUM-BTM.md of B3-Mimic.  A shape is told by members that no other service has: hashing
blobs, header prefixes, cycles of a graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from detector.dissectors import coins
from detector.dissectors.identity import is_hex, printable

CRYPTONOTE: Final = "cryptonote"
GRIN: Final = "grin"
ARWEAVE: Final = "arweave"
BYTOM: Final = "bytom"

_CYCLE: Final = (32, 64)  # edges of a Cuckoo cycle: 42 in Grin and its relatives


@dataclass(frozen=True, slots=True)
class Work:
    """Dialect, coin, algorithm and difficulty as far as a job or a share tells them."""

    dialect: str
    coin: str = coins.UNKNOWN
    algorithm: str | None = None
    difficulty: float | None = None


def work(job: dict[str, Any]) -> Work | None:
    """What a job tells; None where it is no job of a miner."""
    if not isinstance(job.get("job_id"), str | int):
        return None
    for reader in (_cryptonote, _grin, _arweave, _bytom):
        found = reader(job)
        if found is not None:
            return found
    return None


def share(params: dict[str, Any]) -> Work | None:
    """What a share tells; None where it is none.  Bytom's are shaped like CryptoNote's."""
    if not isinstance(params.get("job_id"), str | int):
        return None
    if is_hex(params.get("nonce"), 8, 16):
        if is_hex(params.get("result"), 64, 64):
            named = algorithm(params)
            return Work(CRYPTONOTE, coins.of_algorithm(named), named)
        return Work(ARWEAVE, "AR") if is_hex(params.get("hash"), 64, 64) else None
    return _cycle(params)


def algorithm(params: dict[str, Any]) -> str | None:
    """XMRig's extension `algo`, in lower case."""
    name = printable(params.get("algo"), 24)
    return name.lower() if name else None


def _cryptonote(job: dict[str, Any]) -> Work | None:
    """A hashing blob has 76 bytes and more; a target 4 or 8 bytes, with XMRig's extensions up to 32."""
    if not is_hex(job.get("blob"), 80, 8192) or not is_hex(job.get("target"), 2, 64):
        return None
    named = algorithm(job)
    coin = coins.of_algorithm(named)
    if named is None:
        coin, named = coins.of_cryptonote_blob(job["blob"])
    return Work(CRYPTONOTE, coin, named, _of_target(job["target"]))


def _grin(job: dict[str, Any]) -> Work | None:
    """The header up to the proof has 238 bytes and NiceHash's prefix.  MWC and Epic speak the same."""
    if not _is_count(job.get("height")) or not is_hex(job.get("pre_pow"), 200, 1024):
        return None
    difficulty = job.get("difficulty")
    return Work(GRIN, difficulty=float(difficulty) if _is_count(difficulty) and difficulty > 0 else None)


def _cycle(params: dict[str, Any]) -> Work | None:
    """A proof is a cycle in a graph of 2**edge_bits edges, named in rising order."""
    edges, bits = params.get("pow"), params.get("edge_bits")
    if (
        not isinstance(edges, list)
        or not _CYCLE[0] <= len(edges) <= _CYCLE[1]
        or not _is_count(params.get("nonce"))
    ):
        return None
    if not all(map(_is_count, edges)) or edges != sorted(set(edges)):
        return None
    return Work(GRIN, algorithm=f"cuckoo{bits}" if _is_count(bits) and bits < 64 else None)


def _arweave(job: dict[str, Any]) -> Work | None:
    """`bds` is the block data segment."""
    segment = is_hex(job.get("bds"), 64, 8192) and is_hex(job.get("target"), 2, 128)
    return Work(ARWEAVE, "AR") if segment and _is_count(job.get("height")) else None


def _bytom(job: dict[str, Any]) -> Work | None:
    hashes = ("previous_block_hash", "transactions_merkle_root", "seed")
    known = all(is_hex(job.get(name), 64, 64) for name in hashes) and is_hex(job.get("target"), 2, 64)
    return Work(BYTOM, "BTM", "tensority") if known else None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64


def _of_target(target: str) -> float | None:
    """Hashes a share takes: the target's bytes, little endian, are the top of 2**32 or 2**64."""
    if len(target) not in (8, 16):
        return None
    value = int.from_bytes(bytes.fromhex(target), "little")
    return float(((1 << 4 * len(target)) - 1) // value) if value else None
