"""What is sold: concerts, their dates, the halls' seats; read by visitors, made by operators."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.paging import Page
from booking_api.rendering import utc_text
from shared.errors import NotFound

HOLD_TTL_S = 300
MAX_SEATS_PER_USER = 4


@dataclass(frozen=True, slots=True)
class SeatMap:
    """A seat map, rendered. `etag` is of the seats alone: `version` moves without them."""

    body: bytes
    etag: str


class Catalogue:
    """The catalogue of all rooms."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def concerts(self, room_id: str, asked: Page) -> "list[asyncpg.Record]":
        """What a room guards; one more than the page holds if there are more."""
        return await self._sale.rows("concerts", room_id, asked.after, asked.limit + 1)

    async def schedules(self, concert_id: int, asked: Page) -> "list[asyncpg.Record]":
        """A concert's dates in order, one more than the page if there are. Raises NotFound."""
        found = await self._sale.rows("schedules", concert_id, asked.after, asked.limit + 1)
        if not found and await self._sale.row("concert_room", concert_id) is None:
            raise NotFound
        return found

    async def seat_map(self, schedule_id: int, since: int | None) -> SeatMap:
        """All seats, or at least those that changed since a version. Raises NotFound."""
        rows = await self._sale.rows("seat_map", schedule_id, since)
        if not rows:
            raise NotFound
        price_text = cache(self._currency.text)
        seats = orjson.dumps(
            [
                {
                    "concert_seat_id": row["concert_seat_id"],
                    "seat_number": row["seat_number"],
                    "price": price_text(row["price"]),
                    "status": row["status"],
                }
                for row in rows
                if row["concert_seat_id"] is not None
            ]
        )
        head = {
            "concert_schedule_id": schedule_id,
            "version": rows[0]["version"],
            "currency": self._currency.code,
        }
        etag = f'W/"{hashlib.blake2b(seats, digest_size=12).hexdigest()}"'
        return SeatMap(orjson.dumps(head)[:-1] + b',"seats":' + seats + b"}", etag)

    async def create_concert(self, concert_name: str, room_id: str) -> "asyncpg.Record":
        """A concert, guarded by a room."""
        (row,) = await self._sale.rows("create_concert", concert_name, room_id)
        return row

    async def create_schedule(
        self,
        concert_id: int,
        schedule_date: datetime,
        hold_ttl_s: int = HOLD_TTL_S,
        max_seats_per_user: int = MAX_SEATS_PER_USER,
    ) -> "asyncpg.Record":
        """A date of a concert, without seats yet. Raises NotFound."""
        row = await self._sale.row(
            "create_schedule", concert_id, schedule_date, hold_ttl_s, max_seats_per_user
        )
        if row is None:
            raise NotFound
        return row

    async def add_seats(
        self, schedule_id: int, seat_numbers: Sequence[str], prices: Sequence[Decimal]
    ) -> int:
        """Seats of a date, all or none; returns how many. Raises NotFound, AlreadyThere."""
        (row,) = await self._sale.rows("add_seats", schedule_id, seat_numbers, prices)
        added = int(row["seats_added"])
        if not added:
            raise NotFound
        return added


def concert_shown(row: "asyncpg.Record") -> dict[str, Any]:
    """A concert as the API shows it."""
    return {name: row[name] for name in ("concert_id", "concert_name", "room_id")}


def schedule_shown(row: "asyncpg.Record", seats_available: int) -> dict[str, Any]:
    """A date as the API shows it."""
    return {
        "concert_schedule_id": row["concert_schedule_id"],
        "concert_id": row["concert_id"],
        "schedule_date": utc_text(row["schedule_date"]),
        "seats_available": seats_available,
        "hold_ttl_s": row["hold_ttl_s"],
        "max_seats_per_user": row["max_seats_per_user"],
    }


CATALOGUE = web.AppKey("catalogue", Catalogue)
