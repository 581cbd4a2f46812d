"""What PostgreSQL knows of rooms: their tokens' history, and the concerts they guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from shared.stores import ACQUIRE_DEADLINE_S

#: Waits are those of so many admissions at most: bounds what one look costs.
MOST_WAITS = 10_000


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


class History:
    """The tables of one database. Every method raises asyncpg errors."""

    def __init__(self, pool: "asyncpg.Pool"):
        self._pool = pool

    @asynccontextmanager
    async def without_concerts(self, room_id: str) -> AsyncIterator[bool]:
        """Whether a room guards no concert that is on sale; meanwhile it gets none."""
        connection: asyncpg.pool.PoolConnectionProxy
        async with (
            self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection,
            connection.transaction(),
        ):
            await connection.execute(_query("lock_room"), room_id)
            yield not await connection.fetchval(_query("guards_concerts"), room_id)

    async def last_token(self, room_id: str, visitor: str) -> "asyncpg.Record | None":
        """A visitor's last token in a room; written down within moments of its changes."""
        return await self._row("last_token", room_id, visitor)

    async def waits_s(self, room_id: str, generation: int) -> tuple[float, float] | None:
        """Median and 95th percentile of the latest waits of the last hour; None without any."""
        row = await self._row("waits", room_id, generation, MOST_WAITS)
        if row is None or row["waits_s"] is None:
            return None
        median, high = row["waits_s"]
        return float(median), float(high)

    async def _row(self, name: str, *args: Any) -> "asyncpg.Record | None":
        async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
            return await connection.fetchrow(_query(name), *args)
