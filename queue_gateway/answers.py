"""The bodies that the gateway's answers have."""

from typing import Literal

from msgspec import Struct

from shared.shapes import Count, Moment, RoomId

State = Literal["open", "paused", "draining", "closed"]
Reason = Literal["completed", "left", "idle", "unclaimed", "timed_out", "revoked", "closed"]


class Wait(Struct):
    """How long it may take, in seconds, as the line moved in the last minutes."""

    low: Count
    high: Count


class TokenState(Struct):
    """A token right now. Ask again after `poll_after_ms`.

    `position`: 1 is next, 0 is inside, null has ended. `expires_at`: ACTIVE only.
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


class TokenGiven(TokenState):
    """A token, and what it is right now. Send it in the Queue-Token header."""

    token: str


class Room(Struct):
    """What everybody may see of a room."""

    room_id: RoomId
    title: str
    state: State
    opens_at: Moment | None
    serving_number: Count
    waiting: Count
    active: Count
    admitted_per_minute: Count


class OperatorsRoom(Room):
    """A room with its settings."""

    max_active: Count
    admit_per_minute: Count
    active_ttl_s: Count
    claim_ttl_s: Count
    idle_ttl_s: Count
    version: Count
