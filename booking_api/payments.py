"""Paying held seats from the balance, and ending the visit that a payment completes."""

from aiohttp import web

from booking_api.completions import Completions
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.money import Currency
from shared.tokens import Place


class Payments:
    """Payments of all visitors."""

    def __init__(self, sale: Sale, currency: Currency, completions: Completions):
        self._sale = sale
        self._currency = currency
        self._completions = completions

    async def pay(self, place: Place, booking_ids: list[int], asked: Once) -> Answer:
        """Pay all the bookings or none; Redis knows of the completed token when this returns, or
        will be told. Raises BookingExpired, NotPayable, InsufficientBalance, NotFound, …"""
        answer = await self._sale.decide(
            "pay_bookings",
            place.visitor,
            place.room_id,
            booking_ids,
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )
        if answer.row["completed"]:
            await self._completions.tell(place.visitor, answer.row["completed"])
        return answer


PAYMENTS = web.AppKey("payments", Payments)
