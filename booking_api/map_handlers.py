"""Seat maps over HTTP: whole, compact, and what changed since."""

from typing import Annotated, Literal

from aiohttp import hdrs, web
from msgspec import Meta

from booking_api.answers import SeatMap
from booking_api.map_answers import CompactChanges, CompactSeats
from booking_api.seat_maps import SEAT_MAPS
from shared.errors import BadRequest
from shared.openapi import ETAG, IF_NONE_MATCH, Answer, Parameter, described
from shared.paging import number, path_id
from shared.shapes import MAX_ID, Count

#: A browser keeps the seat map and asks with its ETag.
REVALIDATED = "private, no-cache"

SINCE = Parameter(
    "query", "since", Annotated[Count, Meta(le=MAX_ID)], "The version of an earlier seat map."
)
VIEW = Parameter("query", "view", Literal["full", "compact"], "How much is said; full if absent.")

routes = web.RouteTableDef()


@routes.get("/v1/schedules/{concert_schedule_id}/seats")
@described(
    {
        200: Answer((SeatMap, CompactSeats, CompactChanges), (ETAG,)),
        304: Answer(headers=(ETAG,)),
    },
    parameters=(SINCE, VIEW, IF_NONE_MATCH),
)
async def seats(request: web.Request) -> web.Response:
    """A date's seats; with `?since=<version>` at least those that changed since.

    A map is at most a second old. `?view=compact` says the same in a fraction of the bytes:
    CompactSeats, and with `since` CompactChanges.
    """
    found = await request.app[SEAT_MAPS].read(
        path_id(request, "concert_schedule_id"),
        asked_since(request),
        compact=_is_compact(request),
        gzipped="gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""),
    )
    headers = {
        hdrs.ETAG: found.etag,
        hdrs.CACHE_CONTROL: REVALIDATED,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if _has(request, found.etag):
        return web.Response(status=304, headers=headers)
    if found.gzipped:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=found.body, headers=headers, content_type="application/json")


def asked_since(request: web.Request) -> int | None:
    """The version after which changes are asked for. Raises BadRequest."""
    raw = request.query.get("since")
    since = None if raw is None else number(raw)
    if raw is not None and since is None:
        raise BadRequest("since is the version of an earlier seat map.")
    return since


def _is_compact(request: web.Request) -> bool:
    view = request.query.get("view", "full")
    if view not in ("full", "compact"):
        raise BadRequest("view is full or compact.")
    return view == "compact"


def _has(request: web.Request, etag: str) -> bool:
    """Whether the client has it already (If-None-Match, RFC 9110, 13.1.2: weak comparison)."""
    known = [tag.strip() for tag in request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")]
    return known == ["*"] or etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in known)
