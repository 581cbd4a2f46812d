"""The bodies that the booking API's answers have."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.shapes import Count, Id, Moment, RoomId

#: With exactly the digits of its currency.
Money = Annotated[
    str, Meta(extra_json_schema={"pattern": r"^-?[0-9]+(\.[0-9]{1,4})?$"}, examples=["120.00"])
]
Currency = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Z]{3}$"}, examples=["USD"])]


class Concert(Struct):
    """A concert, and the room that guards it."""

    concert_id: Id
    concert_name: str
    room_id: RoomId


class Schedule(Struct):
    """A date of a concert. `seats_available`: free right now."""

    concert_schedule_id: Id
    concert_id: Id
    schedule_date: Moment
    seats_available: Count
    hold_ttl_s: Count
    max_seats_per_user: Count


class SeatsAdded(Struct):
    """How many seats the date got."""

    seats_added: Count


class MappedSeat(Struct):
    """A seat of a date."""

    concert_seat_id: Id
    seat_number: str
    price: Money
    status: Literal["AVAILABLE", "RESERVED", "SOLD"]


class SeatMap(Struct):
    """A date's seats. Ask with `?since=<version>` for what changes after it."""

    concert_schedule_id: Id
    version: Count
    currency: Currency
    seats: list[MappedSeat]


class Booking(Struct):
    """A seat held (PENDING until `expiration_at`), bought (CONFIRMED) or let go (CANCELED)."""

    concert_booking_id: Id
    concert_schedule_id: Id
    concert_seat_id: Id
    seat_number: str
    price: Money
    currency: Currency
    status: Literal["PENDING", "CONFIRMED", "CANCELED"]
    expiration_at: Moment
    created_at: Moment


class OwnBooking(Booking):
    """A booking with what it is for. `refunded`: how much of its payment was given back."""

    concert_id: Id
    concert_name: str
    schedule_date: Moment
    canceled_reason: Literal["owner", "expired", "operator", "refunded", "date_canceled"] | None
    refunded: Money


class Held(Struct):
    """One PENDING booking for each seat, and what they cost together."""

    bookings: list[Booking]
    total: Money
    currency: Currency


class Payment(Struct):
    """A booking's payment."""

    payment_id: Id
    concert_booking_id: Id
    payment_amount: Money
    created_at: Moment


class Paid(Struct):
    """One payment for each booking, and the balance that is left."""

    payments: list[Payment]
    total: Money
    balance: Money
    currency: Currency


class User(Struct):
    """A visitor's user."""

    user_id: Id
    user_name: str
    balance: Money
    currency: Currency


class SignedUp(User):
    """A new user. Send the token as `Authorization: Bearer <identity_token>`."""

    identity_token: str


class Charged(Struct):
    """The balance after a charge."""

    balance: Money
    currency: Currency


class Movement(Struct):
    """A movement of a balance; `amount` is signed."""

    ledger_id: Id
    kind: Literal["CHARGE", "PAYMENT", "REFUND"]
    amount: Money
    balance_after: Money
    currency: Currency
    payment_id: Id | None
    concert_booking_id: Id | None
    refund_id: Id | None
    created_at: Moment
