"""The operator's side of the gateway: the people in a room, one by one and all at once."""

from typing import Literal

from aiohttp import web

from queue_gateway.addresses import room_of
from queue_gateway.admin import UNCACHED
from queue_gateway.operators import OPERATOR as BY
from queue_gateway.operators_answers import Extended, LetIn, LetInNow, MoreTime, VisitorsToken
from queue_gateway.room import ROOMS
from queue_gateway.steering import STEERING
from queue_gateway.visitors import VISITORS
from shared.audit import AUDIT
from shared.errors import BadRequest, NotFound, RoomClosed
from shared.holds import HOLDS
from shared.identity import storable
from shared.openapi import OPERATOR, Answer, Parameter, described
from shared.web import convert, json_response, read_json

CANCEL_HOLDS = Parameter(
    "query",
    "cancel_holds",
    Literal["true", "false"],
    "Whether the seats that the visitor holds are let go, too; `false` if absent.",
)

routes = web.RouteTableDef()


@routes.post("/v1/admin/rooms/{room_id}/admissions")
@described({200: Answer(LetInNow)}, body=LetIn, refusals=(RoomClosed,), needs=OPERATOR)
async def let_in(request: web.Request) -> web.Response:
    """Let some in by hand: whatever the rate, but within the cap, and nobody into a shut room.

    The answer says how many it were; ask again for the rest.
    """
    room_id = room_of(request)
    wanted = convert(await read_json(request), LetIn)
    async with request.app[AUDIT].kept(request[BY], "room.let_in", room_id, wanted) as found:
        found["admitted"] = await request.app[STEERING].let_in(room_id, wanted.count)
    view = await request.app[ROOMS].view(room_id, 1)
    return json_response(LetInNow(found["admitted"], view.waiting, view.active))


@routes.post("/v1/admin/rooms/{room_id}/extension")
@described({200: Answer(Extended)}, body=MoreTime, needs=OPERATOR)
async def extend(request: web.Request) -> web.Response:
    """Give everybody who is ACTIVE more time, and who was let in more time to claim it."""
    room_id = room_of(request)
    wanted = convert(await read_json(request), MoreTime)
    async with request.app[AUDIT].kept(request[BY], "room.extend", room_id, wanted) as found:
        found["active"] = await request.app[ROOMS].extend(room_id, wanted.seconds)
    return json_response(Extended(found["active"]))


@routes.get("/v1/admin/rooms/{room_id}/tokens/{visitor:[^/]+}")
@described({200: Answer(VisitorsToken)}, needs=OPERATOR)
async def visitors_token(request: web.Request) -> web.Response:
    """A visitor's live place in the room, else their last token; looking claims nothing."""
    token = await request.app[VISITORS].token(room_of(request), _visitor(request))
    return json_response(token, headers=UNCACHED)


@routes.delete("/v1/admin/rooms/{room_id}/tokens/{visitor:[^/]+}")
@described({204: Answer()}, parameters=(CANCEL_HOLDS,), needs=OPERATOR)
async def revoke(request: web.Request) -> web.Response:
    """End a visitor's place, at once and everywhere; repeating it is harmless."""
    room_id, visitor = room_of(request), _visitor(request)
    cancels = _flag(request, CANCEL_HOLDS.name)
    changes = {"cancel_holds": cancels}
    audit = request.app[AUDIT]
    async with audit.kept(request[BY], "token.revoke", room_id, changes, subject=visitor) as found:
        found["revoked"] = await request.app[STEERING].revoke(room_id, visitor)
        if cancels:
            found["holds"] = await request.app[HOLDS].cancel(visitor, room_id)
    return web.Response(status=204)


def _visitor(request: web.Request) -> str:
    """The visitor of the path. Raises NotFound for what is nobody's name."""
    visitor = request.match_info["visitor"]
    if not storable(visitor):
        raise NotFound("A visitor's name is 1 to 255 characters, without NUL.")
    return visitor


def _flag(request: web.Request, name: str) -> bool:
    given = request.query.get(name, "false")
    if given not in ("true", "false"):
        raise BadRequest(f"{name} is true or false.")
    return given == "true"
