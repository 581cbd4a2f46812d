"""Keys that sign what others verify offline: Ed25519 (RFC 8032), published as JWKs (RFC 8037)."""

import base64
import binascii
import hashlib

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Jwk = dict[str, str]


class KeyRefused(ValueError):
    """This is no Ed25519 private key. Never says what it is."""


def private_key(text: str) -> Ed25519PrivateKey:
    """A key of 32 bytes in base64url. Raises KeyRefused for anything else."""
    try:
        return Ed25519PrivateKey.from_private_bytes(from_base64url(text))
    except ValueError:
        raise KeyRefused from None


def public_jwk(key: Ed25519PrivateKey) -> Jwk:
    """RFC 8037, section 2; its name is its thumbprint (RFC 7638)."""
    x = base64url(key.public_key().public_bytes_raw()).decode()
    required = {"crv": "Ed25519", "kty": "OKP", "x": x}
    thumbprint = hashlib.sha256(msgspec.json.encode(required)).digest()
    return {**required, "kid": base64url(thumbprint).decode(), "alg": "EdDSA", "use": "sig"}


def base64url(raw: bytes) -> bytes:
    """Without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def from_base64url(text: str) -> bytes:
    """Raises ValueError for what is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError from error
