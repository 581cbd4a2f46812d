"""Paying through a provider, over HTTP. The routes are there when a provider is configured."""

from collections.abc import Sequence
from datetime import datetime
from time import time
from typing import Annotated, Any, Literal

import asyncpg
from aiohttp import web
from msgspec import Meta, Struct

from booking_api.answers import Currency as Code
from booking_api.answers import Money
from booking_api.bodies import YEARS, PaymentRequest
from booking_api.gate import PLACE, VISITOR
from booking_api.idempotency import (
    KEY,
    KEY_REFUSALS,
    REPLAYED,
    WAS_REPLAYED,
    idempotency_key,
    once,
)
from booking_api.intents import INTENTS
from booking_api.money import CURRENCY, Currency
from booking_api.provider import SIGNATURE, Intent, Name
from booking_api.rendering import utc_text
from shared.errors import (
    BookingExpired,
    NotFound,
    NotPayable,
    SignatureInvalid,
    TooManyRequests,
    ValidationFailed,
)
from shared.openapi import Answer, Parameter, described
from shared.paging import path_id
from shared.shapes import MAX_ID, Id, Moment
from shared.stamps import is_stamped
from shared.web import convert, json_response, read_json

SECRETS: web.AppKey[Sequence[str]] = web.AppKey("provider_secrets", Sequence)
UNCACHED = {"Cache-Control": "no-store"}
STAMP = Parameter(
    "header", SIGNATURE, str, "`t=<unix time>,v1=<HMAC-SHA-256 of time, '.' and body>`.", True
)

routes = web.RouteTableDef()


class PaymentIntent(Struct):
    """A payment that the provider is to collect. The visitor's client pays it at the provider, with
    `reference` and `client_secret`; the bookings are paid when the provider says so."""

    payment_intent_id: Id
    concert_booking_ids: list[Id]
    amount: Money
    currency: Code
    status: Literal["created", "succeeded", "declined", "refund_due", "refunded"]
    reference: str | None
    client_secret: str | None
    created_at: Moment


class ProviderEvent(Struct):
    """What the provider says has happened, under an id of its own."""

    id: Name
    type: Name
    created_at: Annotated[datetime, Meta(tz=True)]
    data: Intent


@routes.post("/v1/payments/intents")
@described(
    {201: Answer(PaymentIntent, (WAS_REPLAYED,))},
    body=PaymentRequest,
    parameters=(KEY,),
    refusals=(NotFound, NotPayable, BookingExpired, TooManyRequests, *KEY_REFUSALS),
)
async def create_intent(request: web.Request) -> web.Response:
    """Pay the named bookings, all or none, through the provider."""
    idempotency_key(request)
    body = await read_json(request)
    wanted = convert(body, PaymentRequest).checked()
    if not all(1 <= booking_id <= MAX_ID for booking_id in wanted):
        raise NotFound
    intent, replayed = await request.app[INTENTS].create(
        request[PLACE], wanted, once(request, body)
    )
    shown = _shown(intent, request.app[CURRENCY])
    shown.status = "created"  # as it was when it was answered first
    headers = {**UNCACHED, REPLAYED: "true"} if replayed else UNCACHED
    return json_response(shown, status=201, headers=headers)


@routes.get("/v1/payments/intents/{payment_intent_id}")
@described({200: Answer(PaymentIntent)})
async def intent(request: web.Request) -> web.Response:
    """What became of one of the visitor's payments through the provider."""
    found = await request.app[INTENTS].one(request[VISITOR], path_id(request, "payment_intent_id"))
    return json_response(_shown(found, request.app[CURRENCY]), headers=UNCACHED)


@routes.post("/v1/provider/events")
@described({204: Answer()}, body=ProviderEvent, parameters=(STAMP,), refusals=(SignatureInvalid,))
async def provider_event(request: web.Request) -> web.Response:
    """For the provider: what happened to a payment. Its signature is the credential."""
    body: Any = await read_json(request)
    signed = request.headers.getall(SIGNATURE, [])
    if len(signed) != 1 or not is_stamped(
        request.app[SECRETS], signed[0], await request.read(), time()
    ):
        raise SignatureInvalid
    event = convert(body, ProviderEvent)
    if event.created_at.year not in YEARS:
        raise ValidationFailed("created_at is out of range - at `$.created_at`")
    await request.app[INTENTS].take(event.id, event.type, event.created_at, event.data)
    return web.Response(status=204)


def _shown(row: "asyncpg.Record", currency: Currency) -> PaymentIntent:
    return PaymentIntent(
        payment_intent_id=row["payment_intent_id"],
        concert_booking_ids=row["concert_booking_ids"],
        amount=currency.text(row["amount"]),
        currency=currency.code,
        status=row["status"],
        reference=row["reference"],
        client_secret=row["secret"],
        created_at=utc_text(row["created_at"]),
    )
