"""A payment ends the visit: at once, or when Redis is back, also after a crash."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.completions import COMPLETIONS, Completions
from booking_api.database import SALE
from shared.places import PLACES
from tests.booking_stack import ROOM, BookingStack, Visitor, running
from tests.waiting import wait_until


async def test_a_payment_completes_the_token_before_it_is_answered(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    await booking.pay(visitor, booking_id)

    status = await booking.places.status(visitor.place)
    assert (status.status, status.reason) == ("EXPIRED", "completed")
    await booking.app[COMPLETIONS].retry()
    assert await booking.pool.fetchval("SELECT count(*) FROM token_completion") == 0


async def test_other_holds_of_the_room_keep_the_token(booking: BookingStack) -> None:
    first, second = await booking.date(), await booking.date()
    visitor = await booking.visitor(money="500.00")
    (one,) = await booking.held(visitor, first, "A-1")
    (other,) = await booking.held(visitor, second, "A-1")
    (ended,) = await booking.held(visitor, second, "A-2")
    await booking.expire(ended)

    await booking.pay(visitor, one)
    assert (await booking.places.status(visitor.place)).status == "ACTIVE"

    await booking.pay(visitor, other)
    assert (await booking.places.status(visitor.place)).status == "EXPIRED"


async def test_the_last_of_two_payments_at_once_completes_the_token(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="500.00")
    one, other = await booking.held(visitor, schedule_id, "A-1", "A-2")

    await asyncio.gather(booking.pay(visitor, one), booking.pay(visitor, other))

    assert (await booking.places.status(visitor.place)).reason == "completed"


async def test_the_place_its_visitor_waits_in_now_stays(booking: BookingStack) -> None:
    """The payment completes the token that admitted its visitor, not one that waits again."""
    schedule_id = await booking.date()
    admitted = await booking.visitor(money="500.00")
    (booking_id,) = await booking.held(admitted, schedule_id, "A-1")
    await booking.places.finish(admitted.place, "left")
    await booking.room(ROOM, max_active=0)
    waiting = await booking.visitor(name=admitted.name)

    assert (await booking.pay(waiting, booking_id)).status == 201

    assert (await booking.places.status(waiting.place)).status == "WAIT"


async def test_a_payment_goes_through_without_redis_and_the_token_ends_when_it_is_back(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.wire.cut()

    assert (await booking.pay(visitor, booking_id)).status == 201
    await booking.pool.execute("UPDATE token_completion SET next_attempt_at = now()")
    assert await booking.app[COMPLETIONS].retry() == 1
    assert await booking.app[COMPLETIONS].retry() == 0, "put off"

    await booking.wire.mend()
    await booking.pool.execute("UPDATE token_completion SET next_attempt_at = now()")
    assert await booking.app[COMPLETIONS].retry() == 1
    assert (await booking.places.status(visitor.place)).reason == "completed"
    assert await booking.app[COMPLETIONS].retry() == 0
    assert await booking.pool.fetchval("SELECT count(*) FROM token_completion") == 0


async def test_a_payment_does_not_wait_for_a_redis_that_hangs(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    places, back = booking.app[PLACES], asyncio.Event()
    finish = places.finish_each

    async def hang(*args: Any) -> list[bool]:
        await back.wait()
        return await finish(*args)

    monkeypatch.setattr(places, "finish_each", hang)

    async with asyncio.timeout(10):
        assert (await booking.pay(visitor, booking_id)).status == 201
    assert await booking.pool.fetchval("SELECT count(*) FROM token_completion") == 1

    back.set()
    await wait_until(lambda: completed(booking, visitor))


async def completed(booking: BookingStack, visitor: Visitor) -> bool:
    return (await booking.places.status(visitor.place)).reason == "completed"


async def test_another_process_finishes_what_a_crash_left(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    async with running(redis, redis_url, database_url) as crashed:
        schedule_id = await crashed.date()
        visitor = await crashed.visitor(money="100.00")
        (booking_id,) = await crashed.held(visitor, schedule_id, "A-1")
        await crashed.wire.cut()
        assert (await crashed.pay(visitor, booking_id)).status == 201

    async with running(redis, redis_url, database_url, loops=True) as booking:
        await wait_until(lambda: booking.pool.fetchval("SELECT count(*) = 0 FROM token_completion"))
        assert (await booking.places.status(visitor.place)).reason == "completed"


async def test_two_processes_take_different_rows(booking: BookingStack) -> None:
    await booking.room()
    visitors = [await booking.visitor() for _ in range(10)]
    for visitor in visitors:
        await booking.pool.execute(
            "INSERT INTO token_completion (token_value, room_id, visitor, generation, number,"
            " next_attempt_at) VALUES ($1, $2, $3, $4, $5, now())",
            visitor.place.jti,
            visitor.place.room_id,
            visitor.name,
            visitor.place.generation,
            visitor.place.number,
        )
    processes = [Completions(booking.app[SALE], booking.app[PLACES]) for _ in range(2)]

    taken = await asyncio.gather(*(process.retry() for process in processes))

    assert sum(taken) == 10
