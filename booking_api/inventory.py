"""The seats of a date as operators see them: where they are, what they cost, whose they are."""

from typing import Any

import asyncpg
import msgspec
from aiohttp import web

from booking_api.database import Sale
from booking_api.inventory_answers import OperatorsSeat, PricesChanged, SeatsRemoved
from booking_api.money import Currency
from booking_api.rendering import utc_text
from shared.errors import NotFound
from shared.operators import Operator
from shared.paging import Page


class Inventory:
    """The seats of all dates."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def seats(
        self, schedule_id: int, section: str | None, band: str | None, asked: Page
    ) -> "list[asyncpg.Record]":
        """A date's seats; one more than the page holds if there are more. Raises NotFound."""
        found = await self._sale.rows(
            "operators_seats", schedule_id, asked.after, asked.limit + 1, section, band
        )
        if not found and await self._sale.row("schedule_room", schedule_id) is None:
            raise NotFound
        return found

    async def set_prices(
        self, schedule_id: int, rules: list[dict[str, Any]], who: Operator
    ) -> PricesChanged:
        """New prices for free seats. Raises NotFound, also for seats that are not there;
        ScheduleCanceled."""
        given = msgspec.json.encode(rules).decode()
        answer = await self._sale.decide("set_prices", schedule_id, given, who.name)
        return msgspec.json.decode(answer.body, type=PricesChanged)

    async def remove(
        self, schedule_id: int, seat_numbers: list[str], who: Operator
    ) -> SeatsRemoved:
        """Take seats out, all or none. Raises NotFound, SeatTaken for those ever booked."""
        answer = await self._sale.decide("remove_seats", schedule_id, seat_numbers, who.name)
        return msgspec.json.decode(answer.body, type=SeatsRemoved)

    def shown(self, row: "asyncpg.Record") -> OperatorsSeat:
        """A seat as operators see it."""
        held_until = row["held_until"]
        return OperatorsSeat(
            concert_seat_id=row["concert_seat_id"],
            seat_number=row["seat_number"],
            section=row["section"],
            row=row["seat_row"],
            place=row["place"],
            band=row["band"],
            price=self._currency.text(row["price"]),
            currency=self._currency.code,
            status=row["status"],
            concert_booking_id=row["concert_booking_id"],
            held_until=None if held_until is None else utc_text(held_until),
        )


INVENTORY = web.AppKey("inventory", Inventory)
