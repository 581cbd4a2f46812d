"""The operator's side of the booking API: sales figures, and exports of what is behind them."""

from aiohttp import web

from booking_api.admin_programme import UNCACHED
from booking_api.exports import CSV, EXPORTS, CsvStream
from booking_api.figures import FIGURES
from booking_api.figures_answers import ConcertSales, ScheduleSales
from shared.errors import TooManyRequests
from shared.openapi import Answer, Header, described
from shared.paging import page, paged, path_id
from shared.web import json_response

#: Dates of a concert on one page: each is counted seat by seat.
PER_PAGE = 20
_FILE = Header("Content-Disposition", "The name of the file.")

routes = web.RouteTableDef()


@routes.get("/v1/admin/schedules/{concert_schedule_id}/sales")
@described({200: Answer(ScheduleSales)})
async def schedule_sales(request: web.Request) -> web.Response:
    """A date's figures: its seats by status, what came in, and both by day and price band."""
    found = await request.app[FIGURES].of_schedule(path_id(request, "concert_schedule_id"))
    return json_response(found, headers=UNCACHED)


@routes.get("/v1/admin/concerts/{concert_id}/sales")
@described({200: Answer(ConcertSales)}, parameters=paged(PER_PAGE))
async def concert_sales(request: web.Request) -> web.Response:
    """A concert's figures: what came in, altogether and for each date."""
    asked = page(request, PER_PAGE)
    found = await request.app[FIGURES].of_concert(path_id(request, "concert_id"), asked)
    return json_response(found, headers=UNCACHED)


@routes.get("/v1/admin/schedules/{concert_schedule_id}/bookings.csv")
@described(
    {200: Answer(str, (_FILE,), CSV, "A line for each booking, the oldest first.")},
    refusals=(TooManyRequests,),
)
async def export_bookings(request: web.Request) -> web.StreamResponse:
    """All bookings of a date, with what was paid and given back, as CSV (RFC 4180)."""
    return await _exported(request, "bookings")


@routes.get("/v1/admin/schedules/{concert_schedule_id}/payments.csv")
@described(
    {200: Answer(str, (_FILE,), CSV, "A line for each payment and each refund.")},
    refusals=(TooManyRequests,),
)
async def export_payments(request: web.Request) -> web.StreamResponse:
    """Every movement of money for a date: payments, and what was given back, as CSV (RFC 4180)."""
    return await _exported(request, "payments")


async def _exported(request: web.Request, what: str) -> web.StreamResponse:
    exports = request.app[EXPORTS]
    export = await exports.begin(what, path_id(request, "concert_schedule_id"))
    return CsvStream(request, export, exports)
