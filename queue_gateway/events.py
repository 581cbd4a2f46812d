"""A place as server-sent events (WHATWG HTML, section 9.2): pushed instead of polled."""

import secrets
from typing import Literal

from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from queue_gateway.answers import TokenState
from queue_gateway.handlers import HOLDER, place_of
from queue_gateway.room import ROOMS
from queue_gateway.sights import Sight, Stream
from queue_gateway.states import token_state
from queue_gateway.streams import STREAMS
from shared.openapi import Answer, described
from shared.passes import PASSES
from shared.places import EXPIRED, PLACES, WAIT
from shared.shapes import Count
from shared.sse import (
    BUFFERING,
    HEARTBEAT,
    LAST_EVENT_ID,
    MEDIA_TYPE,
    EventStream,
    data_of,
    event,
    retry_line,
)
from shared.tokens import Place

#: The longest time between two signs of life; up to a third of it is left out, so that streams do
#: not beat as one.
HEARTBEAT_S = 15.0
TokenData = data_of(TokenState.__name__)

routes = web.RouteTableDef()


class TokenEvent(Struct):
    """One event. `id`: which token is what; `retry`: ms until a reconnect, in the first event."""

    event: Literal["token"]
    id: str
    data: TokenData  # type: ignore[valid-type]
    retry: Count | UnsetType = UNSET


@routes.get("/v1/rooms/{room_id}/token/events")
@described(
    {
        200: Answer(
            TokenEvent,
            (BUFFERING,),
            MEDIA_TYPE,
            "Events called `token`, whose `data` is a TokenState; comments in between",
        ),
        204: Answer(text="The client knows already that the token has ended; nothing will follow"),
    },
    parameters=(LAST_EVENT_ID,),
    needs=HOLDER,
)
async def events(request: web.Request) -> web.StreamResponse:
    """The token as server-sent events: at once, then on every change that matters.

    Changes that matter: the position moved by 2 % or is near the front, the visitor was admitted,
    the room was paused or opened or is to open at another time, the time inside was extended or is
    about to end, the token has ended. Then the stream ends, too. An open stream is a sign of life
    as a poll is. A process that has as many streams as it may answers 503: poll meanwhile.
    """
    place = place_of(request)
    with request.app[STREAMS].opening():
        status = await request.app[PLACES].status(place)
        view = None
        if status.status == WAIT:
            view = await request.app[ROOMS].recent_view(place.room_id)
    known = request.headers.get(LAST_EVENT_ID.name)
    if status.status == EXPIRED and known == event_id(place, EXPIRED):
        return web.Response(status=204, headers={"Cache-Control": "no-store"})
    return TokenStream(request, place, Sight(status, view))


def event_id(place: Place, status: str) -> str:
    """What a client sends back says which token it knows to be what."""
    return f"{place.generation}.{place.number}.{status}"


class TokenStream(EventStream):
    """A place's events, from its state now to its end."""

    def __init__(self, request: web.Request, place: Place, first: Sight):
        super().__init__(request)
        self._place, self._first = place, first
        self._pass: str | None = None

    async def follow(self) -> None:
        transport = self.request.transport
        if transport is None:
            return
        stream = Stream(self._place, self._first, transport)
        with self.request.app[STREAMS].watched(stream):
            await self.send(retry_line())
            while not stream.done:
                sight = await stream.next(HEARTBEAT_S * (1 - secrets.randbelow(300) / 1000))
                if sight is not None:
                    await self.send(self._event(sight))
                elif stream.over:
                    await self.send(retry_line() + "\n")
                    return
                else:
                    await self.send(self._renewed(stream) or HEARTBEAT)

    def _event(self, sight: Sight) -> str:
        state = TokenState(**token_state(self.request.app[PASSES], self._place, *sight))
        self._pass = state.pass_
        return event("token", state, event_id(self._place, state.status))

    def _renewed(self, stream: Stream) -> str | None:
        """The same state with a new pass, where the one that was sent has grown old."""
        if self._pass is None:
            return None
        known, again = self._pass, self._event(Sight(stream.shown, None))
        return again if self._pass != known else None
