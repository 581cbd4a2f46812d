"""Sales figures."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from booking_api.answers import Currency, Money
from shared.shapes import Count, Id, Moment

Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2030-01-01"])]


class SeatFigures(Struct):
    """Seats by their status right now."""

    available: Count
    reserved: Count
    sold: Count
    total: Count


class Takings(Struct):
    """What was ever sold, how many of those were canceled, and the money: `net` is what is left of
    `gross` after `refunded`."""

    sold: Count
    canceled: Count
    gross: Money
    refunded: Money
    net: Money


class DayFigures(Struct):
    """What was sold and given back on one day (UTC) in one price band; a seat without a band is in
    the one of its price."""

    day: Day
    band: str
    sold: Count
    refunds: Count
    gross: Money
    refunded: Money
    net: Money


class ScheduleSales(Struct):
    """The figures of a date. `complete`: no earlier days are left out."""

    concert_schedule_id: Id
    concert_id: Id
    currency: Currency
    seats: SeatFigures
    takings: Takings
    days: list[DayFigures]
    complete: bool


class DateFigures(Struct):
    """The figures of a date, without its days."""

    concert_schedule_id: Id
    schedule_date: Moment
    state: Literal["on_sale", "stopped", "canceled"]
    seats: SeatFigures
    takings: Takings


class ConcertSales(Struct):
    """The figures of a concert, and of its dates one by one."""

    concert_id: Id
    currency: Currency
    takings: Takings
    items: list[DateFigures]
    next_cursor: str | None
