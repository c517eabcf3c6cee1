"""Evidence in words: what was heard, what it sounded like, what it drew.

Every number comes from the record; every text of a capture is cleaned, wallets and
workers are hashed, passwords never get this far.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from detector.findings.ledger import ChannelRecord, PowerRecord
from detector.kernel import layout
from detector.records import UDP, Evidence, Facts

if TYPE_CHECKING:
    from detector.records import Int64s
    from detector.windows.histograms import Counts

COINS = {
    "BTC": "Bitcoin", "LTC": "Litecoin", "XMR": "Monero", "ETH": "Ethereum", "ETC": "Ethereum Classic",
    "ZEC": "Zcash", "RVN": "Ravencoin", "KAS": "Kaspa", "ERG": "Ergo",
}  # fmt: skip
DIALECTS = {
    "stratum": "Stratum",
    "zcash": "Zcash Stratum",
    "ethereumstratum": "EthereumStratum",
    "cryptonote": "CryptoNote",
    "ethproxy": "eth-proxy",
    "getwork": "getwork",
    "getblocktemplate": "getblocktemplate",
    "stratumv2": "Stratum V2",
    "nervos": "Nervos",
    "duino": "Duino-Coin",
    "grin": "Grin",
    "beam": "Beam",
    "arweave": "Arweave",
    "bytom": "Bytom",
}
POLLED = ("getwork", "getblocktemplate")  # the miner asks over HTTP, nothing is pushed
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def clean(value: str, most: int = 64) -> str:
    """Text of a capture made fit to print: printable ASCII, bounded."""
    return _UNPRINTABLE.sub("?", value)[:most]


def hashed(value: str) -> str:
    """An identifier as the first 16 hex digits of its SHA-256: equal where equal, and nothing more."""
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16]


def dialogue(record: ChannelRecord, weight: float, show_identifiers: bool) -> Evidence | None:
    """What the dissectors heard on a channel; None when they heard nothing."""
    facts = record.facts
    if facts is None:
        return None
    return Evidence(
        kind="getwork" if facts.dialect in POLLED else "stratum",  # the schema's kinds; the dialect is a fact
        weight=round(max(weight, 0.0), 2),  # words never speak against; they may add nothing
        summary=f"{_speaker(facts)} {_deeds(facts)} {_where(record)} ({_currency(facts)})",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=channel(record),
        facts=_told(facts, show_identifiers),
    )


def channel(record: ChannelRecord) -> Mapping[str, Any]:
    """Where a channel leads to."""
    return {
        "remote": record.remote,
        "port": record.port,
        "transport": "udp" if record.transport == UDP else "tcp",
    }


def _speaker(facts: Facts) -> str:
    if facts.agent:
        return clean(facts.agent)
    dialect = DIALECTS.get(facts.dialect, facts.dialect)
    return f"{'an' if dialect[0] in 'eE' else 'a'} {dialect} miner"


def _deeds(facts: Facts) -> str:
    deeds = []
    if facts.logins:
        deeds.append("logged in")
    if facts.jobs:
        deeds.append(f"was given {facts.jobs} job{'s' * (facts.jobs != 1)}")
    if facts.shares:
        accepted = f", {facts.accepted} accepted," if facts.accepted else ""
        deeds.append(f"submitted {facts.shares} share{'s' * (facts.shares != 1)}{accepted}")
    if not deeds and facts.requests:
        deeds.append(f"asked {facts.requests} times for work")
    return " and ".join(deeds) or "spoke"


def _where(record: ChannelRecord) -> str:
    return f"{'at' if record.is_client else 'serving'} {endpoint(record)}"


def endpoint(record: ChannelRecord) -> str:
    """Address and port of the other end, as people write it."""
    remote = f"[{record.remote}]" if ":" in record.remote else record.remote
    return f"{remote}:{record.port}"


def _currency(facts: Facts) -> str:
    name = COINS.get(facts.coin, facts.coin)
    return "coin unknown" if facts.coin == "unknown" else clean(name, 24)


def _whole(value: str) -> str:
    """An identifier as it is: the longest wallets have 106 characters."""
    return clean(value, 128)


def _told(facts: Facts, show_identifiers: bool) -> Mapping[str, Any]:
    """The facts of the schema: counts, and names that were cleaned or hashed."""
    hide = _whole if show_identifiers else hashed
    names = {
        "dialect": facts.dialect,
        "coin": clean(facts.coin, 16),
        "algorithm": facts.algorithm and clean(facts.algorithm, 32),
        "agent": facts.agent and clean(facts.agent),
        "pool": facts.pool and clean(facts.pool),
        "carrier": facts.carrier,
        "wallet": facts.wallet and hide(facts.wallet),
        "worker": facts.worker and hide(facts.worker),
    }
    counts = {
        name: getattr(facts, name)
        for name in ("logins", "requests", "jobs", "shares", "accepted", "rejected", "difficulty")
    }
    return {**names, **counts}


def rhythm(record: ChannelRecord, weight: float) -> Evidence:
    """How a channel behaves, without a look at its content; of one whose probability is suspicious."""
    wide, narrow = record.wide, record.narrow
    assert wide is not None and narrow is not None, "kept of every suspect moment"
    parts = [
        f"{int(wide[layout.DOWN + layout.PUSHES])} unprompted server messages"
        f"{_push_lengths(narrow)}{_every(wide)}",
        f"{int(wide[layout.UP + layout.MESSAGES])} client messages{_share_lengths(narrow)}",
    ]
    framed = " (encrypted)" if int(wide[layout.TLS_RECORDS]) else ""
    return Evidence(
        kind="behaviour",
        weight=round(weight, 2),
        summary=f"mining-like rhythm with {endpoint(record)}{framed}:"
        f" {', '.join(parts)} in {duration(record.last_ns - record.first_ns)}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=channel(record),
        facts={"probability": round(record.probability, 4), "windows": record.suspect_windows},
    )


def _common(narrow: Counts, start: int, pairs: int) -> tuple[int, int]:
    """(length, count) of the commonest entry of a heavy-hitter list; (0, 0) when it is empty."""
    block = narrow[start : start + 2 * pairs].tolist()
    return max(zip(block[0::2], block[1::2], strict=True), key=lambda pair: (pair[1], -pair[0]))


def _push_lengths(narrow: Counts) -> str:
    length, count = _common(narrow, layout.NARROW_DOWN + layout.PUSH_LENGTHS, layout.COMMON_PUSHES)
    return f" ({count} are {length} bytes long)" if count > 1 else ""


def _share_lengths(narrow: Counts) -> str:
    length, count = _common(narrow, layout.NARROW_UP + layout.LENGTHS, layout.COMMON_LENGTHS)
    return f" ({count} are {length} bytes long)" if count > 1 else ""


def _every(wide: Int64s) -> str:
    down = layout.DOWN
    pushes = int(wide[down + layout.PUSHES])
    span = int(wide[down + layout.LAST_PUSH_NS]) - int(wide[down + layout.FIRST_PUSH_NS])
    return f" one every {duration(span // (pushes - 1))}" if pushes > 2 and span > 0 else ""


def duration(ns: int) -> str:
    """A stretch of time as a person says it: 24 s, 12 min, 3.5 h, 4 days."""
    seconds = ns / 1e9
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.3g} h" if seconds < 2 * 86400 else f"{seconds / 86400:.3g} days"


def watts(value: float) -> str:
    """Power as a person says it."""
    if not math.isfinite(value):
        return "unknown power"
    return f"{value:.0f} W" if abs(value) < 1000 else f"{value / 1000:.2f} kW"


def drawn(record: PowerRecord) -> Evidence:
    """What a meter shows of a load like a miner's."""
    return Evidence(
        kind="power",
        weight=round(record.logit, 2),
        summary=f"{clean(record.meter)} draws {_level(record.description)}{_onset(record.description)}",
        facts={"meter": clean(record.meter), **_rounded(record.description)},
    )


def ordinary_power(record: PowerRecord) -> Evidence:
    """A meter that does not look like a miner's."""
    return Evidence(
        kind="ordinary_power",
        weight=round(record.logit, 2),
        summary=f"power of {clean(record.meter)} scores {record.probability:.3f}:"
        f" {_level(record.description)}{_onset(record.description)}",
        facts={"meter": clean(record.meter), **_rounded(record.description)},
    )


def ordinary_traffic(record: ChannelRecord, judged: int) -> Evidence:
    """The most mining-like channel of a host that has none."""
    return Evidence(
        kind="ordinary_traffic",
        weight=round(record.logit, 2),
        summary=f"the most mining-like of its channels ({endpoint(record)}) scores {record.probability:.3f}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=channel(record),
        facts={"windows_judged": judged},
    )


def strange(novelty: float) -> Evidence:
    """Unlike what the model learned from: its score is worth less."""
    return Evidence(
        kind="novelty",
        weight=0.0,
        summary=f"stranger than {novelty:.1%} of the training set: the score is an extrapolation",
        facts={"novelty": round(novelty, 4)},
    )


def _level(facts: Mapping[str, Any]) -> str:
    words = f"{watts(facts['mean_w'])} on average"
    if _finite(facts.get("flatness")) and facts["flatness"] < 0.2:
        words += f", most of the time within ±{max(facts['flatness'], 0.001) / 2:.1%}"
    if _finite(facts.get("night_day")):
        words += f", {facts['night_day']:.0%} of the day's level at night"
    return words


def _onset(facts: Mapping[str, Any]) -> str:
    """The step from which a load was there, when one was found."""
    if not _finite(facts.get("step_w")) or not facts.get("onset_ns"):
        return ""
    since = datetime.fromtimestamp(facts["onset_ns"] / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
    direction = "up" if facts["step_w"] > 0 else "down"
    lasted = duration(int(facts["persists_h"] * 3.6e12))
    return f"; stepped {direction} by {watts(abs(facts['step_w']))} on {since} UTC and stayed so for {lasted}"


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _rounded(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in facts.items() if _finite(v)}
