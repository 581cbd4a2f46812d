"""The operator's side of the gateway: who did what, when."""

import re
from typing import Annotated

import asyncpg
import msgspec
from aiohttp import web
from msgspec import Meta

from queue_gateway.admin import UNCACHED
from queue_gateway.operators_answers import AuditEntry
from queue_gateway.room import ROOM_ID
from shared.audit import AUDIT
from shared.errors import BadRequest
from shared.openapi import OPERATOR, Answer, Parameter, described
from shared.operators import NAME
from shared.paging import PAGED, list_response, page
from shared.places import timestamp
from shared.shapes import Page, RoomId

OF_ROOM = Parameter("query", "room_id", RoomId, "Only what was done to this room.")
BY_OPERATOR = Parameter(
    "query",
    "operator",
    Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z", examples=["operator"])],
    "Only what this operator did.",
)

routes = web.RouteTableDef()


@routes.get("/v1/admin/audit")
@described(
    {200: Answer(Page[AuditEntry])}, parameters=(OF_ROOM, BY_OPERATOR, *PAGED), needs=OPERATOR
)
async def audit(request: web.Request) -> web.Response:
    """What operators did on both services, the newest first."""
    room_id = _named(request, OF_ROOM.name, ROOM_ID)
    operator = _named(request, BY_OPERATOR.name, NAME)
    asked = page(request)
    rows = await request.app[AUDIT].page(room_id, operator, asked.after, asked.limit + 1)
    return list_response(rows, asked, "audit_id", _entry, headers=UNCACHED)


def _entry(row: "asyncpg.Record") -> AuditEntry:
    return AuditEntry(
        audit_id=row["audit_id"],
        at=timestamp(int(row["begun_at"].timestamp() * 1000)),
        operator=row["operator"],
        action=row["action"],
        room_id=row["room_id"],
        subject=row["subject"],
        changes=msgspec.json.decode(row["changes"]),
        outcome=row["outcome"],
    )


def _named(request: web.Request, name: str, shape: "re.Pattern[str]") -> str | None:
    """A filter of the query. Raises BadRequest for what nothing is called."""
    given = request.query.get(name)
    if given is not None and not shape.fullmatch(given):
        raise BadRequest(f"Nothing has such a name - in {name}.")
    return given
