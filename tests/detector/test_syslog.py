"""Syslog messages as servers on the loopback receive them: framing, header, certificate."""

import datetime
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from detector.sinks.cef import event
from detector.syslog import Syslog, SyslogError, message, place
from tests.detector.sinks.samples import allowed, clear, everything, mining

LOOPBACK = ipaddress.ip_address("127.0.0.1")
# RFC 5424, section 6: PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP SD SP MSG
HEADER = re.compile(
    r"<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [\x21-\x7e]{1,255} minewatch - finding - \ufeff(.*)"
)


def parsed(raw: bytes) -> tuple[int, str]:
    """(PRI, text)"""
    match = HEADER.fullmatch(raw.decode("utf-8"))
    assert match, raw
    return int(match[1]), match[2]


def unframed(raw: bytes) -> list[bytes]:
    """Messages of a stream, by their octet counts (RFC 6587, 3.4.1)."""
    out = []
    while raw:
        size, _, raw = raw.partition(b" ")
        assert size.isdigit() and not size.startswith(b"0") and len(raw) >= int(size)
        out.append(raw[: int(size)])
        raw = raw[int(size) :]
    return out


class Server(threading.Thread):
    """Takes one connection on the loopback and reads it to its end."""

    def __init__(self, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._wrap, self.received, self.refused = wrap, b"", False
        self.port = self._listening.getsockname()[1]
        self.start()

    def run(self) -> None:
        with self._listening, self._listening.accept()[0] as plain:
            try:
                with self._wrap(plain) as connection:
                    while data := connection.recv(65_536):
                        self.received += data
            except (ssl.SSLError, ConnectionError):
                self.refused = True

    def messages(self) -> list[bytes]:
        self.join(10)
        return unframed(self.received)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test server")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    yield str(path)


def secured(path: str) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return Server(lambda plain: context.wrap_socket(plain, server_side=True))


def test_over_tcp_every_message_is_counted() -> None:
    server = Server()
    with Syslog(f"tcp://127.0.0.1:{server.port}") as syslog:
        syslog.send(everything())
    texts = [parsed(raw)[1] for raw in server.messages()]
    assert texts == [event(finding).encode("utf-8", "replace").decode() for finding in everything()]


def test_over_udp_every_datagram_is_a_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        with Syslog(f"udp://127.0.0.1:{receiver.getsockname()[1]}") as syslog:
            syslog.send([mining(), clear()])
        texts = [parsed(receiver.recv(65_536))[1] for _ in range(2)]
    assert texts == [event(mining()), event(clear())]


def test_over_tls_with_a_certificate_that_is_trusted(
    certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    server = secured(certificate)
    with Syslog(f"tls://127.0.0.1:{server.port}") as syslog:
        syslog.send([mining()])
    assert [parsed(raw)[1] for raw in server.messages()] == [event(mining())]


def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    server = secured(certificate)
    with pytest.raises(OSError, match=r"(?i)certificate"):
        Syslog(f"tls://127.0.0.1:{server.port}")
    assert server.messages() == [] and server.refused


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError) as caught:
        Syslog(f"tcp://127.0.0.1:{port}")
    assert caught.value.filename == f"tcp://127.0.0.1:{port}"


def test_priority_follows_the_verdict_and_what_is_allowed() -> None:
    known = [parsed(message(finding, "host"))[0] for finding in (mining(), clear(), allowed())]
    assert known == [4 * 8 + 2, 4 * 8 + 6, 4 * 8 + 6]


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("udp://siem", ("udp", "siem", 514)),
        ("tcp://10.0.0.1:1514", ("tcp", "10.0.0.1", 1514)),
        ("tls://[2001:db8::1]/", ("tls", "2001:db8::1", 6514)),
    ],
)
def test_addresses(address: str, known: tuple[str, str, int]) -> None:
    assert place(address) == known


@pytest.mark.parametrize(
    "address", ["", "siem", "http://siem", "tcp://", "tcp://a:b", "udp://a:99999", "tls://u@h", "tcp://[a"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(SyslogError, match="such as tls://"):
        place(address)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_one_line(address: str) -> None:
    try:
        place(address)
    except SyslogError as error:
        assert "\n" not in str(error)
