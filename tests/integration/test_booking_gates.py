"""Who may ask what, and in which order the refusals come."""

from typing import Any

import pytest
from redis.asyncio import Redis

from shared.places import PLACES
from shared.tokens import Place, QueueTokens
from tests.booking_stack import ADMIN_KEY, ROOM, BookingStack, Visitor, running

Route = tuple[str, str, Any]

#: One of each route: {schedule}, {concert}, {booking} are filled in.
ACTIVE: list[Route] = [
    ("GET", "/v1/concerts", None),
    ("GET", "/v1/concerts/{concert}/schedules", None),
    ("GET", "/v1/schedules/{schedule}/seats", None),
    ("POST", "/v1/schedules/{schedule}/bookings", {"seat_numbers": ["A-2"]}),
]
ADMITTED: list[Route] = [
    ("POST", "/v1/payments", {"concert_booking_ids": ["{booking}"]}),
    ("POST", "/v1/bookings/{booking}/extension", None),
    ("DELETE", "/v1/bookings/{booking}", None),
    ("POST", "/v1/schedules/{schedule}/waitlist", None),
]
OWNER: list[Route] = [
    ("GET", "/v1/bookings", None),
    ("GET", "/v1/bookings/{booking}", None),
    ("GET", "/v1/users/me", None),
    ("GET", "/v1/users/me/ledger", None),
    ("POST", "/v1/users/me/charges", {"amount": "1.00"}),
    ("POST", "/v1/bookings/{booking}/refunds", {}),
]
OPERATOR: list[Route] = [
    ("POST", "/v1/admin/concerts", {"concert_name": "X", "room_id": ROOM}),
    ("POST", "/v1/admin/concerts/{concert}/schedules", {"schedule_date": "2030-01-01T20:00:00Z"}),
    (
        "POST",
        "/v1/admin/schedules/{schedule}/seats",
        {"seats": [{"seat_number": "Z-1", "price": "1.00"}]},
    ),
    ("DELETE", "/v1/admin/concerts/{concert}", None),
    ("POST", "/v1/admin/bookings/{booking}/refunds", {"amount": "1.00", "reason": "x"}),
]


class Scene:
    """A visitor with a hold, and the means to ask every route with whatever credentials."""

    def __init__(self, booking: BookingStack, visitor: Visitor, ids: dict[str, int]):
        self.booking = booking
        self.visitor = visitor
        self.ids = ids

    async def codes(self, routes: list[Route], **headers: str) -> set[tuple[int, str]]:
        """The answers of the routes to a request with these headers alone."""
        found = set()
        for method, path, body in routes:
            filled = body
            if isinstance(body, dict) and "concert_booking_ids" in body:
                filled = {"concert_booking_ids": [self.ids["booking"]]}
            reply = await self.booking.ask(
                method,
                path.format(**self.ids),
                body=filled,
                key=self.booking.new_key(),
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )
            found.add((reply.status, reply.code))
        return found

    def bearer(self, visitor: Visitor | None = None) -> str:
        return f"Bearer {(visitor or self.visitor).identity}"


@pytest.fixture
async def scene(booking: BookingStack) -> Scene:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert")
    ids = {"schedule": schedule_id, "concert": concert_id, "booking": booking_id}
    return Scene(booking, visitor, ids)


async def test_without_an_identity_everything_is_refused(scene: Scene) -> None:
    before = await scene.booking.trace()
    token = scene.visitor.token

    for routes in (ACTIVE, ADMITTED, OWNER, OPERATOR):
        assert await scene.codes(routes) == {(401, "identity_required")}
        assert await scene.codes(routes, Queue_Token=token) == {(401, "identity_required")}
        bad = await scene.codes(routes, Authorization="Bearer nonsense", Queue_Token=token)
        assert bad == {(401, "identity_invalid")}

    assert await scene.booking.trace() == before


async def test_without_a_queue_token_what_needs_one_is_refused(scene: Scene) -> None:
    mine = scene.bearer()

    assert await scene.codes(ACTIVE + ADMITTED, Authorization=mine) == {
        (403, "queue_token_required")
    }
    owners = await scene.codes(OWNER, Authorization=mine)
    assert {s for s, _ in owners} <= {200, 201, 409}  # a hold has nothing to give back


async def test_a_token_that_is_not_ours_is_refused(scene: Scene) -> None:
    good = scene.visitor.token
    forged = QueueTokens(("another-secret-0123456789",)).sign(scene.visitor.place)
    header, claims, signature = good.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    before = await scene.booking.trace()

    for bad in (
        forged,
        good[:-1],
        good[:20],
        f"{header}.{claims}.",
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        "a.b.c",
        "x" * 4000,
    ):
        found = await scene.codes(ACTIVE + ADMITTED, Authorization=scene.bearer(), Queue_Token=bad)
        assert found == {(403, "queue_token_invalid")}, bad

    assert await scene.booking.trace() == before


async def test_a_token_of_another_visitor_or_room_is_foreign(scene: Scene) -> None:
    booking = scene.booking
    await booking.room("room-b")
    other = await booking.visitor()
    elsewhere = await booking.visitor(room_id="room-b", name=scene.visitor.name)
    before = await booking.trace()

    of_another = await scene.codes(
        ACTIVE + ADMITTED, Authorization=scene.bearer(), Queue_Token=other.token
    )
    of_another_room = await scene.codes(
        ACTIVE[1:] + ADMITTED, Authorization=scene.bearer(), Queue_Token=elsewhere.token
    )

    assert of_another == of_another_room == {(403, "queue_token_foreign")}
    assert await booking.trace() == before


async def test_a_room_sees_only_what_it_guards(scene: Scene) -> None:
    await scene.booking.room("room-b")
    there = await scene.booking.visitor(room_id="room-b")

    reply = await scene.booking.ask("GET", "/v1/concerts", there)

    assert (reply.status, reply.body["items"]) == (200, [])


async def test_a_waiting_token_opens_only_what_admitted_ones_may(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await booking.room(ROOM, max_active=0)
    first, second = await booking.visitor(), await booking.visitor()
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert")
    scene = Scene(booking, second, {"schedule": schedule_id, "concert": concert_id, "booking": 1})
    headers = {"Authorization": scene.bearer(), "Queue_Token": second.token}

    assert await scene.codes(ACTIVE, **headers) == {(403, "queue_token_waiting")}
    assert await scene.codes(ADMITTED, **headers) == {(404, "not_found"), (409, "not_sold_out")}
    reply = await booking.ask("GET", "/v1/concerts", second)
    assert reply.body["position"] == 2
    assert reply.body["retryable"] is True
    assert int(reply.headers["Retry-After"]) >= 1
    assert (await booking.ask("GET", "/v1/concerts", first)).body["position"] == 1


async def test_an_expired_token_still_finishes_what_it_began(scene: Scene) -> None:
    booking, visitor = scene.booking, scene.visitor
    await booking.places.finish(visitor.place, "left")
    headers = {"Authorization": scene.bearer(), "Queue_Token": visitor.token}

    assert await scene.codes(ACTIVE, **headers) == {(403, "queue_token_expired")}
    reply = await booking.ask("GET", "/v1/concerts", visitor)
    assert reply.body["reason"] == "left"
    assert (await booking.pay(visitor, scene.ids["booking"])).status == 201


async def test_the_status_is_looked_at_before_the_body(scene: Scene) -> None:
    booking, visitor = scene.booking, scene.visitor
    await booking.places.finish(visitor.place, "left")
    path = f"/v1/schedules/{scene.ids['schedule']}/bookings"

    replies = [
        await booking.ask("POST", path, visitor, data=data, key=key)
        for data in (b"{", b"[]", b"\xff", b"x" * 70_000, b"[" * 30_000, b'{"seat_numbers":[]}')
        for key in (None, "k")
    ]

    assert {reply.code for reply in replies} == {"queue_token_expired"}


async def test_without_redis_only_the_active_gate_is_shut(scene: Scene) -> None:
    headers = {"Authorization": scene.bearer(), "Queue_Token": scene.visitor.token}
    await scene.booking.wire.cut()

    shut = await scene.codes(ACTIVE, **headers)
    open_ = await scene.codes(OWNER + ADMITTED[:1], **headers)

    assert shut == {(503, "unavailable")}
    assert open_ <= {(200, ""), (201, ""), (409, "not_refundable")}  # of a hold
    await scene.booking.wire.mend()
    assert {status for status, _ in await scene.codes(ACTIVE[:1], **headers)} <= {200, 403}


async def test_operators_routes_take_the_operators_key_and_nobody_elses(scene: Scene) -> None:
    headers = {"Authorization": scene.bearer(), "Queue_Token": scene.visitor.token}

    assert await scene.codes(OPERATOR, **headers) == {(401, "identity_invalid")}
    assert await scene.codes(OPERATOR, Authorization=f"Bearer {ADMIN_KEY}") == {
        (201, ""),
        (204, ""),
        (409, "not_refundable"),  # a hold has nothing to give back
    }


async def test_cookies_do_as_well_from_a_page_of_the_site(scene: Scene) -> None:
    booking, visitor = scene.booking, scene.visitor
    await booking.room("room-b")
    elsewhere = await booking.visitor(room_id="room-b", name=visitor.name)
    cookie = (
        f"onsale_identity={visitor.identity}; onsale_{ROOM}={visitor.token};"
        f" onsale_room-b={elsewhere.token}"
    )
    site = booking.url.removeprefix("http://")

    read = await scene.codes(ACTIVE[1:3], Cookie=cookie)
    from_elsewhere = await scene.codes(
        ACTIVE[3:] + OWNER[4:], Cookie=cookie, Origin="http://evil.example"
    )
    without_origin = await scene.codes(ACTIVE[3:], Cookie=cookie)
    from_here = await scene.codes(ACTIVE[3:], Cookie=cookie, Origin=f"http://{site}")

    assert read == {(200, "")}
    assert from_elsewhere == without_origin == {(403, "forbidden")}
    assert from_here == {(201, "")}


async def test_demo_routes_are_not_there_without_the_demo(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    async with running(redis, redis_url, database_url, demo=False) as booking:
        await booking.room()
        visitor = await booking.visitor()

        replies = [
            await booking.ask("POST", "/v1/users", body={"user_name": "x"}),
            await booking.charge(visitor, "1.00"),
        ]

        assert [(r.status, r.code) for r in replies] == [(404, "not_found")] * 2
        assert (await booking.ask("GET", "/v1/users/me", visitor)).status == 200


async def test_an_old_token_is_not_the_place_its_visitor_holds_now(scene: Scene) -> None:
    booking, visitor = scene.booking, scene.visitor
    await booking.places.finish(visitor.place, "left")
    again = await booking.visitor(name=visitor.name)

    old = await booking.ask("GET", "/v1/concerts", visitor)
    guessed = Place(ROOM, visitor.name, visitor.place.generation + 1, again.place.number)
    other = await booking.ask(
        "GET", "/v1/concerts", visitor.with_token(booking.tokens.sign(guessed))
    )

    assert (await booking.ask("GET", "/v1/concerts", again)).status == 200
    assert {old.code, other.code} == {"queue_token_expired"}


async def test_an_error_nobody_thought_of_opens_no_gate(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(place: Place) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(scene.booking.app[PLACES], "status", broken)
    before = await scene.booking.trace()
    headers = {"Authorization": scene.bearer(), "Queue_Token": scene.visitor.token}

    assert await scene.codes(ACTIVE, **headers) == {(500, "internal")}
    assert await scene.booking.trace() == before
