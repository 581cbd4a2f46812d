"""Routes of the waiting list."""

from typing import Literal

from aiohttp import web
from msgspec import Struct

from booking_api.answers import Booking
from booking_api.gate import PLACE, VISITOR
from booking_api.handlers import UNCACHED
from booking_api.waitlist import WAITLIST
from shared.errors import LimitExceeded, NotSoldOut, QueueTokenWaiting, SaleStopped
from shared.openapi import Answer, described
from shared.paging import path_id
from shared.shapes import Count, Id, Moment

routes = web.RouteTableDef()
PATH = "/v1/schedules/{concert_schedule_id}/waitlist"


class WaitlistPlace(Struct):
    """A place in the line for one seat. `position`: 1 is next; null when it does not wait any more.

    `booking`: the seat that is OFFERED until its `expiration_at`. `reason`: how it ENDED.
    """

    waitlist_id: Id
    concert_schedule_id: Id
    status: Literal["WAITING", "OFFERED", "ENDED"]
    reason: Literal["taken", "lapsed", "left", "limit", "canceled"] | None
    position: Count | None
    booking: Booking | None
    created_at: Moment


@routes.post(PATH)
@described(
    {
        201: Answer(WaitlistPlace),
        200: Answer(WaitlistPlace, text="The place that the visitor has already."),
    },
    refusals=(NotSoldOut, SaleStopped, LimitExceeded, QueueTokenWaiting),
)
async def join_waitlist(request: web.Request) -> web.Response:
    """Wait for a seat of a date that is sold out; whoever waits goes before everybody else."""
    answer = await request.app[WAITLIST].join(
        request[PLACE], path_id(request, "concert_schedule_id")
    )
    return _shown(answer.body, 201 if answer.outcome == "joined" else 200)


@routes.get(PATH)
@described({200: Answer(WaitlistPlace)})
async def waitlist_place(request: web.Request) -> web.Response:
    """The visitor's place, and the seat that is offered."""
    schedule_id = path_id(request, "concert_schedule_id")
    return _shown(await request.app[WAITLIST].place(request[VISITOR], schedule_id), 200)


@routes.delete(PATH)
@described({204: Answer()})
async def leave_waitlist(request: web.Request) -> web.Response:
    """Give the place up, and a seat that is offered; repeating it is harmless."""
    schedule_id = path_id(request, "concert_schedule_id")
    await request.app[WAITLIST].leave(request[VISITOR], schedule_id)
    return web.Response(status=204)


def _shown(body: str, status: int) -> web.Response:
    return web.Response(text=body, status=status, headers=UNCACHED, content_type="application/json")
