"""The queue token: a JWT (RFC 7519, HS256) that proves who holds which place of which room.

It says nothing about WAIT, ACTIVE or EXPIRED; Redis is asked for that. Written and verified by
hand, because a general JWT decode costs about ten times as much on the hot path; a test proves that
PyJWT agrees with every verdict.
"""

import hashlib
import time
from typing import Any

import msgspec

from shared.errors import OnsaleError
from shared.hs256 import Secret, decoded, encoded

ISSUER = "onsale"

#: No place needs more than this; refusing early keeps the decoder's work bounded.
MAX_TOKEN_LENGTH = 2048

#: Numbers beyond this are not exact in Lua, whose numbers are doubles.
MAX_NUMBER = 2**53 - 1


class TokenRejected(Exception):
    """The token is not one of ours. Never says why: that would help a forger."""


class Place(msgspec.Struct, frozen=True):
    """Who holds which place: what a queue token proves."""

    room_id: str
    visitor: str
    generation: int
    number: int

    @property
    def jti(self) -> str:
        """`<room>.<gen>.<num>`, what `queue.token_value` stores."""
        return f"{self.room_id}.{self.generation}.{self.number}"


class _Header(msgspec.Struct):
    alg: str
    kid: str


class _Claims(msgspec.Struct):
    iss: str
    aud: str
    sub: str
    num: int
    gen: int
    jti: str
    iat: int


class QueueTokens:
    """Signs with the first secret, verifies with each: rotation puts a new one first."""

    def __init__(self, secrets: tuple[str, ...]):
        self._keys = {key_id(secret): Secret(secret.encode()) for secret in secrets}
        #: Headers as we write them, by our own keys: those of nearly all tokens.
        self._ours = {
            _segment({"alg": "HS256", "kid": kid, "typ": "JWT"}): key
            for kid, key in self._keys.items()
        }
        self._header, self._key = next(iter(self._ours.items()))
        self._headers = msgspec.json.Decoder(_Header)
        self._claims = msgspec.json.Decoder(_Claims)

    def sign(self, place: Place, *, issued_at_s: int | None = None) -> str:
        """The JWT of a place, as text."""
        claims = _segment(
            {
                "iss": ISSUER,
                "aud": place.room_id,
                "sub": place.visitor,
                "num": place.number,
                "gen": place.generation,
                "iat": int(time.time()) if issued_at_s is None else issued_at_s,
                "jti": place.jti,
            }
        )
        signed = self._header + b"." + claims
        return (signed + b"." + self._key.signature(signed)).decode()

    def verify(self, token: str) -> Place:
        """The place this token proves. Raises TokenRejected for anything we did not sign."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenRejected
        try:
            signed, _, signature = token.encode("ascii").rpartition(b".")
            header, _, claims = signed.partition(b".")
            key = self._ours.get(header) or self._key_of(header)
            if not key.signed(signed, signature):
                raise TokenRejected
            found = self._claims.decode(decoded(claims))
        except (ValueError, RecursionError, msgspec.DecodeError) as error:
            raise TokenRejected from error
        place = Place(found.aud, found.sub, found.gen, found.num)
        exact = 0 < place.number <= MAX_NUMBER and 0 < place.generation <= MAX_NUMBER
        if found.iss != ISSUER or found.jti != place.jti or not exact:
            raise TokenRejected
        return place

    def _key_of(self, header: bytes) -> Secret:
        head = self._headers.decode(decoded(header))
        key = self._keys.get(head.kid)
        if head.alg != "HS256" or key is None:
            raise TokenRejected
        return key


def verified(
    tokens: QueueTokens, raw: str | None, *, required: type[OnsaleError], invalid: type[OnsaleError]
) -> Place:
    """The place a request proves, with the errors of the service that asks."""
    if raw is None:
        raise required()
    try:
        return tokens.verify(raw)
    except TokenRejected:
        raise invalid() from None


def key_id(secret: str) -> str:
    """The `kid` of a secret: enough of its hash to tell keys apart, too little to guess it."""
    return hashlib.sha256(b"onsale kid " + secret.encode()).hexdigest()[:8]


def _segment(value: dict[str, Any]) -> bytes:
    return encoded(msgspec.json.encode(value))
