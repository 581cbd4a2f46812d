"""The operator's side of the gateway: a room's figures, once and as a stream."""

import asyncio
import contextlib

from aiohttp import web

from queue_gateway.addresses import room_of
from queue_gateway.admin import UNCACHED
from queue_gateway.operators_answers import Stats
from queue_gateway.stats import FIGURES
from shared.errors import NotFound, Unavailable
from shared.openapi import OPERATOR, Answer, described
from shared.sse import BUFFERING, HEARTBEAT, MEDIA_TYPE, EventStream, event
from shared.stores import unavailable
from shared.web import json_response

#: Operators are few; streams that nobody closed are not to fill a process.
MOST_STREAMS = 100
EVERY_S = 1.0

routes = web.RouteTableDef()


class Watching:
    """The open streams of a process."""

    def __init__(self) -> None:
        self.open = 0
        self.stopping = asyncio.Event()

    def require_space(self) -> None:
        """Raises Unavailable when there are as many as may be."""
        if self.open >= MOST_STREAMS or self.stopping.is_set():
            raise Unavailable("Too many streams of figures are open here.", retry_after_s=5)

    async def pause(self) -> bool:
        """Until the next event; False when the process stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self.stopping.wait()
        return not self.stopping.is_set()


WATCHING = web.AppKey("watching", Watching)


@routes.get("/v1/admin/rooms/{room_id}/stats")
@described({200: Answer(Stats)}, needs=OPERATOR)
async def stats(request: web.Request) -> web.Response:
    """A room's figures: who waits, who is inside, who was, and how long it took."""
    found = await request.app[FIGURES].of(room_of(request))
    return json_response(found, headers=UNCACHED)


@routes.get("/v1/admin/rooms/{room_id}/stats/stream")
@described(
    {200: Answer(str, (BUFFERING,), MEDIA_TYPE, "Events called `stats`, whose `data` is a Stats")},
    needs=OPERATOR,
)
async def stats_stream(request: web.Request) -> web.StreamResponse:
    """The same as server-sent events, one each second."""
    request.app[WATCHING].require_space()
    room_id = room_of(request)
    return StatsStream(request, room_id, await request.app[FIGURES].recent(room_id))


class StatsStream(EventStream):
    """A room's figures for as long as somebody looks at them and there is a room."""

    def __init__(self, request: web.Request, room_id: str, first: Stats):
        super().__init__(request)
        self._room_id, self._first = room_id, first

    async def follow(self) -> None:
        watching = self.request.app[WATCHING]
        watching.open += 1
        try:
            await self.send(event("stats", self._first))
            while await watching.pause():
                await self.send(await self._next())
        except NotFound:
            return
        finally:
            watching.open -= 1

    async def _next(self) -> str:
        """The figures of now; a sign of life where a store does not answer. Raises NotFound."""
        try:
            return event("stats", await self.request.app[FIGURES].recent(self._room_id))
        except Exception as error:
            if unavailable(error) is None:
                raise
            return HEARTBEAT


async def stop_watching(app: web.Application) -> None:
    """Before the app waits for its requests to end."""
    app[WATCHING].stopping.set()
