"""Signatures: whoever changed, stripped, forged or rolled back a bundle is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detector import bundle, signing
from detector.bundle import DEFAULT, BundleError
from detector.cli import main
from detector.model import Bundle
from detector.signing import SigningError, Trust

Capsys = pytest.CaptureFixture[str]


def keys(folder: Path, name: str, private: object | None = None) -> tuple[Path, Path]:
    """A fresh pair as PEM files: (private, public)."""
    made = private or Ed25519PrivateKey.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret, open_ = folder / f"{name}.pem", folder / f"{name}.pub"
    secret.write_bytes(made.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))  # type: ignore[attr-defined]
    public = made.public_key()  # type: ignore[attr-defined]
    open_.write_bytes(public.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return secret, open_


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    return bundle.read(DEFAULT)


@pytest.fixture
def signed(members: dict[str, bytes], tmp_path: Path) -> tuple[dict[str, bytes], Path]:
    secret, public = keys(tmp_path, "ours")
    return signing.sign(members, secret), public


def changed(members: dict[str, bytes], **about: object) -> dict[str, bytes]:
    """As somebody would write it who knows the format: all digests are right again."""
    manifest = json.loads(members["manifest.json"]) | about
    manifest = {key: value for key, value in manifest.items() if key not in ("members", "digest")}
    rest = {name: data for name, data in members.items() if name not in ("manifest.json", bundle.SIGNATURE)}
    resealed = bundle.seal(manifest, rest)
    return resealed | {k: members[k] for k in (bundle.SIGNATURE,) if k in members}


def test_a_signed_bundle_is_accepted(signed: tuple[dict[str, bytes], Path]) -> None:
    parts, public = signed
    assert len(parts[bundle.SIGNATURE]) == 64
    assert Bundle.from_members(parts, "b", Trust(public)).id
    assert Bundle.from_members(parts, "b").digest == Bundle.from_members(parts, "b", Trust(public)).digest


def test_tampering_with_right_digests_is_refused(signed: tuple[dict[str, bytes], Path]) -> None:
    parts, public = signed
    forged = changed(parts, notes={"by": "somebody else"})
    Bundle.from_members(forged, "b")  # whole, but nobody vouches for it
    with pytest.raises(BundleError, match=r"^b: manifest\.sig: not the signature"):
        Bundle.from_members(forged, "b", Trust(public))


def test_another_key_and_no_signature_are_refused(
    signed: tuple[dict[str, bytes], Path], members: dict[str, bytes], tmp_path: Path
) -> None:
    parts, public = signed
    _, other = keys(tmp_path, "theirs")
    with pytest.raises(BundleError, match="not the signature"):
        Bundle.from_members(parts, "b", Trust(other))
    with pytest.raises(BundleError, match="not signed"):
        Bundle.from_members(members, "b", Trust(public))
    with pytest.raises(BundleError, match="not the signature"):
        Bundle.from_members(parts | {bundle.SIGNATURE: b"short"}, "b", Trust(public))


def test_a_rolled_back_bundle_is_refused(signed: tuple[dict[str, bytes], Path]) -> None:
    parts, public = signed
    created = json.loads(parts["manifest.json"])["created"]
    assert Bundle.from_members(parts, "b", Trust(public, created))
    with pytest.raises(BundleError, match="downgrade"):
        Bundle.from_members(parts, "b", Trust(public, "2999-01-01"))


def test_an_older_format_is_refused_although_it_is_signed(
    members: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, public = keys(tmp_path, "ours")
    monkeypatch.setattr(bundle, "FORMAT", 1)
    old = signing.sign(changed(members), secret)
    monkeypatch.undo()
    with pytest.raises(BundleError, match="old format 1"):
        Bundle.from_members(old, "b", Trust(public))


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_key(members: dict[str, bytes], tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningError, match="no public key"):
        Bundle.from_members(members, "b", Trust(path))
    with pytest.raises(SigningError, match="no private key"):
        signing.sign(members, path)


def test_a_key_of_another_kind(members: dict[str, bytes], tmp_path: Path) -> None:
    secret, public = keys(tmp_path, "ec", generate_private_key(SECP256R1()))
    with pytest.raises(SigningError, match="not an Ed25519 key"):
        signing.sign(members, secret)
    with pytest.raises(SigningError, match="not an Ed25519 key"):
        Bundle.from_members(members, "b", Trust(public))


def test_settings_that_ask_for_half_of_it() -> None:
    assert Trust.of("") is None
    with pytest.raises(SigningError, match="needs a public_key"):
        Trust.of("", "2026-01-01")
    with pytest.raises(SigningError, match="no date"):
        Trust.of("key", "yesterday")


@pytest.mark.parametrize("name", ["b", "b.zip"])
def test_the_commands(members: dict[str, bytes], tmp_path: Path, name: str, capsys: Capsys) -> None:
    secret, public = keys(tmp_path, "ours")
    _, other = keys(tmp_path, "theirs")
    path = tmp_path / name
    bundle.write(path, members)
    check = ["model", "verify", str(path), "--public-key"]
    assert main([*check, str(public)]) == 2
    assert "not signed" in capsys.readouterr().err
    assert main(["model", "sign", str(path), "--key", str(secret)]) == 0
    assert main([*check, str(public)]) == 0
    assert "signed by" in capsys.readouterr().out
    assert main([*check, str(other)]) == 2
    error = capsys.readouterr().err
    assert "not the signature" in error and len(error.splitlines()) == 1
    assert main(["score", str(path), "--model", str(path), "--public-key", str(other)]) == 2
    assert "not the signature" in capsys.readouterr().err
    bundle.write(path, members)  # unsigned again: the old signature does not stay behind
    assert bundle.SIGNATURE not in bundle.read(path)
