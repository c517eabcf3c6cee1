"""What Zeek's ssl.log, dns.log and http.log tell of names.

Fields: docs.zeek.org, base/protocols/{ssl,dns,http}/main.zeek; ja4 where the package is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from detector.flowlogs import naming

if TYPE_CHECKING:
    from detector.flowlogs.columns import Columns
    from detector.records import Int64s, Names

SSL: Final = ("version", "server_name", "next_protocol", "subject", "validation_status", "ja4")
DNS: Final = ("query", "qtype_name", "rcode_name", "answers")
HTTP: Final = ("host", "user_agent")
_SELF_SIGNED: Final = "self signed certificate"  # OpenSSL's words, older and newer: "self-signed"
_QUESTIONS: Final = (None, "A", "AAAA")
_SETTLED: Final = ("NOERROR", "NXDOMAIN")


def of_ssl(columns: Columns, _first_ns: Int64s) -> list[Names | None]:
    """A row each."""
    told = zip(*(columns.texts(name) for name in SSL), strict=True)
    return [
        naming.tls(
            server_name,
            alpn=protocol,
            ja4=ja4,
            version=version,
            subject=subject,
            self_signed=None if status is None else status.replace("-", " ").startswith(_SELF_SIGNED),
        )
        for version, server_name, protocol, subject, status, ja4 in told
    ]


def of_dns(columns: Columns, first_ns: Int64s) -> list[Names | None]:
    """A row each; what nobody answered led nowhere."""
    told = zip(first_ns.tolist(), *(columns.texts(name) for name in DNS), strict=True)
    return [
        naming.asked(ts_ns, query, (answers or "").split(","), nothing=status in _SETTLED)
        if status and kind in _QUESTIONS
        else None
        for ts_ns, query, kind, status, answers in told
    ]


def of_http(columns: Columns, _first_ns: Int64s) -> list[Names | None]:
    """A row each."""
    return list(map(naming.http, *(columns.texts(name) for name in HTTP)))
