"""The operator's side of the booking API: visitors and their bookings."""

from aiohttp import web

from booking_api.admin_programme import UNCACHED
from booking_api.booking_filters import FILTERS, wanted
from booking_api.cancellations_answers import CancellationRequest
from booking_api.customers import CUSTOMERS
from booking_api.customers_answers import (
    LimitRequest,
    OperatorsBooking,
    OperatorsBookingWhole,
    OperatorsUser,
    OperatorsUserWhole,
    OwnLimit,
)
from booking_api.gate import OPERATOR
from shared.errors import BadRequest, NotFound
from shared.identity import storable
from shared.openapi import Answer, Parameter, described
from shared.paging import PAGED, list_response, page, path_id
from shared.shapes import Page, Visitor
from shared.web import convert, json_response, read_json

OF_VISITOR = Parameter("query", "visitor", Visitor, "Only of whom identities name so.")
#: By status and date.
_FILTERS = tuple(asked for asked in FILTERS if asked.name != "concert_id")

routes = web.RouteTableDef()


@routes.get("/v1/admin/users")
@described({200: Answer(Page[OperatorsUser])}, parameters=(OF_VISITOR, *PAGED))
async def operators_users(request: web.Request) -> web.Response:
    """All visitors, those who came first before the others."""
    visitor, asked = _named(request), page(request)
    customers = request.app[CUSTOMERS]
    rows = await customers.users(visitor, asked)
    return list_response(rows, asked, "user_id", customers.user_shown, headers=UNCACHED)


@routes.get("/v1/admin/users/{user_id}")
@described({200: Answer(OperatorsUserWhole)})
async def operators_user(request: web.Request) -> web.Response:
    """A visitor: their balance, how many bookings they have, and the latest of them."""
    found = await request.app[CUSTOMERS].user(path_id(request, "user_id"))
    return json_response(found, headers=UNCACHED)


@routes.get("/v1/admin/bookings")
@described({200: Answer(Page[OperatorsBooking])}, parameters=(OF_VISITOR, *_FILTERS, *PAGED))
async def operators_bookings(request: web.Request) -> web.Response:
    """Everybody's bookings, newest first."""
    visitor, asked = _named(request), page(request)
    customers = request.app[CUSTOMERS]
    rows = await customers.bookings(wanted(request), visitor, asked)
    return list_response(
        rows, asked, "concert_booking_id", customers.booking_shown, headers=UNCACHED
    )


@routes.get("/v1/admin/bookings/{concert_booking_id}")
@described({200: Answer(OperatorsBookingWhole)})
async def operators_booking(request: web.Request) -> web.Response:
    """A booking with its payment, its refunds, the token behind it, and its check-in."""
    found = await request.app[CUSTOMERS].booking(path_id(request, "concert_booking_id"))
    return json_response(found, headers=UNCACHED)


@routes.post("/v1/admin/bookings/{concert_booking_id}/cancellation")
@described({200: Answer(OperatorsBookingWhole)}, body=CancellationRequest)
async def cancel_for_visitor(request: web.Request) -> web.Response:
    """Let a visitor's hold go, or cancel their paid booking and give that much of it back.

    What is canceled stays so: repeating it gives nothing back twice.
    """
    booking_id = path_id(request, "concert_booking_id")
    asked = convert(await read_json(request), CancellationRequest)
    found = await request.app[CUSTOMERS].cancel(
        booking_id, asked.reason, asked.refund_percent, request[OPERATOR]
    )
    return json_response(found, headers=UNCACHED)


@routes.get("/v1/admin/schedules/{concert_schedule_id}/limits/{visitor:[^/]+}")
@described({200: Answer(OwnLimit)})
async def own_limit(request: web.Request) -> web.Response:
    """How many seats of a date a visitor may hold, and holds."""
    schedule_id, visitor = path_id(request, "concert_schedule_id"), _visitor(request)
    found = await request.app[CUSTOMERS].limit(schedule_id, visitor)
    return json_response(found, headers=UNCACHED)


@routes.put("/v1/admin/schedules/{concert_schedule_id}/limits/{visitor:[^/]+}")
@described({200: Answer(OwnLimit)}, body=LimitRequest)
async def change_limit(request: web.Request) -> web.Response:
    """Allow a visitor more or fewer seats of a date than others; what they have stays theirs."""
    schedule_id, visitor = path_id(request, "concert_schedule_id"), _visitor(request)
    asked = convert(await read_json(request), LimitRequest)
    found = await request.app[CUSTOMERS].change_limit(
        schedule_id, visitor, asked.own_limit, request[OPERATOR]
    )
    return json_response(found, headers=UNCACHED)


def _visitor(request: web.Request) -> str:
    visitor = request.match_info["visitor"]
    if not storable(visitor):
        raise NotFound("A visitor's name is 1 to 255 characters, without NUL.")
    return visitor


def _named(request: web.Request) -> str | None:
    visitor = request.query.get(OF_VISITOR.name)
    if visitor is not None and not storable(visitor):
        raise BadRequest("A visitor's name is 1 to 255 characters, without NUL.")
    return visitor
