"""The service's own description: `/openapi.json` for programs, `/docs` for people."""

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

from aiohttp import hdrs, web

from shared.openapi import ETAG, IF_NONE_MATCH, Access, Answer, described, document, routes_of
from shared.page import page, style
from shared.web import tagged_response

CACHED = "public, max-age=60"

routes = web.RouteTableDef()


class Docs:
    """The document of an app and its page; made when first asked for."""

    def __init__(
        self,
        app: web.Application,
        title: str,
        text: str,
        access: Callable[[str, str], Access] | None = None,
    ):
        self._app = app
        self._access = access
        self._title = title
        self._text = text

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document. Raises Undescribed."""
        return document(self._title, self._text, routes_of(self._app, self._access))

    @cached_property
    def page(self) -> str:
        """The same, as HTML."""
        return page(self.document)

    @cached_property
    def policy(self) -> str:
        """The page's Content-Security-Policy: its own style, and nothing else from anywhere."""
        digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )


DOCS = web.AppKey("docs", Docs)


@routes.get("/openapi.json")
@described(
    {200: Answer(dict[str, Any], (ETAG,)), 304: Answer(headers=(ETAG,))},
    parameters=(IF_NONE_MATCH,),
    stores=False,
)
async def openapi(request: web.Request) -> web.Response:
    """This description, for programs."""
    return tagged_response(request, request.app[DOCS].document, cache_control=CACHED)


@routes.get("/docs")
@described({200: Answer(str, media_type="text/html")}, stores=False)
async def docs(request: web.Request) -> web.Response:
    """This description, for people."""
    found = request.app[DOCS]
    headers = {
        "Content-Security-Policy": found.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        hdrs.CACHE_CONTROL: CACHED,
    }
    return web.Response(text=found.page, content_type="text/html", headers=headers)
