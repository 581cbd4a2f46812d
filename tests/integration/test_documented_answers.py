"""Every success a document tells of happens, and its body is what the document says, no field more
and none less; so are the refusals on the way."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from redis.asyncio import Redis

from booking_api.waitlist import WAITLIST
from queue_gateway.app import create_app
from tests.booking_stack import ADMIN_KEY, BookingStack
from tests.documents import booking_app, gateway_app
from tests.integration import services
from tests.integration.documented_operators import operate
from tests.integration.exploring import strict
from tests.integration.services import Client
from tests.integration.sound_sale import move_journal
from tests.waiting import wait_until

ROOM = "/v1/rooms/spring-tour"


class Documented:
    """Judges answers by a service's document, and remembers which it saw."""

    def __init__(self, app: web.Application):
        self.document = strict(app)
        self.seen: set[tuple[str, str, int]] = set()

    def judge(
        self, method: str, path: str, status: int, media_type: str, headers: Any, raw: bytes
    ) -> None:
        template = self._template(path.partition("?")[0])
        answer = self.document["paths"][template][method.lower()]["responses"][str(status)]
        self.seen.add((method, template, status))
        for name, header in answer["headers"].items():
            assert not header.get("required") or name in headers, (method, path, status, name)
        described = answer.get("content", {})
        if not described:
            assert raw == b""
            return
        ((described_type, content),) = described.items()
        assert media_type == described_type
        if media_type.endswith("json"):
            schema = {**content["schema"], "components": self.document["components"]}
            checker = Draft202012Validator(schema, format_checker=FormatChecker())
            checker.validate(json.loads(raw))

    def unseen(self) -> set[tuple[str, str, int]]:
        """Successes that the document tells of and that did not happen."""
        told = {
            (method.upper(), path, int(status))
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            for status in operation["responses"]
            if int(status) < 400
        }
        return told - self.seen

    def _template(self, path: str) -> str:
        """The path of the document that `path` is; one without parameters first."""
        for template in sorted(self.document["paths"], key=lambda known: "{" in known):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return str(template)
        raise AssertionError(path)


@pytest.fixture
async def gateway(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Client]:
    async with services.served(create_app(services.settings(redis_url, database_url))) as client:
        yield client


def test_a_field_that_no_document_tells_of_is_noticed() -> None:
    documented = Documented(gateway_app())
    headers = {"X-Request-Id": "1"}

    documented.judge("GET", "/healthz", 200, "application/json", headers, b'{"status":"ok"}')
    for wrong in (b'{"status":"ok","more":1}', b'{"status":"ill"}', b"{}"):
        with pytest.raises(ValidationError):
            documented.judge("GET", "/healthz", 200, "application/json", headers, wrong)


async def test_the_gateways_answers_are_what_its_document_says(gateway: Client) -> None:
    documented = Documented(gateway_app())

    async def ask(method: str, path: str, headers: Any = None, body: Any = None) -> Any:
        found = await gateway.ask(method, path, headers=headers or {}, json=body)
        media_type = found.headers.get("Content-Type", "").partition(";")[0]
        documented.judge(method, path, found.status, media_type, found.headers, found.body)
        return found

    operator = {"Authorization": f"Bearer {services.ADMIN_KEY}"}
    visitors = [{"Authorization": f"Bearer {services.identity(name)}"} for name in ("ann", "bob")]
    settings = {"opens_at": "2020-01-01T00:00:00Z", "max_active": 0, "admit_per_minute": 6000}
    admin = "/v1/admin/rooms/spring-tour"

    assert (await ask("PUT", admin, operator, settings)).status == 428
    assert (await ask("PUT", admin, {**operator, "If-Match": "*"}, settings)).status == 201
    assert (await ask("PUT", admin, {**operator, "If-Match": '"1"'}, {})).status == 200
    assert (await ask("PUT", admin, {**operator, "If-Match": '"1"'}, {})).status == 412
    assert (await ask("GET", admin, operator)).status == 200
    assert (await ask("GET", admin, visitors[0])).status == 401
    held = []
    for visitor in visitors:
        assert (await ask("POST", f"{ROOM}/token", visitor)).status == 201
        again = await ask("POST", f"{ROOM}/token", visitor)
        assert again.status == 200
        held.append({"Queue-Token": again.json["token"]})
    first, second = held

    # Both wait, so that the first one's admission tells how fast the line moves.
    let_in = await ask("PUT", admin, {**operator, "If-Match": "*"}, {"max_active": 1})
    assert let_in.status == 200

    async def inside() -> bool:
        return bool((await ask("GET", f"{ROOM}/token", first)).json["status"] == "ACTIVE")

    await wait_until(inside)
    assert (await ask("GET", f"{ROOM}/authorize", first)).status == 204
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert (await ask(method, f"{ROOM}/authorize/checkout", first)).status == 204
    assert (await ask("GET", f"{ROOM}/authorize", second)).status == 403
    assert (await ask("GET", f"{ROOM}/authorize")).status == 401
    waiting = await ask("GET", f"{ROOM}/token", second)
    assert (waiting.json["status"], waiting.json["position"]) == ("WAIT", 1)

    async def expected() -> bool:  # figures of the room may be a second old
        return (await ask("GET", f"{ROOM}/token", second)).json["eta_s"] is not None

    await wait_until(expected)
    assert (await ask("DELETE", f"{ROOM}/token", second)).status == 204
    assert (await ask("GET", f"{ROOM}/authorize", second)).status == 403
    assert (await ask("GET", f"{ROOM}/token", second)).json["reason"] == "left"
    for path in ("/v1/rooms", ROOM, "/openapi.json", "/.well-known/jwks.json"):

        async def unchanged(path: str = path) -> bool:
            tag = (await ask("GET", path)).headers["ETag"]
            return bool((await ask("GET", path, {"If-None-Match": tag})).status == 304)

        await wait_until(unchanged)  # a view may be renewed in between
    for path in ("/healthz", "/readyz", "/metrics", "/docs", f"{ROOM}/page"):
        assert (await ask("GET", path)).status == 200
    await _steer(ask, operator)
    await _hear(gateway, documented, f"{admin}/stats/stream", operator)
    heard = await _hear(gateway, documented, f"{ROOM}/token/events", second)
    known = {"Last-Event-ID": heard.partition("id: ")[2].partition("\n")[0]}
    assert (await ask("GET", f"{ROOM}/token/events", {**second, **known})).status == 204
    assert (await ask("DELETE", f"{admin}", {**operator, "If-Match": '"999"'})).status == 412
    assert (await ask("DELETE", admin, operator)).status == 204
    assert (await ask("DELETE", admin, operator)).status == 204
    assert (await ask("GET", f"{admin}/stats", operator)).status == 404

    assert documented.unseen() == set()


async def _steer(ask: Any, operator: Any) -> None:
    """What operators do to a room and to those in it."""
    admin, made = "/v1/admin/rooms/spring-tour", {"room_id": "autumn-tour"}
    assert (await ask("POST", "/v1/admin/rooms", operator, made)).status == 201
    assert (await ask("POST", "/v1/admin/rooms", operator, made)).status == 412
    assert (await ask("POST", "/v1/admin/rooms", operator, {})).status == 422
    listed = await ask("GET", "/v1/admin/rooms?limit=1", operator)
    assert [room["room_id"] for room in listed.json["items"]] == ["autumn-tour"]
    assert (await ask("GET", "/v1/admin/rooms?limit=0", operator)).status == 400
    assert (await ask("POST", f"{admin}/admissions", operator, {"count": 1})).status == 200
    assert (await ask("POST", f"{admin}/admissions", operator, {"count": 0})).status == 422
    assert (await ask("POST", f"{admin}/extension", operator, {"seconds": 60})).status == 200
    token = await ask("GET", f"{admin}/tokens/ann", operator)
    assert (token.json["status"], token.json["claimed"]) == ("ACTIVE", True)
    assert (await ask("GET", f"{admin}/tokens/nobody", operator)).status == 404
    assert (await ask("DELETE", f"{admin}/tokens/ann", operator)).status == 204
    assert (await ask("DELETE", f"{admin}/tokens/ann?cancel_holds=yes", operator)).status == 400
    stats = await ask("GET", f"{admin}/stats", operator)
    assert (stats.json["ended"]["revoked"], stats.json["admitted"]) == (1, 1)
    paused = {"room_id": "winter-tour", "state": "paused"}
    assert (await ask("POST", "/v1/admin/rooms", operator, paused)).status == 201
    shut = "/v1/admin/rooms/winter-tour/admissions"
    assert (await ask("POST", shut, operator, {"count": 1})).status == 409
    assert (await ask("POST", f"{admin}/reset", {**operator, "If-Match": '"999"'})).status == 412
    assert (await ask("POST", f"{admin}/reset", operator)).status == 200
    audit = await ask("GET", "/v1/admin/audit?room_id=spring-tour&limit=1", operator)
    assert [entry["action"] for entry in audit.json["items"]] == ["room.reset"]
    assert audit.json["next_cursor"] is not None


async def _hear(
    service: Client | BookingStack, documented: Documented, path: str, headers: Any
) -> str:
    """The first event of a stream."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(service.url + path, headers=headers) as response,
    ):
        first = (await response.content.readuntil(b"\n\n")).decode()
        documented.judge(
            "GET", path, response.status, response.content_type, response.headers, first.encode()
        )
    return first


async def wait_in_line(ask: Any, booking: BookingStack, redis: Redis) -> None:
    """A seat is waited for, offered and given up."""
    schedule_id = await booking.date(["W-1"])
    path = f"/v1/schedules/{schedule_id}/waitlist"
    holder, waits = await booking.visitor(), await booking.visitor()
    assert (await ask("POST", path, waits)).status == 409
    (held,) = await booking.held(holder, schedule_id, "W-1")
    assert (await ask("POST", path, waits)).status == 503
    await move_journal(booking, redis)
    assert (await ask("GET", path, waits)).status == 404
    assert (await ask("POST", path, waits)).status == 201
    assert (await ask("POST", path, waits)).status == 200
    assert (await ask("DELETE", f"/v1/bookings/{held}", holder)).status == 204
    seats = f"/v1/schedules/{schedule_id}/bookings"
    best = {"best_available": {"count": 1}}
    assert (await ask("POST", seats, holder, key="w-1", body=best)).status == 409
    await booking.app[WAITLIST].offer()
    assert (await ask("GET", path, waits)).body["status"] == "OFFERED"
    assert (await ask("DELETE", path, waits)).status == 204
    assert (await ask("POST", seats, holder, key="w-2", body=best)).status == 201
    await booking.change(schedule_id, max_let_go_per_hour=1)
    assert (await ask("POST", seats, waits, key="w-3", body=best)).status == 429


async def test_the_booking_apis_answers_are_what_its_document_says(
    booking: BookingStack, redis: Redis
) -> None:
    documented = Documented(booking_app())
    known = await booking.date([f"A-{number}" for number in range(1, 9)])
    visitor = await booking.visitor(money="400.00")
    operator = {"Authorization": f"Bearer {ADMIN_KEY}"}

    async def ask(method: str, path: str, who: Any = visitor, **more: Any) -> Any:
        found = await booking.ask(method, path, who, **more)
        media_type = found.headers.get("Content-Type", "").partition(";")[0]
        documented.judge(method, path, found.status, media_type, found.headers, found.raw)
        return found

    async def hold(seats: list[str], key: str, status: int) -> Any:
        path = f"/v1/schedules/{known}/bookings"
        found = await ask("POST", path, key=key, body={"seat_numbers": seats})
        assert found.status == status, found.raw
        return found.body

    async def pay(ids: list[int], key: str, status: int) -> Any:
        found = await ask("POST", "/v1/payments", key=key, body={"concert_booking_ids": ids})
        assert found.status == status, found.raw
        return found.body

    for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await ask("GET", path, None)).status == 200
    signed_up = await ask("POST", "/v1/users", None, body={"user_name": "Ann"})
    assert signed_up.status == 201
    assert (await ask("POST", "/v1/users", None, body={})).status == 422

    body: dict[str, Any] = {"concert_name": "Nina Simone", "room_id": "room-a"}
    concert = await ask("POST", "/v1/admin/concerts", None, headers=operator, body=body)
    path = f"/v1/admin/concerts/{concert.body['concert_id']}/schedules"
    body = {"schedule_date": "2031-01-01T20:00:00Z"}
    date = await ask("POST", path, None, headers=operator, body=body)
    path = f"/v1/admin/schedules/{date.body['concert_schedule_id']}/seats"
    body = {"seats": [{"seat_number": "B-1", "price": "1.00"}]}
    assert (await ask("POST", path, None, headers=operator, body=body)).status == 201
    assert (await ask("POST", path, None, headers=operator, body=body)).status == 422
    assert (await ask("POST", path, visitor, body=body)).status == 401

    listed = await ask("GET", "/v1/concerts?limit=1")
    more = await ask("GET", f"/v1/concerts?limit=1&cursor={listed.body['next_cursor']}")
    assert len(more.body["items"]) == 1
    assert (await ask("GET", "/v1/concerts?limit=0")).status == 400
    off_sale = f"/v1/admin/concerts/{concert.body['concert_id']}"
    assert (await ask("DELETE", off_sale, None, headers=operator)).status == 204

    assert (await ask("GET", f"/v1/concerts/{concert.body['concert_id']}/schedules")).status == 200
    path = f"/v1/schedules/{known}/seats"
    seats = await ask("GET", path)
    assert (await ask("GET", f"{path}?since={seats.body['version']}")).status == 200
    assert (await ask("GET", f"{path}?view=compact")).status == 200
    assert (await ask("GET", f"{path}?view=compact&since=1")).status == 200
    credentials = {"Authorization": f"Bearer {visitor.identity}", "Queue-Token": visitor.token}
    assert "seats" in await _hear(booking, documented, f"{path}/events", credentials)
    fresh = {"If-None-Match": seats.headers["ETag"]}
    assert (await ask("GET", path, headers=fresh)).status == 304
    tag = {"If-None-Match": (await ask("GET", "/openapi.json")).headers["ETag"]}
    assert (await ask("GET", "/openapi.json", None, headers=tag)).status == 304

    held = await hold(["A-1", "A-2", "A-3"], "hold-1", 201)
    assert await hold(["A-1", "A-2", "A-3"], "hold-1", 201) == held
    await hold(["A-4"], "hold-1", 422)
    await hold(["A-1"], "hold-2", 409)
    await hold(["A-9"], "hold-3", 404)
    await hold(["A-4", "A-5"], "hold-4", 409)
    first, second, third = [one["concert_booking_id"] for one in held["bookings"]]
    poor = await booking.visitor()
    (unpaid,) = await booking.held(poor, known, "A-7")
    ids = {"concert_booking_ids": [unpaid]}
    assert (await ask("POST", "/v1/payments", poor, key="pay-0", body=ids)).status == 402
    assert (await ask("DELETE", f"/v1/bookings/{third}")).status == 204
    await pay([third], "pay-1", 409)
    await pay([first], "pay-2", 201)
    await pay([first], "pay-2", 201)
    await _go_to_the_door(booking, ask, operator, known)
    assert (await ask("DELETE", f"/v1/bookings/{first}")).status == 403
    path = f"/v1/bookings/{first}/refunds"
    assert (await ask("POST", path, key="refund-1")).status == 403
    part = {"amount": "1.00", "reason": "Behind a pillar"}
    given: dict[str, Any] = {
        "path": f"/v1/admin{path[3:]}",
        "who": None,
        "headers": operator,
        "body": part,
    }
    assert (await ask("POST", key="refund-2", **given)).status == 201
    given["body"] = {**part, "amount": "50.00"}
    assert (await ask("POST", key="refund-3", **given)).status == 409
    await booking.pool.execute("UPDATE concert SET refund_percent = 50")
    assert (await ask("POST", path, key="refund-1")).status == 201
    assert (await ask("POST", path, key="refund-4")).status == 409
    extension = f"/v1/bookings/{second}/extension"
    assert (await ask("POST", extension, key="extend-1")).status == 201
    assert (await ask("POST", extension, key="extend-2")).status == 409
    await booking.expire(second)
    assert (await ask("POST", extension, key="extend-3")).status == 410
    await pay([second], "pay-3", 410)
    assert (await ask("GET", "/v1/bookings")).status == 200
    assert (await ask("GET", f"/v1/bookings/{second}")).body["status"] == "CANCELED"
    assert (await ask("GET", f"/v1/bookings/{unpaid}")).status == 404
    assert (await ask("GET", "/v1/users/me")).status == 200
    assert (await ask("GET", "/v1/users/me/ledger")).status == 200
    charged = {"amount": "1.00"}
    path = "/v1/users/me/charges"
    assert (await ask("POST", path, key="charge-1", body=charged)).status == 201
    assert (await ask("POST", path, body=charged)).status == 400
    await wait_in_line(ask, booking, redis)
    await operate(ask, operator, concert.body["concert_id"], visitor.name)

    assert documented.unseen() == set()


async def _go_to_the_door(booking: BookingStack, ask: Any, operator: Any, date: int) -> None:
    """A ticket in all its forms, and what becomes of it."""
    guest = await booking.visitor(money="100.00")
    (held,) = await booking.held(guest, date, "A-8")
    path = f"/v1/bookings/{held}/ticket"
    assert (await ask("GET", path, guest)).code == "not_confirmed"
    assert (await booking.pay(guest, held)).status == 201
    for form in ("", ".svg", ".png", ".pdf"):
        assert (await ask("GET", path + form, guest)).status == 200
    keys = await ask("GET", "/v1/tickets/keys", None)
    known = {"If-None-Match": keys.headers["ETag"]}
    assert (await ask("GET", "/v1/tickets/keys", None, headers=known)).status == 304

    async def check_in(**body: Any) -> Any:
        return await ask("POST", "/v1/admin/checkins", None, headers=operator, body=body)

    code = (await ask("GET", path, guest)).body["code"]
    assert (await check_in(code="none")).code == "ticket_invalid"
    assert (await check_in(code=code, concert_schedule_id=date + 1)).code == "ticket_other_date"
    assert (await check_in(code=code)).status == 201
    assert (await check_in(code=code)).code == "ticket_used"
    read = [{"code": one, "used_at": "2026-01-01T20:00:00Z"} for one in (code, "none")]
    assert (await check_in(checkins=read)).status == 200
    path = f"/v1/admin/schedules/{date}/tickets"
    for form in ("", ".csv"):
        assert (await ask("GET", path + form, None, headers=operator)).status == 200
    listed = await ask("GET", "/v1/admin/webhooks", None, headers=operator)
    path = f"/v1/admin/webhooks/{listed.body['items'][0]['event_id']}/replay"
    assert (await ask("POST", path, None, headers=operator)).status == 202
