"""Open streams of seat maps: one reading of a date, twice a second, serves all who follow it."""

import asyncio
import contextlib
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import Gauge

from booking_api.hall import Hall
from booking_api.seat_maps import SEAT_MAPS, SeatMaps
from shared.errors import NotFound, Unavailable
from shared.logs import logger
from shared.loops import end
from shared.places import ACTIVE, PLACES, Places
from shared.tokens import Place

#: Between two readings of a date that is followed.
PAUSE_S = 0.5
#: Whether visitors are still let in is asked so often, of so many of them in one call.
CHECK_S, AT_ONCE = 3.0, 500
#: A full process asks to come back after 1 s, and up to so much more.
SHED_S = 10
#: A stopping process cuts streams that did not end by themselves within this time.
STOP_S = 2.0

OPEN = Gauge("onsale_map_streams_open", "Open streams of seat maps.")

log = logger(__name__)


@dataclass(eq=False)
class Follower:
    """Somebody who follows a date. `over`: the stream is to end."""

    place: Place
    transport: asyncio.Transport  # closing: whoever followed has gone
    over: bool = False
    _hall: Hall | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, hall: Hall) -> None:
        self._hall = hall
        self._woken.set()

    def end(self) -> None:
        self.over = True
        self._woken.set()

    async def next(self, within_s: float) -> Hall | None:
        """The date after it changed; None if it did not, or the stream is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._woken.wait()
        self._woken.clear()
        found, self._hall = self._hall, None
        return None if self.over else found


class _Date:
    """Who follows one date."""

    def __init__(self, schedule_id: int, maps: SeatMaps):
        self.followers: set[Follower] = set()
        self._schedule_id = schedule_id
        self._maps = maps
        self._seen: tuple[Hall, int] | None = None

    def add(self, follower: Follower) -> None:
        self.followers.add(follower)
        if self._seen is not None:  # perhaps newer than what the follower saw before
            follower.tell(self._seen[0])

    async def run(self) -> None:
        """Until nobody follows; no failure of the store ends it."""
        failing = False
        while self.followers:
            try:
                await self._step()
                failing = False
            except NotFound:
                for follower in self.followers:
                    follower.end()
            except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives
                if not failing:
                    log.warning("map_streams_failed", error=type(error).__name__)
                failing = True
            await asyncio.sleep(PAUSE_S)

    async def _step(self) -> None:
        for follower in self.followers:
            if follower.transport.is_closing():
                follower.end()
        hall = await self._maps.hall(self._schedule_id)
        seen = (hall, hall.reading)
        if seen != self._seen:
            self._seen = seen
            for follower in self.followers:
                follower.tell(hall)


class MapStreams:
    """All streams of a process, at most `most`."""

    def __init__(self, maps: SeatMaps, places: Places, most: int):
        self._maps, self._places, self._most = maps, places, most
        self._dates: dict[int, _Date] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = self._opening = 0
        self._stopping = False

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Keep a seat for a stream until it is `followed`. Raises Unavailable."""
        if self._stopping or self._open + self._opening >= self._most:
            raise Unavailable(
                "No more streams can be opened here; poll meanwhile.",
                retry_after_s=1 + secrets.randbelow(SHED_S),
            )
        self._opening += 1
        try:
            yield
        finally:
            self._opening -= 1

    @contextlib.contextmanager
    def followed(self, schedule_id: int, follower: Follower) -> Iterator[None]:
        """Tell a follower of every change of a date."""
        date = self._dates.get(schedule_id) or self._begin(schedule_id, follower)
        date.add(follower)
        self._count(+1)
        if self._stopping:
            follower.end()
        try:
            yield
        finally:
            self._count(-1)
            date.followers.discard(follower)
            if not date.followers and self._dates.get(schedule_id) is date:
                del self._dates[schedule_id]

    async def check(self) -> None:
        """End the streams of those who are not let in any more. Raises redis errors."""
        by_room: dict[str, list[Follower]] = defaultdict(list)
        for date in self._dates.values():
            for follower in date.followers:
                by_room[follower.place.room_id].append(follower)
        for room_id, followers in by_room.items():
            for begin in range(0, len(followers), AT_ONCE):
                asked = followers[begin : begin + AT_ONCE]
                found = await self._places.statuses(room_id, [each.place for each in asked])
                for follower, status in zip(asked, found, strict=True):
                    if status.status != ACTIVE:
                        follower.end()

    async def run(self) -> None:
        """Check now and then, until cancelled."""
        failing = False
        while True:
            try:
                await self.check()
                failing = False
            except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives
                if not failing:
                    log.warning("map_streams_unchecked", error=type(error).__name__)
                failing = True
            await asyncio.sleep(CHECK_S)

    def stop(self) -> None:
        """End all streams, and let none begin."""
        self._stopping = True
        for date in self._dates.values():
            for follower in date.followers:
                follower.end()
        asyncio.get_running_loop().call_later(STOP_S, self._cut)

    async def close(self) -> None:
        """End what `stop` left."""
        self._cut()
        await end(*self._tasks)

    def _begin(self, schedule_id: int, first: Follower) -> _Date:
        date = self._dates[schedule_id] = _Date(schedule_id, self._maps)
        date.add(first)
        task = asyncio.create_task(date.run(), name=f"streams of date {schedule_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return date

    def _count(self, change: int) -> None:
        self._open += change
        OPEN.inc(change)

    def _cut(self) -> None:
        for date in self._dates.values():
            for follower in date.followers:
                follower.transport.abort()


MAP_STREAMS = web.AppKey("map_streams", MapStreams)


def map_streams(most: int) -> Callable[[web.Application], AsyncIterator[None]]:
    """Feed streams while the app runs."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        found = app[MAP_STREAMS] = MapStreams(app[SEAT_MAPS], app[PLACES], most)
        checking = asyncio.create_task(found.run(), name="map streams")
        yield
        await end(checking)
        await found.close()

    return running


async def stop_map_streams(app: web.Application) -> None:
    """Before the app waits for its requests to end."""
    app[MAP_STREAMS].stop()
