"""The admission loop: every process ticks; the script itself keeps cap and rate."""

import asyncio
import time
from collections.abc import AsyncIterator

from aiohttp import web

from queue_gateway.room import Rooms
from queue_gateway.settings import ADMIT_LIMIT, TICK_S
from shared.logs import logger
from shared.loops import end

#: How old the list of rooms may be: a new room waits no longer for its first admission.
NAMES_AGE_S = 1.0
#: Rooms served at the same time, and rounds one room gets in one tick.
AT_ONCE = 16
ROUNDS = 50

#: Over connections of its own: behind a crowd that queues for one, the line would stand still, and
#: its missed beats would look like an outage.
ADMISSION_ROOMS = web.AppKey("admission_rooms", Rooms)

log = logger(__name__)


class Admission:
    """Admits, for all rooms, until cancelled; no failure of the store ends it."""

    def __init__(self, rooms: Rooms):
        self._rooms = rooms
        self._names: list[str] = []
        self._names_at = float("-inf")
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._failing = False

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.tick()
                self._failing = False
            except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives
                if not self._failing:
                    log.warning("admission_failed", error=type(error).__name__)
                self._failing = True
            await asyncio.sleep(max(0.01, TICK_S - (time.monotonic() - began)))

    async def tick(self) -> None:
        """One round over all rooms. Raises the first room's error after all were served."""
        if time.monotonic() - self._names_at > NAMES_AGE_S:
            self._names = await self._rooms.names()
            self._names_at = time.monotonic()
        served = await asyncio.gather(
            *(self._serve(room_id) for room_id in self._names), return_exceptions=True
        )
        failed = [outcome for outcome in served if isinstance(outcome, BaseException)]
        if failed:
            raise failed[0]

    async def _serve(self, room_id: str) -> None:
        async with self._gate:
            for _ in range(ROUNDS):
                done = await self._rooms.admit(room_id, ADMIT_LIMIT)
                if done is None:
                    return
                if done.outage_ms:
                    log.warning("outage_bridged", room_id=room_id, outage_ms=done.outage_ms)
                if not done.more:
                    return


async def admission(app: web.Application) -> AsyncIterator[None]:
    """Run the loop while the app does."""
    task = asyncio.create_task(Admission(app[ADMISSION_ROOMS]).run(), name="admission")
    yield
    await end(task)
