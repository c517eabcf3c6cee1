"""Evidence of names and handshakes: weak facts, told beside what was judged.

A listed name says whom a host called; a hello without a name that the caller was configured with
an address; a name that is not listed, and a protocol, speak for an ordinary service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from detector.findings.evidence import channel, clean, endpoint
from detector.findings.ledger import ChannelRecord
from detector.pools import PoolNames
from detector.records import Evidence, Names

TOLD_NAMES: Final = 3
"""Names that were asked for, of a host."""


def listed(record: ChannelRecord, pools: PoolNames) -> Evidence | None:
    """A name on the list that this channel led to; None where there is none."""
    names = record.names
    if names is None:
        return None
    for how, name in calls(names):
        if pools.listed(name):
            where = endpoint(channel(record))
            return _evidence("listed_name", f"{how} {clean(name)} (listed) at {where}", record)
    return None


def asked(names: Mapping[str, int]) -> list[Evidence]:
    """Names on the list that a host asked DNS for, with the time of the first answer."""
    return [
        Evidence("listed_name", 0.0, f"asked for the name {clean(name)} (listed)", ts_ns, ts_ns)
        for name, ts_ns in list(names.items())[:TOLD_NAMES]
    ]


def handshake(record: ChannelRecord) -> Evidence | None:
    """What a suspect channel's opening lacks that ordinary services have."""
    names = record.names
    if names is None:
        return None
    lacks = []
    if names.hellos and names.without_name == names.hellos:
        lacks.append("no server name in the handshake")
    if names.hellos and names.without_alpn == names.hellos:
        lacks.append("no application protocol (ALPN)")
    if names.self_signed:
        lacks.append("the server's certificate is self-signed")
    if names.unasked:
        lacks.append("its address was not looked up")
    if not lacks:
        return None
    return _evidence("handshake", f"{endpoint(channel(record))}: {', '.join(lacks)}", record)


def ordinary_name(record: ChannelRecord, pools: PoolNames) -> Evidence | None:
    """A name and a protocol of an ordinary service on a suspect channel: they speak against."""
    names = record.names
    if names is None or not (names.server_name or names.http_host):
        return None
    told = calls(names)
    if any(pools.listed(name) for _, name in told):
        return None
    how, name = told[0]
    protocol = f", ALPN {clean(names.alpn)}" if names.alpn else ""
    return _evidence("named_service", f"{endpoint(channel(record))}: {how} {clean(name)}{protocol}", record)


def calls(names: Names) -> list[tuple[str, str]]:
    """(how, name) of all that a channel calls its other end, the most telling first.

    What an address was looked up as is left out where it was told for other names, too.
    """
    told = [
        ("server name", names.server_name),
        ("HTTP host", names.http_host),
        ("looked up as", None if names.shared else names.looked_up),
        *(("certificate of", name) for name in names.certificate),
    ]
    return [(how, name) for how, name in told if name]


def _evidence(kind: str, summary: str, record: ChannelRecord) -> Evidence:
    return Evidence(
        kind=kind,
        weight=0.0,
        summary=summary,
        first_ns=record.first_ns,
        last_ns=record.last_ns,
        channel=channel(record),
        facts=_told(record.names) if record.names else {},
    )


def _told(names: Names) -> Mapping[str, Any]:
    told = {
        "server_name": names.server_name,
        "alpn": names.alpn,
        "ja4": names.ja4,
        "tls_version": names.version,
        "http_host": names.http_host,
        "http_agent": names.http_agent,
        "looked_up": names.looked_up,
    }
    listed_names = [clean(name) for name in names.certificate]
    return {name: clean(value) for name, value in told.items() if value} | (
        {"certificate": listed_names} if listed_names else {}
    )
