"""Telling Redis which tokens a payment completed: at once, else again and again until done.

The row in `token_completion` is written with the payment, so nothing is forgotten in a crash. What
Redis knows is removed from the table in batches, off the path of the payment; ending a place twice
is harmless.
"""

import asyncio

from aiohttp import web

from booking_api.database import Sale
from shared.logs import logger
from shared.places import Places
from shared.stores import unavailable
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
        self._telling: set[asyncio.Task[None]] = set()
        self._told: list[str] = []

    async def tell(self, visitor: str, jtis: list[str]) -> None:
        """Tell Redis at once; returns when it knows, or after PATIENCE_S. Raises nothing."""
        telling = [asyncio.create_task(self._finish(_place(visitor, jti))) for jti in jtis]
        for task in telling:
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        await asyncio.wait(telling, timeout=PATIENCE_S)

    async def retry(self) -> int:
        """Remove what is known, tell again what is due; returns how many were due."""
        told, self._told = self._told, []
        if told:
            await self._sale.rows("completed", told)
        due = await self._sale.rows("due_completions", BATCH)
        await asyncio.gather(
            *(
                self._finish(
                    Place(row["room_id"], row["visitor"], row["generation"], row["number"])
                )
                for row in due
            )
        )
        return len(due)

    async def _finish(self, place: Place) -> None:
        try:
            await self._places.finish(place, "completed")
        except Exception as error:
            if unavailable(error) is None:
                log.exception("completion_failed")
            return
        self._told.append(place.jti)


def _place(visitor: str, jti: str) -> Place:
    room_id, generation, number = jti.rsplit(".", 2)
    return Place(room_id, visitor, int(generation), int(number))


COMPLETIONS = web.AppKey("completions", Completions)
