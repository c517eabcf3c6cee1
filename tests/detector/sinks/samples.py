"""Findings made by hand, for the tests of sinks, report and command line."""

from detector.records import Evidence, Finding, SourceReport, Verdict

TEN = 1_772_445_600_000_000_000  # 2026-03-02 10:00 UTC
ELEVEN = TEN + 3_600_000_000_000
MODEL = {"id": "default-2026.11", "schema_digest": "ab" * 32}
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "\x1b[31mred\x1b[0m\x07\x9b2J",
    "\u202egnp.exe",
    "line\nbreak\r\n\x00nul\x7f",
    "=cmd|' /C calc'!A0",
    "\ud800 alone",
    "&amp;lt;b&amp;gt;",
    "<!--",
    "]]>",
)


def mining(**changes: object) -> Finding:
    heard = Evidence(
        kind="cryptonote",
        weight=4.1,
        summary="XMRig/6.21.0 logged in and submitted 12 shares",
        first_ns=TEN,
        last_ns=ELEVEN,
        channel={"remote": "203.0.113.5", "port": 3333, "transport": "tcp"},
        facts={"dialect": "cryptonote", "coin": "XMR", "agent": "XMRig/6.21.0"},
    )
    told = {
        "host": "10.20.0.23",
        "kind": "ip",
        "score": 0.9996,
        "verdict": Verdict.MINING,
        "first_ns": TEN,
        "last_ns": ELEVEN,
        "network_score": 0.9996,
        "novelty": 0.12,
        "evidence": [heard],
        "contributions": [{"feature": "channel.down.modal_length_share", "value": 0.93, "contribution": 1.7}],
        "energy": {"watts": 640.0, "kwh": 12.8, "co2e_kg": 7.3, "measured": True},
        "quality": {
            "packets": 912,
            "undecodable": 0,
            "lost": None,
            "windows": 12,
            "resolution_s": 300,
            "sources": ["campus-hour.pcapng"],
        },
        "why": "XMRig/6.21.0 logged in and submitted 12 shares at 203.0.113.5:3333 (Monero)",
        "course": [(TEN, 0.71), (ELEVEN, 0.9996)],
    }
    return Finding(**(told | changes))


def clear(host: str = "10.20.0.100", **changes: object) -> Finding:
    told = {"kind": "ip", "score": 0.0123, "verdict": Verdict.CLEAR, "first_ns": TEN, "last_ns": ELEVEN}
    told["why"] = "the most mining-like of its channels scores 0.012"
    return Finding(host=host, **(told | changes))


def undecided(host: str = "fe80::1") -> Finding:
    return clear(
        host, score=None, verdict=Verdict.UNDECIDED, why="at most 3 messages on a channel, 6 are needed"
    )


def hostile(text: str) -> Finding:
    """A finding with `text` wherever a capture or a file could put it."""
    item = Evidence(
        kind=text,
        weight=1.0,
        summary=text,
        channel={"remote": text, "port": 1, "transport": text},
        facts={"dialect": text, "coin": text, text: text},
    )
    return mining(
        host=text,
        organisation=text,
        why=text,
        evidence=[item],
        counter_evidence=[item],
        contributions=[{"feature": text, "value": None, "contribution": 0.1}],
        quality={"packets": 1, "sources": [text]},
    )


def metered() -> Finding:
    """A meter: no address, no channel."""
    told = Evidence(
        kind="power",
        weight=2.0,
        summary="PDU 7 | outlet=3 draws 640 W, level day and night",
        facts={"watts": 640.0},
    )
    return mining(
        host="PDU 7 | outlet=3", kind="meter", evidence=[told], network_score=None, power_score=0.98
    )


def pooled(host: str = "10.20.0.24", remote: str = "93.184.216.34", **channel: object) -> Finding:
    """A dialogue heard with a pool of public address, whose connection is known."""
    where = {
        "remote": remote,
        "port": 14444,
        "transport": "tcp",
        "role": "client",
        "client_port": 49_152,
        "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
    }
    item = mining().evidence[0]
    item.kind, item.channel = "stratum", where | channel
    return mining(host=host, evidence=[item], organisation="Faculty of Physics")


def allowed() -> Finding:
    """One that mines and may."""
    return mining(host="10.20.0.30", allowed="Blockchain lab | licence=7", role="pool")


def everything() -> list[Finding]:
    """Every verdict and kind, with and without channels, IPv4 and IPv6, and hostile text wherever it fits."""
    return [
        mining(), pooled(), pooled("2001:db8::7", "2606:2800:220:1::1"), pooled("10.20.0.25", role="server"),
        metered(), mining(verdict=Verdict.SUSPICIOUS, evidence=[]), clear(), undecided(),
        clear("grid", kind="feeder"), allowed(), *map(hostile, HOSTILE),
    ]  # fmt: skip


def source(**changes: object) -> SourceReport:
    return SourceReport(**({"source": "a.pcap", "packets": 912, "decoded": 912} | changes))
