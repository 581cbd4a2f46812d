"""What other systems were told, what came of it, and telling it once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import asyncpg
import orjson
from aiohttp import web
from msgspec import Meta, Struct

from booking_api.database import Sale
from booking_api.gate import OPERATOR
from booking_api.handlers import UNCACHED
from booking_api.rendering import utc_text
from booking_api.webhooks import LEASE_S
from shared.errors import BadRequest, NotFound
from shared.openapi import Answer, Parameter, described
from shared.paging import PAGED, Page, list_response, number, page, path_id
from shared.shapes import MAX_ID, Count, Id, Moment
from shared.shapes import Page as PageOf
from shared.web import json_response

State = Literal["pending", "delivered", "failed"]
Kind = Literal[
    "booking.confirmed",
    "booking.canceled",
    "booking.refunded",
    "schedule.sold_out",
    "schedule.moved",
    "schedule.canceled",
    "waitlist.offered",
]
_Id = Annotated[int, Meta(ge=1, le=MAX_ID)]

FILTERS = (
    Parameter("query", "state", State, "Only those; `failed`: given up."),
    Parameter("query", "kind", Kind, "Only those."),
    Parameter("query", "concert_booking_id", _Id, "Only those of this booking."),
    Parameter("query", "concert_schedule_id", _Id, "Only those of this date."),
)

routes = web.RouteTableDef()


class WebhookEvent(Struct):
    """Something that the receiver of webhooks is told. `data`: as it is sent."""

    event_id: Id
    kind: Kind
    concert_booking_id: Id | None
    concert_schedule_id: Id
    state: State
    attempts: Count
    created_at: Moment
    next_attempt_at: Moment | None
    delivered_at: Moment | None
    last_status: int | None
    last_error: str | None
    data: dict[str, Any]


class Replayed(Struct):
    """The event will be sent again."""

    event_id: Id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; each None: all."""

    state: str | None = None
    kind: str | None = None
    booking_id: int | None = None
    schedule_id: int | None = None
    since: datetime | None = None


class WebhookLog:
    """The events of all dates."""

    def __init__(self, sale: Sale):
        self._sale = sale

    async def page(self, asked: Page, only: Wanted) -> "list[asyncpg.Record]":
        """The newest first; one more than the page holds if there are more."""
        return await self._sale.rows(
            "events",
            asked.after,
            asked.limit + 1,
            only.state,
            only.kind,
            only.booking_id,
            only.schedule_id,
            only.since,
        )

    async def replay(
        self,
        operator: str,
        event_ids: Sequence[int] = (),
        *,
        failed: bool = False,
        since: datetime | None = None,
    ) -> list[int]:
        """Send events again: these, all that failed, all since then; returns which there are."""
        rows = await self._sale.rows(
            "replay_events", list(event_ids), failed, since, operator, LEASE_S
        )
        return sorted(row["webhook_event_id"] for row in rows)


def event_shown(row: "asyncpg.Record") -> WebhookEvent:
    """An event as the API shows it."""
    return WebhookEvent(
        event_id=row["webhook_event_id"],
        kind=row["kind"],
        concert_booking_id=row["concert_booking_id"],
        concert_schedule_id=row["concert_schedule_id"],
        state=row["state"],
        attempts=row["attempts"],
        created_at=utc_text(row["created_at"]),
        next_attempt_at=_text(row["next_attempt_at"]),
        delivered_at=_text(row["delivered_at"]),
        last_status=row["last_status"],
        last_error=row["last_error"],
        data=orjson.loads(row["payload"]),
    )


WEBHOOK_LOG = web.AppKey("webhook_log", WebhookLog)


@routes.get("/v1/admin/webhooks")
@described({200: Answer(PageOf[WebhookEvent])}, parameters=(*PAGED, *FILTERS))
async def webhooks(request: web.Request) -> web.Response:
    """What other systems are told, newest first."""
    asked = page(request)
    rows = await request.app[WEBHOOK_LOG].page(asked, _wanted(request))
    return list_response(rows, asked, "webhook_event_id", event_shown, headers=UNCACHED)


@routes.post("/v1/admin/webhooks/{webhook_event_id}/replay")
@described({202: Answer(Replayed)})
async def replay_webhook(request: web.Request) -> web.Response:
    """Send an event again, with the same id; one that is under way is not sent twice."""
    event_id = path_id(request, "webhook_event_id")
    if not await request.app[WEBHOOK_LOG].replay(request[OPERATOR].name, [event_id]):
        raise NotFound
    return json_response(Replayed(event_id), status=202)


def _wanted(request: web.Request) -> Wanted:
    return Wanted(
        state=_one_of(request, "state", get_args(State)),
        kind=_one_of(request, "kind", get_args(Kind)),
        booking_id=_id(request, "concert_booking_id"),
        schedule_id=_id(request, "concert_schedule_id"),
    )


def _one_of(request: web.Request, name: str, known: tuple[str, ...]) -> str | None:
    given = request.query.get(name)
    if given is not None and given not in known:
        raise BadRequest(f"{name} is one of {', '.join(known)}.")
    return given


def _id(request: web.Request, name: str) -> int | None:
    raw = request.query.get(name)
    found = None if raw is None else number(raw)
    if raw is not None and not found:
        raise BadRequest(f"{name} is an id.")
    return found


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)
