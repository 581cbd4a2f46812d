"""What is locked in which order, and who waits for whom: no deadlock, and no needless wait."""

import asyncio
from typing import Any

import pytest

from booking_api.database import SALE
from booking_api.sweep import sweep
from shared.holds import Holds
from tests.booking_stack import ROOM, BookingStack
from tests.integration.moments import COUNTER, SEAT, blocked, cancel, free, somebody
from tests.integration.test_booking_races import outcomes, rewrite


async def test_a_hold_locks_its_seats_in_their_order(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-1")):
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-2", "A-1"))
        await blocked(booking)
        await free(booking, SEAT.format("A-2"))

    assert (await holding).status == 201


async def test_a_payment_locks_its_seats_in_their_order_before_all_else(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    one, two = await booking.held(visitor, schedule_id, "A-1", "A-2")
    async with somebody(booking, SEAT.format("A-1")):
        paying = asyncio.create_task(booking.pay(visitor, two, one))
        await blocked(booking)
        await free(booking, SEAT.format("A-2"))
        await free(booking, "SELECT FROM users FOR NO KEY UPDATE")
        await free(booking, "SELECT FROM concert_booking FOR NO KEY UPDATE")

    assert (await paying).status == 201


async def test_a_cancel_locks_its_seat_before_all_else(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")):
        canceling = asyncio.create_task(cancel(booking, visitor, booking_id))
        await blocked(booking)
        await free(booking, COUNTER.format(visitor.name))
        await free(booking, "SELECT FROM concert_booking FOR NO KEY UPDATE")

    assert (await canceling).status == 204


async def test_an_operators_cancel_locks_all_seats_in_their_order_before_all_else(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    for seat in ("A-2", "A-1"):
        await booking.held(visitor, schedule_id, seat)
    async with somebody(booking, SEAT.format("A-1")):
        canceling = asyncio.create_task(Holds(booking.pool).cancel(visitor.name, ROOM))
        await blocked(booking)
        await free(booking, SEAT.format("A-2"))
        await free(booking, COUNTER.format(visitor.name))

    assert await canceling == 2
    await booking.assert_sound()


@pytest.mark.parametrize("by", ["hold", "sweep"])
async def test_counters_are_locked_in_the_order_of_their_visitors(
    booking: BookingStack, by: str
) -> None:
    schedule_id = await booking.date()
    owners = [await booking.visitor() for _ in range(3)]
    for number, owner in enumerate(owners, 1):
        await booking.expire(*await booking.held(owner, schedule_id, f"A-{number}"))
    visitor = await booking.visitor()
    async with somebody(booking, COUNTER.format(owners[0].name)):
        work: asyncio.Task[Any] = asyncio.create_task(
            booking.hold(visitor, schedule_id, "A-3", "A-2", "A-1")
            if by == "hold"
            else sweep(booking.app[SALE])
        )
        await blocked(booking)
        await free(booking, COUNTER.format(owners[2].name))

    await work
    assert await booking.pool.fetchval("SELECT sum(live_seats) FROM user_schedule") == (
        3 if by == "hold" else 0
    )
    await booking.assert_sound()


@pytest.mark.usefixtures("apart")
async def test_two_who_take_each_others_ended_holds_over_do_not_deadlock(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    one, other = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(one, schedule_id, "A-1"))
    await booking.expire(*await booking.held(other, schedule_id, "A-2"))
    # They let each other's holds go at the same time.
    let_go = "        PERFORM let_go(v_stale, 'expired', v_now);\n"
    meet = "        PERFORM pg_advisory_xact_lock_shared(1);\n"
    slow = "        PERFORM pg_sleep(0.5);\n"
    await rewrite(booking, "hold_seats", (let_go, meet + let_go + slow))

    async with somebody(booking, "SELECT pg_advisory_xact_lock(1)"):
        holding = asyncio.gather(
            booking.hold(one, schedule_id, "A-2"), booking.hold(other, schedule_id, "A-1")
        )
        await blocked(booking, 2)
    replies = await holding

    assert outcomes(replies) == {(201, ""): 2}
    await booking.assert_sound()


async def test_who_comes_visibly_too_late_waits_for_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    owner, other = await booking.visitor(money="100.00"), await booking.visitor()
    ended, _ = await booking.held(owner, schedule_id, "A-1", "A-2")
    await booking.expire(ended)

    async with somebody(booking, SEAT.format("A-1"), SEAT.format("A-2")):
        assert (await booking.hold(other, schedule_id, "A-2")).code == "seat_taken"
        assert (await booking.pay(owner, ended)).code == "booking_expired"


async def test_who_is_over_the_limit_waits_for_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=1)
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1")

    async with somebody(booking, SEAT.format("A-2"), COUNTER.format(visitor.name)):
        assert (await booking.hold(visitor, schedule_id, "A-2")).code == "limit_exceeded"


async def test_a_sweep_waits_for_nobody_and_ends_the_rest(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.expire(*await booking.held(visitor, schedule_id, "A-1", "A-2"))
    await booking.charge(visitor, "1.00")
    await booking.pool.execute("UPDATE idempotency_key SET created_at = now() - interval '2 days'")
    a_key = "SELECT FROM idempotency_key WHERE path LIKE '%charges' FOR UPDATE"

    async with somebody(booking, SEAT.format("A-1"), a_key):
        assert await sweep(booking.app[SALE]) == 1
        assert await booking.pool.fetchval("SELECT count(*) FROM idempotency_key") == 1

    assert await sweep(booking.app[SALE]) == 1
    assert await booking.pool.fetchval("SELECT count(*) FROM idempotency_key") == 0


async def test_retries_of_completions_wait_for_nobody(booking: BookingStack) -> None:
    await booking.pool.execute(
        "INSERT INTO token_completion (token_value, room_id, visitor, generation, number,"
        " next_attempt_at) SELECT 'room-a.1.' || n, 'room-a', 'v', 1, n, now()"
        " FROM generate_series(1, 3) n"
    )
    one = "SELECT FROM token_completion WHERE number = 1 FOR UPDATE"

    async with somebody(booking, one):
        due = await booking.app[SALE].rows("due_completions", 10)

    assert {row["number"] for row in due} == {2, 3}


async def test_a_sweep_locks_no_seat_whose_hold_goes_on(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    ended, _ = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(ended)

    async with somebody(booking, "SELECT sweep_expired(10)"):
        await free(booking, SEAT.format("A-2"))
