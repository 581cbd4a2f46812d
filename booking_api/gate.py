"""Who may ask what: every route has one of five gates, and the default is the strictest.

Order of checks: identity, token present, signature, `sub`, room, stored idempotent answer, status;
then the handler looks at the body and at what it is about.
"""

from collections import OrderedDict
from enum import StrEnum
from functools import cache
from time import monotonic

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from booking_api.database import Sale
from booking_api.idempotency import stored_response
from shared.credentials import identity, queue_token, require_operator
from shared.errors import (
    OnsaleError,
    QueueTokenExpired,
    QueueTokenForeign,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueTokenWaiting,
)
from shared.operators import Operator
from shared.paging import number
from shared.places import ACTIVE as LET_IN
from shared.places import PLACES, WAIT
from shared.stores import unavailable
from shared.tokens import Place, QueueTokens, verified


class Gate(StrEnum):
    """What a route needs."""

    ACTIVE = "identity and an ACTIVE token of the room that guards it"
    ADMITTED = "identity and a signed token of the visitor and room, whatever its status"
    OWNER = "identity"
    OPEN = "nothing"
    OPERATOR = "the operator's key"


#: Every route that is not ACTIVE.
GATES: dict[str, Gate] = {
    "POST /v1/payments": Gate.ADMITTED,
    "POST /v1/payments/intents": Gate.ADMITTED,
    "DELETE /v1/bookings/{concert_booking_id}": Gate.ADMITTED,
    "POST /v1/bookings/{concert_booking_id}/extension": Gate.ADMITTED,
    "POST /v1/schedules/{concert_schedule_id}/waitlist": Gate.ADMITTED,
    "GET /v1/schedules/{concert_schedule_id}/waitlist": Gate.OWNER,
    "DELETE /v1/schedules/{concert_schedule_id}/waitlist": Gate.OWNER,
    "GET /v1/bookings": Gate.OWNER,
    "GET /v1/bookings/{concert_booking_id}": Gate.OWNER,
    "POST /v1/bookings/{concert_booking_id}/refunds": Gate.OWNER,
    "GET /v1/bookings/{concert_booking_id}/ticket": Gate.OWNER,
    "GET /v1/bookings/{concert_booking_id}/ticket.svg": Gate.OWNER,
    "GET /v1/bookings/{concert_booking_id}/ticket.png": Gate.OWNER,
    "GET /v1/bookings/{concert_booking_id}/ticket.pdf": Gate.OWNER,
    "GET /v1/tickets/keys": Gate.OPEN,
    "GET /v1/users/me": Gate.OWNER,
    "GET /v1/users/me/ledger": Gate.OWNER,
    "POST /v1/users/me/charges": Gate.OWNER,
    "GET /v1/payments/intents/{payment_intent_id}": Gate.OWNER,
    "POST /v1/provider/events": Gate.OPEN,  # signed by the provider
    "POST /v1/users": Gate.OPEN,
    "GET /healthz": Gate.OPEN,
    "GET /readyz": Gate.OPEN,
    "GET /metrics": Gate.OPEN,
    "GET /openapi.json": Gate.OPEN,
    "GET /docs": Gate.OPEN,
    "GET /v1/admin/concerts": Gate.OPERATOR,
    "POST /v1/admin/concerts": Gate.OPERATOR,
    "GET /v1/admin/concerts/{concert_id}": Gate.OPERATOR,
    "PUT /v1/admin/concerts/{concert_id}": Gate.OPERATOR,
    "DELETE /v1/admin/concerts/{concert_id}": Gate.OPERATOR,
    "GET /v1/admin/concerts/{concert_id}/schedules": Gate.OPERATOR,
    "POST /v1/admin/concerts/{concert_id}/schedules": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}": Gate.OPERATOR,
    "PUT /v1/admin/schedules/{concert_schedule_id}": Gate.OPERATOR,
    "DELETE /v1/admin/schedules/{concert_schedule_id}": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/seats": Gate.OPERATOR,
    "PUT /v1/admin/schedules/{concert_schedule_id}/prices": Gate.OPERATOR,
    "POST /v1/admin/schedules/{concert_schedule_id}/seats/removal": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/limits/{visitor}": Gate.OPERATOR,
    "PUT /v1/admin/schedules/{concert_schedule_id}/limits/{visitor}": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/cancellation": Gate.OPERATOR,
    "POST /v1/admin/schedules/{concert_schedule_id}/cancellation": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/sales": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/bookings.csv": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/payments.csv": Gate.OPERATOR,
    "GET /v1/admin/concerts/{concert_id}/sales": Gate.OPERATOR,
    "GET /v1/admin/users": Gate.OPERATOR,
    "GET /v1/admin/users/{user_id}": Gate.OPERATOR,
    "GET /v1/admin/bookings": Gate.OPERATOR,
    "GET /v1/admin/bookings/{concert_booking_id}": Gate.OPERATOR,
    "POST /v1/admin/bookings/{concert_booking_id}/cancellation": Gate.OPERATOR,
    "POST /v1/admin/schedules/{concert_schedule_id}/seats": Gate.OPERATOR,
    "POST /v1/admin/bookings/{concert_booking_id}/refunds": Gate.OPERATOR,
    "POST /v1/admin/checkins": Gate.OPERATOR,
    "GET /v1/admin/webhooks": Gate.OPERATOR,
    "POST /v1/admin/webhooks/{webhook_event_id}/replay": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/tickets": Gate.OPERATOR,
    "GET /v1/admin/schedules/{concert_schedule_id}/tickets.csv": Gate.OPERATOR,
}

TOKENS = web.AppKey("tokens", QueueTokens)
VISITOR = web.RequestKey("visitor", str)
PLACE = web.RequestKey("place", Place)
OPERATOR = web.RequestKey("operator", Operator)


@cache
def gate_of(method: str, route: str) -> Gate:
    """The gate of a route's pattern; a route nobody thought of is ACTIVE, or the operator's."""
    asked = hdrs.METH_GET if method == hdrs.METH_HEAD else method
    default = Gate.OPERATOR if route.startswith("/v1/admin") else Gate.ACTIVE
    return GATES.get(f"{asked} {route}", default)


@web.middleware
async def gated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who may; handlers find the visitor, the place or the operator on the request."""
    resource = request.match_info.route.resource
    if request.match_info.http_exception is not None or resource is None:
        return await handler(request)  # 404 or 405: nothing is there to guard
    gate = gate_of(request.method, resource.canonical)
    if gate is Gate.OPERATOR:
        request[OPERATOR] = require_operator(request)
    elif gate is not Gate.OPEN:
        request[VISITOR] = visitor = identity(request)
        if gate is not Gate.OWNER:
            request[PLACE] = place = await _place(request, visitor)
            refused = await _refusal(request, place) if gate is Gate.ACTIVE else None
            if refused is not None:
                return await _replayed_or(refused, request)
    return await handler(request)


async def _place(request: web.Request, visitor: str) -> Place:
    """The place that the request proves, its visitor's own, of the room its path belongs to."""
    raw = queue_token(request)
    if raw is None:  # no header, and not exactly one cookie: the path says which room's
        room_id = await _room(request)
        raw = None if room_id is None else queue_token(request, room_id)
    place = verified(
        request.app[TOKENS], raw, required=QueueTokenRequired, invalid=QueueTokenInvalid
    )
    if place.visitor != visitor or await _room(request) not in {None, place.room_id}:
        raise QueueTokenForeign
    return place


async def _refusal(request: web.Request, place: Place) -> OnsaleError | None:
    """Why the place does not open an ACTIVE gate; None if it does."""
    try:
        found = await request.app[PLACES].status(place)
    except Exception as error:
        lost = unavailable(error)
        if lost is None:
            raise
        return lost
    if found.status == LET_IN:
        return None
    if found.status == WAIT:
        return QueueTokenWaiting(
            position=found.position, retry_after_s=-(-found.poll_after_ms // 1000)
        )
    return QueueTokenExpired(reason=found.reason)


async def _replayed_or(refused: OnsaleError, request: web.Request) -> web.StreamResponse:
    """The stored answer of a repeated request, which outlives its token; else the refusal."""
    stored = None
    if request.method == hdrs.METH_POST:
        stored = await stored_response(request, request[VISITOR])
    if stored is None:
        raise refused
    return stored


class Guards:
    """Which room guards a concert or a date: remembered for a while, a bounded number of them."""

    SIZE = 10_000
    AGE_S = 60.0

    def __init__(self, sale: Sale):
        self._sale = sale
        self._known: OrderedDict[tuple[str, int], tuple[str, float]] = OrderedDict()

    async def room(self, name: str, of: int) -> str | None:
        """The room of `concert_room` or `schedule_room`; None when there is no such thing."""
        known = self._known.get((name, of))
        if known is not None and known[1] > monotonic():
            return known[0]
        row = await self._sale.row(name, of)
        if row is None:
            return None  # not remembered: it may be made in the next moment
        room_id = str(row["room_id"])
        self._known[name, of] = (room_id, monotonic() + self.AGE_S)
        while len(self._known) > self.SIZE:
            self._known.popitem(last=False)
        return room_id


GUARDS = web.AppKey("guards", Guards)

_GUARDED = {"concert_id": "concert_room", "concert_schedule_id": "schedule_room"}


async def _room(request: web.Request) -> str | None:
    """The room that guards what the path names; None when it names nothing that is guarded."""
    for name, lookup in _GUARDED.items():
        raw = request.match_info.get(name)
        of = None if raw is None else number(raw)
        if of is not None:
            return await request.app[GUARDS].room(lookup, of)
    return None
