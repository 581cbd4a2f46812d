"""The operator's side of the booking API: concerts, dates, halls."""

from aiohttp import web

from booking_api.answers import Concert, Schedule, SeatsAdded
from booking_api.bodies import ConcertRequest, ScheduleRequest, SeatsRequest
from booking_api.catalogue import CATALOGUE, Catalogue, concert_shown, schedule_shown
from booking_api.gate import OPERATOR
from booking_api.halls import COLUMNS, read_hall
from booking_api.money import CURRENCY
from shared.openapi import Answer, described
from shared.paging import path_id
from shared.web import convert, json_response, read_json

routes = web.RouteTableDef()


@routes.post("/v1/admin/concerts")
@described({201: Answer(Concert)}, body=ConcertRequest)
async def create_concert(request: web.Request) -> web.Response:
    """A concert, guarded by a room."""
    wanted = convert(await _read(request), ConcertRequest)
    row = await _catalogue(request).create_concert(
        wanted.concert_name, wanted.room_id, wanted.refund_percent
    )
    return json_response(concert_shown(row), status=201)


@routes.delete("/v1/admin/concerts/{concert_id}")
@described({204: Answer()})
async def take_off_sale(request: web.Request) -> web.Response:
    """Show and sell a concert no more; what was sold of it stays. Repeating it is harmless."""
    await _catalogue(request).take_off_sale(path_id(request, "concert_id"))
    return web.Response(status=204)


@routes.post("/v1/admin/concerts/{concert_id}/schedules")
@described({201: Answer(Schedule)}, body=ScheduleRequest)
async def create_schedule(request: web.Request) -> web.Response:
    """A date of a concert."""
    wanted = convert(await _read(request), ScheduleRequest)
    row = await _catalogue(request).create_schedule(
        path_id(request, "concert_id"),
        wanted.checked(),
        wanted.hold_ttl_s,
        wanted.max_seats_per_user,
        wanted.terms(),
    )
    return json_response(schedule_shown(row, seats_available=0), status=201)


@routes.post("/v1/admin/schedules/{concert_schedule_id}/seats")
@described({201: Answer(SeatsAdded)}, body=SeatsRequest, table=", ".join(COLUMNS))
async def add_seats(request: web.Request) -> web.Response:
    """Seats of a date, all or none, as JSON or as a table.

    The first seat is the best, the last one the worst. Errors name the first thing that is wrong,
    and where.
    """
    hall = await read_hall(request, request.app[CURRENCY])
    schedule_id = path_id(request, "concert_schedule_id")
    added = await _catalogue(request).add_seats(schedule_id, hall.numbers, hall.prices, hall.where)
    return json_response(SeatsAdded(added), status=201)


def _catalogue(request: web.Request) -> Catalogue:
    return request.app[CATALOGUE].by(request[OPERATOR])


async def _read(request: web.Request) -> object:
    return await read_json(request)
