"""The gate around an ASGI app: Starlette, FastAPI, Django, Quart, Litestar, or none of them."""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from onsale.gate.carrying import Headers, carried, problem
from onsale.gate.passes import PassRefused, Verifier

#: Who was let in, in the scope of every request that got through.
VISITOR = "onsale_visitor"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: "The policy is violated" (RFC 6455, section 7.4.1); before acceptance servers make it a 403.
POLICY_VIOLATION = 1008


class Gate:
    """Let through only requests with a pass of this room; `scope["onsale_visitor"]` is whose."""

    def __init__(
        self,
        app: App,
        gateway: str,
        room: str,
        *,
        open_paths: Collection[str] = (),
        join_url: str | None = None,
    ):
        """`gateway`: its URL as this machine reaches it. `open_paths`: exact paths that need no
        pass. `join_url`: where visitors join, if that is somewhere else."""
        self._app = app
        self._open_paths = open_paths
        self._verifier = Verifier(gateway, room, join_url=join_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _raw_path(scope) in self._open_paths:
            await self._app(scope, receive, send)
            return
        try:
            # A WebSocket begins with a GET that browsers send from any page: it is no safe method.
            method = scope.get("method", "WEBSOCKET")
            found = carried(method, _headers(scope), self._verifier.room)
            visitor = await self._verifier.visitor(found)
        except PassRefused as refused:
            await self._refuse(scope, send, refused)
            return
        await self._app({**scope, VISITOR: visitor}, receive, send)

    async def _refuse(self, scope: Scope, send: Send, refused: PassRefused) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
            return
        body, headers = problem(self._verifier, refused)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": refused.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _raw_path(scope: Scope) -> str:
    """The path as it was sent, where the server says so: tricks are in no list of open paths."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else str(scope["path"])


def _headers(scope: Scope) -> Headers:
    found = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}

    def header(name: str) -> str | None:
        value = found.get(name.encode())
        return None if value is None else value.decode("latin-1")

    return header
