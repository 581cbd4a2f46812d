"""The local provider over HTTP: what a shop asks of it, and what a visitor's browser does there."""

import hmac
from collections.abc import AsyncIterator
from time import time
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from local_provider.events import Events
from local_provider.settings import Settings
from local_provider.till import Refused, Till

SETTINGS = web.AppKey("settings", Settings)
TILL = web.AppKey("till", Till)
EVENTS = web.AppKey("events", Events)

MOST_BYTES = 16 * 1024
#: Numbers of cards, and what comes of them.
CARDS = {
    "4242424242424242": "success",
    "4000000000000002": "decline",
    "4000000000000119": "timeout",
    "4000000000000259": "late",
}

Text = Annotated[str, Meta(min_length=1, max_length=255)]
Outcome = Literal["success", "decline", "timeout", "late"]

routes = web.RouteTableDef()


class IntentRequest(Struct, forbid_unknown_fields=True):
    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,15}(\.[0-9]{1,4})?\Z")]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    metadata: dict[str, Text] = {}


class RefundRequest(Struct, forbid_unknown_fields=True):
    intent: Text


class Confirmation(Struct, forbid_unknown_fields=True):
    """`outcome`, or a card that stands for one. `late_s`: how late "late" is."""

    client_secret: Text
    outcome: Outcome | None = None
    card_number: str | None = None
    late_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None

    def chosen(self) -> str:
        """What is to come of it. Raises Refused for a card that nobody has."""
        outcome = self.outcome or CARDS.get((self.card_number or "").replace(" ", ""))
        if outcome is None:
            raise Refused(422, "no_such_card")
        return outcome


def create_app(settings: Settings) -> web.Application:
    app = web.Application(middlewares=[_refusals, _shop], client_max_size=MOST_BYTES)
    app[SETTINGS] = settings
    app.add_routes(routes)
    app.cleanup_ctx.append(_till)
    return app


@routes.get("/readyz")
@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """It runs."""
    return web.json_response({"status": "ok"})


@routes.post("/intents")
async def create(request: web.Request) -> web.Response:
    """Collect an amount: the shop's wish."""
    wanted = await _body(request, IntentRequest)
    intent, known = request.app[TILL].create(
        _key(request), wanted.amount, wanted.currency, wanted.metadata
    )
    return web.json_response(intent, status=200 if known else 201)


@routes.get("/intents/{id}")
async def intent(request: web.Request) -> web.Response:
    """What became of a payment."""
    till = request.app[TILL]
    till.collect(time())
    return web.json_response(till.intent(request.match_info["id"]))


@routes.post("/refunds")
async def refund(request: web.Request) -> web.Response:
    """Give back all that was collected."""
    wanted = await _body(request, RefundRequest)
    made, known = request.app[TILL].refund(_key(request), wanted.intent, time())
    request.app[EVENTS].wake()
    return web.json_response(made, status=200 if known else 201)


@routes.post("/intents/{id}/confirm")
async def confirm(request: web.Request) -> web.Response:
    """Pay: what the visitor's browser does. Timeout: the money is collected, and nobody is told."""
    wanted = await _body(request, Confirmation)
    outcome, till, now = wanted.chosen(), request.app[TILL], time()
    late_s = request.app[SETTINGS].late_s if wanted.late_s is None else wanted.late_s
    paid = till.pay(
        request.match_info["id"],
        wanted.client_secret,
        "declined" if outcome == "decline" else "succeeded",
        now + late_s if outcome == "late" else now,
        tells=outcome != "timeout",
    )
    till.collect(now)
    request.app[EVENTS].wake()
    if outcome == "timeout":
        raise Refused(504, "timeout")
    if outcome == "decline":
        raise Refused(402, "card_declined")
    return web.json_response(till.intent(paid["id"]))


@routes.post("/intents/{id}/events")
async def tell_again(request: web.Request) -> web.Response:
    """Deliver the events of a payment once more, in the wrong order."""
    told = request.app[TILL].tell_again(request.match_info["id"], time())
    request.app[EVENTS].wake()
    return web.json_response({"events": told})


async def _till(app: web.Application) -> AsyncIterator[None]:
    till = Till(app[SETTINGS].file)
    app[TILL] = till
    async with Events(till, app[SETTINGS]) as app[EVENTS]:
        yield
    till.close()


@web.middleware
async def _refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except Refused as refused:
        return web.json_response({"code": refused.code}, status=refused.status)
    return response


@web.middleware
async def _shop(request: web.Request, handler: Any) -> web.StreamResponse:
    """Everything but health and paying is the shop's, which has the key."""
    if not request.path.endswith(("/confirm", "/healthz", "/readyz")):
        given = request.headers.get(hdrs.AUTHORIZATION, "").encode()
        wanted = f"Bearer {request.app[SETTINGS].key}".encode()
        if not hmac.compare_digest(given, wanted):
            raise Refused(401, "key_required")
    response: web.StreamResponse = await handler(request)
    return response


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= 255:
        raise Refused(400, "idempotency_key_required")
    return key


async def _body(request: web.Request, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(422, "validation_failed") from None
