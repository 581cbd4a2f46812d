"""Putting a crowd in line through the gateway's own script, many visitors in one call.

That is the store's part of a join: numbers, order, journal and bounds are those of any join. What
it leaves out is HTTP and the identity of each visitor.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from onsale.rush.client import Unexpected, Unreachable
from queue_gateway.settings import JOURNAL_MAX
from shared.places import JOURNAL, ROOM_KEYS, room_keys
from shared.scripts import Script
from shared.stores import redis_client

#: Joins of one call: the store is held for some hundredths of a second.
BATCH = 500
#: A full journal, or a store that does not answer, may hold up the loading for so long.
PATIENCE_S, PAUSE_S = 60.0, 0.2


@dataclass(frozen=True, slots=True)
class Loaded:
    """How long it took; `held_up_s` of it by a full journal, or a store that did not answer."""

    joined: int
    seconds: float
    held_up_s: float


class Line:
    """A room's line and journal, at the store itself."""

    def __init__(self, client: "redis.Redis", room_id: str, journal_max: int = JOURNAL_MAX) -> None:
        self.client = client
        self._enter = Script(client, "enter")
        self._keys = room_keys(room_id, *ROOM_KEYS)
        (self._journal,) = room_keys(room_id, JOURNAL)
        self._journal_max = journal_max

    async def fill(
        self, count: int, named: Callable[[int], str], tell: Callable[[int], None]
    ) -> Loaded:
        """Visitors `named(1)` to `named(count)` join in this order; `tell` hears how many did.

        Raises Unexpected and Unreachable.
        """
        began, held_up_s, joined = time.monotonic(), 0.0, 0
        progress_at = began
        while joined < count:
            batch = range(joined + 1, min(count, joined + BATCH) + 1)
            taken = await self._join([named(number) for number in batch])
            now = time.monotonic()
            if taken:
                joined, progress_at = joined + taken, now
                tell(joined)
            if taken < len(batch):  # the journal is full, or the store did not answer in time
                if now - progress_at > PATIENCE_S:
                    raise Unreachable(f"nobody could join for {PATIENCE_S:.0f} s: {self._why}")
                await asyncio.sleep(PAUSE_S)
                held_up_s += PAUSE_S
        return Loaded(joined, time.monotonic() - began, held_up_s)

    async def _join(self, visitors: list[str]) -> int:
        """How many of them have places now, from the first on."""
        args: list[Any] = ["", self._journal_max]
        for visitor in visitors:
            args += (visitor, "")
        try:
            found = await self._enter(self._keys, args)
        except (RedisConnectionError, RedisTimeoutError) as error:
            # Maybe they joined and maybe not: asked again they have one place all the same (O4).
            self._why = f"the store does not answer ({type(error).__name__})"
            return 0
        if found is None:
            raise Unexpected("the room is gone")
        outcomes = [row[0] for row in found[2]]
        if "closed" in outcomes:
            raise Unexpected("the room was closed")
        self._why = "the journal is full, and nobody moves it to the table"
        return outcomes.index("busy") if "busy" in outcomes else len(outcomes)

    async def journal(self) -> int:
        """Entries that are not in the table yet. Raises redis errors."""
        return int(await self.client.xlen(self._journal))

    async def written_down(self, tell: Callable[[int], None]) -> float:
        """Wait until all of the journal is in the table; seconds it took.

        `tell` hears what is left. Raises Unreachable when it does not get shorter.
        """
        began = progress_at = time.monotonic()
        least = await self.journal()
        while left := await self.journal():
            now = time.monotonic()
            if left < least:
                least, progress_at = left, now
            if now - progress_at > PATIENCE_S:
                raise Unreachable(f"{left} entries stay in the journal")
            tell(left)
            await asyncio.sleep(PAUSE_S)
        return time.monotonic() - began


@asynccontextmanager
async def line_of(redis_url: str, room_id: str) -> AsyncIterator[Line]:
    """The line of a room, for as long as the context is open."""
    client = redis_client(redis_url)
    try:
        yield Line(client, room_id)
    finally:
        await client.aclose()
