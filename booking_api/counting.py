"""Counting what is left of the seats: of all dates that are on sale, as of one moment."""

from collections import defaultdict
from dataclasses import dataclass
from time import monotonic

import asyncpg
import msgspec

from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.seats_left import BandLeft, DateLeft, DatesLeft

#: What a room shows is bounded, whatever is on sale.
MOST_DATES, MOST_BANDS = 30, 12


@dataclass(frozen=True, slots=True)
class Counted:
    """What is left of one room's seats. `dates`: DatesLeft, in JSON. `settled`: everybody who paid
    is known to the room to have done so."""

    available: int
    reserved: int
    sold: int
    dates: bytes
    settled: bool

    @property
    def sold_out(self) -> bool:
        return not (self.available or self.reserved)


@dataclass(frozen=True, slots=True)
class Count:
    """One count of all rooms.

    `version` orders counts, whoever made them. `last_booking`: its id. `sold_out`: the dates of
    which it is to be said that they are, or are no more. `lapses_at`: when a hold ends by itself,
    by the monotonic clock.
    """

    version: int
    last_booking: int
    rooms: dict[str, Counted]
    sold_out: list[int]
    lapses_at: float


class Counting:
    """Counts anew where anything may have changed."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency
        self._snapshot = ""
        self._known: Count | None = None

    async def now(self) -> Count:
        """A count of now, or the last one if nothing was committed since and no hold has lapsed.

        Raises database errors.
        """
        (row,) = await self._sale.rows("snapshot")
        known = self._known
        if known is None or self._snapshot != row["snapshot"] or monotonic() >= known.lapses_at:
            known = self._known = self._read(await self._sale.rows("seats_left"))
            # Read before the count: it may know of more.
            self._snapshot = row["snapshot"]
        return known

    def _read(self, rows: "list[asyncpg.Record]") -> Count:
        rooms: defaultdict[str, list[list[asyncpg.Record]]] = defaultdict(list)
        for bands in _dates(rows):
            rooms[bands[0]["room_id"]].append(bands)
        lapses = [row["lapses_in_s"] for row in rows if row["lapses_in_s"] is not None]
        return Count(
            version=rows[0]["version"],
            last_booking=rows[0]["last_booking"],
            rooms={room_id: self._room(dates) for room_id, dates in rooms.items()},
            sold_out=[
                bands[0]["concert_schedule_id"] for bands in _dates(rows) if _to_be_said(bands)
            ],
            lapses_at=monotonic() + min(lapses, default=float("inf")),
        )

    def _room(self, dates: "list[list[asyncpg.Record]]") -> Counted:
        left = DatesLeft(
            currency=self._currency.code,
            schedules=[self._date(bands) for bands in dates[:MOST_DATES]],
            more_schedules=max(0, len(dates) - MOST_DATES),
        )
        return Counted(
            available=sum(_sum(bands, "available") for bands in dates),
            reserved=sum(_sum(bands, "reserved") for bands in dates),
            sold=sum(_sum(bands, "sold") for bands in dates),
            dates=msgspec.json.encode(left),
            settled=dates[0][0]["settled"],
        )

    def _date(self, bands: "list[asyncpg.Record]") -> DateLeft:
        return DateLeft(
            concert_schedule_id=bands[0]["concert_schedule_id"],
            concert_id=bands[0]["concert_id"],
            schedule_date=utc_text(bands[0]["schedule_date"]),
            seats_available=_sum(bands, "available"),
            bands=[
                BandLeft(row["band"], self._currency.text(row["price"]), row["available"])
                for row in bands[:MOST_BANDS]
            ],
            more_bands=max(0, len(bands) - MOST_BANDS),
        )


def _dates(rows: "list[asyncpg.Record]") -> "list[list[asyncpg.Record]]":
    """The price bands of each date, in the order of the rows."""
    dates: dict[int, list[asyncpg.Record]] = {}
    for row in rows:
        if row["concert_schedule_id"] is not None:
            dates.setdefault(row["concert_schedule_id"], []).append(row)
    return list(dates.values())


def _sum(bands: "list[asyncpg.Record]", kind: str) -> int:
    return sum(int(row[kind]) for row in bands)


def _to_be_said(bands: "list[asyncpg.Record]") -> bool:
    """Whether a date became sold out, or is no more because a seat is free."""
    free, held = _sum(bands, "available"), _sum(bands, "reserved")
    return bool(free) if bands[0]["told_sold_out"] else not (free or held)
