"""The bodies of requests that change the programme; a field left out keeps its value."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from booking_api.bodies import MOST_SEATS, Name, in_range

Percent = Annotated[int, Meta(ge=0, le=100)]
Ttl = Annotated[int, Meta(ge=1, le=86_400)]
Extension = Annotated[int, Meta(ge=0, le=86_400)]
SeatLimit = Annotated[int, Meta(ge=1, le=MOST_SEATS)]
Churn = Annotated[int, Meta(ge=0, le=10_000)]
Moment = Annotated[datetime, Meta(tz=True)]


class ConcertChanges(Struct, forbid_unknown_fields=True):
    """Settings of a concert. `refund_percent`: what visitors get back of a paid booking that they
    cancel; 0: nothing, and they cannot."""

    concert_name: Name | UnsetType = UNSET
    refund_percent: Percent | UnsetType = UNSET
    on_sale: bool | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """What is to change."""
        return _given(self)


class ScheduleChanges(Struct, forbid_unknown_fields=True):
    """Settings of a date. `state`: `stopped` sells no more of it, apart from its room.

    `hold_extension_s` 0: holds are not extended. `max_let_go_per_hour` 0: no limit on seats that a
    visitor lets go unpaid. `refund_until` null: until the date itself.
    """

    state: Literal["on_sale", "stopped"] | UnsetType = UNSET
    schedule_date: Moment | UnsetType = UNSET
    hold_ttl_s: Ttl | UnsetType = UNSET
    hold_extension_s: Extension | UnsetType = UNSET
    max_seats_per_user: SeatLimit | UnsetType = UNSET
    max_let_go_per_hour: Churn | UnsetType = UNSET
    offer_ttl_s: Ttl | UnsetType = UNSET
    avoid_orphans: bool | UnsetType = UNSET
    refund_until: Moment | None | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        """What is to change. Raises ValidationFailed for moments that are none of a concert."""
        found = _given(self)
        in_range("schedule_date", found.get("schedule_date"))
        in_range("refund_until", found.get("refund_until"))
        return found


def _given(changes: Struct) -> dict[str, Any]:
    return {k: v for k, v in msgspec.structs.asdict(changes).items() if v is not UNSET}
