"""A lease: of many processes one does the work, as long as it says so."""

import secrets

import redis.asyncio as redis


class Lease:
    """Kept in Redis for `lasts_s` after it was asked for last.

    It is no lock: whoever stands still may believe to have it still. What is done under it must be
    harmless when two do it.
    """

    def __init__(self, client: "redis.Redis", key: str, lasts_s: float):
        self._client = client
        self._key = key
        self._lasts_ms = int(lasts_s * 1000)
        self._owner = secrets.token_hex(16)

    async def held(self) -> bool:
        """Take it or keep it, where nobody else has it. Raises redis errors."""
        async with self._client.pipeline(transaction=True) as together:
            together.set(self._key, self._owner, nx=True, px=self._lasts_ms)
            together.get(self._key)
            _, owner = await together.execute()
        if owner != self._owner:
            return False
        await self._client.pexpire(self._key, self._lasts_ms)
        return True

    async def release(self) -> None:
        """Give it back, if it is ours. Raises redis errors."""
        if await self._client.get(self._key) == self._owner:
            await self._client.delete(self._key)
