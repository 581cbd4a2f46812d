"""Holding seats, letting holds go, and reading one's bookings."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from aiohttp import web

from booking_api.answers import OwnBooking
from booking_api.booking_filters import Wanted
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.moments import Moments
from booking_api.money import Currency
from booking_api.rendering import utc_text
from booking_api.seat_maps import SeatMaps
from booking_api.seating import BestAvailable
from shared.errors import NotFound, OnsaleError
from shared.paging import Page
from shared.tokens import Place


@dataclass(frozen=True, slots=True)
class _Hold:
    """Named seats that a visitor asks for."""

    place: Place
    schedule_id: int
    seats: list[str]
    asked: Once


class Bookings:
    """Bookings of all visitors."""

    def __init__(self, sale: Sale, currency: Currency, seat_maps: SeatMaps):
        self._sale = sale
        self._seat_maps = seat_maps
        self._currency = currency
        self._moments = Moments(self._hold_together, self._hold_alone)

    async def hold(
        self, place: Place, schedule_id: int, wanted: list[str] | BestAvailable, asked: Once
    ) -> Answer:
        """Hold seats, all or none. Raises SeatTaken, OrphanSeat, LimitExceeded, NotFound, …"""
        if isinstance(wanted, BestAvailable):
            known = await self._candidates(schedule_id, wanted)
            best = (wanted.count, wanted.adjacent, wanted.section, wanted.max_price, known)
            answer = await self._hold("hold_best", place, schedule_id, best, asked)
        else:
            hold = _Hold(place, schedule_id, wanted, asked)
            seats = [(schedule_id, seat) for seat in wanted]
            answer = await self._moments.ask(hold, own=(place.visitor,), shared=seats)
        self._seat_maps.taken(schedule_id, _seats(answer))
        return answer

    async def _hold_alone(self, hold: _Hold) -> Answer:
        return await self._hold(
            "hold_seats", hold.place, hold.schedule_id, (hold.seats,), hold.asked
        )

    async def _hold_together(self, holds: list[_Hold]) -> list[Answer | OnsaleError | None]:
        return await self._sale.decide_each(
            "hold_moment",
            "hold_seats",
            [hold.place.visitor for hold in holds],
            [hold.place.jti for hold in holds],
            [hold.place.room_id for hold in holds],
            [hold.schedule_id for hold in holds],
            [number for number, hold in enumerate(holds, 1) for _ in hold.seats],
            [seat for hold in holds for seat in hold.seats],
            [hold.asked.path for hold in holds],
            [hold.asked.key for hold in holds],
            [hold.asked.fingerprint for hold in holds],
            self._currency.code,
            self._currency.digits,
        )

    async def _candidates(self, schedule_id: int, wanted: BestAvailable) -> list[list[int]]:
        """Seats that may do. There are none only when there were none after this was called."""
        known = await self._seat_maps.candidates(schedule_id, wanted)
        return known or await self._seat_maps.candidates(schedule_id, wanted, fresh=True)

    async def _hold(
        self, name: str, place: Place, schedule_id: int, wanted: tuple[Any, ...], asked: Once
    ) -> Answer:
        return await self._sale.decide(
            name,
            place.visitor,
            place.jti,
            place.room_id,
            schedule_id,
            *wanted,
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )

    async def close(self) -> None:
        """Let the holds under way come to their end, and refuse whoever still waits."""
        await self._moments.close()

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


def _seats(answer: Answer) -> list[int]:
    return [booking["concert_seat_id"] for booking in orjson.loads(answer.body)["bookings"]]


BOOKINGS = web.AppKey("bookings", Bookings)
