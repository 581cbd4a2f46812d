"""The visitor's side of the gateway: join, ask, leave, and the rooms as everybody sees them."""

import contextlib
import secrets
from dataclasses import replace

from aiohttp import web

from queue_gateway.addresses import room_page
from queue_gateway.answers import Room, TokenGiven, TokenState
from queue_gateway.errors import TokenInvalid, TokenRequired
from queue_gateway.room import ROOMS, Entered
from queue_gateway.room_view import LISTED_DATES, RoomView
from queue_gateway.states import token_state
from shared import paging
from shared.credentials import IDENTITIES, Asking, identified, queue_cookie, queue_token
from shared.errors import RoomClosed
from shared.identity import Identified, Identities
from shared.openapi import ETAG, IF_NONE_MATCH, QUEUE_TOKEN, VISITOR, Access, Answer, described
from shared.passes import PASSES, Passes
from shared.places import PLACES, WAIT
from shared.shapes import Page
from shared.tokens import Place, QueueTokens, TokenRejected, verified
from shared.web import json_response, tagged_response

TOKENS = web.AppKey("tokens", QueueTokens)

#: What everybody sees alike may be kept by browsers and CDNs for this long.
PUBLIC_CACHE = "public, max-age=1"
#: What is a visitor's own is kept by none of them.
OWN = {"Cache-Control": "no-store"}
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
    app, room_id = request.app, request.match_info["room_id"]
    anonymous = await app[ROOMS].is_anonymous(room_id)
    who = who_joins(request, room_id, anonymous, app[TOKENS], app[IDENTITIES])
    entered = await app[ROOMS].enter(room_id, who.visitor, who.lane)
    view = await app[ROOMS].recent_view(entered.place.room_id)
    found = given(app[TOKENS], app[PASSES], entered, view)
    status = 201 if entered.new else 200
    response = json_response(found, status=status, headers=OWN)
    keep_in_cookie(response, room_id, found.token, secure=behind_tls(request))
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
    state = TokenState(**token_state(request.app[PASSES], place, status, view))
    return json_response(state, headers=OWN)


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


def who_joins(
    request: Asking, room_id: str, anonymous: bool, tokens: QueueTokens, identities: Identities
) -> Identified:
    """Raises IdentityRequired, IdentityInvalid or Forbidden."""
    return _nameless(request, room_id, tokens) if anonymous else identified(request, identities)


def _nameless(request: Asking, room_id: str, tokens: QueueTokens) -> Identified:
    """Who joins an anonymous room: whoever its token names already, else somebody new."""
    raw = queue_token(request, room_id)
    with contextlib.suppress(TokenRejected):
        place = tokens.verify(raw or "")
        if place.room_id == room_id:
            return Identified(place.visitor, "")
    return Identified(NAMELESS + secrets.token_urlsafe(16), "")


def place_of(request: web.Request) -> Place:
    """The place the request's token proves. Raises TokenRequired, TokenInvalid or Forbidden."""
    return place_proved(request, queue_token(request, request.match_info["room_id"]))


def place_proved(request: web.Request, raw: str | None) -> Place:
    """The place a token proves, of the path's room. Raises TokenRequired or TokenInvalid."""
    return proved(request.app[TOKENS], request.match_info["room_id"], raw)


def proved(tokens: QueueTokens, room_id: str, raw: str | None) -> Place:
    """The same of a room."""
    place = verified(tokens, raw, required=TokenRequired, invalid=TokenInvalid)
    if place.room_id != room_id:
        raise TokenInvalid
    return place


def given(tokens: QueueTokens, passes: Passes, entered: Entered, view: RoomView) -> TokenGiven:
    """What a visitor is told who joined the room just now."""
    state = token_state(passes, entered.place, entered.status, view)
    return TokenGiven(token=tokens.sign(entered.place), **state)


def keep_in_cookie(response: web.Response, room_id: str, token: str, *, secure: bool) -> None:
    """Let a browser keep its place."""
    response.set_cookie(
        queue_cookie(room_id),
        token,
        max_age=COOKIE_MAX_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=secure,
    )


def behind_tls(request: Asking) -> bool:
    """Whether the browser's connection is encrypted, as far as we are told."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
