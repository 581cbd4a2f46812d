"""The visitor's side of the booking API. What a route needs stands in `gate.GATES`."""

from aiohttp import web
from msgspec import structs

from booking_api.accounts import ACCOUNTS
from booking_api.answers import (
    Charged,
    Concert,
    Held,
    Movement,
    OwnBooking,
    Paid,
    Schedule,
    SignedUp,
    User,
)
from booking_api.bodies import ChargeRequest, HoldRequest, PaymentRequest, SignUpRequest
from booking_api.booking_filters import FILTERS, wanted
from booking_api.bookings import BOOKINGS
from booking_api.catalogue import CATALOGUE, concert_shown, schedule_shown
from booking_api.gate import PLACE, VISITOR
from booking_api.idempotency import (
    KEY,
    KEY_REFUSALS,
    WAS_REPLAYED,
    answer_response,
    idempotency_key,
    once,
)
from booking_api.money import CURRENCY
from booking_api.payments import PAYMENTS
from shared.credentials import IDENTITIES
from shared.errors import (
    BookingExpired,
    Forbidden,
    HoldChurn,
    InsufficientBalance,
    LimitExceeded,
    NotFound,
    NotPayable,
    OrphanSeat,
    SaleStopped,
    SeatTaken,
)
from shared.openapi import Answer, described
from shared.paging import PAGED, list_response, page, path_id
from shared.shapes import MAX_ID, Page
from shared.web import convert, json_response, read_json

#: What is one visitor's own, or moves by the second.
UNCACHED = {"Cache-Control": "no-store"}

routes = web.RouteTableDef()
demo_routes = web.RouteTableDef()


@routes.get("/v1/concerts")
@described({200: Answer(Page[Concert])}, parameters=PAGED)
async def concerts(request: web.Request) -> web.Response:
    """The concerts that the token's room guards."""
    asked = page(request)
    rows = await request.app[CATALOGUE].concerts(request[PLACE].room_id, asked)
    return list_response(rows, asked, "concert_id", concert_shown)


@routes.get("/v1/concerts/{concert_id}/schedules")
@described({200: Answer(Page[Schedule])}, parameters=PAGED)
async def schedules(request: web.Request) -> web.Response:
    """A concert's dates, with the seats free right now."""
    asked = page(request)
    rows = await request.app[CATALOGUE].schedules(path_id(request, "concert_id"), asked)
    return list_response(
        rows,
        asked,
        "concert_schedule_id",
        lambda row: schedule_shown(row, row["seats_available"]),
    )


@routes.post("/v1/schedules/{concert_schedule_id}/bookings")
@described(
    {201: Answer(Held, (WAS_REPLAYED,))},
    body=HoldRequest,
    parameters=(KEY,),
    refusals=(SeatTaken, OrphanSeat, LimitExceeded, SaleStopped, HoldChurn, *KEY_REFUSALS),
)
async def hold(request: web.Request) -> web.Response:
    """Hold the named seats, or the best available ones: all or none."""
    idempotency_key(request)
    body = await read_json(request)
    wanted = convert(body, HoldRequest).checked(request.app[CURRENCY])
    answer = await request.app[BOOKINGS].hold(
        request[PLACE], path_id(request, "concert_schedule_id"), wanted, once(request, body)
    )
    return answer_response(answer)


@routes.get("/v1/bookings")
@described({200: Answer(Page[OwnBooking])}, parameters=(*PAGED, *FILTERS))
async def bookings(request: web.Request) -> web.Response:
    """The visitor's own bookings, newest first."""
    asked = page(request)
    known = request.app[BOOKINGS]
    rows = await known.of(request[VISITOR], asked, wanted(request))
    return list_response(rows, asked, "concert_booking_id", known.shown, headers=UNCACHED)


@routes.get("/v1/bookings/{concert_booking_id}")
@described({200: Answer(OwnBooking)})
async def booking(request: web.Request) -> web.Response:
    """One of the visitor's own bookings."""
    known = request.app[BOOKINGS]
    row = await known.one(request[VISITOR], path_id(request, "concert_booking_id"))
    return json_response(known.shown(row), headers=UNCACHED)


@routes.delete("/v1/bookings/{concert_booking_id}")
@described({204: Answer()}, refusals=(Forbidden,))
async def cancel(request: web.Request) -> web.Response:
    """Let a hold go, or cancel what is paid for the concert's refund; repeating it is harmless."""
    await request.app[BOOKINGS].cancel(request[PLACE], path_id(request, "concert_booking_id"))
    return web.Response(status=204)


@routes.post("/v1/payments")
@described(
    {201: Answer(Paid, (WAS_REPLAYED,))},
    body=PaymentRequest,
    parameters=(KEY,),
    refusals=(NotFound, InsufficientBalance, NotPayable, BookingExpired, *KEY_REFUSALS),
)
async def pay(request: web.Request) -> web.Response:
    """Pay all the named bookings from the balance, or none."""
    idempotency_key(request)
    body = await read_json(request)
    wanted = convert(body, PaymentRequest).checked()
    if not all(1 <= booking_id <= MAX_ID for booking_id in wanted):
        raise NotFound
    answer = await request.app[PAYMENTS].pay(request[PLACE], wanted, once(request, body))
    return answer_response(answer)


@routes.get("/v1/users/me")
@described({200: Answer(User)})
async def me(request: web.Request) -> web.Response:
    """The visitor's user and balance."""
    return json_response(await request.app[ACCOUNTS].user(request[VISITOR]), headers=UNCACHED)


@routes.get("/v1/users/me/ledger")
@described({200: Answer(Page[Movement])}, parameters=PAGED)
async def ledger(request: web.Request) -> web.Response:
    """Every movement of the visitor's balance, newest first."""
    asked = page(request)
    accounts = request.app[ACCOUNTS]
    rows = await accounts.ledger(request[VISITOR], asked)
    return list_response(rows, asked, "ledger_id", accounts.movement)


@demo_routes.post("/v1/users")
@described({201: Answer(SignedUp)}, body=SignUpRequest)
async def sign_up(request: web.Request) -> web.Response:
    """Become somebody."""
    wanted = convert(await read_json(request), SignUpRequest)
    visitor, user = await request.app[ACCOUNTS].sign_up(wanted.user_name)
    identity_token = request.app[IDENTITIES].sign(visitor, lane=wanted.lane or "")
    signed_up = SignedUp(**structs.asdict(user), identity_token=identity_token)
    return json_response(signed_up, status=201, headers=UNCACHED)


@demo_routes.post("/v1/users/me/charges")
@described(
    {201: Answer(Charged, (WAS_REPLAYED,))},
    body=ChargeRequest,
    parameters=(KEY,),
    refusals=KEY_REFUSALS,
)
async def charge(request: web.Request) -> web.Response:
    """Add money to the balance, out of thin air."""
    idempotency_key(request)
    body = await read_json(request)
    amount = request.app[CURRENCY].amount(convert(body, ChargeRequest).amount)
    answer = await request.app[ACCOUNTS].charge(request[VISITOR], amount, once(request, body))
    return answer_response(answer)
