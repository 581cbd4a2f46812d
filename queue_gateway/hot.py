"""Polls and joins on the hot path (shared/hot.py): they are what a crowd does.

What is not plain to be let through is left to the handlers, which say why.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from aiohttp import hdrs, web

from queue_gateway.handlers import OWN, TOKENS, behind_tls, keep_in_cookie, proved, who_joins
from queue_gateway.room import ROOMS, Entered
from queue_gateway.room_view import RoomView
from queue_gateway.states import given_text, state_text
from shared.credentials import IDENTITIES, queue_token
from shared.errors import OnsaleError
from shared.hot import Plain, head, tail, written
from shared.loops import end
from shared.metrics import count
from shared.passes import PASSES
from shared.places import PLACES, WAIT, Status
from shared.shapes import ROOM_ID_PATTERN
from shared.tokens import Place
from shared.web import (
    JSON_TYPE,
    WEB_ORIGINS,
    new_request_id,
    problem_response,
    refusal_of,
    shared_with,
)

_PATH = re.compile(rf"/v1/rooms/({ROOM_ID_PATTERN})/token")
#: Paths that were looked at lately: a crowd asks for few.
_PATHS = 1024
_ROUTE = "/v1/rooms/{room_id}/token"
_POLL, _JOIN = f"GET {_ROUTE}", f"POST {_ROUTE}"


class _One(NamedTuple):
    """Who is to be answered."""

    asked: Plain
    answer: Callable[[bytes], None]
    route: str
    room_id: str


#: An answer's status, body, and further lines of its head.
_Rendered = tuple[int, bytes, bytes]


class HotTokens:
    """Answers polls and joins of all rooms."""

    def __init__(self, app: web.Application):
        self._rooms, self._places = app[ROOMS], app[PLACES]
        self._tokens, self._passes = app[TOKENS], app[PASSES]
        self._identities, self._origins = app[IDENTITIES], app[WEB_ORIGINS]
        self._looking: set[asyncio.Task[None]] = set()

    def take(self, asked: Plain, answer: Callable[[bytes], None]) -> bool:
        """Whether this request is plain, and good as far as can be seen without the store."""
        room_id = _room_of(asked.path)
        if room_id is None:
            return False
        try:
            if asked.method == hdrs.METH_GET:
                self._poll(_One(asked, answer, _POLL, room_id))
                return True
            if asked.method == hdrs.METH_POST:
                self._join(_One(asked, answer, _JOIN, room_id))
                return True
        except OnsaleError:
            pass  # the handler refuses it again, in words
        return False

    async def close(self) -> None:
        """End what is still under way."""
        await end(*self._looking)

    def _poll(self, one: _One) -> None:
        place = proved(self._tokens, one.room_id, queue_token(one.asked, one.room_id))

        def told(status: Status | Exception) -> None:
            if isinstance(status, Exception):
                self._refuse(one, status)
            elif status.status == WAIT:
                self._seeing(one, lambda view: self._state(place, status, view))
            else:
                self._answer(one, lambda _: self._state(place, status, None), None)

        self._places.together.submit(one.room_id, place, told)

    def _join(self, one: _One) -> None:
        view = self._rooms.view_at_hand(one.room_id)
        if view is not None:
            self._enter(one, view.anonymous)
        else:
            self._begin(self._ask_and_enter(one))

    async def _ask_and_enter(self, one: _One) -> None:
        try:
            self._enter(one, await self._rooms.is_anonymous(one.room_id))
        except Exception as error:  # noqa: BLE001 -- whatever it is, somebody waits for an answer
            self._refuse(one, error)

    def _enter(self, one: _One, anonymous: bool) -> None:
        who = who_joins(one.asked, one.room_id, anonymous, self._tokens, self._identities)

        def told(entered: Entered | Exception) -> None:
            if isinstance(entered, Exception):
                self._refuse(one, entered)
            else:
                self._seeing(one, lambda view: self._given(one.asked, entered, view))

        self._rooms.entering.submit(one.room_id, (who.visitor, who.lane), told)

    def _state(self, place: Place, status: Status, view: RoomView | None) -> _Rendered:
        return 200, state_text(self._passes, place, status, view), b""

    def _given(self, asked: Plain, entered: Entered, view: RoomView) -> _Rendered:
        token = self._tokens.sign(entered.place).encode()
        body = given_text(self._passes, entered.place, entered.status, view, token)
        before, after = _cookie(entered.place.room_id, behind_tls(asked))
        return 201 if entered.new else 200, body, before + token + after

    def _seeing(self, one: _One, render: Callable[[RoomView], _Rendered]) -> None:
        """Answer with the room as it is, which may have to be asked for first."""
        view = self._rooms.view_at_hand(one.room_id)
        if view is not None:
            self._answer(one, render, view)
            return
        self._begin(self._look(one, render))

    def _begin(self, look: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(look)
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, one: _One, render: Callable[[RoomView], _Rendered]) -> None:
        try:
            view = await self._rooms.recent_view(one.room_id)
        except Exception as error:  # noqa: BLE001 -- somebody waits for an answer
            self._refuse(one, error)
        else:
            self._answer(one, render, view)

    def _answer(self, one: _One, render: Callable[[Any], _Rendered], view: RoomView | None) -> None:
        try:
            status, body, lines = render(view)
            origin = one.asked.headers.get(hdrs.ORIGIN)
            found = b"%bX-Request-Id: %b\r\n%b%b%b" % (
                _head(status),
                new_request_id().encode(),
                b"" if origin is None else _lines(shared_with(origin, self._origins)),
                tail(len(body), lines),
                body,
            )
        except Exception as error:  # noqa: BLE001 -- as above
            self._refuse(one, error)
        else:
            self._end(one, status, found)

    def _refuse(self, one: _One, error: Exception) -> None:
        request_id = new_request_id()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = problem_response(refusal_of(error, one.route), request_id)
        shared = shared_with(one.asked.headers.get(hdrs.ORIGIN), self._origins)
        self._end(one, response.status, written(response, shared))

    def _end(self, one: _One, status: int, answer: bytes) -> None:
        one.answer(answer)
        count(one.route, status, one.asked.seconds())


@lru_cache(_PATHS)
def _room_of(path: str) -> str | None:
    """The room whose token a path is about."""
    found = _PATH.fullmatch(path)
    return found and found[1]


@lru_cache(8)
def _head(status: int) -> bytes:
    return head(status, [*OWN.items(), ("Content-Type", JSON_TYPE)])


@lru_cache(64)
def _lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode()


@lru_cache(1024)
def _cookie(room_id: str, secure: bool) -> tuple[bytes, bytes]:
    """What stands before and after the token where a cookie is set."""
    response, mark = web.Response(), "token"
    keep_in_cookie(response, room_id, mark, secure=secure)
    (cookie,) = response.cookies.values()
    before, after = cookie.output(header="Set-Cookie:").split(f"={mark};")
    return f"{before}=".encode(), f";{after}\r\n".encode()
