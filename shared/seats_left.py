"""What is left of the seats a room guards: counted by the booking API, shown by the gateway."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.shapes import Count, Id, Moment

Price = Annotated[
    str, Meta(extra_json_schema={"pattern": r"^[0-9]+(\.[0-9]{1,4})?$"}, examples=["120.00"])
]
Currency = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Z]{3}$"}, examples=["USD"])]


class BandLeft(Struct):
    """A price band of a date. `band`: its name, '' where it has none but its price."""

    band: str
    price: Price
    seats_available: Count


class DateLeft(Struct):
    """A date, the dearest band first. `more_bands`: how many are not listed."""

    concert_schedule_id: Id
    concert_id: Id
    schedule_date: Moment
    seats_available: Count
    bands: list[BandLeft]
    more_bands: Count


class DatesLeft(Struct):
    """Dates that are on sale, the first one first. `more_schedules`: how many are not listed."""

    currency: Currency
    schedules: list[DateLeft]
    more_schedules: Count
