"""More time for a hold: once, while it lasts, and for the seat and its booking alike."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.booking_stack import BookingStack, Reply, Visitor
from tests.integration.moments import ENDS, SEAT, blocked, cancel, somebody
from tests.integration.test_booking_races import outcomes


async def extend(
    booking: BookingStack, visitor: Visitor, booking_id: int, key: str | None = None
) -> Reply:
    path = f"/v1/bookings/{booking_id}/extension"
    return await booking.ask("POST", path, visitor, key=key or booking.new_key())


def until(shown: dict[str, str]) -> datetime:
    return datetime.fromisoformat(shown["expiration_at"])


async def test_a_hold_is_extended_by_the_dates_time(booking: BookingStack) -> None:
    schedule_id = await booking.date(hold_extension_s=90)
    visitor = await booking.visitor(money="100.00")
    (held,) = (await booking.hold(visitor, schedule_id, "A-1")).body["bookings"]
    version = (await booking.seats(visitor, schedule_id))["version"]

    reply = await extend(booking, visitor, held["concert_booking_id"])

    assert reply.status == 201
    assert until(reply.body) - until(held) == timedelta(seconds=90)
    assert {**reply.body, "expiration_at": None} == {**held, "expiration_at": None}
    read = await booking.ask("GET", f"/v1/bookings/{held['concert_booking_id']}", visitor)
    assert read.body["expiration_at"] == reply.body["expiration_at"]
    changes = (await booking.seats(visitor, schedule_id, version))["seats"]
    assert [seat["seat_number"] for seat in changes] == ["A-1"]
    await booking.assert_sound()
    assert (await booking.pay(visitor, held["concert_booking_id"])).status == 201


async def test_a_hold_is_extended_once(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    first = await extend(booking, visitor, booking_id, key="k")
    before = await booking.trace()
    again = await extend(booking, visitor, booking_id, key="k")
    second = await extend(booking, visitor, booking_id, key="l")

    assert (again.status, again.raw) == (201, first.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (second.status, second.code) == (409, "not_extendable")
    assert await booking.trace() == before
    await booking.assert_sound()


async def test_of_many_extensions_at_once_one_counts(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (held,) = (await booking.hold(visitor, schedule_id, "A-1")).body["bookings"]

    replies = await asyncio.gather(
        *(extend(booking, visitor, held["concert_booking_id"]) for _ in range(10))
    )

    assert outcomes(replies) == {(201, ""): 1, (409, "not_extendable"): 9}
    read = await booking.ask("GET", f"/v1/bookings/{held['concert_booking_id']}", visitor)
    assert until(read.body) - until(held) == timedelta(seconds=120)
    await booking.assert_sound()


async def test_what_has_ended_is_not_extended(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor, other = await booking.visitor(money="100.00"), await booking.visitor()
    paid, canceled, ended, swept = await booking.held(
        visitor, schedule_id, "A-1", "A-2", "A-3", "A-4"
    )
    await booking.pay(visitor, paid)
    await cancel(booking, visitor, canceled)
    await booking.expire(swept)
    await booking.pool.fetchval("SELECT sweep_expired(10)")
    await booking.expire(ended)
    before = await booking.trace()

    assert (await extend(booking, visitor, paid)).code == "not_extendable"
    assert (await extend(booking, visitor, canceled)).code == "not_extendable"
    for gone in (ended, swept):
        reply = await extend(booking, visitor, gone)
        assert (reply.status, reply.code, reply.body["bookings"]) == (
            *(410, "booking_expired"),
            [gone],
        )
    assert (await extend(booking, other, paid)).code == "not_found"
    assert (await extend(booking, visitor, 999_999)).code == "not_found"
    assert await booking.trace() == before


async def test_a_hold_of_another_room_needs_that_rooms_token(booking: BookingStack) -> None:
    await booking.date()
    there = await booking.date(room_id="room-b")
    visitor = await booking.visitor(room_id="room-b")
    here = await booking.visitor(name=visitor.name)
    (booking_id,) = await booking.held(visitor, there, "A-1")

    assert (await extend(booking, here, booking_id, key="k")).code == "queue_token_foreign"
    assert (await extend(booking, visitor, booking_id, key="k")).status == 201
    assert (await extend(booking, here, booking_id, key="k")).code == "queue_token_foreign"


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"hold_extension_s": 0}, "not_extendable"),
        ({"state": "stopped"}, "sale_stopped"),
        ({"state": "canceled"}, "sale_stopped"),
    ],
)
async def test_not_every_date_extends_holds(
    booking: BookingStack, terms: dict[str, object], code: str
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.change(schedule_id, **terms)

    reply = await extend(booking, visitor, booking_id)

    assert (reply.status, reply.code) == (409, code)


async def test_an_extension_that_waited_past_the_deadline_is_too_late(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")) as other:
        extending = asyncio.create_task(extend(booking, visitor, booking_id))
        await blocked(booking)
        await other.execute(ENDS)

    assert (await extending).code == "booking_expired"
    assert await booking.status(visitor, schedule_id, "A-1") == "AVAILABLE"
    await booking.assert_sound()


async def test_an_extension_outlives_its_token(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.places.finish(visitor.place, "left")

    assert (await extend(booking, visitor, booking_id)).status == 201


async def test_an_extension_needs_a_key(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    reply = await booking.ask("POST", f"/v1/bookings/{booking_id}/extension", visitor)

    assert (reply.status, reply.code) == (400, "bad_request")
