"""Open streams of events: all of a room are asked for in one call, once a second and upon news.

That call is their visitors' sign of life: whoever listens is not idle, and claims when admitted.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import NamedTuple

import redis.asyncio as redis
from aiohttp import web
from prometheus_client import Counter, Gauge

from queue_gateway.news import News
from queue_gateway.room import Rooms
from queue_gateway.room_view import RoomView
from queue_gateway.sights import Stream, moved
from shared.errors import NotFound, Unavailable
from shared.logs import logger
from shared.loops import end
from shared.places import EXPIRED, Places

#: Each stream is asked for once in this time.
ROUND_S = 1.0
#: Most places in one call: bounds the time Redis is held.
AT_ONCE = 500
#: Calls at the same time, for all rooms: the admission loop uses the same connections.
CALLS = 16
#: News of one moment share a call.
COALESCE_S = 0.02
#: The room itself is read again where there is something to show and it is older than a second;
#: its time to expire and its clock, which change rarely, are read again after half a minute.
VIEW_AGE_S, VIEW_KEPT_S = 1.0, 30.0
#: A full process asks to come back after 1 s, and up to so much more.
SHED_S = 10
#: A stopping process cuts streams that did not end by themselves within this time.
STOP_S = 2.0

OPEN = Gauge("onsale_streams_open", "Open streams of events.")
SHED = Counter("onsale_streams_shed_total", "Streams refused because the process was full.")

log = logger(__name__)


class Sources(NamedTuple):
    """What streams are fed from."""

    rooms: Rooms
    places: Places
    client: "redis.Redis"


class _Room:
    """The streams of one room."""

    def __init__(self, room_id: str, sources: Sources, news: News, calls: asyncio.Semaphore):
        self.streams: set[Stream] = set()
        self._room_id, self._sources, self._news = room_id, sources, news
        self._calls = calls
        self._view: RoomView | None = None
        self._viewed_at = float("-inf")
        self._stale = True
        self._lanes: dict[str | None, int] = {}
        self._round_at = self._next_at = float("-inf")
        self._pace_s = 0.0
        self._due: list[Stream] = []
        self._urgent: set[Stream] = set()
        self._woken = asyncio.Event()
        self._failing = False

    def add(self, stream: Stream) -> None:
        self.streams.add(stream)
        # Once more: nobody heard what happened since its first state was read.
        self._ask_soon([stream])

    def remove(self, stream: Stream) -> None:
        self.streams.discard(stream)
        self._urgent.discard(stream)

    def hear(self, words: list[str]) -> None:
        """News of the room: ask for those whom they concern."""
        if words[:1] == ["admitted"]:
            last = {int(slot): int(number) for slot, number in (w.split(":") for w in words[1:])}
            self._ask_soon(s for s in self.streams if s.waits and self._was_passed(s, last))
        elif words[:1] == ["ended"]:
            ended = {int(number) for number in words[1:]}
            self._ask_soon(s for s in self.streams if s.place.number in ended)
        else:
            self.ask_for_all()

    def ask_for_all(self) -> None:
        """Begin a round now: anything may have changed."""
        self._stale, self._pace_s = True, 0.0
        self._round_at = self._next_at = float("-inf")
        self._woken.set()

    async def run(self) -> None:
        """Until nobody listens; no failure of the store ends it."""
        while self.streams:
            try:
                await self._step()
                self._failing = False
            except Exception as error:  # noqa: BLE001 -- whatever the store does, the loop lives
                if not self._failing:
                    log.warning("streams_failed", error=type(error).__name__)
                self._failing = True
                await asyncio.sleep(ROUND_S)
                self._urgent.clear()
                self._due.clear()
                self.ask_for_all()

    async def _step(self) -> None:
        """One call, for those of whom there is news, else for the next ones of the round."""
        now = time.monotonic()
        if not self._due and now >= self._round_at:
            self._begin_round(now)
        if self._urgent:
            chosen = [self._urgent.pop() for _ in range(min(AT_ONCE, len(self._urgent)))]
        elif self._due and now >= self._next_at:
            self._next_at = now + self._pace_s
            chosen = self._due[-AT_ONCE:]
            del self._due[-AT_ONCE:]
        else:
            await self._pause(self._next_at if self._due else self._round_at)
            return
        for stream in chosen:
            if stream.gone:
                stream.end()
        listening = [s for s in chosen if not s.over and s.shown.status != EXPIRED]
        if listening:
            async with self._calls:
                await self._ask(listening)

    def _begin_round(self, now: float) -> None:
        """Everybody is asked for, in calls all over the time; at once where it was asked for."""
        self._due = list(self.streams)
        hurried = self._round_at == float("-inf")
        self._pace_s = 0.0 if hurried else ROUND_S * AT_ONCE / max(AT_ONCE, len(self._due))
        self._next_at, self._round_at = now, now + ROUND_S
        self._stale = self._stale or not self._news.hears(self._room_id)

    async def _pause(self, until: float) -> None:
        """Until the next call is due, or there is news."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                await self._woken.wait()
            await asyncio.sleep(COALESCE_S)
        self._woken.clear()

    async def _ask(self, streams: list[Stream]) -> None:
        places = [stream.place for stream in streams]
        found = await self._sources.places.statuses(self._room_id, places)
        pairs = list(zip(streams, found, strict=True))
        shows = any(moved(stream.shown, status) for stream, status in pairs)
        view = await self._look(VIEW_AGE_S if shows else VIEW_KEPT_S)
        now_ms = (view.now_ms if view else 0) + (time.monotonic() - self._viewed_at) * 1000
        for stream, status in pairs:
            stream.see(status, view, now_ms)

    async def _look(self, age_s: float) -> RoomView | None:
        """The room at most so long ago; None when it was deleted, which ended its tokens."""
        if self._stale or time.monotonic() - self._viewed_at > age_s:
            self._stale = True
            try:
                self._view = await self._sources.rooms.view(self._room_id)
            except NotFound:
                self._view = None
            self._stale, self._viewed_at = False, time.monotonic()
            self._lanes = _slots(self._view)
        return self._view

    def _ask_soon(self, streams: Iterable[Stream]) -> None:
        self._urgent.update(streams)
        self._woken.set()

    def _was_passed(self, stream: Stream, last: dict[int, int]) -> bool:
        """Whether the numbers admitted last, by the lane's slot, say that it was its turn."""
        slot = self._lanes.get(stream.shown.lane)
        return stream.place.number <= (max(last.values()) if slot is None else last.get(slot, 0))


class Streams:
    """All streams of a process, at most `most`."""

    def __init__(self, sources: Sources, most: int):
        self._sources, self._most = sources, most
        self._news = News(sources.client, self._begun, self._heard)
        self._calls = asyncio.Semaphore(CALLS)
        self._rooms: dict[str, _Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = self._opening = 0
        self._stopping = False

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Keep a seat for a stream until it is `watched`. Raises Unavailable."""
        if self._stopping or self._open + self._opening >= self._most:
            SHED.inc()
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
    def watched(self, stream: Stream) -> Iterator[None]:
        """Show a stream whatever happens to its place."""
        room = self._rooms.get(stream.place.room_id) or self._begin(stream.place.room_id)
        room.add(stream)
        self._count(+1)
        if self._stopping:
            stream.end()
        try:
            yield
        finally:
            self._count(-1)
            room.remove(stream)
            if not room.streams:
                del self._rooms[stream.place.room_id]
                self._news.leave(stream.place.room_id)

    async def run(self) -> None:
        """Hear the news, until cancelled."""
        await self._news.run()

    def stop(self) -> None:
        """End all streams, and let none begin."""
        self._stopping = True
        for room in self._rooms.values():
            for stream in room.streams:
                stream.end()
        asyncio.get_running_loop().call_later(STOP_S, self._cut)

    async def close(self) -> None:
        """End what `stop` left."""
        self._cut()
        await end(*self._tasks)

    def _begin(self, room_id: str) -> _Room:
        room = self._rooms[room_id] = _Room(room_id, self._sources, self._news, self._calls)
        task = asyncio.create_task(room.run(), name=f"streams of {room_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._news.follow(room_id)
        return room

    def _begun(self, room_id: str) -> None:
        if room := self._rooms.get(room_id):
            room.ask_for_all()

    def _heard(self, room_id: str, words: list[str]) -> None:
        if room := self._rooms.get(room_id):
            room.hear(words)

    def _count(self, change: int) -> None:
        self._open += change
        OPEN.inc(change)

    def _cut(self) -> None:
        for room in self._rooms.values():
            for stream in room.streams:
                stream.cut()


def _slots(view: RoomView | None) -> dict[str | None, int]:
    """Lanes' names, None for that of a room without lanes -> their slots in the store."""
    lanes = view.settings.get("lanes", "") if view else ""
    named = [part.split(":") for part in lanes.split(",") if part]
    return {name: int(slot) for name, _, slot in named} or {None: 0}


STREAMS = web.AppKey("streams", Streams)
SOURCES = web.AppKey("stream_sources", Sources)


def streams(most: int) -> Callable[[web.Application], AsyncIterator[None]]:
    """Feed streams while the app runs."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        found = app[STREAMS] = Streams(app[SOURCES], most)
        task = asyncio.create_task(found.run(), name="news")
        yield
        await found.close()
        await end(task)

    return running


async def stop_streams(app: web.Application) -> None:
    """Before the app waits for its requests to end."""
    app[STREAMS].stop()
