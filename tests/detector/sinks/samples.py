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


def source(**changes: object) -> SourceReport:
    return SourceReport(**({"source": "a.pcap", "packets": 912, "decoded": 912} | changes))
