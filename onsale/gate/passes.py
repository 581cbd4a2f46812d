"""Believing passes offline: JWTs (RFC 7519) that the gateway signs for whoever is inside.

A verifier knows one gateway and one room. It reads the gateway's public keys (RFC 7517) when it
first needs them, again every five minutes, and when a pass names a key it does not know, at most
every ten seconds. While the gateway is away the keys it has stay good. Only EdDSA with the issuer,
the room and a deadline is believed, whatever a pass says of itself (RFC 8725, 3.1).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import jwt

from onsale.gate.keys import KeysUnreadable, PublicKeys, fetched

ISSUER = "onsale"
ALGORITHM = "EdDSA"
MAX_LENGTH = 8190
#: How far the clocks of the gateway and of this machine may be apart.
LEEWAY_S = 5

REFRESH_S = 300.0
#: Unknown keys make us ask again, but a forger must not make us ask all the time.
UNKNOWN_S = 10.0
#: Without any key nobody gets in, so that asking again is worth more.
KEYLESS_S = 1.0

_CLAIMS = ["iss", "aud", "sub", "jti", "iat", "exp"]


class PassRefused(Exception):
    """The request does not pass; `status`, `code` and `detail` go into its answer."""

    def __init__(self, status: int, code: str, detail: str):
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def required() -> PassRefused:
    """There is no pass."""
    return PassRefused(403, "pass_required", "Join the room; once inside, send its pass.")


def invalid() -> PassRefused:
    """There is one that is none. Never says why: that would help a forger."""
    return PassRefused(403, "pass_invalid", "This pass is not valid here, or no longer.")


def unavailable() -> PassRefused:
    """There is no key to tell by."""
    return PassRefused(503, "unavailable", "Passes cannot be checked right now; try again.")


class Verifier:
    """Tells whose pass it is that a request carries."""

    def __init__(
        self,
        gateway: str,
        room: str,
        *,
        join_url: str | None = None,
        read: Callable[[str], Awaitable[PublicKeys]] = fetched,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`gateway`: its URL as this machine reaches it; `room`: the room's id.

        `join_url`: where visitors join, unless they reach the gateway under the same URL.
        """
        self.room = room
        self.join_url = join_url or f"{gateway.rstrip('/')}/v1/rooms/{room}/token"
        self._source = f"{gateway.rstrip('/')}/.well-known/jwks.json"
        self._read = read
        self._clock = clock
        self._keys: PublicKeys = {}
        self._asked_at: float | None = None
        self._asking: asyncio.Task[None] | None = None

    async def visitor(self, found: str | None) -> str:
        """Whose pass this is. Raises PassRefused."""
        if not found:
            raise required()
        key = await self._key(found)
        try:
            claims: dict[str, Any] = jwt.decode(
                found,
                key,
                algorithms=[ALGORITHM],
                audience=self.room,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": _CLAIMS, "strict_aud": True},
            )
        except (jwt.InvalidTokenError, ValueError):
            raise invalid() from None
        return str(claims["sub"])

    async def _key(self, found: str) -> jwt.PyJWK:
        """The key that a pass names, which is not believed yet. Raises PassRefused."""
        if len(found) > MAX_LENGTH:
            raise invalid()
        try:
            kid = jwt.get_unverified_header(found).get("kid")
        except (jwt.InvalidTokenError, ValueError):
            raise invalid() from None
        if not isinstance(kid, str):
            raise invalid()
        if kid in self._keys:
            if self._age() >= REFRESH_S:
                self._ask()  # nobody waits for it
        elif self._age() >= (UNKNOWN_S if self._keys else KEYLESS_S) or self._asking:
            await asyncio.shield(self._ask())
        if kid in self._keys:
            return self._keys[kid]
        raise invalid() if self._keys else unavailable()

    def _age(self) -> float:
        """For how long we have not asked."""
        return float("inf") if self._asked_at is None else self._clock() - self._asked_at

    def _ask(self) -> "asyncio.Task[None]":
        """Read the keys, once for all who want to know."""
        if self._asking is None:
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._refresh(), name="gate-keys")
        return self._asking

    async def _refresh(self) -> None:
        try:
            self._keys = await self._read(self._source)
        except (KeysUnreadable, aiohttp.ClientError, OSError, TimeoutError):
            pass  # what we have stays good
        finally:
            self._asking = None
