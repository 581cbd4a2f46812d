"""Answering plain requests without what ordinary ones need: a task, a request, a route, a response.

Plain is a request that came whole, alone on its connection, without a body, from a client that
keeps the connection. Whether to take it is for the app to say, which leaves everything that it
would have to refuse: the ordinary way stays the one that words refusals. What is taken is answered
later, by one write; until then whatever comes on the connection waits, as behind any request.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import hdrs, web
from aiohttp._cookie_helpers import parse_cookie_header
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from shared.logs import logger

log = logger(__name__)


class Plain:
    """A plain request, with what is read of it."""

    __slots__ = ("_cookies", "began", "headers", "method", "path")

    #: Connections with TLS of our own are served the ordinary way.
    secure = False

    def __init__(self, message: RawRequestMessage):
        self.began = time.perf_counter()
        self.method, self.path = message.method, message.path
        self.headers: Mapping[str, str] = message.headers
        self._cookies: Mapping[str, str] | None = None

    @property
    def cookies(self) -> Mapping[str, str]:
        """As of `web.Request`."""
        if self._cookies is None:
            parsed = parse_cookie_header(self.headers.get(hdrs.COOKIE, ""))
            self._cookies = {name: morsel.value for name, morsel in parsed}
        return self._cookies

    def seconds(self) -> float:
        """Since it came."""
        return time.perf_counter() - self.began

    @property
    def host(self) -> str:
        """The name that was asked for; none is no site's."""
        return self.headers.get(hdrs.HOST, "")


class HotPath(Protocol):
    """What an app answers itself."""

    def take(self, asked: Plain, answer: Callable[[bytes], None]) -> bool:
        """Whether this request is taken. Then `answer` is called once, later, with all bytes."""


HOT = web.AppKey("hot", HotPath)


#: So many of those that came are understood before the loop has another turn, in which the store
#: may be asked for them: it works while the next ones are understood.
AT_ONCE = 16


class Pile:
    """What connections read and write within one turn of the event loop, each in its order.

    Each system call leaves a processor's caches and branch predictor cold for what Python does
    next. So the calls go in a row: what was read is understood after all of it was read, and what
    is written is written after all of it was worded.
    """

    def __init__(self) -> None:
        self._came: list[tuple[HotHandler, bytes]] = []
        self._leaving: list[tuple[asyncio.WriteTransport, bytes]] = []

    def came(self, connection: "HotHandler", data: bytes) -> None:
        """To be handed to the connection."""
        if not self._came:
            asyncio.get_running_loop().call_soon(self._hand_on)
        self._came.append((connection, data))

    def leaves(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """To be written, before anything that is done about the connection from now on."""
        if not self._leaving:
            asyncio.get_running_loop().call_soon(self._write)
        self._leaving.append((transport, data))

    def _hand_on(self) -> None:
        came, self._came = self._came[:AT_ONCE], self._came[AT_ONCE:]
        if self._came:
            asyncio.get_running_loop().call_soon(self._hand_on)
        for connection, data in came:
            try:
                connection.understand(data)
            except Exception as error:
                log.exception("protocol_error", error=type(error).__name__)
                connection.force_close()  # as loops do

    def _write(self) -> None:
        leaving, self._leaving = self._leaving, []
        for transport, data in leaving:
            if not transport.is_closing():
                transport.write(data)


class HotHandler(RequestHandler):
    """A connection that asks its app's hot path first.

    aiohttp's own task for the connection sleeps meanwhile, as if nothing had come: what wakes it is
    put aside for as long as an answer is under way.
    """

    __slots__ = ("_aside", "_hot", "_pile")

    def __init__(self, manager: web.Server, *, hot: HotPath | None, pile: Pile, **settings: Any):
        super().__init__(manager, **settings)
        self._hot, self._pile = hot, pile
        self._aside: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.ssl_context is not None:
            self._hot = None

    def data_received(self, data: bytes) -> None:
        if data:
            self._pile.came(self, data)
        else:
            super().data_received(data)  # aiohttp's own, for what it has kept

    def understand(self, data: bytes) -> None:
        """What came, later in its turn."""
        if self.transport is None:
            return  # the client is gone
        sleeps = self._waiter
        if (
            self._hot is None
            or sleeps is None  # at work, or an answer of the hot path is under way
            or sleeps.done()
            or self._messages
            or self._upgraded
            or self._payload_parser is not None
            or self._paused  # a client that does not read what it asked for
        ):
            super().data_received(data)
            return
        self._waiter = None
        super().data_received(data)
        self._waiter = sleeps
        if self._messages and not sleeps.done() and not self._is_taken():
            sleeps.set_result(None)

    def force_close(self) -> None:
        super().force_close()
        if self._aside is not None:
            self._aside.cancel()

    def _is_taken(self) -> bool:
        message, payload = self._messages[0]
        if (
            len(self._messages) > 1
            or payload is not EMPTY_PAYLOAD
            or not isinstance(message, RawRequestMessage)
            or message.version != HttpVersion11
            or message.should_close
            or message.upgrade
            or hdrs.EXPECT in message.headers
            or self._hot is None
            or not self._hot.take(Plain(message), self._answer)
        ):
            return False
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._manager is not None:
            self._manager.requests_count += 1
        self._waiter, self._aside = None, self._waiter
        self._request_in_progress = True  # a shutdown waits for it
        return True

    def _answer(self, answer: bytes) -> None:
        sleeps, self._aside = self._aside, None
        self._request_in_progress = False
        ending = self._close or self._force_close
        if self.transport is not None and sleeps is not None:  # else the client is gone
            if ending:
                self.transport.write(answer)
            else:
                self._pile.leaves(self.transport, answer)
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self.transport is None or sleeps is None:
            return
        if ending:
            sleeps.cancel()
            self.transport.close()
            return
        self._waiter = sleeps
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        if self._messages and not sleeps.done():
            sleeps.set_result(None)


def head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """The first lines of an answer, as aiohttp writes them (RFC 9112)."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}".encode()


def tail(length: int, headers: bytes = b"") -> bytes:
    """The last lines of an answer's head: the length of its body, `headers`, its time."""
    return b"Content-Length: %d\r\n%b%b" % (length, headers, _last(int(time.time())))


@lru_cache(1)
def _last(_second: int) -> bytes:
    return f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n".encode()


def written(response: web.Response, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A response with a body, as aiohttp writes it, with `headers` after its own."""
    body = response.body if isinstance(response.body, bytes) else b""
    return head(response.status, [*response.headers.items(), *headers]) + tail(len(body)) + body
