"""The bodies that operators send to the gateway, and those of its answers to them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from queue_gateway.answers import LaneNow, Reason
from shared.shapes import Count, Id, LaneName, Moment, RoomId, Visitor


class LetIn(Struct, forbid_unknown_fields=True):
    """How many to let in by hand."""

    count: Annotated[int, Meta(ge=1, le=1_000_000)]


class LetInNow(Struct):
    """How many were let in, and how many wait and are inside now."""

    admitted: Count
    waiting: Count
    active: Count


class MoreTime(Struct, forbid_unknown_fields=True):
    """How much longer everybody who is ACTIVE may stay."""

    seconds: Annotated[int, Meta(ge=1, le=86_400)]


class Extended(Struct):
    """How many are ACTIVE, and have more time now."""

    active: Count


class VisitorsToken(Struct):
    """A visitor's token: the live one, else the last one they had.

    `claimed`: whether an ACTIVE one gave a sign of life since it was let in. `reason` of an EXPIRED
    one: null for the moment until it is written down.
    """

    room_id: RoomId
    visitor: Visitor
    status: Literal["WAIT", "ACTIVE", "EXPIRED"]
    number: Count
    position: Count | None
    lane: LaneName | None
    jti: str
    claimed: bool
    expires_at: Moment | None
    reason: Reason | None


class Waits(Struct):
    """How long those waited who were admitted in the last hour, in seconds."""

    p50: Annotated[float, Meta(ge=0)]
    p95: Annotated[float, Meta(ge=0)]


class Admissions(Struct):
    """How many were admitted in the ten seconds from `at` on."""

    at: Moment
    admitted: Count


class Ended(Struct):
    """How many tokens ended, by their reason."""

    completed: Count
    left: Count
    idle: Count
    unclaimed: Count
    timed_out: Count
    revoked: Count
    closed: Count
    sold_out: Count


class Stats(Struct):
    """A room's figures. `admitted` and `ended`: since it was made or reset.

    `waits_s`: null if nobody was admitted in the last hour. `admissions_per_s`: the last hour, the
    oldest ten seconds first, the running ones last.
    """

    room_id: RoomId
    waiting: Count
    active: Count
    admitted: Count
    ended: Ended
    waits_s: Waits | None
    admissions_per_s: list[Admissions]
    lanes: list[LaneNow]


class AuditEntry(Struct):
    """What an operator did. `outcome`: `begun` as long as it is not known, `done`, or the code of
    the refusal."""

    audit_id: Id
    at: Moment
    operator: str
    action: str
    room_id: RoomId | None
    subject: str | None
    changes: dict[str, Any]
    outcome: str
