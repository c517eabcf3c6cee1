"""The openings of connections that no mining word flagged: payload pieces -> names (`records.Names`).

Told by their first bytes: a record of a TLS handshake, an HTTP request, a DNS answer, QUIC.
Nothing of them is kept but names; what is unfinished is bounded, the oldest is forgotten first.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from detector.dissectors import certificate, dns, hello, tls
from detector.dissectors.contract import Payload
from detector.dissectors.identity import agent_name, host_name
from detector.records import UDP, Lookup, Names

UNFINISHED: Final = 2_048
"""Sides of connections that are waited for; 16 kB each at most."""
_QUIC_BYTES: Final = 5
# RFC 9000 15, RFC 9369 3.1 and the drafts before: versions that a client opens with.
_QUIC_VERSIONS: Final = (b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf")
_QUIC_DRAFTS: Final = b"\xff\x00\x00"
_TLS: Final = b"\x16"
_REQUESTS: Final = (b"GET ", b"POST ", b"HEAD ")
_HOST = re.compile(rb"\n[Hh][Oo][Ss][Tt]:[ \t]*([^\r\n]{1,140})")
_AGENT = re.compile(rb"\n[Uu][Ss][Ee][Rr]-[Aa][Gg][Ee][Nn][Tt]:[ \t]*([^\r\n]{1,256})")
_HEAD: Final = 2_048
"""Bytes of a request in which its names are looked for."""


class Openings:
    """Openings on their way, a side of a connection at a time."""

    def __init__(self, unfinished: int = UNFINISHED) -> None:
        self._most = unfinished
        self._sides: OrderedDict[tuple[int, bool], tls.Flight | dns.Stream] = OrderedDict()

    def read(self, piece: Payload) -> Names | None:
        """The names that a piece completes; None while there are none.  Never raises.

        Where bytes are missing before it, it can only begin something.
        """
        data, ts_ns = piece.data, piece.ts_ns
        if piece.transport == UDP:
            return _datagram(data, ts_ns)
        key = piece.connection, piece.from_a
        side = self._sides.pop(key, None)
        if side is None or piece.gap:
            if data.startswith(_REQUESTS):
                return _request(data[:_HEAD])
            side = tls.Flight() if data.startswith(_TLS) else dns.Stream()
        names = _handshake(side, data) if isinstance(side, tls.Flight) else _answers(side.feed(data), ts_ns)
        if side.waits:
            self._sides[key] = side
            if len(self._sides) > self._most:
                self._sides.popitem(last=False)
        return names

    def close(self, connection: int) -> None:
        """The connection is over."""
        for from_a in (False, True):
            self._sides.pop((connection, from_a), None)


def _handshake(flight: tls.Flight, data: bytes) -> Names | None:
    """Both sides' messages are told by their type: who sends a ClientHello is a client."""
    names: Names | None = None
    for kind, body in flight.feed(data):
        read = _MESSAGES.get(kind)
        if read is not None:
            names = names or Names()
            read(body, names)
    return names


def _client(body: bytes, names: Names) -> None:
    told = hello.client_hello(body)
    if told is not None and not names.hellos:
        names.hellos = 1
        names.without_name, names.without_alpn = int(not told.named), int(not told.alpn)
        names.server_name, names.alpn, names.ja4 = told.server_name, told.alpn, told.ja4


def _server(body: bytes, names: Names) -> None:
    told = hello.server_hello(body)
    if told is not None:
        names.version = told.version


def _certificate(body: bytes, names: Names) -> None:
    told = certificate.first_certificate(body)
    if told is not None:
        names.certificate, names.self_signed = told.names, told.self_signed


_MESSAGES: Final[dict[int, Callable[[bytes, Names], None]]] = {
    tls.CLIENT_HELLO: _client,
    tls.SERVER_HELLO: _server,
    tls.CERTIFICATE: _certificate,
}


def _datagram(data: bytes, ts_ns: int) -> Names | None:
    if len(data) > _QUIC_BYTES:
        told = dns.answer(data)
        return _answers([told], ts_ns) if told else None
    known = data[1:] in _QUIC_VERSIONS or data[1:4] == _QUIC_DRAFTS
    return Names(quic=True) if known else None


def _answers(told: list[dns.Answer], ts_ns: int) -> Names | None:
    lookups = [Lookup(ts_ns, one.name, address) for one in told for address in one.addresses or (None,)]
    return Names(lookups=tuple(lookups)) if lookups else None


def _request(head: bytes) -> Names | None:
    host, agent = _HOST.search(head), _AGENT.search(head)
    name = _host(host[1]) if host else None
    program = _agent(agent[1]) if agent else None
    return Names(http_host=name, http_agent=program) if name or program else None


@lru_cache(maxsize=1024)
def _host(value: bytes) -> str | None:
    return host_name(value.decode("latin-1").strip())


@lru_cache(maxsize=1024)
def _agent(value: bytes) -> str | None:
    return agent_name(value.decode("latin-1"))
