"""The operator's side of the gateway. Every route here refuses without an operator key."""

import re
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from queue_gateway.answers import OperatorsRoom
from queue_gateway.room import ROOM_ID, ROOMS
from queue_gateway.room_settings import RoomChanges
from shared.credentials import require_operator
from shared.errors import BadRequest, NotFound, OnsaleError, PreconditionRequired, VersionConflict
from shared.openapi import ETAG, OPERATOR, Answer, Parameter, described
from shared.web import convert, json_response, read_json

_EXPECTED = re.compile(r'(\*|"[0-9]+")')

SETTINGS = Answer(OperatorsRoom, (ETAG,))
IF_MATCH = Parameter(
    "header",
    "If-Match",
    Annotated[str, Meta(pattern=rf"^{_EXPECTED.pattern}\Z", examples=["*"])],
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
    """What `configure` expects, of If-Match or else If-None-Match (RFC 9110, 13.1).

    Raises PreconditionRequired, VersionConflict for what no room of ours can match, BadRequest.
    """
    known, unknown = (_listed(request, name) for name in (IF_MATCH.name, ONLY_NEW.name))
    if unknown not in (None, "*"):
        raise BadRequest("If-None-Match takes '*' here: only create.")
    if not known and not unknown:
        raise PreconditionRequired
    if known is None:
        return "none"
    # Every room has one version, so a list of tags, or both headers, is never what was meant.
    if unknown or not _EXPECTED.fullmatch(known):
        raise VersionConflict("If-Match takes one ETag as GET gave it, quotes included, or '*'.")
    return known.strip('"')


def _listed(request: web.Request, header: str) -> str | None:
    """All values of a header that may be repeated (RFC 9110, 5.3)."""
    return ", ".join(request.headers.getall(header)) if header in request.headers else None


async def _room_response(request: web.Request, status: int) -> web.Response:
    view = await request.app[ROOMS].view(request.match_info["room_id"])
    headers = {"ETag": f'"{view.version}"', "Cache-Control": "no-store"}
    return json_response(view.operator(), status=status, headers=headers)
