"""The operator's side of the booking API: concerts and dates, read and changed."""

import re

from aiohttp import web

from booking_api.gate import OPERATOR
from booking_api.programme import PROGRAMME, concert_shown, schedule_shown
from booking_api.programme_answers import OperatorsConcert, OperatorsSchedule
from booking_api.programme_bodies import ConcertChanges, ScheduleChanges
from shared.errors import BadRequest, PreconditionRequired, ScheduleCanceled, VersionConflict
from shared.openapi import ETAG, Answer, Parameter, described
from shared.paging import PAGED, list_response, page, path_id
from shared.preconditions import IF_MATCH, required_version
from shared.shapes import ROOM_ID_PATTERN, Page, RoomId
from shared.web import convert, json_response, read_json

UNCACHED = {"Cache-Control": "no-store"}
OF_ROOM = Parameter("query", "room_id", RoomId, "Only what this room guards.")

_ROOM_ID = re.compile(ROOM_ID_PATTERN)

routes = web.RouteTableDef()


@routes.get("/v1/admin/concerts")
@described({200: Answer(Page[OperatorsConcert])}, parameters=(OF_ROOM, *PAGED))
async def operators_concerts(request: web.Request) -> web.Response:
    """All concerts, also those off sale."""
    room_id = request.query.get(OF_ROOM.name)
    if room_id is not None and not _ROOM_ID.fullmatch(room_id):
        raise BadRequest("No room is called that - in room_id.")
    asked = page(request)
    rows = await request.app[PROGRAMME].concerts(room_id, asked)
    return list_response(rows, asked, "concert_id", concert_shown, headers=UNCACHED)


@routes.get("/v1/admin/concerts/{concert_id}")
@described({200: Answer(OperatorsConcert, (ETAG,))})
async def operators_concert(request: web.Request) -> web.Response:
    """A concert's settings, with the ETag that a change needs."""
    return _tagged(await request.app[PROGRAMME].concert(path_id(request, "concert_id")))


@routes.put("/v1/admin/concerts/{concert_id}")
@described(
    {200: Answer(OperatorsConcert, (ETAG,))},
    body=ConcertChanges,
    parameters=(IF_MATCH,),
    refusals=(VersionConflict, PreconditionRequired),
)
async def change_concert(request: web.Request) -> web.Response:
    """Change a concert; `If-Match` guards against a lost update."""
    concert_id, expected = path_id(request, "concert_id"), required_version(request)
    changes = convert(await read_json(request), ConcertChanges).changes()
    programme = request.app[PROGRAMME]
    return _tagged(await programme.change_concert(concert_id, expected, changes, request[OPERATOR]))


@routes.get("/v1/admin/concerts/{concert_id}/schedules")
@described({200: Answer(Page[OperatorsSchedule])}, parameters=PAGED)
async def operators_schedules(request: web.Request) -> web.Response:
    """A concert's dates with their settings, in the order they were made."""
    asked = page(request)
    rows = await request.app[PROGRAMME].schedules(path_id(request, "concert_id"), asked)
    return list_response(rows, asked, "concert_schedule_id", schedule_shown, headers=UNCACHED)


@routes.get("/v1/admin/schedules/{concert_schedule_id}")
@described({200: Answer(OperatorsSchedule, (ETAG,))})
async def operators_schedule(request: web.Request) -> web.Response:
    """A date's settings, with the ETag that a change needs."""
    return _tagged(await request.app[PROGRAMME].schedule(path_id(request, "concert_schedule_id")))


@routes.put("/v1/admin/schedules/{concert_schedule_id}")
@described(
    {200: Answer(OperatorsSchedule, (ETAG,))},
    body=ScheduleChanges,
    parameters=(IF_MATCH,),
    refusals=(VersionConflict, PreconditionRequired, ScheduleCanceled),
)
async def change_schedule(request: web.Request) -> web.Response:
    """Change a date: stop or resume its sale, move it, set its limits.

    Other systems are told of a date that moves, and of each of its paid bookings. A lower
    `max_seats_per_user` takes nothing from anybody.
    """
    schedule_id, expected = path_id(request, "concert_schedule_id"), required_version(request)
    changes = convert(await read_json(request), ScheduleChanges).changes()
    programme = request.app[PROGRAMME]
    return _tagged(
        await programme.change_schedule(schedule_id, expected, changes, request[OPERATOR])
    )


@routes.delete("/v1/admin/schedules/{concert_schedule_id}")
@described({204: Answer()}, refusals=(ScheduleCanceled,))
async def close_schedule(request: web.Request) -> web.Response:
    """Close a date: sell no more of it and end its waiting list; what was sold stays, and holds
    may be paid. Repeating it is harmless."""
    schedule_id = path_id(request, "concert_schedule_id")
    await request.app[PROGRAMME].close_schedule(schedule_id, request[OPERATOR])
    return web.Response(status=204)


def _tagged(found: OperatorsConcert | OperatorsSchedule) -> web.Response:
    return json_response(found, headers={"ETag": f'"{found.version}"', **UNCACHED})
