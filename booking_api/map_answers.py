"""Seat maps as answers, besides `answers.SeatMap`: a hall in few characters, and its changes."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from booking_api.answers import Currency, Money
from shared.shapes import Count, Id
from shared.sse import data_of

Layout = Annotated[str, Meta(examples=["5d41402abc4b2a76b9719d91"])]
#: [7, 3, 20, 2] is 7, 8, 9, 20, 21.
Runs = Annotated[list[Count], Meta(examples=[[101, 60]])]


class PriceBand(Struct):
    """Seats of one price. `band`: the operator's name for them, '' if they have none."""

    band: str
    price: Money


class CompactRow(Struct, omit_defaults=True):
    """Seats in the order of their places; those without a row are one row, `row` null.

    `ids`, `places`: runs of numbers that follow one another: first, how many, first, how many …
    `bands`: the same, with the index of the price band: which, how many, …
    A seat's number is `prefix` and its place, or stands in `numbers`.
    `statuses`: a letter for each seat: A(vailable), R(eserved), S(old).
    """

    row: str | None
    ids: Runs
    bands: Runs
    places: Runs | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    numbers: list[str] | UnsetType = UNSET
    statuses: Annotated[str, Meta(pattern=r"^[ARS]*\Z", examples=["AAARRSSAAA"])] = ""


class CompactSection(Struct):
    """A part of the hall; its better rows come first."""

    section: str
    rows: list[CompactRow]


class CompactSeats(Struct):
    """A date's seats in few bytes. Ask with `?since=<version>` for what changes after it.

    `layout` is another one after seats were added, or got other prices.
    """

    concert_schedule_id: Id
    version: Count
    currency: Currency
    layout: Layout
    bands: list[PriceBand]
    sections: list[CompactSection]


class CompactChanges(Struct):
    """Which seats are what, of those that changed, by `concert_seat_id`.

    If `layout` is not that of the map you have, ask for the whole map again.
    """

    concert_schedule_id: Id
    version: Count
    layout: Layout
    available: list[Id]
    reserved: list[Id]
    sold: list[Id]


ChangesData = data_of(CompactChanges.__name__)


class MapEvent(Struct):
    """One event. `id`: the version that is known then; `retry`: ms until a reconnect."""

    event: Literal["seats"]
    id: str
    data: ChangesData  # type: ignore[valid-type]
    retry: Count | UnsetType = UNSET
