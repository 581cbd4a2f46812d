"""One customer: who they are, what they booked and paid, and what operators do for them."""

from typing import Any

import asyncpg
from aiohttp import web

from booking_api.booking_filters import Wanted
from booking_api.customers_answers import (
    BookingCounts,
    OperatorsBooking,
    OperatorsBookingWhole,
    OperatorsCheckin,
    OperatorsPayment,
    OperatorsRefund,
    OperatorsUser,
    OperatorsUserWhole,
    OwnLimit,
)
from booking_api.database import Sale
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.operators import Operator
from shared.paging import Page

#: Bookings shown with a visitor, and refunds shown with a booking.
LATEST = 50


class Customers:
    """All visitors and their bookings."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def users(self, visitor: str | None, asked: Page) -> "list[asyncpg.Record]":
        """Visitors, or the one of that name; one more than the page holds if there are more."""
        return await self._sale.rows("operators_users", visitor, asked.after, asked.limit + 1)

    async def user(self, user_id: int) -> OperatorsUserWhole:
        """One visitor, with their latest bookings. Raises NotFound."""
        row = await self._sale.row("operators_user", user_id)
        if row is None:
            raise NotFound
        bookings = await self.bookings(Wanted(), row["visitor"], Page(None, LATEST - 1))
        return OperatorsUserWhole(
            **self._user(row),
            counts=BookingCounts(row["pending"], row["confirmed"], row["canceled"]),
            bookings=[self.booking_shown(booking) for booking in bookings],
        )

    async def bookings(
        self, wanted: Wanted, visitor: str | None, asked: Page
    ) -> "list[asyncpg.Record]":
        """Bookings, newest first; one more than the page holds if there are more."""
        return await self._sale.rows(
            "operators_bookings",
            wanted.schedule_id,
            wanted.status,
            visitor,
            asked.after,
            asked.limit + 1,
        )

    async def booking(self, booking_id: int) -> OperatorsBookingWhole:
        """One booking with its payment, refunds and check-in. Raises NotFound."""
        row = await self._sale.row("operators_booking", booking_id)
        if row is None:
            raise NotFound
        refunds = await self._sale.rows("operators_refunds", row["payment_id"], LATEST)
        return OperatorsBookingWhole(
            **self._booking(row),
            refunds=[self._refund(refund) for refund in refunds],
            checkin=None
            if row["used_at"] is None
            else OperatorsCheckin(utc_text(row["used_at"]), row["gate"], row["checked_by"]),
        )

    async def cancel(
        self, booking_id: int, reason: str, refund_percent: int, who: Operator
    ) -> OperatorsBookingWhole:
        """Let a hold go, or cancel a paid booking and give that much back. Raises NotFound."""
        await self._sale.decide(
            "cancel_for_visitor",
            booking_id,
            reason,
            refund_percent,
            who.name,
            self._currency.code,
            self._currency.digits,
        )
        return await self.booking(booking_id)

    async def limit(self, schedule_id: int, visitor: str) -> OwnLimit:
        """How many seats of a date a visitor may hold, and holds. Raises NotFound."""
        row = await self._sale.row("own_limit", schedule_id, visitor)
        if row is None:
            raise NotFound
        return OwnLimit(**row)

    async def change_limit(
        self, schedule_id: int, visitor: str, own_limit: int | None, who: Operator
    ) -> OwnLimit:
        """Allow a visitor another number of seats; None: the date's. Raises NotFound."""
        await self._sale.decide("change_limit", schedule_id, visitor, own_limit, who.name)
        return await self.limit(schedule_id, visitor)

    def user_shown(self, row: "asyncpg.Record") -> OperatorsUser:
        """A visitor as operators see them."""
        return OperatorsUser(**self._user(row))

    def booking_shown(self, row: "asyncpg.Record") -> OperatorsBooking:
        """A booking as operators see it."""
        return OperatorsBooking(**self._booking(row))

    def _user(self, row: "asyncpg.Record") -> dict[str, Any]:
        return {
            "user_id": row["user_id"],
            "visitor": row["visitor"],
            "user_name": row["user_name"],
            "balance": self._currency.text(row["balance"]),
            "currency": self._currency.code,
            "created_at": utc_text(row["created_at"]),
        }

    def _booking(self, row: "asyncpg.Record") -> dict[str, Any]:
        same = (
            *("concert_booking_id", "concert_schedule_id", "concert_seat_id", "seat_number"),
            *("user_id", "visitor", "status", "canceled_reason", "room_id", "token_value"),
        )
        extended_at = row["extended_at"]
        return {
            **{name: row[name] for name in same},
            "price": self._currency.text(row["price"]),
            "currency": self._currency.code,
            "expiration_at": utc_text(row["expiration_at"]),
            "extended_at": None if extended_at is None else utc_text(extended_at),
            "payment": None if row["payment_id"] is None else self._payment(row),
            "created_at": utc_text(row["created_at"]),
            "updated_at": utc_text(row["updated_at"]),
        }

    def _payment(self, row: "asyncpg.Record") -> OperatorsPayment:
        return OperatorsPayment(
            payment_id=row["payment_id"],
            payment_amount=self._currency.text(row["payment_amount"]),
            refunded_amount=self._currency.text(row["refunded_amount"]),
            payment_intent_id=row["payment_intent_id"],
            created_at=utc_text(row["paid_at"]),
        )

    def _refund(self, row: "asyncpg.Record") -> OperatorsRefund:
        return OperatorsRefund(
            refund_id=row["refund_id"],
            refund_amount=self._currency.text(row["refund_amount"]),
            reason=row["reason"],
            operator=row["operator"],
            created_at=utc_text(row["created_at"]),
        )


CUSTOMERS = web.AppKey("customers", Customers)
