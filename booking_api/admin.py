"""The operator's side of the booking API: concerts, dates, halls."""

from aiohttp import web

from booking_api.answers import Concert, Schedule, SeatsAdded
from booking_api.bodies import ConcertRequest, ScheduleRequest, SeatsRequest
from booking_api.catalogue import CATALOGUE, Catalogue, Where, concert_shown, schedule_shown
from booking_api.gate import OPERATOR
from booking_api.money import CURRENCY
from shared.openapi import Answer, described
from shared.paging import path_id
from shared.web import convert, json_response, read_json

#: A hall comes in one request.
MAX_HALL_BYTES = 8 * 1024 * 1024

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
@described({201: Answer(SeatsAdded)}, body=SeatsRequest)
async def add_seats(request: web.Request) -> web.Response:
    """Seats of a date, all or none."""
    seats = convert(await _read(request), SeatsRequest).checked()
    currency = request.app[CURRENCY]
    prices = [currency.amount(seat.price, least=0) for seat in seats]
    where = Where(
        [seat.section for seat in seats],
        [seat.row for seat in seats],
        [seat.place for seat in seats],
        [seat.band for seat in seats],
    )
    added = await _catalogue(request).add_seats(
        path_id(request, "concert_schedule_id"), [seat.seat_number for seat in seats], prices, where
    )
    return json_response(SeatsAdded(added), status=201)


def _catalogue(request: web.Request) -> Catalogue:
    return request.app[CATALOGUE].by(request[OPERATOR])


async def _read(request: web.Request) -> object:
    return await read_json(request.clone(client_max_size=MAX_HALL_BYTES))
