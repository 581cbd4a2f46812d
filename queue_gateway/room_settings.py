"""A room's settings: what may be set, to what, and what it is otherwise."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from queue_gateway.answers import IdentityRule, Lane, State
from shared.errors import ValidationFailed
from shared.places import LINES
from shared.shapes import RoomId

DEFAULTS: dict[str, Any] = {
    "title": "",
    "state": "open",
    "opens_at_ms": "",
    "max_active": 100,
    "admit_per_minute": 600,
    "active_ttl_s": 300,
    "claim_ttl_s": 60,
    "idle_ttl_s": 900,
    "identity": "required",
    "lanes": "",
    "compensate_no_shows": 0,
    "ends_with_sale": 0,
}

MOST_LANES = len(LINES)

Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class RoomChanges(Struct, forbid_unknown_fields=True):
    """Settings of a room; a field left out keeps its value.

    `lanes`: who belongs to none of them waits in the last one. `compensate_no_shows`: whoever does
    not claim gives the admission back to the rate. `ends_with_sale`: while all seats are held
    nobody is let in, and then one for each seat that comes back; when all are sold the room closes.
    Opened again it stays open until a seat is free again.
    """

    title: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")] | UnsetType = UNSET
    state: State | UnsetType = UNSET
    opens_at: Annotated[datetime, Meta(tz=True)] | None | UnsetType = UNSET
    max_active: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    admit_per_minute: Annotated[int, Meta(ge=0, le=6_000_000)] | UnsetType = UNSET
    active_ttl_s: Seconds | UnsetType = UNSET
    claim_ttl_s: Seconds | UnsetType = UNSET
    idle_ttl_s: Seconds | UnsetType = UNSET
    identity: IdentityRule | UnsetType = UNSET
    lanes: Annotated[list[Lane], Meta(max_length=MOST_LANES)] | UnsetType = UNSET
    compensate_no_shows: bool | UnsetType = UNSET
    ends_with_sale: bool | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """As the store keeps them. Raises ValidationFailed."""
        found = {k: v for k, v in msgspec.structs.asdict(self).items() if v is not UNSET}
        found.pop("room_id", None)
        if "opens_at" in found:
            opens_at = found.pop("opens_at")
            found["opens_at_ms"] = "" if opens_at is None else int(opens_at.timestamp() * 1000)
        if "lanes" in found:
            lanes: list[Lane] = found["lanes"]
            if len({lane.lane for lane in lanes}) < len(lanes):
                raise ValidationFailed("Each lane needs a name of its own - at `$.lanes`")
            found["lanes"] = ",".join(f"{lane.lane}:{lane.weight}" for lane in lanes)
        for flag in {"compensate_no_shows", "ends_with_sale"} & found.keys():
            found[flag] = int(found[flag])
        return found


class NewRoom(RoomChanges, forbid_unknown_fields=True, kw_only=True):
    """A room to be; settings left out get their defaults."""

    room_id: Annotated[RoomId, Meta(examples=["autumn-tour"])]
