"""The openings of connections that no mining word flagged: payload pieces -> names of their channels.

Told by their first bytes: a record of a TLS handshake, an HTTP request, a DNS answer, QUIC.
Nothing of them is kept but names; what is unfinished is bounded, the oldest is forgotten first.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import lru_cache
from typing import Final

from detector.dissectors import certificate, dns, hello
from detector.dissectors.contract import Payload
from detector.dissectors.identity import agent_name, host_name
from detector.dissectors.names import differ, first_lookups
from detector.kernel.hellos import Flight
from detector.records import UDP, Lookup, Names

UNFINISHED: Final = 2_048
"""Sides of connections that are waited for; 16 kB each at most."""
_QUIC_BYTES: Final = 5
# RFC 9000 15, RFC 9369 3.1 and the drafts before: versions that a client opens with.
_QUIC_VERSIONS: Final = (b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf")
_QUIC_DRAFTS: Final = b"\xff\x00\x00"
_TLS: Final = b"\x16"
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 1, 2, 11  # RFC 8446 4
_REQUESTS: Final = (b"GET ", b"POST ", b"HEAD ")
_HOST = re.compile(rb"\n[Hh][Oo][Ss][Tt]:[ \t]*([^\r\n]{1,140})")
_AGENT = re.compile(rb"\n[Uu][Ss][Ee][Rr]-[Aa][Gg][Ee][Nn][Tt]:[ \t]*([^\r\n]{1,256})")
_HEAD: Final = 2_048
"""Bytes of a request in which its names are looked for."""


class Openings:
    """Openings on their way, a side of a connection at a time."""

    def __init__(self, unfinished: int = UNFINISHED) -> None:
        self._most = unfinished
        self._sides: OrderedDict[tuple[int, bool], Flight | dns.Stream] = OrderedDict()

    def read(self, piece: Payload, names: Names) -> bool:
        """Adds what a piece completes to the names of its channel; whether there was something.

        Where bytes are missing before it, it can only begin something.  Never raises.
        """
        data, ts_ns = piece.data, piece.ts_ns
        if piece.transport == UDP:
            return _datagram(data, ts_ns, names)
        key = piece.connection, piece.from_a
        side = self._sides.pop(key, None)
        if side is None or piece.gap:
            if data.startswith(_REQUESTS):
                return _request(data[:_HEAD], names)
            side = Flight() if data.startswith(_TLS) else dns.Stream()
        if isinstance(side, Flight):
            told = _handshake(side.feed(data), names)
        else:
            told = _answers(side.feed(data), ts_ns, names)
        if side.waits:
            self._sides[key] = side
            if len(self._sides) > self._most:
                self._sides.popitem(last=False)
        return told

    def close(self, connection: int) -> None:
        """The connection is over."""
        for from_a in (False, True):
            self._sides.pop((connection, from_a), None)


def _handshake(messages: list[tuple[int, bytes]], names: Names) -> bool:
    """Both sides' messages are told by their type: who sends a ClientHello is a client."""
    for kind, body in messages:
        if kind == _CLIENT_HELLO:
            _client(body, names)
        elif kind == _SERVER_HELLO:
            names.version = names.version or hello.server_version(body)
        elif kind == _CERTIFICATE and not names.certificate:
            told = certificate.first_certificate(body)
            if told is not None:
                names.certificate, names.self_signed = told.names, told.self_signed
    return bool(messages)


def _client(body: bytes, names: Names) -> None:
    told = hello.client_hello(body)
    if told is None:
        return
    names.hellos += 1
    names.without_name += not told.named
    names.without_alpn += not told.alpn
    names.shared |= differ(names.server_name, told.server_name)
    names.server_name = names.server_name or told.server_name
    names.alpn = names.alpn or told.alpn
    names.ja4 = names.ja4 or told.ja4


def _datagram(data: bytes, ts_ns: int, names: Names) -> bool:
    if len(data) > _QUIC_BYTES:
        told = dns.answer(data)
        return told is not None and _answers([told], ts_ns, names)
    known = data[1:] in _QUIC_VERSIONS or data[1:4] == _QUIC_DRAFTS
    names.quic |= known
    return known


def _answers(told: list[dns.Answer], ts_ns: int, names: Names) -> bool:
    lookups = [Lookup(ts_ns, one.name, address) for one in told for address in one.addresses or (None,)]
    names.lookups = first_lookups(names.lookups, tuple(lookups))
    return bool(lookups)


def _request(head: bytes, names: Names) -> bool:
    host, agent = _HOST.search(head), _AGENT.search(head)
    name = _host(host[1]) if host else None
    program = _agent(agent[1]) if agent else None
    names.shared |= differ(names.http_host, name)
    names.http_host = names.http_host or name
    names.http_agent = names.http_agent or program
    return bool(name or program)


@lru_cache(maxsize=1024)
def _host(value: bytes) -> str | None:
    return host_name(value.decode("latin-1").strip())


@lru_cache(maxsize=1024)
def _agent(value: bytes) -> str | None:
    return agent_name(value.decode("latin-1"))
