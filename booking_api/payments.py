"""Paying held seats from the balance, and ending the visit that a payment completes."""

from dataclasses import dataclass

from aiohttp import web

from booking_api.completions import Completions
from booking_api.database import Answer, Sale
from booking_api.idempotency import Once
from booking_api.moments import Moments
from booking_api.money import Currency
from shared.errors import OnsaleError
from shared.tokens import Place


@dataclass(frozen=True, slots=True)
class _Payment:
    """What one request asks to be paid."""

    place: Place
    booking_ids: list[int]
    asked: Once


class Payments:
    """Payments of all visitors; those of one moment share a statement."""

    def __init__(self, sale: Sale, currency: Currency, completions: Completions):
        self._sale = sale
        self._currency = currency
        self._completions = completions
        self._moments = Moments[_Payment, Answer](self._pay_plain, self._pay_alone)

    async def close(self) -> None:
        """Begin no more; what is under way comes to its end."""
        await self._moments.close()

    async def pay(self, place: Place, booking_ids: list[int], asked: Once) -> Answer:
        """Pay all the bookings or none; Redis knows of the completed token when this returns, or
        will be told. Raises BookingExpired, NotPayable, InsufficientBalance, NotFound, …"""
        answer = await self._moments.ask(_Payment(place, booking_ids, asked), own=())
        if answer.row["completed"]:
            await self._completions.tell(place.visitor, answer.row["completed"])
        return answer

    async def _pay_plain(self, payments: list[_Payment]) -> list[Answer | OnsaleError | None]:
        return await self._sale.decide_each(
            "pay_moment",
            "pay_bookings",
            [payment.place.visitor for payment in payments],
            [payment.place.room_id for payment in payments],
            [payment.asked.path for payment in payments],
            [payment.asked.key for payment in payments],
            [payment.asked.fingerprint for payment in payments],
            [number for number, payment in enumerate(payments, 1) for _ in payment.booking_ids],
            [booking_id for payment in payments for booking_id in payment.booking_ids],
            self._currency.code,
            self._currency.digits,
        )

    async def _pay_alone(self, payment: _Payment) -> Answer:
        return await self._sale.decide(
            "pay_bookings",
            payment.place.visitor,
            payment.place.room_id,
            payment.booking_ids,
            payment.asked.path,
            payment.asked.key,
            payment.asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )


PAYMENTS = web.AppKey("payments", Payments)
