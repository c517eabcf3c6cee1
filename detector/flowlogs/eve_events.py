"""The events of EVE that are read: their fields, and what they tell of names.

Only the part that belongs to an event's type is decoded: the same key means other things elsewhere
(`flow` of an alert, `tls` of stats).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import msgspec

from detector.flowlogs import naming
from detector.flowlogs.contract import MOST
from detector.records import Names

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Naming = Callable[[int], Names | None]
"""Names once the time of the event is known, ns."""
_NONE: Final = msgspec.Raw(b"{}")


class _Tcp(msgspec.Struct, gc=False):
    syn: bool = False


class Event(msgspec.Struct, gc=False):
    """One line."""

    event_type: str
    timestamp: str
    src_ip: str = ""
    src_port: Port = 0
    dest_ip: str = ""
    dest_port: Port = 0
    proto: str = ""
    flow: msgspec.Raw = _NONE
    netflow: msgspec.Raw = _NONE
    tcp: msgspec.Raw = _NONE
    tls: msgspec.Raw = _NONE
    quic: msgspec.Raw = _NONE
    dns: msgspec.Raw = _NONE
    http: msgspec.Raw = _NONE

    @property
    def opened(self) -> bool:
        """Whether a SYN of the flow was seen."""
        return b'"syn":true' in bytes(self.tcp) or b'"syn": true' in bytes(self.tcp)


class Flow(msgspec.Struct, gc=False):
    """Both directions."""

    pkts_toserver: Count
    pkts_toclient: Count
    bytes_toserver: Count
    bytes_toclient: Count
    start: str | None = None
    end: str | None = None


class Netflow(msgspec.Struct, gc=False):
    """One direction."""

    pkts: Count
    bytes: Count
    start: str | None = None
    end: str | None = None


class _Tls(msgspec.Struct, gc=False):
    sni: str | None = None
    version: str | None = None
    subject: str | None = None
    issuerdn: str | None = None
    ja4: str | None = None
    client_alpns: list[str] = []
    server_alpns: list[str] = []


class _Question(msgspec.Struct, gc=False):
    rrname: str | None = None
    rrtype: str | None = None


class _Answer(msgspec.Struct, gc=False):
    rrtype: str | None = None
    rdata: str | None = None


class _Dns(msgspec.Struct, gc=False):
    """Versions 1 to 3 of the format: an answer an event, answers in a list, questions in a list, too."""

    type: str
    rrname: str | None = None
    rrtype: str | None = None
    rdata: str | None = None
    rcode: str | None = None
    queries: list[_Question] = []
    answers: list[_Answer] = []


class _Http(msgspec.Struct, gc=False):
    hostname: str | None = None
    http_user_agent: str | None = None


_event: Final = msgspec.json.Decoder(Event).decode
flow: Final = msgspec.json.Decoder(Flow).decode
netflow: Final = msgspec.json.Decoder(Netflow).decode
_tls: Final = msgspec.json.Decoder(_Tls).decode
_dns: Final = msgspec.json.Decoder(_Dns).decode
_http: Final = msgspec.json.Decoder(_Http).decode
_ADDRESSES: Final = ("A", "AAAA", None)
_SETTLED: Final = ("NOERROR", "NXDOMAIN")


def decode(line: bytes) -> Event:
    """Raises msgspec.MsgspecError."""
    return _event(line)


def names(event: Event) -> Naming | None:
    """What the event tells of names; None for an event that tells none.  Raises msgspec.MsgspecError."""
    if event.event_type == "tls":
        return partial(_of_tls, _tls(event.tls), False)
    if event.event_type == "quic":
        return partial(_of_tls, _tls(event.quic), True)
    if event.event_type == "http":
        told = _http(event.http)
        return lambda _: naming.http(told.hostname, told.http_user_agent)
    return _of_dns(_dns(event.dns)) if event.event_type == "dns" else None


def _of_tls(told: _Tls, quic: bool, _ts_ns: int) -> Names | None:
    protocols = told.client_alpns or told.server_alpns
    signed = None if told.subject is None or told.issuerdn is None else told.subject == told.issuerdn
    found = naming.tls(
        told.sni,
        alpn=protocols[0] if protocols else None,
        ja4=told.ja4,
        version=told.version,
        subject=told.subject,
        self_signed=signed,
    )
    if found and quic:
        found.quic = True
    return found


def _of_dns(told: _Dns) -> Naming | None:
    """Of an answer; questions by themselves tell nothing."""
    if told.type not in ("answer", "response"):
        return None
    asked = told.queries[0] if told.queries else _Question(told.rrname, told.rrtype)
    if asked.rrtype not in _ADDRESSES:
        return None
    answers = [one.rdata for one in told.answers if one.rrtype in _ADDRESSES and one.rdata]
    answers += [told.rdata] if told.rdata else []
    return lambda ts_ns: naming.asked(ts_ns, asked.rrname, answers, nothing=told.rcode in _SETTLED)
