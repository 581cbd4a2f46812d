"""What operators do on one service, seen on the other: revoked visitors, anonymous rooms, audit."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from tests.booking_stack import ADMIN_KEY, ROOM, BookingStack, Reply
from tests.integration.services import Answer, Client, served, settings
from tests.waiting import wait_until

ADMIN = f"/v1/admin/rooms/{ROOM}"
ANY = {"If-Match": "*"}


@pytest.fixture
async def gateway(
    booking: BookingStack, redis_url: str, database_url: str
) -> AsyncIterator[Client]:
    """A gateway beside the booking API, on the same stores."""
    async with served(create_app(settings(redis_url, database_url))) as client:
        yield client


async def revoke(gateway: Client, visitor: str, query: str = "") -> Answer:
    return await gateway.as_operator("DELETE", f"{ADMIN}/tokens/{visitor}{query}")


async def post(booking: BookingStack, path: str, body: Any) -> Reply:
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    return await booking.ask("POST", f"/v1/admin/{path}", body=body, headers=headers)


async def states(booking: BookingStack) -> list[tuple[str, str]]:
    rows = await booking.pool.fetch(
        "SELECT external_id, status FROM concert_booking JOIN users USING (user_id) ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def test_the_booking_api_refuses_a_revoked_token_at_once(
    booking: BookingStack, gateway: Client
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(name="ann")
    await booking.held(visitor, schedule_id, "A-1")

    assert (await revoke(gateway, "ann")).status == 204

    refused = await booking.hold(visitor, schedule_id, "A-2")
    assert (refused.status, refused.code) == (403, "queue_token_expired")
    assert refused.body["reason"] == "revoked"
    assert await states(booking) == [("ann", "PENDING")]


async def test_with_its_holds_a_revoked_visitor_holds_nothing_more(
    booking: BookingStack, gateway: Client
) -> None:
    first, second = await booking.date(), await booking.date()
    elsewhere = await booking.date(room_id="room-b")
    ann = await booking.visitor(name="ann", money="100.00")
    bob = await booking.visitor(name="bob")
    ann_elsewhere = await booking.visitor(name="ann", room_id="room-b")
    (paid,) = await booking.held(ann, first, "A-5")
    held = await booking.held(ann, first, "A-1", "A-2")
    await booking.held(ann, second, "A-3")
    await booking.held(bob, first, "A-4")
    await booking.held(ann_elsewhere, elsewhere, "A-1")
    assert (await booking.pay(ann, paid)).status == 201

    for _ in range(2):
        assert (await revoke(gateway, "ann", "?cancel_holds=true")).status == 204
        assert await states(booking) == [
            *(("ann", state) for state in ("CANCELED", "CANCELED", "CANCELED", "CONFIRMED")),
            ("ann", "PENDING"),
            ("bob", "PENDING"),
        ]
        assert [await booking.status(bob, first, f"A-{n}") for n in (1, 2, 4, 5)] == [
            "AVAILABLE",
            "AVAILABLE",
            "RESERVED",
            "SOLD",
        ]
    assert (await booking.pay(ann, held[0])).code == "not_payable"
    await booking.held(bob, first, "A-1", "A-2")
    await booking.assert_sound()


async def test_holds_stay_unless_they_are_to_go(booking: BookingStack, gateway: Client) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(name="ann", money="50.00")
    (held,) = await booking.held(visitor, schedule_id, "A-1")

    for query in ("", "?cancel_holds=false"):
        assert (await revoke(gateway, "ann", query)).status == 204
    for bad in ("?cancel_holds=", "?cancel_holds=1", "?cancel_holds=True"):
        assert (await revoke(gateway, "ann", bad)).code == "bad_request"

    assert (await booking.pay(visitor, held)).status == 201


async def test_holds_are_cancelled_while_their_visitor_pays_and_holds_more(
    booking: BookingStack, gateway: Client
) -> None:
    """Every path locks seats first, by their ids: nobody waits for another in a ring."""
    schedule_id = await booking.date([f"A-{n}" for n in range(1, 41)], limit=40)
    visitor = await booking.visitor(name="ann", money="2000.00")
    await booking.room(active_ttl_s=86_400)
    seats = [f"A-{n}" for n in range(1, 21)]
    held = await booking.held(visitor, schedule_id, *seats)

    replies: list[Any] = await asyncio.gather(
        booking.pay(visitor, *reversed(held[:10])),
        *(revoke(gateway, "ann", "?cancel_holds=true") for _ in range(4)),
        booking.hold(visitor, schedule_id, "A-30", "A-25"),
    )

    assert {reply.status for reply in replies} <= {201, 204, 403, 409}
    assert (await revoke(gateway, "ann", "?cancel_holds=true")).status == 204
    assert {state for _, state in await states(booking)} <= {"CANCELED", "CONFIRMED"}
    await booking.assert_sound()


async def test_a_room_that_guards_concerts_cannot_be_anonymous(
    booking: BookingStack, gateway: Client
) -> None:
    await booking.date()
    anonymous = {"identity": "anonymous"}

    for method, path, body in (
        ("PUT", ADMIN, anonymous),
        ("PUT", ADMIN, {"title": "new", **anonymous}),
        ("POST", "/v1/admin/rooms", {"room_id": "room-c", **anonymous}),
    ):
        if method == "POST":  # a concert may be there before its room
            assert (await post(booking, "concerts", concert("room-c"))).status == 201
        refused = await gateway.as_operator(method, path, json=body, headers=ANY)
        assert (refused.status, refused.code) == (422, "validation_failed")
    read = (await gateway.as_operator("GET", ADMIN)).json
    assert (read["identity"], read["title"]) == ("required", "")
    assert (await gateway.as_operator("GET", "/v1/admin/rooms/room-c")).status == 404
    free = await gateway.as_operator("PUT", f"{ADMIN}x", json=anonymous, headers=ANY)
    assert (free.status, free.json["identity"]) == (201, "anonymous")


async def test_an_anonymous_room_gets_no_concert(booking: BookingStack, gateway: Client) -> None:
    await gateway.as_operator("PUT", ADMIN, json={"identity": "anonymous"}, headers=ANY)

    refused = await post(booking, "concerts", concert(ROOM))

    assert (refused.status, refused.code) == (422, "validation_failed")
    assert await booking.pool.fetchval("SELECT count(*) FROM concert") == 0
    await gateway.as_operator("PUT", ADMIN, json={"identity": "required"}, headers=ANY)
    assert (await post(booking, "concerts", concert(ROOM))).status == 201


async def test_a_concert_and_an_anonymous_room_of_one_moment_exclude_each_other(
    booking: BookingStack, gateway: Client, redis: Redis
) -> None:
    """Each waits for whoever is at it, and looks only then."""
    await booking.room()
    async with booking.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT lock_room($1)", ROOM)
        becoming = asyncio.ensure_future(
            gateway.as_operator("PUT", ADMIN, json={"identity": "anonymous"}, headers=ANY)
        )
        await waits_for_a_lock(connection)
        await connection.execute(
            "INSERT INTO concert (concert_name, room_id) VALUES ('', $1)", ROOM
        )
    assert (await becoming).status == 422

    async with booking.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT lock_room('room-b')")
        making = asyncio.ensure_future(post(booking, "concerts", concert("room-b")))
        await waits_for_a_lock(connection)
        await booking.room("room-b", identity="anonymous")
    assert (await making).status == 422


def concert(room_id: str) -> dict[str, str]:
    return {"concert_name": "Nina Simone", "room_id": room_id}


async def waits_for_a_lock(connection: Any) -> None:
    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            )
        )

    await wait_until(waits)
