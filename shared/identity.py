"""Identity tokens: JWTs of the operator's login that say who a visitor is.

HS256 with `ONSALE_IDENTITY_SECRET`. Verified by PyJWT, off the hot path: a verdict is kept for a
short while, so that a poll costs a look-up.
"""

import time
from collections import OrderedDict
from typing import Any

import jwt

from shared.errors import IdentityInvalid

#: A `sub` is stored, logged as a length only, and is a member of Redis zsets: keep it small.
MAX_VISITOR_LENGTH = 255
MAX_TOKEN_LENGTH = 4096

#: Verified tokens remembered per process, for at most this long: both bound memory and the time
#: that a token rotated away stays good.
CACHE_SIZE = 20_000
CACHE_S = 60.0

DEMO_LIFETIME_S = 86_400


class Identities:
    """Verifies identity tokens, and signs those of the demo sign-up."""

    def __init__(self, secrets: tuple[str, ...]):
        self._secrets = secrets
        self._verified: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def visitor(self, token: str) -> str:
        """The visitor (`sub`) this token names. Raises IdentityInvalid."""
        now = time.time()
        known = self._verified.get(token)
        if known is not None and known[1] > now:
            return known[0]
        if len(token) > MAX_TOKEN_LENGTH:
            raise IdentityInvalid
        claims = self._claims(token)
        visitor: str = claims["sub"]
        if not _storable(visitor):
            raise IdentityInvalid("The identity token's 'sub' must be 1 to 255 characters, no NUL.")
        self._remember(token, visitor, min(now + CACHE_S, float(claims.get("exp", now + CACHE_S))))
        return visitor

    def sign(self, visitor: str) -> str:
        """An identity token for the demo sign-up, good for a day."""
        now = int(time.time())
        claims = {"sub": visitor, "iat": now, "exp": now + DEMO_LIFETIME_S}
        return jwt.encode(claims, self._secrets[0], algorithm="HS256")

    def _claims(self, token: str) -> dict[str, Any]:
        for secret in self._secrets:
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    secret,
                    algorithms=["HS256"],
                    options={"require": ["sub"], "verify_aud": False},
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, ValueError):
                raise IdentityInvalid from None
            return claims
        raise IdentityInvalid

    def _remember(self, token: str, visitor: str, until: float) -> None:
        self._verified[token] = (visitor, until)
        self._verified.move_to_end(token)
        while len(self._verified) > CACHE_SIZE:
            self._verified.popitem(last=False)


def _storable(visitor: str) -> bool:
    try:
        visitor.encode()  # JSON lets lone surrogates through; no store takes them
    except UnicodeEncodeError:
        return False
    return 0 < len(visitor) <= MAX_VISITOR_LENGTH and "\x00" not in visitor
