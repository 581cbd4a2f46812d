"""Seats as operators see, price and remove them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from booking_api.answers import Currency, Money
from booking_api.bodies import Amount, BandName, SeatNumber, SectionName, distinct
from booking_api.money import Currency as CurrencyOf
from shared.errors import ValidationFailed
from shared.shapes import Count, Id, Moment

#: As many seats as one request may name.
MOST_NAMED = 50_000
MOST_RULES = 100

_DISTINCT = {"uniqueItems": True}
SeatNumbers = Annotated[
    list[SeatNumber], Meta(min_length=1, max_length=MOST_NAMED, extra_json_schema=_DISTINCT)
]


class OperatorsSeat(Struct):
    """A seat of a date, where it is, and whose it is."""

    concert_seat_id: Id
    seat_number: str
    section: str
    row: str | None
    place: Count | None
    band: str
    price: Money
    currency: Currency
    status: Literal["AVAILABLE", "RESERVED", "SOLD"]
    concert_booking_id: Id | None
    held_until: Moment | None


class Rule(Struct, forbid_unknown_fields=True):
    """A price, and the seats that get it: those for which all that is said here is true."""

    price: Amount
    seat_numbers: Annotated[SeatNumbers, Meta(examples=[["A-2"]])] | UnsetType = UNSET
    section: SectionName | UnsetType = UNSET
    band: BandName | UnsetType = UNSET


class PricesRequest(Struct, forbid_unknown_fields=True):
    """New prices; for a seat of several rules the last one counts."""

    prices: Annotated[list[Rule], Meta(min_length=1, max_length=MOST_RULES)]

    def checked(self, currency: CurrencyOf) -> list[dict[str, Any]]:
        """The rules. Raises ValidationFailed for bad prices, and seats unnamed or twice."""
        found = []
        for index, rule in enumerate(self.prices):
            given = {k: v for k, v in msgspec.structs.asdict(rule).items() if v is not UNSET}
            if len(given) == 1:
                raise ValidationFailed(
                    f"Name seat_numbers, a section or a band - at `$.prices[{index}]`"
                )
            distinct(given.get("seat_numbers", ()), f"prices[{index}].seat_numbers")
            found.append({**given, "price": str(currency.amount(rule.price, least=0))})
        return found


class PricesChanged(Struct):
    """How many seats have a new price, and how many kept theirs since they are held or sold."""

    changed: Count
    kept: Count


class RemovalRequest(Struct, forbid_unknown_fields=True):
    """Seats to remove, all or none."""

    seat_numbers: SeatNumbers

    def checked(self) -> list[str]:
        """The seats. Raises ValidationFailed for one named twice."""
        distinct(self.seat_numbers, "seat_numbers")
        return self.seat_numbers


class SeatsRemoved(Struct):
    """How many seats the date lost."""

    seats_removed: Count
