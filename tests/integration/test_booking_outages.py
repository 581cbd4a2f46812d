"""The booking API when PostgreSQL lets go of it, or leaves it waiting."""

import asyncio

from tests.booking_stack import BookingStack, Reply
from tests.waiting import wait_until


async def test_lost_connections_are_503_at_worst_and_the_key_tells_what_happened(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor()

    async def cut() -> None:
        for _ in range(20):
            await booking.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'onsale-booking' AND datname = current_database()"
            )
            await asyncio.sleep(0.01)

    async def hold(number: int) -> Reply:
        while True:
            reply = await booking.hold(visitor, schedule_id, f"A-{number}", key=f"k{number}")
            if reply.status != 503:
                return reply
            assert reply.code == "unavailable"
            assert reply.headers["Retry-After"]

    cutting = asyncio.create_task(cut())
    replies = await asyncio.gather(*(hold(number) for number in range(1, 11)))
    await cutting

    assert {reply.status for reply in replies} == {201}
    assert (await booking.trace())["concert_booking"] == 10
    await booking.assert_sound()


async def test_a_seat_locked_by_somebody_for_long_is_503_and_holds_up_nobody_else(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    one, other = await booking.visitor(), await booking.visitor()
    async with booking.pool.acquire() as somebody, somebody.transaction():
        await somebody.execute("SELECT FROM concert_seat WHERE seat_number = 'A-1' FOR UPDATE")
        stuck = asyncio.create_task(booking.hold(one, schedule_id, "A-1", key="k"))
        await wait_until(
            lambda: somebody.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        )

        assert (await booking.hold(other, schedule_id, "A-2")).status == 201
        async with asyncio.timeout(15):
            assert (await stuck).code == "unavailable"

    assert (await booking.hold(one, schedule_id, "A-1", key="k")).status == 201
