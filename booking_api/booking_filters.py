"""Which of their bookings a visitor asks for."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from aiohttp import web
from msgspec import Meta

from shared.errors import BadRequest
from shared.openapi import Parameter
from shared.paging import number
from shared.shapes import MAX_ID

Status = Literal["PENDING", "CONFIRMED", "CANCELED"]
_Id = Annotated[int, Meta(ge=1, le=MAX_ID)]

FILTERS = (
    Parameter("query", "status", Status, "Only those; a hold past its deadline is CANCELED."),
    Parameter("query", "concert_schedule_id", _Id, "Only those of this date."),
    Parameter("query", "concert_id", _Id, "Only those of this concert."),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Each None: all."""

    status: str | None = None
    schedule_id: int | None = None
    concert_id: int | None = None


def wanted(request: web.Request) -> Wanted:
    """The filters of a request. Raises BadRequest."""
    status = request.query.get("status")
    if status is not None and status not in get_args(Status):
        raise BadRequest(f"status is one of {', '.join(get_args(Status))}.")
    return Wanted(status, _id(request, "concert_schedule_id"), _id(request, "concert_id"))


def _id(request: web.Request, name: str) -> int | None:
    raw = request.query.get(name)
    found = None if raw is None else number(raw)
    if raw is not None and not found:
        raise BadRequest(f"{name} is an id.")
    return found
