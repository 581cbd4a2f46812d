"""The bodies that requests may have."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from booking_api.catalogue import HOLD_TTL_S, MAX_SEATS_PER_USER, Terms
from booking_api.money import AMOUNT, Currency
from booking_api.seating import BestAvailable
from shared.errors import ValidationFailed
from shared.shapes import LaneName, RoomId

#: No control characters, so no NUL, which PostgreSQL does not take; something visible in it.
VISIBLE = r"^(?=.*\S)[^\x00-\x1f\x7f]*\Z"
_PLAIN = r"^[^\x00-\x1f\x7f]*\Z"
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=VISIBLE, examples=["Nina"])]
SeatNumber = Annotated[str, Meta(min_length=1, max_length=32, pattern=VISIBLE, examples=["A-12"])]
#: A hall's main section and a price without a name have the name ''.
SectionName = Annotated[str, Meta(max_length=64, pattern=_PLAIN, examples=["BALCONY"])]
RowName = Annotated[str, Meta(min_length=1, max_length=32, pattern=VISIBLE, examples=["A"])]
BandName = Annotated[str, Meta(max_length=64, pattern=_PLAIN, examples=["Stalls"])]
Amount = Annotated[
    str,
    Meta(max_length=32, extra_json_schema={"pattern": f"^{AMOUNT.pattern}$"}, examples=["120.00"]),
]

#: As many as the largest `max_seats_per_user`; the date's own limit is the database's business.
MOST_SEATS = 100

#: Told to readers of the schema; `distinct` is what checks it.
_DISTINCT = {"uniqueItems": True}

#: As many digits as are read from a seat's number.
MOST_PLACE = 999_999

YEARS = range(2000, 3000)


_SeatNumbers = Annotated[
    list[SeatNumber], Meta(min_length=1, max_length=MOST_SEATS, extra_json_schema=_DISTINCT)
]


class BestRequest(Struct, forbid_unknown_fields=True):
    """The best free seats: side by side unless said otherwise, none dearer than `max_price`."""

    count: Annotated[int, Meta(ge=1, le=MOST_SEATS)]
    adjacent: bool = True
    section: SectionName | None = None
    max_price: Amount | None = None


class HoldRequest(Struct, forbid_unknown_fields=True):
    """Seats to hold, all or none: named ones, or the best available; one of the two."""

    seat_numbers: Annotated[_SeatNumbers | None, Meta(examples=[["A-12"]])] = None
    best_available: BestRequest | None = None

    def checked(self, currency: Currency) -> list[str] | BestAvailable:
        """What is wanted. Raises ValidationFailed for neither or both, and a seat named twice."""
        named, best = self.seat_numbers, self.best_available
        if named is not None and best is None:
            distinct(named, "seat_numbers")
            return named
        if best is not None and named is None:
            most = None if best.max_price is None else currency.amount(best.max_price, least=0)
            return BestAvailable(best.count, best.adjacent, best.section, most)
        raise ValidationFailed("Send seat_numbers or best_available - at `$`")


class PaymentRequest(Struct, forbid_unknown_fields=True):
    """Bookings to pay, all or none."""

    concert_booking_ids: Annotated[
        list[int], Meta(min_length=1, max_length=MOST_SEATS, extra_json_schema=_DISTINCT)
    ]

    def checked(self) -> list[int]:
        """The bookings. Raises ValidationFailed for one named twice."""
        distinct(self.concert_booking_ids, "concert_booking_ids")
        return self.concert_booking_ids


class SignUpRequest(Struct, forbid_unknown_fields=True):
    """A user to be; `lane`: what the identity says of the lane they may wait in."""

    user_name: Name
    lane: LaneName | None = None


class ChargeRequest(Struct, forbid_unknown_fields=True):
    """Money to add to the balance."""

    amount: Amount


class ConcertRequest(Struct, forbid_unknown_fields=True):
    """A concert to be, and the room that guards it."""

    concert_name: Name
    room_id: RoomId
    refund_percent: Annotated[int, Meta(ge=0, le=100)] = 0


class ScheduleRequest(Struct, forbid_unknown_fields=True):
    """A date of a concert to be."""

    schedule_date: Annotated[datetime, Meta(tz=True)]
    hold_ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = HOLD_TTL_S
    max_seats_per_user: Annotated[int, Meta(ge=1, le=MOST_SEATS)] = MAX_SEATS_PER_USER
    hold_extension_s: Annotated[int, Meta(ge=0, le=86_400)] = Terms.hold_extension_s
    max_let_go_per_hour: Annotated[int, Meta(ge=0, le=10_000)] = Terms.max_let_go_per_hour
    offer_ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = Terms.offer_ttl_s
    avoid_orphans: bool = Terms.avoid_orphans
    refund_until: Annotated[datetime, Meta(tz=True)] | None = None

    def checked(self) -> datetime:
        """The date. Raises ValidationFailed for moments that are none of a concert."""
        in_range("schedule_date", self.schedule_date)
        in_range("refund_until", self.refund_until)
        return self.schedule_date

    def terms(self) -> Terms:
        """How it is sold, beside the time of holds and the limit of seats."""
        return Terms(
            self.hold_extension_s,
            self.max_let_go_per_hour,
            self.offer_ttl_s,
            self.avoid_orphans,
            self.refund_until,
        )


class Seat(Struct, forbid_unknown_fields=True):
    """A seat of a hall to be.

    Where it is is read from its number ('BALCONY-A-12', 'A-12') unless it is said here; `row` and
    `place` go together, and neighbours' places differ by one. `band`: the name of its price.
    """

    seat_number: SeatNumber
    price: Amount
    section: SectionName | None = None
    row: RowName | None = None
    place: Annotated[int, Meta(ge=0, le=MOST_PLACE)] | None = None
    band: BandName | None = None


class SeatsRequest(Struct, forbid_unknown_fields=True):
    """Seats of a date to be, all or none."""

    seats: Annotated[list[Seat], Meta(min_length=1, extra_json_schema=_DISTINCT)]


def in_range(field: str, moment: datetime | None) -> None:
    """Raises ValidationFailed for a moment that cannot be one of a concert."""
    if moment is not None and moment.year not in YEARS:
        raise ValidationFailed(f"{field} is out of range - at `$.{field}`")


def distinct(values: Sequence[Hashable], field: str) -> None:
    """Raises ValidationFailed when a value comes twice."""
    if len(set(values)) != len(values):
        raise ValidationFailed(f"Each only once - at `$.{field}`")
