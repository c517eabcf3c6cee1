"""Who vouches for a bundle: Ed25519 signatures (RFC 8032) over its manifest.

What is signed is the manifest's canonical JSON; the manifest holds the SHA-256 of every other
member, so a signature speaks of all of them.  The signature lies beside them, 64 bytes.  A
signed bundle says who made it, not that it is the newest: `Trust.oldest` refuses a replay of
an earlier one.  The package `cryptography` is imported when it is needed, never before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.bundle import MANIFEST, SIGNATURE, BundleError, canonical, verify

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST_KEY = 64 << 10  # bytes
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class SigningError(ValueError):
    """A key that cannot be used, or no package to use it with; one line."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which bundles are accepted: signed by this key, and created on `oldest` (a date) or later."""

    public_key: Path  # PEM
    oldest: str = ""

    @classmethod
    def of(cls, public_key: str, oldest: str = "") -> Trust | None:
        """From settings, where empty means that nothing is asked.  Raises SigningError."""
        if oldest and not DATE.fullmatch(oldest):
            raise SigningError(f"oldest {oldest!r:.40} is no date, such as 2026-11-22")
        if oldest and not public_key:
            raise SigningError("oldest needs a public_key: what is not signed can claim any date")
        return cls(Path(public_key), oldest) if public_key else None


def sign(members: Mapping[str, bytes], key: Path) -> dict[str, bytes]:
    """The members with the signature of a verified manifest.  Raises BundleError, SigningError, OSError."""
    manifest = verify(members)
    return dict(members) | {SIGNATURE: private_key(key).sign(canonical(manifest))}


def check(members: Mapping[str, bytes], manifest: Mapping[str, Any], trust: Trust) -> None:
    """Nothing, when `manifest` (verified) is signed as `trust` asks.  Raises BundleError, SigningError."""
    key = _public(trust.public_key)
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (optional)

    if SIGNATURE not in members:
        raise BundleError(f"not signed, and a signature by {trust.public_key} is asked for")
    try:
        key.verify(members[SIGNATURE], canonical(manifest))
    except InvalidSignature as error:
        raise BundleError(
            f"{SIGNATURE}: not the signature of this {MANIFEST} by {trust.public_key}"
        ) from error
    created = str(manifest["created"])
    if trust.oldest and not (DATE.fullmatch(created) and created >= trust.oldest):
        raise BundleError(
            f"signed, but created {created}: bundles before {trust.oldest} are refused (downgrade)"
        )


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs.  Raises SigningError, OSError."""
    serialization, ed25519 = _modules()
    try:
        key: Any = serialization.load_pem_private_key(_pem(path), password=None)
    except (ValueError, TypeError) as error:  # TypeError: encrypted
        raise SigningError(f"{path}: no private key in PEM without a password") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise SigningError(f"{path}: not an Ed25519 key")
    private: Ed25519PrivateKey = key
    return private


def _public(path: Path) -> Ed25519PublicKey:
    serialization, ed25519 = _modules()
    try:
        key: Any = serialization.load_pem_public_key(_pem(path))
    except ValueError as error:
        raise SigningError(f"{path}: no public key in PEM") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise SigningError(f"{path}: not an Ed25519 key")
    public: Ed25519PublicKey = key
    return public


def _pem(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_KEY)


def _modules() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (optional)
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError as error:
        raise SigningError(
            "signatures need the package cryptography: pip install 'minewatch[signing]'"
        ) from error
    return serialization, ed25519
