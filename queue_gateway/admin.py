"""The operator's side of the gateway. Every route here refuses without an operator key."""

from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from queue_gateway.answers import OperatorsRoom
from queue_gateway.room import ROOM_ID, ROOMS, RoomChanges
from shared.credentials import require_operator
from shared.errors import NotFound, OnsaleError, PreconditionRequired, VersionConflict
from shared.openapi import ETAG, OPERATOR, Answer, Parameter, described
from shared.web import convert, json_response, read_json

SETTINGS = Answer(OperatorsRoom, (ETAG,))
IF_MATCH = Parameter(
    "header",
    "If-Match",
    Annotated[str, Meta(pattern=r'^(\*|"[0-9]+")\Z', examples=["*"])],
    "The ETag of the settings to change, or `*` for whatever they are.",
)
ONLY_NEW = Parameter("header", "If-None-Match", Literal["*"], "In place of If-Match: only create.")

routes = web.RouteTableDef()


@routes.get("/v1/admin/rooms/{room_id}")
@described({200: SETTINGS}, needs=OPERATOR)
async def settings(request: web.Request) -> web.Response:
    """A room's settings, with the ETag that a change needs."""
    require_operator(request)
    return await _room_response(request, 200)


@routes.put("/v1/admin/rooms/{room_id}")
@described(
    {200: SETTINGS, 201: SETTINGS},
    body=RoomChanges,
    parameters=(IF_MATCH, ONLY_NEW),
    refusals=(VersionConflict, PreconditionRequired),
    needs=OPERATOR,
)
async def configure(request: web.Request) -> web.Response:
    """Change a room, or create it; `If-Match` guards against a lost update."""
    require_operator(request)
    room_id = request.match_info["room_id"]
    if not ROOM_ID.fullmatch(room_id):
        raise NotFound("A room_id is 1 to 63 of a-z, 0-9, '-' and '_'.")
    expected = _expected_version(request)
    changes = convert(await read_json(request), RoomChanges).fields()
    outcome, _ = await request.app[ROOMS].configure(room_id, changes, expected)
    if outcome in _REFUSALS:
        raise _REFUSALS[outcome]
    return await _room_response(request, 201 if outcome == "created" else 200)


_REFUSALS: dict[str, type[OnsaleError]] = {"conflict": VersionConflict, "missing": NotFound}


def _expected_version(request: web.Request) -> str:
    """What `configure` expects, of If-Match or If-None-Match. Raises PreconditionRequired."""
    if request.headers.get("If-None-Match", "").strip() == "*":
        return "none"
    raw = request.headers.get("If-Match", "").strip()
    if not raw:
        raise PreconditionRequired
    # A list of tags matches if one does (RFC 9110, 13.1.1); there is one version, so take one tag.
    version = raw.removeprefix('"').removesuffix('"')
    if raw != "*" and not (version.isascii() and version.isdigit()):
        raise VersionConflict
    return version


async def _room_response(request: web.Request, status: int) -> web.Response:
    view = await request.app[ROOMS].view(request.match_info["room_id"])
    headers = {"ETag": f'"{view.version}"', "Cache-Control": "no-store"}
    return json_response(view.operator(), status=status, headers=headers)
