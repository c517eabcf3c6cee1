"""Evidence in words: what was heard, and what it sounded like; what was drawn is `metered`.

Every number comes from the record; every text of a capture is cleaned, wallets and
workers are hashed, passwords never get this far.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from detector.community_id import community_id
from detector.features import channel as channel_features
from detector.features import noise, volumes
from detector.findings.ledger import ChannelRecord
from detector.findings.synchrony import Followed, Meeting
from detector.kernel import layout
from detector.records import UDP, Evidence, Facts
from detector.text import grouped, minute, plural
from detector.windows.histograms import CLOSE_BYTES

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
SIDES = {"up": "client's ", "down": "server's "}
MEANINGS = {
    f"channel.{feature.name}": SIDES.get(feature.name.split(".")[0], "") + feature.meaning
    for feature in (*channel_features.FEATURES, *volumes.FEATURES)
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
    """Where a channel leads to, and its flow as other logs know it."""
    remote, port, transport = record.end
    client_port, flow = _flow(record)
    return {
        "remote": remote,
        "port": port,
        "transport": "udp" if transport == UDP else "tcp",
        "role": "client" if record.is_client else "server",
        "client_port": client_port,
        "community_id": flow,
    }


def _flow(record: ChannelRecord) -> tuple[int | None, str | None]:
    """Client's port and Community ID of the first connection that was seen once it was suspect or heard."""
    client_port = record.client_port
    if not client_port:
        return None, None
    remote, port, transport = record.end
    near, far = (client_port, port) if record.is_client else (port, client_port)
    return client_port, community_id((record.host, near), (remote, far), transport)


def _speaker(facts: Facts) -> str:
    if facts.agent:
        return clean(facts.agent)
    dialect = DIALECTS.get(facts.dialect, facts.dialect)
    told = ", told by its lengths under encryption," if facts.carrier == noise.CARRIER else ""
    return f"{'an' if dialect[0] in 'eE' else 'a'} {dialect} miner{told}"


def _deeds(facts: Facts) -> str:
    deeds = []
    if facts.logins:
        deeds.append("shook hands" if facts.carrier == noise.CARRIER else "logged in")
    if facts.jobs:
        deeds.append(f"was given {plural(facts.jobs, 'job')}")
    if facts.shares:
        accepted = f", {grouped(facts.accepted)} accepted," if facts.accepted else ""
        deeds.append(f"submitted {plural(facts.shares, 'share')}{accepted}")
    if not deeds and facts.requests:
        deeds.append(f"asked {grouped(facts.requests)} times for work")
    return " and ".join(deeds) or "spoke"


def _where(record: ChannelRecord) -> str:
    return f"{'at' if record.is_client else 'serving'} {endpoint(channel(record))}"


def endpoint(where: Mapping[str, Any]) -> str:
    """Address and port of the other end, as people write them; `where`: of `channel`."""
    remote = where["remote"]
    return f"[{remote}]:{where['port']}" if ":" in remote else f"{remote}:{where['port']}"


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
    pushes = _alike(narrow, layout.NARROW_DOWN + layout.PUSH_LENGTHS, layout.COMMON_PUSHES)
    asked = _alike(narrow, layout.NARROW_UP + layout.LENGTHS, layout.COMMON_LENGTHS)
    answers = _alike(narrow, layout.NARROW_UP + layout.REPLY_LENGTHS, layout.COMMON_REPLIES)
    parts = [
        _counted(int(wide[layout.DOWN + layout.PUSHES]), "unprompted server message", pushes) + _every(wide),
        _counted(int(wide[layout.UP + layout.MESSAGES]), "client message", asked),
        _counted(int(wide[layout.UP + layout.REPLIED]), "answer", answers),
    ]
    framed = " (encrypted)" if int(wide[layout.TLS_RECORDS]) else ""
    where = channel(record)
    return Evidence(
        kind="behaviour",
        weight=round(weight, 2),
        summary=f"mining-like rhythm with {endpoint(where)}{framed}:"
        f" {', '.join(parts)}, in {duration(int(wide[layout.LAST_NS] - wide[layout.FIRST_NS]))}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"probability": round(record.probability, 4), "windows": record.suspect_windows},
    )


def synchrony(record: ChannelRecord, meeting: Meeting) -> Evidence:
    """Pushes that came with those of another host: the score knows nothing of it, so it weighs nothing."""
    where = channel(record)
    return Evidence(
        kind="synchrony",
        weight=0.0,
        summary=f"{grouped(meeting.met)} of {grouped(meeting.pushes)} pushes of {endpoint(where)} came"
        f" within a second of those that {meeting.other.host} got from {endpoint(channel(meeting.other))},"
        f" at most {meeting.by_chance} where shifted: they share a clock, as pools of one coin do",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"with": meeting.other.host, "met": meeting.met, "pushes": meeting.pushes},
    )


def blocks(record: ChannelRecord, followed: Followed) -> Evidence:
    """Pushes that came right after blocks that somebody's node heard of."""
    where = channel(record)
    of = f" of {followed.chain}" if followed.chain else ""
    return Evidence(
        kind="blocks",
        weight=0.0,
        summary=f"{grouped(followed.met)} of {grouped(followed.blocks)} blocks{of} were followed within"
        f" seconds by a push of {endpoint(where)}, at most {followed.by_chance} where shifted:"
        " its pushes follow the chain",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"chain": followed.chain or None, "met": followed.met, "blocks": followed.blocks},
    )


def unlike(record: ChannelRecord, parts: Sequence[tuple[str, float, float]]) -> Evidence:
    """What of a suspect channel's behaviour speaks against mining: (column, value, log-odds) of each."""
    told = [f"{MEANINGS[name]} ({value:.3g})" for name, value, _ in parts]
    return Evidence(
        kind="unlike_mining",
        weight=round(sum(added for _, _, added in parts), 2),
        summary=f"of the channel with {endpoint(channel(record))} speaks against mining: {'; '.join(told)}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=channel(record),
        facts={name: round(value, 4) for name, value, _ in parts},
    )


Alike = tuple[int, int, int]  # shortest, longest, how many


def _alike(narrow: Counts, start: int, pairs: int) -> Alike:
    """The most messages of a heavy-hitter list that differ by no more than CLOSE_BYTES."""
    block = narrow[start : start + 2 * pairs].tolist()
    known = sorted((length, n) for length, n in zip(block[0::2], block[1::2], strict=True) if n)
    best: Alike = (0, 0, 0)
    for low, _ in known:
        near = [(length, n) for length, n in known if low <= length <= low + CLOSE_BYTES]
        best = max(best, (low, near[-1][0], sum(n for _, n in near)), key=lambda found: found[2])
    return best


def _counted(n: int, what: str, alike: Alike) -> str:
    """41 pushes, 40 of 379-381 bytes."""
    low, high, count = alike
    size = f"{low} bytes" if low == high else f"{low}-{high} bytes"
    kind = what if n == 1 else f"{what}s"
    if count < 2:
        return f"{grouped(n)} {kind}"
    told = f"{grouped(n)} {kind}"
    return f"{told} of {size}" if count == n else f"{told} ({grouped(count)} of {size})"


def _every(wide: Int64s) -> str:
    down = layout.DOWN
    pushes = int(wide[down + layout.PUSHES])
    span = int(wide[down + layout.LAST_PUSH_NS]) - int(wide[down + layout.FIRST_PUSH_NS])
    return f" every {duration(span // (pushes - 1))}" if pushes > 2 and span > 0 else ""


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


def ordinary_traffic(record: ChannelRecord, judged: int) -> Evidence:
    """The most mining-like channel of a host that has none."""
    where = channel(record)
    return Evidence(
        kind="ordinary_traffic",
        weight=round(record.logit, 2),
        summary=f"the most mining-like of its channels ({endpoint(where)}) scores {record.probability:.3f}",
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=where,
        facts={"windows_judged": judged},
    )


def silence(heard_ns: int, quiet_ns: int, forgotten: float) -> Evidence:
    """That nothing spoke for mining for long; forgotten: log-odds that the score lost by it."""
    return Evidence(
        kind="silence",
        weight=round(forgotten, 2),
        summary=f"no sign of mining since {minute(heard_ns)} UTC, in {duration(quiet_ns)} of watching",
        first_ns=heard_ns,
        facts={"quiet_h": round(quiet_ns / 3.6e12, 1)},
    )


def strange(novelty: float) -> Evidence:
    """Unlike what the model learned from: its score is worth less."""
    return Evidence(
        kind="novelty",
        weight=0.0,
        summary=f"stranger than {novelty:.1%} of the training set: the score is an extrapolation",
        facts={"novelty": round(novelty, 4)},
    )


def finite(value: Any) -> bool:
    """A number that can be told."""
    return isinstance(value, int | float) and math.isfinite(value)
