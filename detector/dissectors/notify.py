"""What the parameters of a `mining.notify` tell: each family of chains fills them its own way.

Bitcoin (docs of Slush pool): job, previous hash, two halves of the coinbase, branches,
version, bits, time, clean.  Zcash: ZIP 301.  KawPow, EthereumStratum/1.0.0: NiceHash's
specifications.  EthereumStratum/2.0.0: EIP-1571.  Kaspa: its stratum bridge.  Ergo: its
pools' documents.  Alephium: its wiki, and pools' jobs as objects.  Conflux: NiceHash's
Octopus.  Nervos: ckb-gominer-demo.  Kadena: chainweb-mining-client, Worker/Stratum/Protocol.
Aleo: aleo-pool-server, stratum/spec.md (version 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from detector.dissectors import coins
from detector.dissectors.identity import is_hex


@dataclass(frozen=True, slots=True)
class Work:
    """Dialect, coin and algorithm as far as a job tells them."""

    dialect: str = "stratum"
    coin: str = coins.UNKNOWN
    algorithm: str | None = None


def work(params: list[Any], ts_ns: int) -> Work:
    """What the parameters of a job tell."""
    for reader in READERS:
        found = reader(params, ts_ns)
        if found is not None:
            return found
    return Work()


def _zcash(params: list[Any], _: int) -> Work | None:
    """Job, version, previous hash, Merkle root, reserved, time, bits, clean[, algorithm, personalisation]."""
    if len(params) < 8 or not is_hex(params[1], 8, 8) or not all(is_hex(p, 64, 64) for p in params[2:5]):
        return None
    if not isinstance(params[7], bool):
        return None
    algorithm = (
        f"equihash_{params[8]}" if len(params) > 8 and params[8] in ("144_5", "192_7", "200_9") else None
    )
    coin = coins.of_personalisation(params[9]) if len(params) > 9 else coins.UNKNOWN
    # Version 4 (Sapling; little endian) is shared with small forks, a difficulty as high as Zcash's is not.
    if coin == coins.UNKNOWN and algorithm is None and params[1] == "04000000" and is_hex(params[6], 8, 8):
        coin = "ZEC" if int(params[6][6:], 16) <= 0x1C else coin
    return Work("zcash", coin, algorithm)


def _ethereum(params: list[Any], ts_ns: int) -> Work | None:
    if len(params) != 4 or not is_hex(params[2], 64, 64):
        return None
    first = is_hex(params[1], 64, 64) and isinstance(params[3], bool)  # job, seed, header, clean
    second = is_hex(params[1], 1, 12) and params[3] in ("0", "1")  # job, block number, header, clean
    return Work("ethereumstratum", coins.of_ethash(ts_ns), "ethash") if first or second else None


def _kawpow(params: list[Any], _: int) -> Work | None:
    """Job, header, seed, target, clean, height, bits: Ravencoin's, shared by its forks and Firo."""
    if len(params) != 7 or not all(is_hex(p, 64, 64) for p in params[1:4]) or not isinstance(params[4], bool):
        return None
    return Work(algorithm="kawpow")


def _ergo(params: list[Any], _: int) -> Work | None:
    """Job, height, message, "", "", version, bound as a decimal number, "", clean."""
    if len(params) != 9 or not isinstance(params[1], int) or not is_hex(params[2], 64, 64):
        return None
    bound = params[6]
    decimal = isinstance(bound, str) and bound.isascii() and bound.isdigit() and len(bound) > 20
    return Work(coin="ERG", algorithm="autolykos2") if decimal else None


def _kaspa(params: list[Any], _: int) -> Work | None:
    """Job, the header's hash as four 64-bit numbers, time."""
    if len(params) != 3 or not isinstance(params[1], list) or len(params[1]) != 4:
        return None
    numbers = all(isinstance(n, int) and not isinstance(n, bool) for n in params[1])
    return Work(coin="KAS", algorithm="kheavyhash") if numbers else None


def _alephium(params: list[Any], _: int) -> Work | None:
    """Jobs as objects, one a pair of groups."""
    jobs = params[0] if params and isinstance(params[0], list) else params
    if not jobs or not isinstance(jobs[0], dict) or "fromGroup" not in jobs[0]:
        return None
    return Work(coin="ALPH", algorithm="blake3")


def _whole_header(params: list[Any], _: int) -> Work | None:
    """Kadena: job, header of 286 bytes, clean.  Alephium: job, chain index, header of 302 bytes."""
    if len(params) != 3:
        return None
    if is_hex(params[1], 572, 572) and isinstance(params[2], bool):
        return Work(coin="KDA", algorithm="blake2s")
    alephium = is_hex(params[1], 1, 4) and is_hex(params[2], 604, 604)
    return Work(coin="ALPH", algorithm="blake3") if alephium else None


def _conflux(params: list[Any], _: int) -> Work | None:
    """Job, height in decimal digits, header hash and boundary with 0x before them."""
    if len(params) != 4 or not all(isinstance(p, str) for p in params):
        return None
    header, boundary = params[2:]
    prefixed = header[:2] == boundary[:2] == "0x" and params[1].isascii() and params[1].isdigit()
    known = prefixed and is_hex(header[2:], 64, 64) and is_hex(boundary[2:], 1, 64)
    return Work(coin="CFX", algorithm="octopus") if known else None


def _nervos(params: list[Any], _: int) -> Work | None:
    """Job, header hash, height, parent hash, clean."""
    if len(params) != 5 or not is_hex(params[1], 64, 64) or not is_hex(params[3], 64, 64):
        return None
    height = isinstance(params[2], int) and not isinstance(params[2], bool)
    return Work(coin="CKB", algorithm="eaglesong") if height and isinstance(params[4], bool) else None


def _aleo(params: list[Any], _: int) -> Work | None:
    """Job, root of the header tree, four leaves, clean; KawPow has a flag in place of the last leaf."""
    known = len(params) == 7 and all(is_hex(p, 32, 128) for p in params[1:6])
    return Work(coin="ALEO") if known and isinstance(params[6], bool) else None


def _bitcoin(params: list[Any], _: int) -> Work | None:
    if len(params) != 9 or not isinstance(params[4], list) or not is_hex(params[1], 64, 64):
        return None
    return Work(coin="BTC", algorithm="sha256d") if coins.is_bitcoin_hard(params[6]) else Work()


READERS: Final = (
    _zcash, _ethereum, _kawpow, _ergo, _kaspa, _alephium, _whole_header, _conflux, _nervos, _aleo, _bitcoin,
)  # fmt: skip
