"""A seat map's changes as server-sent events (WHATWG HTML, section 9.2): pushed, not polled."""

import secrets

from aiohttp import web

from booking_api.gate import PLACE
from booking_api.hall import Hall
from booking_api.map_answers import MapEvent
from booking_api.map_handlers import SINCE, asked_since
from booking_api.map_streams import MAP_STREAMS, Follower
from booking_api.seat_maps import SEAT_MAPS
from shared.openapi import Answer, described
from shared.paging import number, path_id
from shared.sse import (
    BUFFERING,
    HEARTBEAT,
    LAST_EVENT_ID,
    MEDIA_TYPE,
    EventStream,
    retry_line,
)

#: The longest time between two signs of life; up to a third of it is left out, so that streams do
#: not beat as one.
HEARTBEAT_S = 15.0

routes = web.RouteTableDef()


@routes.get("/v1/schedules/{concert_schedule_id}/seats/events")
@described(
    {
        200: Answer(
            MapEvent,
            (BUFFERING,),
            MEDIA_TYPE,
            "Events called `seats`, whose `data` is CompactChanges; comments in between",
        ),
    },
    parameters=(SINCE, LAST_EVENT_ID),
)
async def map_events(request: web.Request) -> web.StreamResponse:
    """The changes of a seat map as server-sent events, at most a second after they happen.

    The first event says the version, and what changed since the one that is asked for, be it by
    `since` or by Last-Event-ID; an event is all that changed after the event before it. The stream
    ends soon after the token does. A process that has as many streams as it may answers 503: poll
    meanwhile.
    """
    schedule_id = path_id(request, "concert_schedule_id")
    with request.app[MAP_STREAMS].opening():
        hall = await request.app[SEAT_MAPS].hall(schedule_id)
    known = number(request.headers.get(LAST_EVENT_ID.name, ""))
    return MapStream(request, hall, asked_since(request) if known is None else known)


class MapStream(EventStream):
    """A date's changes, from now on or from an earlier version on."""

    def __init__(self, request: web.Request, first: Hall, since: int | None):
        super().__init__(request)
        self._hall, self._reading, self._version = first, first.reading, first.version
        self._first = retry_line() + self._event(first, since)

    async def follow(self) -> None:
        transport = self.request.transport
        if transport is None:
            return
        follower = Follower(self.request[PLACE], transport)
        with self.request.app[MAP_STREAMS].followed(self._hall.schedule_id, follower):
            await self.send(self._first)
            while True:
                hall = await follower.next(HEARTBEAT_S * (1 - secrets.randbelow(300) / 1000))
                if follower.over:
                    break
                known = hall is self._hall and hall.reading == self._reading
                await self.send(HEARTBEAT if hall is None or known else self._news(hall))
            await self.send(retry_line() + "\n")

    def _news(self, hall: Hall) -> str:
        """What changed since the last event; of a hall that was read anew, since its version."""
        same = hall is self._hall and hall.after(self._reading) is not None
        text = self._event(hall, self._version, self._reading if same else None)
        self._hall, self._reading, self._version = hall, hall.reading, hall.version
        return text

    def _event(self, hall: Hall, since: int | None, reading: int | None = None) -> str:
        views = self.request.app[SEAT_MAPS].views
        if reading is not None or since is None:
            data = views.news(hall, hall.reading if reading is None else reading)
        else:
            data = views.compact_changes(hall, since if hall.knows(since) else 0)
        return f"event: seats\nid: {hall.version}\ndata: {data.decode()}\n\n"
