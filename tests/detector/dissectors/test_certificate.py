"""Names of certificates that another library made, and of what is none."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.dissectors.certificate import NAMES, Certificate, first_certificate
from tests.detector.dissectors import hellos

pytest.importorskip("cryptography", reason="cryptography makes the certificates")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())
DAY = datetime.datetime(2026, 3, 1)


def certificate(subject: str, issuer: str, *alternatives: str) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
                x509.NameAttribute(NameOID.COMMON_NAME, text),
            ]
        )

    builder = x509.CertificateBuilder(named(issuer), named(subject), KEY.public_key(), 7, DAY, DAY)
    if alternatives:
        listed = x509.SubjectAlternativeName([x509.DNSName(name) for name in alternatives])
        builder = builder.add_extension(listed, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def read(*ders: bytes) -> Certificate | None:
    return first_certificate(hellos.certificates(*ders))


DER = certificate("pool.example", "CA", "pool.example")


def test_alternative_names_count_before_the_common_one() -> None:
    der = certificate("pool.example", "Some CA", "*.pool.example", "pool.example")
    assert read(der, certificate("Some CA", "Root")) == Certificate(("*.pool.example", "pool.example"), False)


def test_the_common_name_where_there_is_no_other() -> None:
    assert read(certificate("pool.example", "Some CA")) == Certificate(("pool.example",), False)
    assert read(certificate("Default Company Ltd", "Some CA")) == Certificate((), False)


def test_self_signed_is_alone_and_its_own_issuer() -> None:
    own = certificate("pool.example", "pool.example")
    assert read(own) == Certificate(("pool.example",), True)
    assert read(own, own) == Certificate(("pool.example",), False)


def test_names_are_bounded() -> None:
    many = [f"a{i}.example" for i in range(100)]
    told = read(certificate("a.example", "CA", *many))
    assert told is not None and told.names == tuple(many[:NAMES])


@given(data=st.data())
def test_damaged_ones_are_read_or_none(data: st.DataObject) -> None:
    der = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    first_certificate(hellos.certificates(bytes(der)))
    first_certificate(hellos.certificates(bytes(der))[: data.draw(st.integers(0, len(der)))])


@given(st.binary(max_size=200))
def test_anything_is_read_or_none(body: bytes) -> None:
    first_certificate(body)
    first_certificate(hellos.certificates(body))
