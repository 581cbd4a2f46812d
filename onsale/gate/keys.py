"""The gateway's public keys, read from its JSON Web Key Set (RFC 7517)."""

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
    """The Ed25519 keys of a key set; others mean nothing to us. Raises KeysUnreadable."""
    try:
        found = jwt.PyJWKSet.from_json(raw.decode()).keys
    except (jwt.PyJWTError, ValueError, AttributeError, TypeError):
        raise KeysUnreadable from None
    keys = {key.key_id: key for key in found if key.key_id and key.algorithm_name == "EdDSA"}
    if not keys:
        raise KeysUnreadable
    return keys
