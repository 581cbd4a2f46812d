"""The operator's side of the booking API: cancelling a date, with all its refunds."""

from aiohttp import web

from booking_api.admin_programme import UNCACHED
from booking_api.cancellations import CANCELLATIONS
from booking_api.cancellations_answers import CancellationRequest, ScheduleCancellation
from booking_api.gate import OPERATOR
from shared.errors import ScheduleCanceled
from shared.openapi import Answer, described
from shared.paging import path_id
from shared.web import convert, json_response, read_json

routes = web.RouteTableDef()


@routes.get("/v1/admin/schedules/{concert_schedule_id}/cancellation")
@described({200: Answer(ScheduleCancellation)})
async def schedule_cancellation(request: web.Request) -> web.Response:
    """How far the cancellation of a date has come; 404 where there is none."""
    found = await request.app[CANCELLATIONS].of(path_id(request, "concert_schedule_id"))
    return json_response(found, headers=UNCACHED)


@routes.post("/v1/admin/schedules/{concert_schedule_id}/cancellation")
@described(
    {202: Answer(ScheduleCancellation)}, body=CancellationRequest, refusals=(ScheduleCanceled,)
)
async def cancel_schedule(request: web.Request) -> web.Response:
    """Cancel a date, which is final: nothing of it is sold any more, at once.

    Its holds are let go and its paid bookings canceled and refunded in the background, in batches
    that survive whatever happens to a process. Asking the same again is harmless.
    """
    schedule_id = path_id(request, "concert_schedule_id")
    wanted = convert(await read_json(request), CancellationRequest)
    begun = await request.app[CANCELLATIONS].begin(
        schedule_id, wanted.reason, wanted.refund_percent, request[OPERATOR]
    )
    return json_response(begun, status=202, headers=UNCACHED)
