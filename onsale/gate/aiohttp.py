"""The gate as a middleware of aiohttp."""

import warnings
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from onsale.gate.carrying import carried, problem
from onsale.gate.passes import PassRefused, Verifier

#: Who was let in, on every request that got through.
VISITOR = "onsale_visitor"

# aiohttp 3.14 recommends keys of a type that older ones do not have.
warnings.filterwarnings("ignore", "It is recommended to use web.RequestKey", module=__name__)


def gate(
    gateway: str,
    room: str,
    *,
    open_paths: Collection[str] = (),
    join_url: str | None = None,
) -> Middleware:
    """Let through only requests with a pass of this room; `request["onsale_visitor"]` is whose.

    `gateway`: its URL as this machine reaches it. `open_paths`: exact paths that need no pass.
    `join_url`: where visitors join, if that is somewhere else.
    """
    believed = Verifier(gateway, room, join_url=join_url)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.raw_path.partition("?")[0] in open_paths:
            return await handler(request)
        try:
            found = carried(request.method, request.headers.get, room)
            request[VISITOR] = await believed.visitor(found)
        except PassRefused as refused:
            body, headers = problem(believed, refused)
            return web.Response(status=refused.status, body=body, headers=headers)
        return await handler(request)

    return middleware
