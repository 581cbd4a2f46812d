"""Holds past their deadline: ended for everybody at once, written down by whoever comes first."""

import asyncio

from redis.asyncio import Redis

from tests.booking_stack import BookingStack, running
from tests.waiting import wait_until


async def test_past_its_deadline_a_hold_reads_as_ended_before_any_sweep(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.expire(booking_id)

    one = await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)
    listed = await booking.ask("GET", "/v1/bookings", visitor)

    assert one.body["status"] == "CANCELED"
    assert listed.body["items"][0]["status"] == "CANCELED"
    assert await booking.status(visitor, schedule_id, "A-1") == "AVAILABLE"
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert_schedule")
    dates = await booking.ask("GET", f"/v1/concerts/{concert_id}/schedules", visitor)
    assert dates.body["items"][0]["seats_available"] == 10


async def test_somebody_else_takes_an_expired_hold_over_at_once(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=1)
    before, after = await booking.visitor(), await booking.visitor()
    (old,) = await booking.held(before, schedule_id, "A-1")
    await booking.expire(old)

    await booking.held(after, schedule_id, "A-1")

    assert (await booking.ask("GET", f"/v1/bookings/{old}", before)).body["status"] == "CANCELED"
    await booking.held(before, schedule_id, "A-2")  # it no longer counts for its old owner
    await booking.assert_sound()


async def test_ones_own_expired_holds_of_the_date_do_not_count(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=2)
    visitor = await booking.visitor()
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(*ids)

    await booking.held(visitor, schedule_id, "A-2", "A-3")

    assert await booking.status(visitor, schedule_id, "A-1") == "AVAILABLE"
    assert (
        await booking.pool.fetchval("SELECT status FROM concert_seat WHERE seat_number = 'A-1'")
        == "AVAILABLE"
    ), "let go in the same transaction"
    await booking.assert_sound()


async def test_many_who_take_expired_holds_over_at_once_keep_the_counters_right(
    booking: BookingStack,
) -> None:
    seats = [f"A-{number}" for number in range(1, 9)]
    schedule_id = await booking.date(seats, limit=4)
    owners = [await booking.visitor() for _ in range(4)]
    ids = [
        booking_id
        for number, owner in enumerate(owners)
        for booking_id in await booking.held(owner, schedule_id, seats[number], seats[number + 4])
    ]
    await booking.expire(*ids)

    replies = await asyncio.gather(
        *(
            booking.hold(visitor, schedule_id, seats[n % 8], seats[(n + 3) % 8])
            for n, visitor in enumerate([*owners, *[await booking.visitor() for _ in range(20)]])
        ),
        *(booking.pool.fetchval("SELECT sweep_expired(5)") for _ in range(4)),
    )

    statuses = {reply.status for reply in replies if not isinstance(reply, int)}
    assert statuses <= {201, 409}
    await booking.assert_sound()


async def test_a_sweep_writes_down_what_has_ended_and_nothing_else(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    ended, _ = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(ended)

    assert await booking.pool.fetchval("SELECT sweep_expired(10)") == 1

    rows = await booking.pool.fetch(
        "SELECT status, canceled_reason FROM concert_booking ORDER BY concert_booking_id"
    )
    assert [tuple(row) for row in rows] == [("CANCELED", "expired"), ("PENDING", None)]
    assert await booking.pool.fetchval("SELECT live_seats FROM user_schedule") == 1
    assert await booking.pool.fetchval("SELECT sweep_expired(10)") == 0
    await booking.assert_sound()


async def test_every_process_sweeps_by_itself(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    async with running(redis, redis_url, database_url, loops=True) as booking:
        schedule_id = await booking.date(hold_ttl_s=1)
        visitor = await booking.visitor()
        await booking.held(visitor, schedule_id, "A-1")

        await wait_until(
            lambda: booking.pool.fetchval(
                "SELECT count(*) FROM concert_booking WHERE canceled_reason = 'expired'"
            )
        )
        await booking.assert_sound()
