"""Each wall of the sale by itself.

Where two walls guard one thing, the other one is taken down first. Where a lock, a clock or a look
matters only in one moment, that moment is made (`moments.py`).
"""

import asyncio

import asyncpg
import pytest

from booking_api.database import SALE, query
from booking_api.sweep import sweep
from tests.booking_stack import BookingStack
from tests.integration.moments import ENDS, SEAT, blocked, cancel, hold_by_hand, somebody
from tests.integration.test_booking_races import SLOW, outcomes, rewrite
from tests.waiting import wait_until

# One wall without the other


@pytest.mark.usefixtures("apart")
async def test_the_seats_lock_alone_lets_one_of_two_through(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitors = [await booking.visitor() for _ in range(2)]
    await booking.pool.execute("DROP INDEX concert_booking_one_live_per_seat")
    await rewrite(booking, "hold_seats", SLOW)

    replies = await asyncio.gather(*(booking.hold(v, schedule_id, "A-1") for v in visitors))

    assert outcomes(replies) == {(201, ""): 1, (409, "seat_taken"): 1}


@pytest.mark.usefixtures("apart")
async def test_the_counters_condition_alone_keeps_the_limit(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=4)
    visitor = await booking.visitor()
    await booking.pool.execute(
        "ALTER TABLE user_schedule DROP CONSTRAINT user_schedule_within_limit"
    )
    await rewrite(booking, "hold_seats", SLOW)

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, f"A-{number}") for number in range(1, 11))
    )

    assert outcomes(replies) == {(201, ""): 4, (409, "limit_exceeded"): 6}
    refused = [reply.body["live_seats"] for reply in replies if reply.status == 409]
    assert refused == [4] * 6


async def test_the_room_of_a_date_is_compared_in_the_database_too(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await booking.room("room-b")
    visitor = await booking.visitor(room_id="room-b")
    before = await booking.trace()

    async with booking.pool.acquire() as connection:
        assert await hold_by_hand(connection, visitor, schedule_id, "A-1") == "foreign"

    assert await booking.trace() == before


# What changes while a request waits


async def test_what_others_take_over_between_two_looks_counts_against_nobody(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=3)
    visitor, other = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3"))
    look = "    IF v_live + v_count > v_limit THEN\n        -- The counter"
    waits = f"    PERFORM pg_advisory_xact_lock(7) WHERE p_visitor = '{visitor.name}';\n"
    await rewrite(booking, "hold_seats", (look, waits + look))

    async with somebody(booking, "SELECT pg_advisory_xact_lock(7)"):
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-4", "A-5", "A-6"))
        await blocked(booking)
        await booking.held(other, schedule_id, "A-2")

    assert (await holding).status == 201
    await booking.assert_sound()


async def test_a_holds_time_begins_when_its_seats_are_locked(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-1")) as other:
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-1"))
        await blocked(booking)
        locked_until = await other.fetchval("SELECT clock_timestamp()")

    assert (await holding).status == 201
    assert await booking.pool.fetchval("SELECT created_at FROM concert_booking") > locked_until


async def test_a_hold_that_waited_for_the_same_seat_finds_it_taken(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    first, second = await booking.visitor(), await booking.visitor()
    async with somebody(booking) as other:
        assert await hold_by_hand(other, first, schedule_id, "A-1") == "held"
        holding = asyncio.create_task(booking.hold(second, schedule_id, "A-1", "A-2"))
        await blocked(booking)

    reply = await holding
    assert (reply.code, reply.body.get("seats")) == ("seat_taken", ["A-1"])
    await booking.assert_sound()


async def test_a_payment_that_waited_past_the_deadline_is_too_late(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")) as other:
        paying = asyncio.create_task(booking.pay(visitor, booking_id))
        await blocked(booking)
        await other.execute(ENDS)

    assert (await paying).code == "booking_expired"
    assert await booking.balance(visitor) == "100.00"


async def test_a_cancel_that_waited_past_the_deadline_is_not_the_owners(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")) as other:
        canceling = asyncio.create_task(cancel(booking, visitor, booking_id))
        await blocked(booking)
        await other.execute(ENDS)

    assert (await canceling).status == 204
    assert (await booking.pay(visitor, booking_id)).code == "booking_expired"


async def test_a_cancel_that_waited_for_the_payment_finds_it_paid(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking) as other:
        row = await other.fetchrow(
            query("pay_bookings"),
            *(visitor.name, visitor.place.room_id, [booking_id]),
            *("/by-hand", "k", b"x", "USD", 2),
        )
        assert row["outcome"] == "paid"
        canceling = asyncio.create_task(cancel(booking, visitor, booking_id))
        await blocked(booking)

    assert (await canceling).code == "forbidden"
    await booking.assert_sound()


async def test_ones_own_ended_hold_that_somebody_takes_over_meanwhile_is_theirs(
    booking: BookingStack,
) -> None:
    """Looked up without a lock, one's own ended holds are judged again by their seats."""
    schedule_id = await booking.date(limit=2)
    before, after = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(before, schedule_id, "A-1", "A-2"))
    async with somebody(booking) as other:
        assert await hold_by_hand(other, after, schedule_id, "A-1") == "held"
        holding = asyncio.create_task(booking.hold(before, schedule_id, "A-3"))
        await blocked(booking)

    assert (await holding).status == 201
    assert await booking.status(before, schedule_id, "A-1") == "RESERVED"
    assert await booking.status(before, schedule_id, "A-2") == "AVAILABLE"
    await booking.assert_sound()


async def test_a_take_over_that_comes_to_nothing_changes_nothing(booking: BookingStack) -> None:
    """Its visitor reached the limit in another tab while it waited."""
    schedule_id = await booking.date(limit=1)
    before, after = await booking.visitor(), await booking.visitor()
    (ended,) = await booking.held(before, schedule_id, "A-1")
    await booking.expire(ended)
    async with somebody(booking, SEAT.format("A-1")) as other:
        holding = asyncio.create_task(booking.hold(after, schedule_id, "A-1"))
        await blocked(booking)
        assert await hold_by_hand(other, after, schedule_id, "A-2") == "held"

    reply = await holding
    assert (reply.code, reply.body["live_seats"]) == ("limit_exceeded", 1)
    status = "SELECT status FROM concert_booking WHERE concert_booking_id = $1"
    assert await booking.pool.fetchval(status, ended) == "PENDING"


async def test_payments_at_once_go_on_from_each_others_balance(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="500.00")
    one, other = await booking.held(visitor, schedule_id, "A-1", "A-2")
    look = "    v_now := clock_timestamp();\n\n    SELECT p.outcome, p.body, p.total"
    slow = look.replace("\n\n", "\n    PERFORM pg_sleep(0.5);\n\n")
    await rewrite(booking, "pay_bookings", (look, slow))

    replies = await asyncio.gather(booking.pay(visitor, one), booking.pay(visitor, other))

    assert outcomes(replies) == {(201, ""): 2}
    assert {reply.body["balance"] for reply in replies} == {"450.00", "400.00"}
    await booking.assert_sound()


async def test_the_first_requests_of_a_visitor_share_one_row(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor()
    by_hand = f"INSERT INTO users (external_id, user_name) VALUES ('{visitor.name}', 'x')"
    async with somebody(booking, by_hand):
        charging = asyncio.create_task(booking.charge(visitor, "1.00"))
        await blocked(booking)

    assert (await charging).status == 201
    assert await booking.balance(visitor) == "1.00"


# What is judged by the seat alone


async def test_a_sweep_judges_by_the_seat(booking: BookingStack) -> None:
    """What the booking says only finds the seat; between the two it may have changed hands."""
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1", "A-2")
    late = "UPDATE concert_booking SET expiration_at = now() - interval '1 s'"
    await booking.pool.execute(late)

    assert await sweep(booking.app[SALE]) == 0
    await booking.pool.execute(ENDS)
    assert await sweep(booking.app[SALE]) == 1

    seats = await booking.pool.fetch("SELECT seat_number, status FROM concert_seat ORDER BY 1")
    assert [tuple(row) for row in seats if row[1] != "AVAILABLE"] == [("A-2", "RESERVED")]


async def test_what_is_answered_201_is_on_disk(booking: BookingStack) -> None:
    """Whatever the server's default says, a commit is awaited."""
    name = await booking.pool.fetchval("SELECT current_database()")
    await booking.pool.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await booking.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'onsale-booking' AND datname = current_database()"
    )

    async def setting() -> str:
        try:
            async with booking.app[SALE]._connect() as connection:
                return str(await connection.fetchval("SHOW synchronous_commit"))
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            OSError,
        ):
            return ""

    assert await wait_until(setting) == "on"
