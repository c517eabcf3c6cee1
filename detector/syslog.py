"""Findings as CEF events to a syslog server: RFC 5424 over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).

An address is `udp://host[:514]`, `tcp://host[:601]` or `tls://host[:6514]`.  Over TLS the server must have a
certificate for its name that the system trusts (`SSL_CERT_FILE` names another list of authorities).
UDP says nothing of what is lost; what TCP or TLS could not hand over is an OSError.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from detector import vocabulary
from detector.records import Finding, Verdict
from detector.sinks.cef import event
from detector.text import printable, rfc3339

PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}
TIMEOUT_S: Final = 10.0
AUTHORITY: Final = 4  # facility: security and authorization messages
SEVERITY: Final = {Verdict.MINING: 2, Verdict.SUSPICIOUS: 4, Verdict.UNDECIDED: 5, Verdict.CLEAR: 6}
BOM: Final = "\ufeff"  # before a message in UTF-8, section 6.4


class SyslogError(ValueError):
    """No address of a syslog server; one line that says how one is written."""


def place(address: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an address.  Raises SyslogError."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in PORTS or not host or parts.path not in ("", "/") or parts.query or parts.username:
        raise SyslogError(
            f"{printable(address, 80)!r} is no syslog server, such as tls://siem.example.org:6514"
        )
    return scheme, host, port or PORTS[scheme]


def message(finding: Finding, sender: str) -> bytes:
    """The finding as one message of RFC 5424, stamped with when its host was last seen."""
    priority = AUTHORITY * 8 + SEVERITY[vocabulary.weighed(finding)]
    header = f"<{priority}>1 {rfc3339(finding.last_ns)} {sender} {vocabulary.PRODUCT} - finding -"
    return f"{header} {BOM}{event(finding)}".encode("utf-8", "replace")


class Syslog:
    """A connection to one server."""

    def __init__(self, address: str) -> None:
        """Connects.  Raises SyslogError and OSError."""
        self._scheme, host, port = place(address)
        self._sender = re.sub(r"[^\x21-\x7e]", "-", socket.gethostname())[:255] or "-"
        kind = socket.SOCK_DGRAM if self._scheme == "udp" else socket.SOCK_STREAM
        try:
            self._socket = _connected(host, port, kind)
            if self._scheme == "tls":
                self._socket = _secured(self._socket, host)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), address) from error

    def send(self, findings: Sequence[Finding]) -> None:
        """One message a finding.  Raises OSError."""
        for finding in findings:
            told = message(finding, self._sender)
            framed = told if self._scheme == "udp" else b"%d %b" % (len(told), told)
            self._socket.sendall(framed)

    def close(self) -> None:
        """Everything was handed over.  Raises OSError."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connected(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    if kind is socket.SOCK_STREAM:
        return socket.create_connection((host, port), TIMEOUT_S)
    family, _, protocol, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    connected = socket.socket(family, kind, protocol)
    connected.settimeout(TIMEOUT_S)
    connected.connect(address)
    return connected


def _secured(plain: socket.socket, host: str) -> socket.socket:
    import ssl  # noqa: PLC0415  takes 10 ms

    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
