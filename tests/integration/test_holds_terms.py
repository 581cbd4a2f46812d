"""The terms under which seats of a date are held: on sale or not, how many may be let go."""

import asyncio
from typing import Any

import pytest

from tests.booking_stack import BookingStack, Visitor
from tests.integration.moments import SEAT, blocked, cancel, somebody

STOPPED = "UPDATE concert_schedule SET state = 'stopped'"


async def let_go(booking: BookingStack, visitor: Visitor, schedule_id: int, times: int) -> None:
    for _ in range(times):
        (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
        assert (await cancel(booking, visitor, booking_id)).status == 204


async def pass_time(booking: BookingStack, seconds: int) -> None:
    """As if the buckets had leaked for so long."""
    await booking.pool.execute(
        "UPDATE user_schedule SET let_go_at = let_go_at - $1 * interval '1 second'", seconds
    )


@pytest.mark.parametrize("state", ["stopped", "canceled"])
async def test_no_seat_of_a_date_is_held_that_is_not_on_sale(
    booking: BookingStack, state: str
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.change(schedule_id, state=state)
    before = await booking.trace()

    reply = await booking.hold(visitor, schedule_id, "A-1", key="k")

    assert (reply.status, reply.code) == (409, "sale_stopped")
    assert await booking.trace() == before
    await booking.change(schedule_id, state="on_sale")
    assert (await booking.hold(visitor, schedule_id, "A-1", key="k")).status == 201


async def test_what_is_held_can_be_paid_and_let_go_while_the_sale_is_stopped(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    one, other = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.change(schedule_id, state="stopped")

    assert (await cancel(booking, visitor, other)).status == 204
    assert (await booking.pay(visitor, one)).status == 201
    await booking.assert_sound()


async def test_a_first_answer_outlives_the_stop_of_a_sale(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    held = await booking.hold(visitor, schedule_id, "A-1", key="k")
    await booking.change(schedule_id, state="stopped")

    assert (await booking.hold(visitor, schedule_id, "A-1", key="k")).raw == held.raw


async def test_a_look_at_a_stopped_date_waits_for_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date(state="stopped")
    visitor = await booking.visitor()

    async with somebody(booking, SEAT.format("A-1")):
        async with asyncio.timeout(5):
            reply = await booking.hold(visitor, schedule_id, "A-1")

    assert reply.code == "sale_stopped"


async def test_a_hold_that_waited_until_the_sale_was_stopped_is_refused(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-1")) as other:
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-1"))
        await blocked(booking)
        await other.execute(STOPPED)

    assert (await holding).code == "sale_stopped"
    assert await booking.status(visitor, schedule_id, "A-1") == "AVAILABLE"


async def test_who_lets_too_many_seats_go_has_to_wait(booking: BookingStack) -> None:
    schedule_id = await booking.date(max_let_go_per_hour=3)
    visitor, other = await booking.visitor(), await booking.visitor()
    await let_go(booking, visitor, schedule_id, 3)
    before = await booking.trace()

    reply = await booking.hold(visitor, schedule_id, "A-1")

    assert (reply.status, reply.code) == (429, "hold_churn")
    wait_s = reply.body["retry_after_s"]
    assert reply.headers["Retry-After"] == str(wait_s)
    assert 1 <= wait_s <= 1200
    assert reply.body["retryable"]
    assert await booking.trace() == before
    await booking.held(other, schedule_id, "A-1")  # only their own doing counts
    await booking.assert_sound()


async def test_what_was_let_go_is_forgotten_with_time(booking: BookingStack) -> None:
    schedule_id = await booking.date(max_let_go_per_hour=2)
    visitor = await booking.visitor()
    await let_go(booking, visitor, schedule_id, 2)
    refused = await booking.hold(visitor, schedule_id, "A-1")

    await pass_time(booking, refused.body["retry_after_s"])
    await let_go(booking, visitor, schedule_id, 1)  # one has leaked, not both
    again = await booking.hold(visitor, schedule_id, "A-1")
    await pass_time(booking, 2 * 3600)

    assert again.code == "hold_churn"
    await let_go(booking, visitor, schedule_id, 2)


@pytest.mark.parametrize("by", ["sweep", "owner", "other"])
async def test_holds_that_end_by_themselves_count_when_that_is_written(
    booking: BookingStack, by: str
) -> None:
    schedule_id = await booking.date(limit=2, max_let_go_per_hour=2)
    visitor, other = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(visitor, schedule_id, "A-1", "A-2"))
    if by == "sweep":
        await booking.pool.fetchval("SELECT sweep_expired(10)")
    else:
        await booking.held(visitor if by == "owner" else other, schedule_id, "A-1", "A-2")

    assert (await booking.hold(visitor, schedule_id, "A-3")).code == "hold_churn"
    await booking.assert_sound()


async def test_what_others_end_does_not_count(booking: BookingStack) -> None:
    """Nor does what is bought."""
    schedule_id = await booking.date(max_let_go_per_hour=1)
    visitor = await booking.visitor(money="100.00")
    (paid,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.pay(visitor, paid)
    again = await booking.visitor(name=visitor.name)
    (held,) = await booking.held(again, schedule_id, "A-2")
    await booking.pool.execute("SELECT let_go(ARRAY[$1::bigint], 'operator', now())", held)

    await booking.held(again, schedule_id, "A-2")


async def test_a_date_without_a_limit_keeps_no_count(booking: BookingStack) -> None:
    schedule_id = await booking.date(max_let_go_per_hour=0)
    visitor = await booking.visitor()
    await let_go(booking, visitor, schedule_id, 3)
    await booking.change(schedule_id, max_let_go_per_hour=2)

    await let_go(booking, visitor, schedule_id, 1)


async def test_40_seats_an_hour_may_be_let_go_unless_the_date_says_otherwise(
    booking: BookingStack,
) -> None:
    await booking.date()
    found: Any = await booking.pool.fetchval(
        "INSERT INTO concert_schedule (concert_id, schedule_date)"
        " SELECT concert_id, now() FROM concert RETURNING max_let_go_per_hour"
    )

    assert found == 40
