"""Holds of seats, seen from the waiting room: ended together with their visitor's place."""

from functools import cache
from pathlib import Path

import asyncpg
from aiohttp import web

from shared.stores import ACQUIRE_DEADLINE_S


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


class Holds:
    """The PENDING bookings of all visitors."""

    def __init__(self, pool: "asyncpg.Pool"):
        self._pool = pool

    async def cancel(self, visitor: str, room_id: str) -> int:
        """End all that a visitor holds by a room's tokens; how many. Raises asyncpg errors."""
        async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
            found: int = await connection.fetchval(_query("cancel_holds"), visitor, room_id)
        return found


HOLDS = web.AppKey("holds", Holds)
