"""Which coin a dialogue tells, and which algorithm.  Every rule with its reason.

A dialect alone seldom tells: the whole SHA-256 family speaks the same Stratum.  What
tells is a pool's name, an address of one chain, an algorithm that one chain uses, or
block data that only one chain can hold.  Where nothing tells, the coin is "unknown".
"""

from __future__ import annotations

import bisect
import re
from typing import Any, Final

from detector.dissectors.identity import is_hex

UNKNOWN: Final = "unknown"

# Words that stand between `.`, `-` and `_` in the names of pools' servers.
_NAME_WORDS: Final = {
    "btc": "BTC", "bitcoin": "BTC", "bch": "BCH", "ltc": "LTC", "litecoin": "LTC", "doge": "DOGE",
    "dogecoin": "DOGE", "dash": "DASH", "eth": "ETH", "ethereum": "ETH", "etc": "ETC", "ethw": "ETHW",
    "xmr": "XMR", "monero": "XMR", "supportxmr": "XMR", "minexmr": "XMR", "monerohash": "XMR",
    "zec": "ZEC", "zcash": "ZEC", "zen": "ZEN", "horizen": "ZEN", "kmd": "KMD", "komodo": "KMD",
    "btg": "BTG", "rvn": "RVN", "ravencoin": "RVN", "ravenminer": "RVN", "kas": "KAS", "kaspa": "KAS",
    "erg": "ERG", "ergo": "ERG", "flux": "FLUX", "alph": "ALPH", "alephium": "ALPH", "grin": "GRIN",
    "beam": "BEAM", "cfx": "CFX", "conflux": "CFX", "kda": "KDA", "kadena": "KDA", "zeph": "ZEPH",
    "zephyr": "ZEPH", "salvium": "SAL", "wow": "WOW", "wownero": "WOW", "rtm": "RTM", "raptoreum": "RTM",
    "iron": "IRON", "ironfish": "IRON", "neox": "NEOX", "neoxa": "NEOX", "firo": "FIRO", "vtc": "VTC",
    "vertcoin": "VTC", "ckb": "CKB", "nervos": "CKB", "dero": "DERO", "xel": "XEL", "xelis": "XEL",
}  # fmt: skip

# Algorithms by XMRig's names that one chain uses (xmrig src/base/crypto/Coin.cpp and
# doc/ALGORITHMS.md).  rx/0 is Monero's; lesser chains share it and are told by name or address.
_ALGORITHM_COINS: Final = {
    "rx/0": "XMR", "rx/monero": "XMR", "randomx": "XMR", "rx": "XMR", "rx/wow": "WOW", "rx/arq": "ARQ",
    "rx/graft": "GRFT", "rx/sfx": "SFX", "rx/keva": "KVA", "rx/yada": "YDA", "rx/xla": "XLA",
    "panthera": "XLA", "ghostrider": "RTM", "astrobwt": "DERO", "astrobwt/dero": "DERO",
    "astrobwt/v2": "DERO", "cn-heavy/xhv": "XHV", "cn/ccx": "CCX", "cn/upx2": "UPX", "cn/xao": "XAO",
    "cn-heavy/tube": "TUBE", "cn/gpu": "RYO",
}  # fmt: skip

_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
# Addresses of one chain.  Not those of Bitcoin, Litecoin or Ethereum: multi-coin pools pay in them.
_ADDRESSES: Final = (
    (re.compile(f"[48]{_BASE58}{{94}}|4{_BASE58}{{105}}"), "XMR"),  # standard, subaddress; integrated
    (re.compile(f"ZEPH{_BASE58}{{90,110}}"), "ZEPH"),
    (re.compile(f"SaLv{_BASE58}{{90,110}}"), "SAL"),
    (re.compile(f"t[13]{_BASE58}{{33}}"), "ZEC"),
    (re.compile(f"zn{_BASE58}{{33}}"), "ZEN"),
    (re.compile(f"9{_BASE58}{{50}}"), "ERG"),
    (re.compile(r"kaspa:[a-z0-9]{61,63}"), "KAS"),
    (re.compile(r"xel:[a-z0-9]{50,70}"), "XEL"),
    (re.compile(r"cfx:[a-z0-9]{42}"), "CFX"),
    (re.compile(r"ckb1[a-z0-9]{42,100}"), "CKB"),
    (re.compile(r"aleo1[a-z0-9]{58}"), "ALEO"),
)
_RAVENCOIN = re.compile(f"R{_BASE58}{{33}}")

# Monero's block version and when it came into force (monero src/hardforks/hardforks.cpp; the
# days are those of its comments).  Version 1 is left out: every CryptoNote chain began with it.
_MONERO_FORKS: Final = (
    (1_458_432_000, 2),  # 2016-03-20
    (1_474_675_200, 3),  # 2016-09-24
    (1_483_574_400, 4),  # 2017-01-05
    (1_492_214_400, 5),  # 2017-04-15
    (1_505_520_000, 6),  # 2017-09-16
    (1_522_972_800, 7),  # 2018-04-06
    (1_539_820_800, 8),  # 2018-10-18
    (1_539_907_200, 9),  # 2018-10-19
    (1_552_089_600, 10),  # 2019-03-09
    (1_552_176_000, 11),  # 2019-03-10
    (1_575_072_000, 12),  # 2019-11-30
    (1_602_892_800, 13),  # 2020-10-17
    (1_602_979_200, 14),  # 2020-10-18
    (1_660_348_800, 15),  # 2022-08-13
    (1_660_435_200, 16),  # 2022-08-14
)
_FORK_SLACK_S: Final = 5 * 86_400  # the days above are estimates made before the fork
_MONERO_ALGORITHMS: Final = ((12, "rx/0"), (10, "cn/r"), (8, "cn/2"), (7, "cn/1"), (2, "cn/0"))

# Solution length in hex digits with its length prefix, by Equihash parameters n, k: a solution
# has 2**k indices of n/(k+1)+1 bits (Biryukov and Khovratovich 2016; ZIP 301 sends it in hex).
_EQUIHASH: Final = {
    2694: "equihash_200_9",
    202: "equihash_144_5",
    806: "equihash_192_7",
    106: "equihash_125_4",
}
_PERSONALISATIONS: Final = {"ZcashPoW": "ZEC", "BgoldPoW": "BTG", "ZERO_PoW": "ZER", "ZelProof": "FLUX"}

MERGE_S: Final = 1_663_224_162
"""Ethereum's last mined block, 2022-09-15 06:42:42 UTC (EIP-3675)."""


def of_name(name: str | None) -> str:
    """Coin that a pool's host name tells."""
    for word in re.split(r"[._-]", name.lower()) if name else ():
        if word in _NAME_WORDS:
            return _NAME_WORDS[word]
    return UNKNOWN


def of_address(wallet: str | None) -> str:
    """Coin whose address this is, where the address is of one chain."""
    for pattern, coin in _ADDRESSES if wallet else ():
        if pattern.fullmatch(wallet or ""):
            return coin
    return UNKNOWN


def of_algorithm(algorithm: str | None) -> str:
    """Coin of one of XMRig's algorithm names."""
    return _ALGORITHM_COINS.get(algorithm or "", UNKNOWN)


def of_kawpow(wallet: str | None) -> str:
    """RVN where the account is one of its addresses; its forks' begin with other letters."""
    return "RVN" if wallet and _RAVENCOIN.fullmatch(wallet) else UNKNOWN


def of_ethash(ts_ns: int) -> str:
    """ETH while it was mined; since the Merge several chains share its dialects and none is told."""
    return "ETH" if ts_ns < MERGE_S * 1_000_000_000 else UNKNOWN


def of_cryptonote_blob(blob: Any) -> tuple[str, str | None]:
    """(coin, algorithm) of a CryptoNote hashing blob: XMR where version and time are Monero's.

    A blob begins with the block's major and minor version and its time, as varints
    (CryptoNote standard 3).  Chains forked at other times, so that few but Monero can
    hold Monero's version of the day.
    """
    numbers = _varints(blob)
    if len(numbers) < 3:
        return UNKNOWN, None
    version, _, time_s = numbers
    early, late = (_monero_version(time_s + slack) for slack in (-_FORK_SLACK_S, _FORK_SLACK_S))
    if version < 2 or not early <= version <= late:
        return UNKNOWN, None
    return "XMR", next(name for since, name in _MONERO_ALGORITHMS if version >= since)


def of_equihash(solution: Any) -> tuple[str, str | None]:
    """(coin, algorithm) of an Equihash solution in hex: 200,9 is Zcash's."""
    algorithm = _EQUIHASH.get(len(solution)) if is_hex(solution, 100, 3000) else None
    return ("ZEC" if algorithm == "equihash_200_9" else UNKNOWN), algorithm


def of_personalisation(text: Any) -> str:
    """Coin of the Equihash personalisation string that NiceHash's variant sends."""
    return _PERSONALISATIONS.get(text, UNKNOWN) if isinstance(text, str) else UNKNOWN


def is_bitcoin_hard(bits: Any) -> bool:
    """Whether compact bits (hex, big endian) ask for a difficulty of at least 2**41, 2.2e12.

    Exponents up to 0x17 do.  Since January 2018 Bitcoin has been above that; the other
    SHA-256 chains and all scrypt and X11 chains have stayed below.
    """
    return is_hex(bits, 8, 8) and 0x10 <= int(bits[:2], 16) <= 0x17


def _monero_version(time_s: int) -> int:
    index = bisect.bisect_right(_MONERO_FORKS, (time_s, 255)) - 1
    return _MONERO_FORKS[index][1] if index >= 0 else 1


def _varints(blob: Any) -> list[int]:
    """The first three varints of a hex blob; fewer when they are not there."""
    if not is_hex(blob, 80, 8192) or len(blob) % 2:
        return []
    numbers, value, shift = [], 0, 0
    for byte in bytes.fromhex(blob[:40]):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
            if len(numbers) == 3:
                break
    return numbers
