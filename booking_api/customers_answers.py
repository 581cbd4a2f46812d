"""Visitors and their bookings as operators see them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from booking_api.answers import Currency, Money
from booking_api.bodies import MOST_SEATS
from shared.shapes import Count, Id, Moment, RoomId


class OperatorsUser(Struct):
    """A visitor: `visitor` is whom their identity names."""

    user_id: Id
    visitor: str
    user_name: str
    balance: Money
    currency: Currency
    created_at: Moment


class BookingCounts(Struct):
    """How many bookings are in which state."""

    pending: Count
    confirmed: Count
    canceled: Count


class OperatorsPayment(Struct):
    """What was paid for a booking, and how much of it was given back."""

    payment_id: Id
    payment_amount: Money
    refunded_amount: Money
    payment_intent_id: Id | None
    created_at: Moment


class OperatorsBooking(Struct):
    """Anybody's booking. `token_value`: the place in line that let its visitor in."""

    concert_booking_id: Id
    concert_schedule_id: Id
    concert_seat_id: Id
    seat_number: str
    user_id: Id
    visitor: str
    price: Money
    currency: Currency
    status: Literal["PENDING", "CONFIRMED", "CANCELED"]
    canceled_reason: str | None
    expiration_at: Moment
    extended_at: Moment | None
    room_id: RoomId
    token_value: str
    payment: OperatorsPayment | None
    created_at: Moment
    updated_at: Moment


class OperatorsRefund(Struct):
    """Money given back; `operator` null: at the visitor's own wish."""

    refund_id: Id
    refund_amount: Money
    reason: str
    operator: str | None
    created_at: Moment


class OperatorsCheckin(Struct):
    """When its ticket was used, and where."""

    used_at: Moment
    gate: str
    operator: str


class OperatorsBookingWhole(OperatorsBooking):
    """With its latest refunds and its check-in."""

    refunds: list[OperatorsRefund]
    checkin: OperatorsCheckin | None


class OperatorsUserWhole(OperatorsUser):
    """With their latest bookings."""

    counts: BookingCounts
    bookings: list[OperatorsBooking]


class OwnLimit(Struct):
    """How many seats of a date a visitor may hold (`seat_limit`) and holds. `own_limit`: theirs
    alone; null: the date's."""

    concert_schedule_id: Id
    visitor: str
    live_seats: Count
    own_limit: Count | None
    seat_limit: Count


class LimitRequest(Struct, forbid_unknown_fields=True):
    """A limit of the visitor's own; null: the date's."""

    own_limit: Annotated[int, Meta(ge=0, le=MOST_SEATS)] | None
