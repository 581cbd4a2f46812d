"""The gateway's public keys, read from its JSON Web Key Set (RFC 7517)."""

import contextlib
import json

import aiohttp
import jwt

DEADLINE_S = 3.0
MAX_BYTES = 64 * 1024

#: By their names (`kid`).
PublicKeys = dict[str, jwt.PyJWK]


class KeysUnreadable(Exception):
    """What came is no key set of ours."""


async def fetched(url: str) -> PublicKeys:
    """The keys at `url`. Raises KeysUnreadable, aiohttp.ClientError, OSError or TimeoutError."""
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        return parsed(await answer.content.read(MAX_BYTES))


def parsed(raw: bytes) -> PublicKeys:
    """The named EdDSA keys of a key set; others mean nothing to us. Raises KeysUnreadable.

    None is an answer, too: a gateway that took its last key away wants no pass to be believed.
    """
    try:
        listed = [dict(key) for key in json.loads(raw)["keys"]]
    except (ValueError, KeyError, TypeError):
        raise KeysUnreadable from None
    keys: PublicKeys = {}
    for key in listed:
        with contextlib.suppress(jwt.PyJWTError, ValueError, TypeError, KeyError):
            keys[key["kid"]] = jwt.PyJWK(key, algorithm="EdDSA")
    return keys
