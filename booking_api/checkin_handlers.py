"""The operator's side of tickets: letting people in, and the list for doors that are offline."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import asyncpg
import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from booking_api.bodies import YEARS
from booking_api.checkins import CHECKINS, Reading
from booking_api.gate import OPERATOR
from booking_api.handlers import UNCACHED
from booking_api.idempotency import answer_response
from booking_api.rendering import utc_text
from booking_api.ticket_codes import MOST_CHARACTERS, TICKET_CODES
from booking_api.ticket_handlers import TicketKey
from booking_api.tickets import TICKETS
from shared.errors import (
    NotFound,
    TicketInvalid,
    TicketOfOtherDate,
    TicketUsed,
    TicketVoid,
    ValidationFailed,
)
from shared.openapi import Answer, described
from shared.paging import path_id
from shared.shapes import Id, Moment
from shared.streamed import Streamed
from shared.web import convert, json_response, read_json

MOST_AT_ONCE = 500
MAX_BYTES = 512 * 1024
#: A device's clock may be a little ahead.
AHEAD = timedelta(minutes=5)

_COLUMNS = ("concert_booking_id", "seat_number", "section", "state", "used_at", "gate")

#: No control characters, so no NUL, which PostgreSQL does not take.
_TEXT = r"^[^\x00-\x1f\x7f]*\Z"
Code = Annotated[str, Meta(min_length=1, max_length=MOST_CHARACTERS)]
GateName = Annotated[str, Meta(max_length=64, pattern=_TEXT, examples=["North 2"])]
When = Annotated[datetime, Meta(tz=True)]

routes = web.RouteTableDef()


class ReadTicket(Struct, forbid_unknown_fields=True):
    """A ticket that a device read while it was offline."""

    code: Code
    used_at: When
    gate: GateName = ""

    def reading(self) -> Reading:
        """Raises ValidationFailed for a time that is none of a check-in."""
        return Reading(self.code, self.gate, _checked(self.used_at))


class CheckinRequest(Struct, forbid_unknown_fields=True):
    """One ticket's `code`, or all `checkins` of a device that was offline. With
    `concert_schedule_id` tickets of other dates are refused."""

    code: Code | None = None
    gate: GateName = ""
    used_at: When | None = None
    concert_schedule_id: Id | None = None
    checkins: Annotated[list[ReadTicket], Meta(min_length=1, max_length=MOST_AT_ONCE)] | None = None

    def reading(self) -> Reading | None:
        """The one ticket, or None when there are `checkins`. Raises ValidationFailed."""
        if (self.code is None) == (self.checkins is None):
            raise ValidationFailed("Send either code or checkins - at `$`")
        if self.code is None:
            if self.gate or self.used_at is not None:
                raise ValidationFailed("Each of checkins has its own gate and used_at - at `$`")
            return None
        return Reading(self.code, self.gate, self.used_at and _checked(self.used_at))


class Checkin(Struct):
    """Somebody was let in."""

    concert_booking_id: Id
    concert_schedule_id: Id
    seat_number: str
    used_at: Moment
    gate: str


class CheckinOutcome(Struct, omit_defaults=True):
    """What came of one ticket: admitted, or why not; `used_at` and `gate` are the first time's."""

    outcome: Literal[
        "admitted", "ticket_used", "ticket_void", "ticket_invalid", "ticket_other_date", "not_found"
    ]
    concert_booking_id: Id | None = None
    concert_schedule_id: Id | None = None
    seat_number: str | None = None
    schedule_date: Moment | None = None
    used_at: Moment | None = None
    gate: str | None = None


class CheckinOutcomes(Struct):
    """One for each of `checkins`, in their order."""

    items: list[CheckinOutcome]


class DoorTicket(Struct):
    """A ticket, as a door knows it."""

    concert_booking_id: Id
    seat_number: str
    section: str
    state: Literal["valid", "used", "void"]
    used_at: Moment | None
    gate: str | None


class DoorTickets(Struct):
    """Every ticket that a date ever had, and the keys that verify codes offline."""

    concert_schedule_id: Id
    as_of: Moment
    keys: list[TicketKey]
    tickets: list[DoorTicket]


@routes.post("/v1/admin/checkins")
@described(
    {
        200: Answer(CheckinOutcomes, text="What came of `checkins`"),
        201: Answer(Checkin, text="Let in"),
    },
    body=CheckinRequest,
    refusals=(NotFound, TicketUsed, TicketVoid, TicketOfOtherDate, TicketInvalid),
)
async def check_in(request: web.Request) -> web.Response:
    """Let a ticket's holder in, once; repeating the same `used_at` and `gate` is harmless."""
    body = await read_json(request.clone(client_max_size=MAX_BYTES))
    wanted = convert(body, CheckinRequest)
    reading, date, who = wanted.reading(), wanted.concert_schedule_id, request[OPERATOR].name
    if reading is not None:
        return answer_response(await request.app[CHECKINS].admit(reading, date, who))
    readings = [item.reading() for item in wanted.checkins or ()]
    outcomes = await request.app[CHECKINS].admit_all(readings, date, who)
    shown = [CheckinOutcome(outcome=o.outcome, **o.found) for o in outcomes]  # type: ignore[arg-type]
    return json_response(CheckinOutcomes(shown), headers=UNCACHED)


@routes.get("/v1/admin/schedules/{concert_schedule_id}/tickets")
@described({200: Answer(DoorTickets)})
async def door_tickets(request: web.Request) -> web.StreamResponse:
    """Every ticket of a date, for a door that is offline."""
    schedule_id = path_id(request, "concert_schedule_id")
    batches = await request.app[TICKETS].of_date(schedule_id)
    head = DoorTickets(
        concert_schedule_id=schedule_id,
        as_of=utc_text(datetime.now(UTC)),
        keys=msgspec.convert(request.app[TICKET_CODES].jwks()["keys"], list[TicketKey]),
        tickets=[],
    )
    return Streamed(request, _json(head, batches), "application/json")


@routes.get("/v1/admin/schedules/{concert_schedule_id}/tickets.csv")
@described({200: Answer(str, media_type="text/csv")})
async def door_tickets_csv(request: web.Request) -> web.StreamResponse:
    """The same as a table."""
    schedule_id = path_id(request, "concert_schedule_id")
    batches = await request.app[TICKETS].of_date(schedule_id)
    return Streamed(request, _csv(batches), "text/csv")


async def _json(
    head: DoorTickets, batches: "AsyncIterator[list[asyncpg.Record]]"
) -> AsyncIterator[bytes]:
    whole = msgspec.json.encode(head)
    yield whole.removesuffix(b"]}")
    first = True
    async for rows in batches:
        listed = msgspec.json.encode(list(_shown(rows)))[1:-1]
        yield listed if first else b"," + listed
        first = False
    yield b"]}"


async def _csv(batches: "AsyncIterator[list[asyncpg.Record]]") -> AsyncIterator[bytes]:
    yield (",".join(_COLUMNS) + "\r\n").encode()
    async for rows in batches:
        written = io.StringIO()
        csv.writer(written).writerows(
            ["" if (value := getattr(one, name)) is None else value for name in _COLUMNS]
            for one in _shown(rows)
        )
        yield written.getvalue().encode()


def _shown(rows: "list[asyncpg.Record]") -> Iterator[DoorTicket]:
    for row in rows:
        used: Any = row["used_at"]
        yield DoorTicket(
            concert_booking_id=row["concert_booking_id"],
            seat_number=row["seat_number"],
            section=row["section"],
            state=row["state"],
            used_at=None if used is None else utc_text(used),
            gate=row["gate"],
        )


def _checked(used_at: datetime) -> datetime:
    """To the millisecond, as it is kept. Raises ValidationFailed."""
    if used_at.year not in YEARS or used_at > datetime.now(UTC) + AHEAD:
        raise ValidationFailed("used_at is out of range - at `$.used_at`")
    return used_at.replace(microsecond=used_at.microsecond // 1000 * 1000)
