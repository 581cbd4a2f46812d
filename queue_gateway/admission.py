"""The admission loop: every process ticks; the script itself keeps cap and rate.

Rooms in which somebody waits or is ACTIVE are served each tick. In the others nothing can happen,
so that ten thousand of them cost little: of those, some are looked at in each tick, and few are
served, in turn. A join through this process wakes its room for the next tick.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence

from aiohttp import web
from redis.exceptions import RedisError

from queue_gateway.room import ROOMS, Rooms
from queue_gateway.settings import ADMIT_LIMIT, TICK_S
from shared.logs import logger
from shared.loops import end

#: Rooms served in one round trip, and rounds that rooms with much to do get in one tick.
AT_ONCE, ROUNDS = 32, 50
#: Rooms without visitors that are looked at in each tick: with 10,000 of them, each is seen once in
#: four seconds, in case that another process took a join and died.
LOOKED_AT = 500
#: Rooms that are served in each tick whatever is in them: what ended long ago is forgotten, what a
#: restarted store lost is found. Where there are no more rooms, each is served in each tick.
SERVED = 50

#: Over connections of its own: behind a crowd that queues for one, the line would stand still, and
#: its missed beats would look like an outage.
ADMISSION_ROOMS = web.AppKey("admission_rooms", Rooms)

log = logger(__name__)


class Walk:
    """Goes around all rooms, about so many with each step."""

    def __init__(self, rooms: Rooms, pace: int):
        self._rooms, self._pace, self._cursor = rooms, pace, 0

    async def step(self) -> list[str]:
        """The next ones; a room that is there all the time is met in each round."""
        self._cursor, names = await self._rooms.some(self._cursor, self._pace)
        return names


class Admission:
    """Admits, for all rooms, until cancelled; no failure of the store ends it.

    `woken`: rooms that somebody joined; whoever is served is taken out of it.
    """

    def __init__(self, rooms: Rooms, woken: set[str]):
        self._rooms = rooms
        self._woken = woken
        #: Where somebody waited or was ACTIVE when the room was served last.
        self._busy: set[str] = set()
        self._looked_at, self._served = Walk(rooms, LOOKED_AT), Walk(rooms, SERVED)
        self._bridged: dict[str, int] = {}
        self._first, self._failing = True, False

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
        """Serve who is due. Raises the first failure after all were served."""
        idle = await self._idle()
        due = list(dict.fromkeys((*self._busy, *self._woken, *idle)))
        failure: RedisError | None = None
        for _ in range(ROUNDS):
            unfinished: list[str] = []
            for rooms in _chunks(due):
                for room_id, done in zip(rooms, await self._serve(rooms), strict=True):
                    if isinstance(done, RedisError):
                        failure = failure or done
                    elif done:
                        unfinished.append(room_id)
            due = unfinished
        self._first = False
        self._tell_outage()
        if failure:
            raise failure

    def _tell_outage(self) -> None:
        """In one line, however many rooms it was an outage of."""
        if self._bridged:
            longest = max(self._bridged, key=self._bridged.__getitem__)
            log.warning(
                "outage_bridged",
                rooms=len(self._bridged),
                room_id=longest,
                outage_ms=self._bridged[longest],
            )
            self._bridged.clear()

    async def _idle(self) -> list[str]:
        """Rooms whose turn it is, and some in which somebody is though nobody was."""
        served, seen = await self._served.step(), await self._looked_at.step()
        return served + await self._rooms.with_visitors([n for n in seen if n not in self._busy])

    async def _serve(self, room_ids: Sequence[str]) -> list[bool | RedisError]:
        """One round of each: whether work is left in it, or why it failed."""
        outcomes: list[bool | RedisError] = []
        # Before it is served: who joins while it is wakes it again.
        self._woken.difference_update(room_ids)
        try:
            answers = await self._rooms.admit_each(room_ids, ADMIT_LIMIT)
        except RedisError:
            self._woken.update(room_ids)
            raise
        for room_id, done in zip(room_ids, answers, strict=True):
            if isinstance(done, RedisError):
                outcomes.append(done)
                continue
            # A room that nobody was in has had no outage, whoever joins it right now.
            if done and done.outage_ms and (room_id in self._busy or (self._first and done.live)):
                self._bridged[room_id] = done.outage_ms
            if done and done.live:
                self._busy.add(room_id)
            else:
                self._busy.discard(room_id)
            outcomes.append(bool(done and done.more))
        return outcomes


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(names), AT_ONCE):
        yield names[at : at + AT_ONCE]


async def admission(app: web.Application) -> AsyncIterator[None]:
    """Run the loop while the app does."""
    loop = Admission(app[ADMISSION_ROOMS], app[ROOMS].woken)
    task = asyncio.create_task(loop.run(), name="admission")
    yield
    await end(task)
