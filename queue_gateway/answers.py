"""The bodies that the gateway's answers have."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from shared.seats_left import DatesLeft
from shared.shapes import Count, LaneName, Moment, RoomId

State = Literal["open", "paused", "draining", "closed"]
IdentityRule = Literal["required", "anonymous"]
Reason = Literal[
    "completed", "left", "idle", "unclaimed", "timed_out", "revoked", "closed", "sold_out"
]
RoomReason = Literal["closed", "sold_out"]
SaleStatus = Literal["on_sale", "held_out", "sold_out"]


class Lane(Struct, forbid_unknown_fields=True):
    """A lane of a room. Of busy lanes, each gets admissions in proportion to its weight."""

    lane: LaneName
    weight: Annotated[int, Meta(ge=1, le=100)] = 1


class LaneNow(Struct):
    """A lane, and how many wait in it."""

    lane: LaneName
    weight: Count
    waiting: Count


class Wait(Struct):
    """How long it may take, in seconds, as the line moved in the last minutes."""

    low: Count
    high: Count


class SaleNow(Struct):
    """How the sale stands. `held_out`: no seat is free, but some are held and may come back."""

    status: SaleStatus
    seats_available: Count


class TokenState(Struct):
    """A token right now. Ask again after `poll_after_ms`.

    `position`: 1 is next, 0 is inside, null has ended. `expires_at`: ACTIVE only; so is
    `pass`, a JWT by which other sites know that the room let the visitor in. While WAIT:
    `lane` is where it waits, if the room has lanes, and position and `waiting` are of that lane;
    `state`, `opens_at` and `sale` are the room's.
    """

    room_id: RoomId
    status: Literal["WAIT", "ACTIVE", "EXPIRED"]
    number: Count
    position: Count | None
    waiting: Count
    eta_s: Wait | None
    poll_after_ms: Count
    expires_at: Moment | None
    reason: Reason | None
    lane: LaneName | None
    state: State | None
    opens_at: Moment | None
    sale: SaleNow | None
    pass_: str | None = field(name="pass")


class TokenGiven(TokenState):
    """A token, and what it is right now. Send it in the Queue-Token header."""

    token: str


class Sale(DatesLeft, kw_only=True):
    """What is left of the seats that a room guards, at most a second old. A list of rooms shows the
    first few dates of each."""

    status: SaleStatus
    seats_available: Count
    seats_reserved: Count
    seats_sold: Count


class Room(Struct):
    """What everybody may see of a room. `reason`: why it is closed. `sale`: null where it guards
    nothing that is on sale."""

    room_id: RoomId
    title: str
    state: State
    reason: RoomReason | None
    opens_at: Moment | None
    serving_number: Count
    waiting: Count
    active: Count
    admitted_per_minute: Count
    identity: IdentityRule
    lanes: list[LaneNow]
    sale: Sale | None


class OperatorsRoom(Room):
    """A room with its settings."""

    max_active: Count
    admit_per_minute: Count
    active_ttl_s: Count
    claim_ttl_s: Count
    idle_ttl_s: Count
    compensate_no_shows: bool
    ends_with_sale: bool
    version: Count
