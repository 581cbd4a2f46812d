"""The visitor's side of the gateway: join, ask, leave, and the rooms as everybody sees them."""

import contextlib
import secrets
from dataclasses import replace

from aiohttp import web

from queue_gateway.addresses import room_page
from queue_gateway.answers import Room, TokenGiven, TokenState
from queue_gateway.errors import TokenInvalid, TokenRequired
from queue_gateway.room import ROOMS
from queue_gateway.room_view import LISTED_DATES
from queue_gateway.states import token_state
from shared import paging
from shared.credentials import identified, queue_cookie, queue_token
from shared.errors import RoomClosed
from shared.identity import Identified
from shared.openapi import ETAG, IF_NONE_MATCH, QUEUE_TOKEN, VISITOR, Access, Answer, described
from shared.places import PLACES, WAIT
from shared.shapes import Page
from shared.tokens import Place, QueueTokens, TokenRejected, verified
from shared.web import json_response, tagged_response

TOKENS = web.AppKey("tokens", QueueTokens)

#: What everybody sees alike may be kept by browsers and CDNs for this long.
PUBLIC_CACHE = "public, max-age=1"
#: A cookie outlives every place; the place itself decides how long it is worth something.
COOKIE_MAX_AGE_S = 86_400 * 2
#: How the gateway names visitors of anonymous rooms; nobody can guess the rest of the name.
NAMELESS = "anon:"

JOINER = replace(VISITOR, text="identity, unless the room is anonymous", optional=True)
HOLDER = Access("a queue token of the room", (QUEUE_TOKEN,), (TokenRequired, TokenInvalid))

routes = web.RouteTableDef()


@routes.post("/v1/rooms/{room_id}/token")
@described(
    {
        200: Answer(TokenGiven, text="The visitor's place, held already"),
        201: Answer(TokenGiven, text="A new place"),
    },
    refusals=(RoomClosed,),
    needs=JOINER,
)
async def enter(request: web.Request) -> web.Response:
    """Join the room, or get the place already held."""
    rooms, room_id = request.app[ROOMS], request.match_info["room_id"]
    anonymous = await rooms.is_anonymous(room_id)
    who = _nameless(request, room_id) if anonymous else identified(request)
    entered = await rooms.enter(room_id, who.visitor, who.lane)
    view = await rooms.recent_view(entered.place.room_id)
    token = request.app[TOKENS].sign(entered.place)
    response = json_response(
        TokenGiven(token=token, **token_state(request, entered.place, entered.status, view)),
        status=201 if entered.new else 200,
        headers={"Cache-Control": "no-store"},
    )
    response.set_cookie(
        queue_cookie(entered.place.room_id),
        token,
        max_age=COOKIE_MAX_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=_behind_tls(request),
    )
    return response


@routes.get("/v1/rooms/{room_id}/token")
@described({200: Answer(TokenState)}, needs=HOLDER)
async def ask(request: web.Request) -> web.Response:
    """What the token is right now; any validly signed token of the room gets an answer."""
    place = place_of(request)
    status = await request.app[PLACES].status(place)
    view = None
    if status.status == WAIT:
        view = await request.app[ROOMS].recent_view(place.room_id)
    state = TokenState(**token_state(request, place, status, view))
    return json_response(state, headers={"Cache-Control": "no-store"})


@routes.delete("/v1/rooms/{room_id}/token")
@described({204: Answer()}, needs=HOLDER)
async def leave(request: web.Request) -> web.Response:
    """Give the place back, at once; repeating it is harmless."""
    place = place_of(request)
    await request.app[PLACES].finish(place, "left")
    response = web.Response(status=204)
    response.del_cookie(queue_cookie(place.room_id))
    return response


@routes.get("/v1/rooms")
@described(
    {200: Answer(Page[Room], (ETAG,)), 304: Answer(headers=(ETAG,))},
    parameters=(*paging.paged(paging.MOST), IF_NONE_MATCH),
)
async def rooms(request: web.Request) -> web.Response:
    """The public state of all rooms, by their names."""
    asked = room_page(request, paging.MOST)
    known = request.app[ROOMS]
    names, more = await known.page(asked.after, asked.limit)
    views = await known.those_there(names, known.recent_view)
    following = paging.cursor(names[-1]) if more else None
    items = [view.public(LISTED_DATES) for view in views]
    page = Page(items=items, next_cursor=following)
    return tagged_response(request, page, cache_control=PUBLIC_CACHE)


@routes.get("/v1/rooms/{room_id}")
@described({200: Answer(Room, (ETAG,)), 304: Answer(headers=(ETAG,))}, parameters=(IF_NONE_MATCH,))
async def room(request: web.Request) -> web.Response:
    """The public state of one room, the same bytes for everybody."""
    view = await request.app[ROOMS].recent_view(request.match_info["room_id"])
    return tagged_response(request, view.public(), cache_control=PUBLIC_CACHE)


def _nameless(request: web.Request, room_id: str) -> Identified:
    """Who joins an anonymous room: whoever its token names already, else somebody new."""
    raw = queue_token(request, room_id)
    with contextlib.suppress(TokenRejected):
        place = request.app[TOKENS].verify(raw or "")
        if place.room_id == room_id:
            return Identified(place.visitor, "")
    return Identified(NAMELESS + secrets.token_urlsafe(16), "")


def place_of(request: web.Request) -> Place:
    """The place the request's token proves. Raises TokenRequired, TokenInvalid or Forbidden."""
    return place_proved(request, queue_token(request, request.match_info["room_id"]))


def place_proved(request: web.Request, raw: str | None) -> Place:
    """The place a token proves, of the path's room. Raises TokenRequired or TokenInvalid."""
    room_id = request.match_info["room_id"]
    place = verified(request.app[TOKENS], raw, required=TokenRequired, invalid=TokenInvalid)
    if place.room_id != room_id:
        raise TokenInvalid
    return place


def _behind_tls(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
