"""Giving money of paid bookings back: to owners who cancel, and at operators' wish."""

from decimal import Decimal
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from booking_api.answers import Currency as Code
from booking_api.answers import Money
from booking_api.bodies import VISIBLE, Amount
from booking_api.database import Answer, Sale
from booking_api.gate import OPERATOR, VISITOR
from booking_api.idempotency import (
    KEY,
    KEY_REFUSALS,
    WAS_REPLAYED,
    Once,
    answer_response,
    idempotency_key,
    once,
)
from booking_api.money import CURRENCY, Currency
from shared import openapi
from shared.errors import (
    Forbidden,
    NotRefundable,
    TooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from shared.openapi import described
from shared.operators import Operator
from shared.paging import path_id
from shared.shapes import Id, Moment
from shared.web import convert, read_json

#: What a refund says that its booking's owner asked for.
OWNERS = "owner"

routes = web.RouteTableDef()


class CancellationRequest(Struct, forbid_unknown_fields=True):
    """Nothing: how much is given back is the concert's business."""


class RefundRequest(Struct, forbid_unknown_fields=True):
    """Money to give back; all that is left of the payment cancels the booking."""

    amount: Amount
    reason: Annotated[
        str, Meta(min_length=1, max_length=200, pattern=VISIBLE, examples=["Behind a pillar"])
    ]


class Refund(Struct):
    """Money that was given back, and the owner's balance after it."""

    refund_id: Id
    concert_booking_id: Id
    refund_amount: Money
    balance: Money
    currency: Code
    created_at: Moment


class Refunds:
    """Refunds of all bookings."""

    def __init__(self, sale: Sale, currency: Currency):
        self._sale = sale
        self._currency = currency

    async def to_owner(self, visitor: str, booking_id: int, asked: Once) -> Answer:
        """Cancel one's paid booking for what the concert gives back. Raises NotFound,
        NotRefundable, Forbidden when the concert refunds nothing, or nothing any more."""
        return await self._decide(visitor, None, booking_id, None, OWNERS, asked)

    async def by_operator(
        self, operator: Operator, booking_id: int, amount: Decimal, reason: str, asked: Once
    ) -> Answer:
        """Give back a part of a payment, or all that is left of it, which cancels the booking.
        Raises NotFound, NotRefundable."""
        return await self._decide(None, operator.name, booking_id, amount, reason, asked)

    async def _decide(
        self,
        visitor: str | None,
        operator: str | None,
        booking_id: int,
        amount: Decimal | None,
        reason: str,
        asked: Once,
    ) -> Answer:
        return await self._sale.decide(
            "refund_booking",
            visitor,
            operator,
            booking_id,
            amount,
            reason,
            asked.path,
            asked.key,
            asked.fingerprint,
            self._currency.code,
            self._currency.digits,
        )


REFUNDS = web.AppKey("refunds", Refunds)


@routes.post("/v1/bookings/{concert_booking_id}/refunds")
@described(
    {201: openapi.Answer(Refund, (WAS_REPLAYED,))},
    parameters=(KEY,),
    refusals=(
        Forbidden,
        NotRefundable,
        TooLarge,
        UnsupportedMediaType,
        ValidationFailed,
        *KEY_REFUSALS,
    ),
)
async def cancel_for_refund(request: web.Request) -> web.Response:
    """Cancel a paid booking; the concert's refund goes to the balance. It needs no body."""
    idempotency_key(request)
    body = await read_json(request) if request.body_exists else {}
    convert(body, CancellationRequest)
    answer = await request.app[REFUNDS].to_owner(
        request[VISITOR], path_id(request, "concert_booking_id"), once(request, body)
    )
    return answer_response(answer)


@routes.post("/v1/admin/bookings/{concert_booking_id}/refunds")
@described(
    {201: openapi.Answer(Refund, (WAS_REPLAYED,))},
    body=RefundRequest,
    parameters=(KEY,),
    refusals=(NotRefundable, *KEY_REFUSALS),
)
async def refund(request: web.Request) -> web.Response:
    """Give back a part of a booking's payment, or all that is left, which cancels it."""
    idempotency_key(request)
    body = await read_json(request)
    wanted = convert(body, RefundRequest)
    amount = request.app[CURRENCY].amount(wanted.amount, least=0)
    answer = await request.app[REFUNDS].by_operator(
        request[OPERATOR],
        path_id(request, "concert_booking_id"),
        amount,
        wanted.reason,
        once(request, body),
    )
    return answer_response(answer)
