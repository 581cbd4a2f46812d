"""The operator's side of the gateway: rooms."""

from aiohttp import web

from queue_gateway.addresses import room_of, room_page
from queue_gateway.answers import OperatorsRoom
from queue_gateway.operators import OPERATOR as BY
from queue_gateway.room import ROOMS
from queue_gateway.room_settings import NewRoom, RoomChanges
from queue_gateway.room_view import RoomView
from queue_gateway.steering import STEERING
from shared import paging
from shared.audit import AUDIT
from shared.errors import PreconditionRequired, VersionConflict
from shared.openapi import ETAG, OPERATOR, Answer, described
from shared.paging import PAGED
from shared.preconditions import IF_MATCH, ONLY_NEW, expected_version, version_if_sent
from shared.shapes import Page
from shared.web import convert, json_response, read_json

SETTINGS = Answer(OperatorsRoom, (ETAG,))
UNCACHED = {"Cache-Control": "no-store"}

routes = web.RouteTableDef()


@routes.get("/v1/admin/rooms")
@described({200: Answer(Page[OperatorsRoom])}, parameters=PAGED, needs=OPERATOR)
async def operators_rooms(request: web.Request) -> web.Response:
    """All rooms with their settings, by their names."""
    asked = room_page(request)
    rooms = request.app[ROOMS]
    names, more = await rooms.page(asked.after, asked.limit)
    views = await rooms.those_there(names, lambda room_id: rooms.view(room_id, 6))
    page = Page(
        items=[view.operator() for view in views],
        next_cursor=paging.cursor(names[-1]) if more else None,
    )
    return json_response(page, headers=UNCACHED)


@routes.post("/v1/admin/rooms")
@described({201: SETTINGS}, body=NewRoom, refusals=(VersionConflict,), needs=OPERATOR)
async def create_room(request: web.Request) -> web.Response:
    """A new room; 412 if there is one of that name."""
    wanted = convert(await read_json(request), NewRoom)
    fields, room_id = wanted.fields(), wanted.room_id
    async with request.app[AUDIT].kept(request[BY], "room.create", room_id, wanted):
        await request.app[STEERING].create(room_id, fields)
    return _room_response(await request.app[ROOMS].view(room_id), 201)


@routes.get("/v1/admin/rooms/{room_id}")
@described({200: SETTINGS}, needs=OPERATOR)
async def settings(request: web.Request) -> web.Response:
    """A room's settings, with the ETag that a change needs."""
    return _room_response(await request.app[ROOMS].view(room_of(request)), 200)


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
    room_id, expected = room_of(request), expected_version(request)
    wanted = convert(await read_json(request), RoomChanges)
    fields = wanted.fields()
    async with request.app[AUDIT].kept(request[BY], "room.change", room_id, wanted):
        created = await request.app[STEERING].change(room_id, fields, expected)
    return _room_response(await request.app[ROOMS].view(room_id), 201 if created else 200)


@routes.delete("/v1/admin/rooms/{room_id}")
@described({204: Answer()}, parameters=(IF_MATCH,), refusals=(VersionConflict,), needs=OPERATOR)
async def delete_room(request: web.Request) -> web.Response:
    """Close a room, which ends every place in it, and delete it; repeating it is harmless."""
    room_id, expected = room_of(request), version_if_sent(request)
    async with request.app[AUDIT].kept(request[BY], "room.delete", room_id):
        await request.app[STEERING].remove(room_id, expected)
    return web.Response(status=204)


@routes.post("/v1/admin/rooms/{room_id}/reset")
@described({200: SETTINGS}, parameters=(IF_MATCH,), refusals=(VersionConflict,), needs=OPERATOR)
async def reset_room(request: web.Request) -> web.Response:
    """After a rehearsal: end every place, forget all figures, begin again with number 1."""
    room_id, expected = room_of(request), version_if_sent(request)
    async with request.app[AUDIT].kept(request[BY], "room.reset", room_id):
        await request.app[STEERING].reset(room_id, expected)
    return _room_response(await request.app[ROOMS].view(room_id), 200)


def _room_response(view: RoomView, status: int) -> web.Response:
    headers = {"ETag": f'"{view.version}"', **UNCACHED}
    return json_response(view.operator(), status=status, headers=headers)
