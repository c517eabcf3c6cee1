"""What a finding means to a reader: which coin, what is not known, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.document import QUALITY, since, spoken
from detector.findings.evidence import COINS
from detector.records import Finding, Verdict
from detector.text import grouped, plural

STRANGE: Final = 0.99  # novelty from which a score is trusted less


def coin(finding: Finding) -> str:
    """`Monero (XMR)`; `coin not known` where no dialogue was read or it does not say."""
    ticker, _ = spoken(finding)
    if ticker is None:
        return "coin not known"
    return f"{COINS[ticker]} ({ticker})" if ticker in COINS else ticker


def limits(finding: Finding) -> Iterator[str]:
    """What is not known of this host, from what was not seen of it."""
    quality = QUALITY | dict(finding.quality)
    if finding.kind == "feeder":
        yield "A balance of a feeder tells that a load is there, not where, whose, or what it is."
        return
    if finding.network_score is None:
        yield "No traffic of it could be judged: a coin, pool or wallet can only be seen there."
    if finding.power_score is None:
        yield "No power readings: whether it works as hard as its traffic suggests is not known."
    if finding.kind == "meter" and finding.network_score is None:
        yield "A meter shows a load, not its purpose: some lawful loads are as flat as a miner's."
    if quality["packets"] and quality["lost"] is None:
        yield "Whether packets of this host were lost is not known."
    if quality["lost"]:
        yield f"The capturing system lost {plural(quality['lost'], 'packet')}."
    if quality["undecodable"]:
        yield f"{plural(quality['undecodable'], 'packet')} could not be decoded."
    if (finding.novelty or 0.0) > STRANGE:
        yield "It is unlike nearly everything the model learned from; trust the score less."
    if finding.network_score is not None and spoken(finding)[1] is None:
        yield "No mining dialogue was read in the clear, so coin and pool are not known."
    if finding.verdict is Verdict.MINING and since(finding)[1]:
        yield "It shows from the first data on, so it may have begun before."


def advice(finding: Finding) -> Iterator[str]:
    """What a person can do next, mildest first."""
    if finding.kind == "feeder":
        yield "Check that every meter of the feeder is in the list and was read, then inspect the line."
        return
    yield from (f"To settle it: {told['collect']}." for told in finding.missing)
    if finding.allowed:
        yield f"Nothing, where {finding.allowed} allows it: it is told for the record."
        return
    if finding.verdict in (Verdict.MINING, Verdict.SUSPICIOUS):
        yield "Ask its owner first: research and licensed mining exist, and the asset map can allow them."
    if finding.kind == "meter":
        yield "Compare with the contract and the neighbours, ask what was installed, then look on site."
    else:
        yield from _on_the_host(finding)
    if finding.verdict is not Verdict.MINING and finding.power_score is None:
        yield "Add power readings of it (--power): they would settle what traffic alone cannot."
    if finding.verdict is not Verdict.MINING and finding.network_score is None and finding.kind == "meter":
        yield "Capture the traffic of the site: a pool's dialogue or rhythm would settle it."


def _on_the_host(finding: Finding) -> Iterator[str]:
    ends = {
        (str(item.channel.get("remote")), str(item.channel.get("port")))
        for item in finding.evidence
        if item.channel
    }
    if not ends:
        return
    told = ", ".join(f"{remote} port {port}" for remote, port in sorted(ends)[:3])
    yield (
        f"On the host, find the process that holds the connection to {told}, note when and"
        " by whom it was started, and keep it for the record before it is ended."
    )
    if finding.verdict is Verdict.MINING:
        yield "If nobody there started it, treat the host as broken into: how it came in matters more."


def several(count: int) -> str:
    """`1 host or meter`, `2 hosts and meters`."""
    return "1 host or meter" if count == 1 else f"{grouped(count)} hosts and meters"


def seen(finding: Finding) -> str:
    """What the finding rests on, in numbers: `912 packets in 12 windows`."""
    quality = QUALITY | dict(finding.quality)
    told = []
    if quality["packets"]:
        told.append(f"{plural(quality['packets'], 'packet')} in {plural(quality['windows'] or 0, 'window')}")
    if finding.power_score is not None or finding.energy is not None:
        told.append("power readings")
    return " and ".join(told) or "nothing"
