"""Holding seats, letting holds go, and reading one's bookings."""

import asyncpg
from aiohttp import web

from booking_api.answers import OwnBooking
from booking_api.booking_filters import Wanted
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.paging import Page
from shared.tokens import Place


class Bookings:
    """Bookings of all visitors."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def hold(self, place: Place, schedule_id: int, seats: list[str], asked: Once) -> Answer:
        """Hold the named seats, all or none. Raises SeatTaken, LimitExceeded, NotFound, …"""
        return await self._sale.decide(
            "hold_seats",
            place.visitor,
            place.jti,
            place.room_id,
            schedule_id,
            seats,
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )

    async def extend(self, place: Place, booking_id: int, asked: Once) -> Answer:
        """Give a hold more time, once. Raises NotExtendable, BookingExpired, SaleStopped, …"""
        return await self._sale.decide(
            "extend_hold",
            place.visitor,
            place.room_id,
            booking_id,
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )

    async def cancel(self, place: Place, booking_id: int) -> None:
        """Let a hold go, or give a paid seat back; repeating it is harmless. Raises NotFound,
        Forbidden for a paid one that is not, or no longer, refundable."""
        await self._sale.decide(
            "cancel_booking",
            place.visitor,
            place.room_id,
            booking_id,
            self._currency.code,
            self._currency.digits,
        )

    async def of(self, visitor: str, asked: Page, only: Wanted) -> "list[asyncpg.Record]":
        """A visitor's bookings, newest first; one more than the page holds if there are more."""
        return await self._sale.rows(
            "bookings",
            visitor,
            asked.after,
            asked.limit + 1,
            only.status,
            only.schedule_id,
            only.concert_id,
        )

    async def one(self, visitor: str, booking_id: int) -> "asyncpg.Record":
        """One booking of a visitor. Raises NotFound, also for somebody else's."""
        found = await self._sale.row("booking", visitor, booking_id)
        if found is None:
            raise NotFound
        return found

    def shown(self, row: "asyncpg.Record") -> OwnBooking:
        """A booking as the API shows it."""
        return OwnBooking(
            concert_booking_id=row["concert_booking_id"],
            concert_schedule_id=row["concert_schedule_id"],
            concert_seat_id=row["concert_seat_id"],
            seat_number=row["seat_number"],
            price=self._currency.text(row["price"]),
            currency=self._currency.code,
            status=row["status"],
            expiration_at=utc_text(row["expiration_at"]),
            created_at=utc_text(row["created_at"]),
            concert_id=row["concert_id"],
            concert_name=row["concert_name"],
            schedule_date=utc_text(row["schedule_date"]),
            canceled_reason=row["canceled_reason"],
            refunded=self._currency.text(row["refunded"]),
        )


BOOKINGS = web.AppKey("bookings", Bookings)
