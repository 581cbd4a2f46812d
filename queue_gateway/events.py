"""A place as server-sent events (WHATWG HTML, section 9.2): pushed instead of polled."""

import asyncio
import contextlib
import secrets
import socket

import msgspec
from aiohttp import hdrs, web

from queue_gateway.answers import TokenState
from queue_gateway.handlers import HOLDER, place_of
from queue_gateway.room import ROOMS
from queue_gateway.sights import Sight, Stream
from queue_gateway.states import token_state
from queue_gateway.streams import STREAMS
from shared.openapi import Answer, Header, Parameter, described
from shared.places import EXPIRED, PLACES, WAIT
from shared.tokens import Place

MEDIA_TYPE = "text/event-stream"
#: Of `X-Accel-Buffering`: nginx would keep events back until its buffer is full.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

#: Comments keep proxies from closing a quiet connection, and show whether somebody is there; the
#: longest time between two, of which up to a third is left out, so that streams do not beat as one.
HEARTBEAT_S = 15.0
#: A client comes back after a cut when so much time has passed: a crowd that was cut spreads out.
RETRY_MS = (1000, 6000)

#: A client that does not take what it is sent is cut after this, and so is one that is gone without
#: a word; for as long the kernel keeps what was sent, some dozens of events.
WRITE_DEADLINE_S = 10.0
UNANSWERED_MS = 40_000
SEND_BUFFER = 16 * 1024

LAST_EVENT_ID = Parameter(
    "header", "Last-Event-ID", str, "Of the last event that arrived; EventSource sends it itself."
)
BUFFERING = Header("X-Accel-Buffering", "Tells nginx to pass events on at once.")

routes = web.RouteTableDef()


@routes.get("/v1/rooms/{room_id}/token/events")
@described(
    {
        200: Answer(
            str,
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
    return EventStream(request, place, Sight(status, view))


def event_id(place: Place, status: str) -> str:
    """What a client sends back says which token it knows to be what."""
    return f"{place.generation}.{place.number}.{status}"


class EventStream(web.StreamResponse):
    """Streams as its body: middlewares are done with it when it begins."""

    def __init__(self, request: web.Request, place: Place, first: Sight):
        super().__init__(headers=HEADERS)
        self.content_type = MEDIA_TYPE
        self.force_close()
        self._request = request
        self._place, self._first = place, first
        self._pass: str | None = None

    async def write_eof(self, data: bytes = b"") -> None:
        """The body, from its first event to its last."""
        if self._request.method != hdrs.METH_HEAD:
            transport = self._request.transport
            if transport is None:
                raise ConnectionResetError("The client is gone.")
            _keep_little(transport)
            stream = Stream(self._place, self._first, transport)
            with self._request.app[STREAMS].watched(stream):
                await self._follow(stream)
        await super().write_eof(data)

    async def _follow(self, stream: Stream) -> None:
        begin = _retry()
        while True:
            sight = await stream.next(HEARTBEAT_S * (1 - secrets.randbelow(300) / 1000))
            if sight is not None:
                await self._write(begin + self._event(sight))
                begin = ""
                if sight.status.status == EXPIRED:
                    return
            elif stream.over:
                await self._write(_retry() + "\n")
                return
            else:
                await self._write(self._renewed(stream) or ": \n\n")

    def _event(self, sight: Sight) -> str:
        state = TokenState(**token_state(self._request, self._place, *sight))
        self._pass = state.pass_
        name = event_id(self._place, state.status)
        return f"event: token\nid: {name}\ndata: {msgspec.json.encode(state).decode()}\n\n"

    def _renewed(self, stream: Stream) -> str | None:
        """The same state with a new pass, where the one that was sent has grown old."""
        if self._pass is None:
            return None
        known, event = self._pass, self._event(Sight(stream.shown, None))
        return event if self._pass != known else None

    async def _write(self, text: str) -> None:
        """Raises ConnectionError when the client is gone or does not read."""
        writer = self._payload_writer
        try:
            async with asyncio.timeout(WRITE_DEADLINE_S):
                await self.write(text.encode())
                if writer is not None:
                    await writer.drain()
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("The client does not read.") from None


def _retry() -> str:
    low, high = RETRY_MS
    return f"retry: {low + secrets.randbelow(high - low + 1)}\n"


def _keep_little(transport: asyncio.Transport) -> None:
    """Let what a client does not take show soon, instead of in megabytes of buffers."""
    transport.set_write_buffer_limits(high=0)
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # not every system knows them
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MS)
