"""The cancellation of a date, as it is asked for and as it goes on."""

from typing import Annotated

from msgspec import Meta, Struct

from booking_api.answers import Currency, Money
from shared.shapes import Count, Id, Moment

#: Told to those whom it concerns.
Reason = Annotated[
    str,
    Meta(
        min_length=1, max_length=200, pattern=r"^(?=.*\S)[^\x00-\x1f\x7f]*\Z", examples=["Illness"]
    ),
]


class CancellationRequest(Struct, forbid_unknown_fields=True):
    """Why, and how much of what was paid goes back."""

    reason: Reason
    refund_percent: Annotated[int, Meta(ge=0, le=100)] = 100


class ScheduleCancellation(Struct):
    """How far it has come: `done` of `total` bookings ended; `finished_at` null: it goes on."""

    concert_schedule_id: Id
    reason: str
    refund_percent: Count
    operator: str
    total: Count
    done: Count
    refunded: Money
    currency: Currency
    created_at: Moment
    finished_at: Moment | None
