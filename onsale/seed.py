"""An example catalogue for an empty database: three concerts, their dates, halls and rooms."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from booking_api.catalogue import Catalogue
from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.settings import read_currency
from queue_gateway.room import Rooms
from shared.settings import Environment
from shared.stores import connected_database, connected_redis

#: One seeding at a time, also when two stacks start on one database.
_LOCK = 0x6F6E5EED


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a hall: rows A, B, C ... of equally many seats at one price."""

    name: str
    rows: int
    seats: int
    price: int

    def numbers(self) -> Iterator[str]:
        """`A-12` in a hall's main section, `BALCONY-A-12` in the others; front row first."""
        prefix = f"{self.name}-" if self.name else ""
        for row in range(self.rows):
            for seat in range(1, self.seats + 1):
                yield f"{prefix}{_row_letters(row)}-{seat}"


@dataclass(frozen=True, slots=True)
class Concert:
    """A concert, its room and its dates."""

    name: str
    room_id: str
    max_active: int
    admit_per_minute: int
    first_in_days: int
    hours: tuple[int, ...]
    hall: tuple[Section, ...]


_CLUB = (Section("", 6, 20, 60), Section("BAR", 4, 15, 45), Section("BALCONY", 6, 20, 35))
_THEATRE = (
    Section("", 20, 30, 95),
    Section("CIRCLE", 12, 30, 70),
    Section("GALLERY", 8, 30, 40),
)
_ARENA = (
    Section("", 20, 50, 140),
    Section("LOWER", 30, 60, 110),
    Section("UPPER", 30, 60, 75),
    Section("ROOF", 10, 40, 45),
)

_CONCERTS = (
    Concert("Aurora Lane: Spring Tour", "spring-tour", 300, 3000, 60, (20, 20, 19), _ARENA),
    Concert("The Paper Lanterns", "paper-lanterns", 150, 1200, 35, (19, 20), _THEATRE),
    Concert("Night Ferry, unplugged", "night-ferry", 100, 600, 21, (20, 22), _CLUB),
)


async def seed(database_url: str, redis_url: str) -> bool:
    """Fill a database without concerts; True if it was empty.

    Rooms that exist keep their settings. Raises SettingError, StoreRefused and the stores' errors.
    """
    currency = read_currency(Environment(os.environ))
    async with (
        connected_redis(redis_url) as client,
        connected_database(database_url, application="onsale-seed") as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if await connection.fetchval("SELECT EXISTS (SELECT FROM concert)"):
            return False
        rooms = Rooms(client)
        for concert in _CONCERTS:
            # Before the concerts are there: no concert may stand there without its room.
            await rooms.configure(concert.room_id, _settings(concert), "none")
        catalogue = Catalogue(Sale.within(connection))
        for concert in _CONCERTS:
            await _add(catalogue, concert, currency)
    return True


async def _add(catalogue: Catalogue, concert: Concert, currency: Currency) -> None:
    made = await catalogue.create_concert(concert.name, concert.room_id)
    numbers = [number for section in concert.hall for number in section.numbers()]
    prices = [
        price
        for section in concert.hall
        for price in [_price(section.price, currency)] * (section.rows * section.seats)
    ]
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for day, hour in enumerate(concert.hours):
        date = (first + timedelta(days=concert.first_in_days + day)).replace(hour=hour)
        schedule = await catalogue.create_schedule(made["concert_id"], date)
        await catalogue.add_seats(schedule["concert_schedule_id"], numbers, prices)


def _settings(concert: Concert) -> dict[str, object]:
    return {
        "title": concert.name,
        "state": "open",
        "max_active": concert.max_active,
        "admit_per_minute": concert.admit_per_minute,
    }


def _price(amount: int, currency: Currency) -> Decimal:
    # Currencies without a minor unit count in larger numbers: 95 dollars, 95,000 won.
    return Decimal(amount) * (1000 if currency.digits == 0 else 1)


def _row_letters(row: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    letter = chr(ord("A") + row % 26)
    return letter if row < 26 else _row_letters(row // 26 - 1) + letter
