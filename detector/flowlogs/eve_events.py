"""The events of EVE that are read: their fields, and what they tell of names.

`event_type` says which fields a line has: the same key means other things elsewhere (`flow` of an
alert, `tls` of stats).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from detector.flowlogs import naming
from detector.flowlogs.contract import MOST
from detector.records import Names

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Event(msgspec.Struct, gc=False, kw_only=True, tag_field="event_type"):
    """What every line has: when, and who with whom."""

    timestamp: str
    src_ip: str
    src_port: Port = 0
    dest_ip: str
    dest_port: Port = 0
    proto: str


class _Flags(msgspec.Struct, gc=False):
    syn: bool = False


class _Flow(msgspec.Struct, gc=False):
    pkts_toserver: Count
    pkts_toclient: Count
    bytes_toserver: Count
    bytes_toclient: Count
    start: str | None = None
    end: str | None = None


class Flow(Event, gc=False, kw_only=True, tag="flow"):
    """Both directions; its source opened it."""

    flow: _Flow
    tcp: _Flags | None = None


class _Netflow(msgspec.Struct, gc=False):
    pkts: Count
    bytes: Count
    start: str | None = None
    end: str | None = None


class Netflow(Event, gc=False, kw_only=True, tag="netflow"):
    """One direction."""

    netflow: _Netflow


class _Handshake(msgspec.Struct, gc=False):
    sni: str | None = None
    version: str | None = None
    subject: str | None = None
    issuerdn: str | None = None
    ja4: str | None = None
    client_alpns: list[str] = []
    server_alpns: list[str] = []


class Tls(Event, gc=False, kw_only=True, tag="tls"):
    """A handshake."""

    tls: _Handshake

    def names(self, _ts_ns: int) -> Names | None:
        return _of_handshake(self.tls)


class Quic(Event, gc=False, kw_only=True, tag="quic"):
    """A handshake of QUIC."""

    quic: _Handshake

    def names(self, _ts_ns: int) -> Names | None:
        found = _of_handshake(self.quic)
        if found:
            found.quic = True
        return found


class _Http(msgspec.Struct, gc=False):
    hostname: str | None = None
    http_user_agent: str | None = None


class Http(Event, gc=False, kw_only=True, tag="http"):
    """A request."""

    http: _Http

    def names(self, _ts_ns: int) -> Names | None:
        return naming.http(self.http.hostname, self.http.http_user_agent)


class _Question(msgspec.Struct, gc=False):
    rrname: str | None = None
    rrtype: str | None = None


class _Answer(msgspec.Struct, gc=False):
    rrtype: str | None = None
    rdata: str | None = None


class _Message(msgspec.Struct, gc=False):
    """Versions 1 to 3 of the format: an answer an event, answers in a list, questions in a list, too."""

    type: str
    rrname: str | None = None
    rrtype: str | None = None
    rdata: str | None = None
    rcode: str | None = None
    queries: list[_Question] = []
    answers: list[_Answer] = []


class Dns(Event, gc=False, kw_only=True, tag="dns"):
    """A question or an answer."""

    dns: _Message

    def names(self, ts_ns: int) -> Names | None:
        """Of an answer; a question by itself tells nothing."""
        told = self.dns
        asked = told.queries[0] if told.queries else _Question(told.rrname, told.rrtype)
        if told.type not in ("answer", "response") or asked.rrtype not in _ADDRESSES:
            return None
        answers = [one.rdata for one in told.answers if one.rrtype in _ADDRESSES and one.rdata]
        answers += [told.rdata] if told.rdata else []
        return naming.asked(ts_ns, asked.rrname, answers, nothing=told.rcode in _SETTLED)


class _Any(msgspec.Struct, gc=False):
    event_type: str


Naming = Tls | Quic | Http | Dns
_ADDRESSES: Final = ("A", "AAAA", None)
_SETTLED: Final = ("NOERROR", "NXDOMAIN")
TYPES: Final = frozenset({"flow", "netflow", "tls", "quic", "http", "dns"})
DAMAGED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
decode: Final = msgspec.json.Decoder(Flow | Netflow | Tls | Quic | Http | Dns).decode
"""A line; raises one of DAMAGED, for events of other types, too."""
_any: Final = msgspec.json.Decoder(_Any).decode


def is_other(line: bytes) -> bool:
    """Whether it is an event of a type that is passed over, or of a host without an address."""
    try:
        return _any(line).event_type not in TYPES
    except DAMAGED:
        return False


def _of_handshake(told: _Handshake) -> Names | None:
    protocols = told.client_alpns or told.server_alpns
    signed = None if told.subject is None or told.issuerdn is None else told.subject == told.issuerdn
    return naming.tls(
        told.sni,
        alpn=protocols[0] if protocols else None,
        ja4=told.ja4,
        version=told.version,
        subject=told.subject,
        self_signed=signed,
    )
