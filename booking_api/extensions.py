"""More time for a hold."""

from aiohttp import web

from booking_api.answers import Booking
from booking_api.bookings import BOOKINGS
from booking_api.gate import PLACE
from booking_api.idempotency import KEY, KEY_REFUSALS, WAS_REPLAYED, answer_response, once
from shared.errors import BookingExpired, NotExtendable, SaleStopped
from shared.openapi import Answer, described
from shared.paging import path_id

routes = web.RouteTableDef()


@routes.post("/v1/bookings/{concert_booking_id}/extension")
@described(
    {201: Answer(Booking, (WAS_REPLAYED,))},
    parameters=(KEY,),
    refusals=(NotExtendable, SaleStopped, BookingExpired, *KEY_REFUSALS),
)
async def extend(request: web.Request) -> web.Response:
    """Keep a hold for longer, once."""
    answer = await request.app[BOOKINGS].extend(
        request[PLACE], path_id(request, "concert_booking_id"), once(request, None)
    )
    return answer_response(answer)
