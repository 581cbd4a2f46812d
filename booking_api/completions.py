"""Telling Redis which tokens payments completed: at once, else again and again until done.

Who pays in one moment shares a call: payments that were committed together are told together.

The row in `token_completion` is written with the payment, so nothing is forgotten in a crash. What
Redis knows is removed from the table in batches, off the path of the payment; ending a place twice
is harmless.
"""

import asyncio
from contextlib import suppress

from aiohttp import web

from booking_api.database import Sale
from shared.logs import logger
from shared.places import AT_ONCE, BEHIND, Places
from shared.stores import unavailable
from shared.together import Together
from shared.tokens import Place

#: A payment waits no longer than this for Redis.
PATIENCE_S = 0.2
PAUSE_S = 0.5
BATCH = 500

log = logger(__name__)


class Completions:
    """Ends the tokens of visitors who paid."""

    def __init__(self, sale: Sale, places: Places):
        self._sale = sale
        self._places = places
        self._together = Together[str, Place, bool](self._finish, most=AT_ONCE, waiting=BEHIND)
        self._told: list[str] = []

    async def close(self) -> None:
        """Tell no more; what Redis does not know is told by whoever retries next."""
        await self._together.close()

    async def tell(self, visitor: str, jtis: list[str]) -> None:
        """Tell Redis at once; returns when it knows, or after PATIENCE_S. Raises nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._tell([_place(visitor, jti) for jti in jtis])

    async def retry(self) -> int:
        """Remove what is known, tell again what is due; returns how many were due."""
        told, self._told = self._told, []
        if told:
            await self._sale.rows("completed", told)
        due = await self._sale.rows("due_completions", BATCH)
        await self._tell(
            [Place(row["room_id"], row["visitor"], row["generation"], row["number"]) for row in due]
        )
        return len(due)

    async def _tell(self, places: list[Place]) -> None:
        telling = (self._together.ask(place.room_id, place) for place in places)
        await asyncio.gather(*telling, return_exceptions=True)  # who failed is due again

    async def _finish(self, room_id: str, places: list[Place]) -> list[bool]:
        try:
            ended = await self._places.finish_each(room_id, places, "completed")
        except Exception as error:
            if unavailable(error) is None:
                log.exception("completion_failed")
            raise
        self._told += [place.jti for place in places]
        return ended


def _place(visitor: str, jti: str) -> Place:
    room_id, generation, number = jti.rsplit(".", 2)
    return Place(room_id, visitor, int(generation), int(number))


COMPLETIONS = web.AppKey("completions", Completions)
