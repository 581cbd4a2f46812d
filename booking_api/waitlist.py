"""The line for seats of dates that are sold out.

Whoever joins it is offered a seat that becomes free before everybody else may take it. An offer is
a PENDING booking of its own time; it is paid like any other.
"""

from aiohttp import web

from booking_api.database import Answer, Sale
from booking_api.money import Currency
from shared.errors import NotFound
from shared.tokens import Place

#: Seats locked by one transaction; a date is offered on until nothing moves.
BATCH = 50


class Waitlist:
    """The waiting lists of all dates."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def join(self, place: Place, schedule_id: int) -> Answer:
        """Take a place, or show the one there is. Raises NotSoldOut, LimitExceeded, …"""
        return await self._sale.decide(
            "join_waitlist",
            place.visitor,
            place.jti,
            place.room_id,
            schedule_id,
            self._currency.code,
            self._currency.digits,
        )

    async def place(self, visitor: str, schedule_id: int) -> str:
        """A visitor's last place, as the API shows it. Raises NotFound."""
        row = await self._sale.row(
            "waitlist_place", visitor, schedule_id, self._currency.code, self._currency.digits
        )
        if row is None:
            raise NotFound
        return str(row["body"])

    async def leave(self, visitor: str, schedule_id: int) -> None:
        """Give a place up, with what is offered; repeating it is harmless. Raises NotFound."""
        await self._sale.decide("leave_waitlist", visitor, schedule_id)

    async def offer(self) -> int:
        """Offer free seats to those who wait; how many places moved. Any number of processes may
        run it."""
        moved = 0
        for row in await self._sale.rows("waited_for"):
            while found := await self._offer(row["concert_schedule_id"]):
                moved += found
        return moved

    async def _offer(self, schedule_id: int) -> int:
        row = await self._sale.row(
            "offer_seats", schedule_id, BATCH, self._currency.code, self._currency.digits
        )
        return 0 if row is None else int(row["moved"])


WAITLIST = web.AppKey("waitlist", Waitlist)
