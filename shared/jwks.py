"""The public keys of the operator's login: a JSON Web Key Set (RFC 7517), a file or a URL.

Read at the start, which fails without it, and again once a minute: a new key is published before it
signs. What cannot be read then changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import jwt
from aiohttp import web

from shared.identity import PUBLIC_ALGORITHMS, Identities
from shared.logs import logger
from shared.loops import end
from shared.settings import SettingError

REFRESH_S = 60.0
DEADLINE_S = 5.0
MAX_BYTES = 256 * 1024

Cleanup = Callable[[web.Application], AsyncIterator[None]]

log = logger(__name__)


class JwksUnreadable(Exception):
    """The key set cannot be had, or is none; the message says what is wrong with it."""


async def read_keys(source: str) -> tuple[jwt.PyJWK, ...]:
    """The keys of a file or an http(s) URL that we verify with. Raises JwksUnreadable."""
    try:
        text = await (_fetched(source) if "://" in source else asyncio.to_thread(_read, source))
        found = jwt.PyJWKSet.from_json(text).keys
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise JwksUnreadable(f"cannot be read ({type(error).__name__})") from None
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError):
        raise JwksUnreadable("is no JSON Web Key Set (RFC 7517)") from None
    keys = tuple(key for key in found if key.algorithm_name in PUBLIC_ALGORITHMS)
    if not keys:
        raise JwksUnreadable(f"has no key for {', '.join(PUBLIC_ALGORITHMS)}")
    return keys


async def _fetched(url: str) -> str:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(url) as answer,
    ):
        raw = await answer.content.read(MAX_BYTES)
        return raw.decode()


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def identity_keys(source: str | None, identities: Identities) -> Cleanup:
    """Keep the public keys of `identities` up to date while the app runs."""

    async def keep(_: web.Application) -> AsyncIterator[None]:
        if source is None:
            yield
            return
        try:
            identities.public_keys = await read_keys(source)
        except JwksUnreadable as error:
            raise SettingError(f"ONSALE_IDENTITY_JWKS {error}.") from None
        task = asyncio.create_task(_refresh(source, identities), name="jwks")
        yield
        await end(task)

    return keep


async def _refresh(source: str, identities: Identities) -> None:
    while True:
        await asyncio.sleep(REFRESH_S)
        try:
            identities.public_keys = await read_keys(source)
        except JwksUnreadable as error:
            log.warning("jwks_unreadable", why=str(error))
