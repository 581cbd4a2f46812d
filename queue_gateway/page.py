"""The waiting room as a page, for sites that have none of their own.

It asks nothing but what is beside its own address, so that it works under any prefix of a proxy,
and needs nothing from anywhere else.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from aiohttp import hdrs, web

from queue_gateway.addresses import room_of
from shared.openapi import Answer, Parameter, described

PAGE = Path(__file__).parent / "pages" / "room.html"
CACHED = "public, max-age=60"

RETURN = Parameter(
    "query", "return", str, "A path of the same site, where to go when it is the visitor's turn."
)

routes = web.RouteTableDef()


@cache
def page() -> str:
    """The page, the same for every room."""
    return PAGE.read_text(encoding="utf-8")


@cache
def policy() -> str:
    """Its Content-Security-Policy: its own script and style, and requests to its own site."""
    style, script = (_digest(tag) for tag in ("style", "script"))
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def _digest(tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", page(), re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no <{tag}>")
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


@routes.get("/v1/rooms/{room_id}/page")
@described({200: Answer(str, media_type="text/html")}, parameters=(RETURN,), stores=False)
async def room_page(request: web.Request) -> web.Response:
    """The waiting room, for people: joins, shows the place, and goes on when it is their turn."""
    room_of(request)
    headers = {
        "Content-Security-Policy": policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        hdrs.CACHE_CONTROL: CACHED,
    }
    return web.Response(text=page(), content_type="text/html", headers=headers)
