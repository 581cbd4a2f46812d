"""The operator's side of the booking API: the seats of a date and their prices."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta

from booking_api.admin_programme import UNCACHED
from booking_api.gate import OPERATOR
from booking_api.inventory import INVENTORY
from booking_api.inventory_answers import (
    OperatorsSeat,
    PricesChanged,
    PricesRequest,
    RemovalRequest,
    SeatsRemoved,
)
from booking_api.money import CURRENCY
from shared.errors import BadRequest, ScheduleCanceled, SeatTaken
from shared.identity import storable
from shared.openapi import Answer, Parameter, described
from shared.paging import PAGED, list_response, page, path_id
from shared.shapes import Page
from shared.web import convert, json_response, read_json

#: Some tens of thousands of seats by name.
MAX_NAMES_BYTES = 2 * 1024 * 1024
MOST_NAME = 64

_Text = Annotated[str, Meta(max_length=MOST_NAME)]
IN_SECTION = Parameter("query", "section", _Text, "Only those of this section.")
IN_BAND = Parameter("query", "band", _Text, "Only those of this price band.")

routes = web.RouteTableDef()


@routes.get("/v1/admin/schedules/{concert_schedule_id}/seats")
@described({200: Answer(Page[OperatorsSeat])}, parameters=(IN_SECTION, IN_BAND, *PAGED))
async def operators_seats(request: web.Request) -> web.Response:
    """A date's seats, in the order they were added."""
    section, band = _filter(request, IN_SECTION), _filter(request, IN_BAND)
    asked = page(request)
    inventory = request.app[INVENTORY]
    schedule_id = path_id(request, "concert_schedule_id")
    rows = await inventory.seats(schedule_id, section, band, asked)
    return list_response(rows, asked, "concert_seat_id", inventory.shown, headers=UNCACHED)


@routes.put("/v1/admin/schedules/{concert_schedule_id}/prices")
@described({200: Answer(PricesChanged)}, body=PricesRequest, refusals=(ScheduleCanceled,))
async def set_prices(request: web.Request) -> web.Response:
    """New prices for seats by their numbers, section or band; what is held or sold keeps its
    price."""
    schedule_id = path_id(request, "concert_schedule_id")
    rules = convert(await _read(request), PricesRequest).checked(request.app[CURRENCY])
    found = await request.app[INVENTORY].set_prices(schedule_id, rules, request[OPERATOR])
    return json_response(found, headers=UNCACHED)


@routes.post("/v1/admin/schedules/{concert_schedule_id}/seats/removal")
@described({200: Answer(SeatsRemoved)}, body=RemovalRequest, refusals=(SeatTaken,))
async def remove_seats(request: web.Request) -> web.Response:
    """Take seats out of the hall, all or none: those that nobody ever booked."""
    schedule_id = path_id(request, "concert_schedule_id")
    wanted = convert(await _read(request), RemovalRequest).checked()
    found = await request.app[INVENTORY].remove(schedule_id, wanted, request[OPERATOR])
    return json_response(found, headers=UNCACHED)


async def _read(request: web.Request) -> object:
    return await read_json(request.clone(client_max_size=MAX_NAMES_BYTES))


def _filter(request: web.Request, asked: Parameter) -> str | None:
    given = request.query.get(asked.name)
    if given and (len(given) > MOST_NAME or not storable(given)):
        raise BadRequest(f"Nothing is called that - in {asked.name}.")
    return given
