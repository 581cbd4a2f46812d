"""The pass: a short JWT (RFC 7519) by which any site knows that a visitor was let in, offline.

EdDSA with Ed25519 (RFC 8037), so that who verifies cannot sign. It lives for two minutes at most,
and never longer than the place it speaks of; whoever is still inside gets a new one in time.
Offline also means that a place which ends early is believed until its pass has run out: a site
that cannot wait two minutes asks `…/authorize` instead.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from shared.signing import Jwk, base64url, private_key, public_jwk
from shared.tokens import ISSUER, Place

LIFE_S = 120
#: Passes kept per process, so that a poll costs no signature; about 10 MB.
CACHE_SIZE = 10_000


class Passes:
    """Signs with the first key and publishes all: rotation publishes a new one before it signs.

    Without a key there are no passes.
    """

    def __init__(self, keys: tuple[str, ...], clock: Callable[[], float] = time.time):
        """`keys`: 32 bytes each, base64url. Raises KeyRefused."""
        private = [private_key(key) for key in keys]
        self._clock = clock
        self._published = [public_jwk(key) for key in private]
        self._key = private[0] if private else None
        self._header = b""
        if private:
            self._header = _segment(
                {"alg": "EdDSA", "kid": self._published[0]["kid"], "typ": "JWT"}
            )
        self._signed: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def sign(self, place: Place, expires_at_ms: int | None) -> str | None:
        """The pass of a place that is ACTIVE until then; None if it is not or has no time left."""
        if self._key is None or expires_at_ms is None:
            return None
        now_s = int(self._clock())
        expires_at_s = min(expires_at_ms // 1000, now_s + LIFE_S)
        if expires_at_s <= now_s:
            return None
        known = self._signed.get(place.jti)
        if known is not None and _is_good_enough(known[1], expires_at_s, now_s):
            return known[0]
        claims = {
            "iss": ISSUER,
            "aud": place.room_id,
            "sub": place.visitor,
            "jti": place.jti,
            "iat": now_s,
            "exp": expires_at_s,
        }
        signed = self._header + b"." + _segment(claims)
        found = (signed + b"." + base64url(self._key.sign(signed))).decode()
        self._remember(place.jti, found, expires_at_s)
        return found

    def jwks(self) -> dict[str, list[Jwk]]:
        """The JSON Web Key Set (RFC 7517) that verifies our passes."""
        return {"keys": self._published}

    def _remember(self, jti: str, signed: str, expires_at_s: int) -> None:
        self._signed[jti] = (signed, expires_at_s)
        self._signed.move_to_end(jti)
        while len(self._signed) > CACHE_SIZE:
            self._signed.popitem(last=False)


PASSES = web.AppKey("passes", Passes)


def _is_good_enough(known_s: int, wanted_s: int, now_s: int) -> bool:
    """Whether a pass that ends at `known_s` need not be signed anew: half of its life is left, or a
    new one would live no longer. Never one that outlives its place."""
    return known_s <= wanted_s and (known_s == wanted_s or known_s - now_s >= LIFE_S // 2)


def _segment(value: dict[str, Any]) -> bytes:
    return base64url(msgspec.json.encode(value))
