"""Many at once. A race that a guard decides has a twin without the guard, which must fail."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from booking_api import migrate
from tests.booking_stack import BookingStack, Reply

FUNCTIONS = Path(migrate.__file__).parent / "functions"


def outcomes(replies: Iterable[Reply]) -> Counter[tuple[int, str]]:
    return Counter((reply.status, reply.code) for reply in replies)


async def rewrite(booking: BookingStack, name: str, *changes: tuple[str, str]) -> None:
    """Install a function with parts of it replaced."""
    text = (FUNCTIONS / f"{name}.sql").read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    await booking.pool.execute(text)


#: Keeps the moment open between the look and the write, in which a race is lost.
SLOW = (
    "    -- The first write is",
    "    PERFORM pg_sleep(0.5);\n    -- The first write is",
)
SEAT_LOCK = ("ORDER BY s.concert_seat_id FOR NO KEY UPDATE;\n    END IF;", "LIMIT 0;\n    END IF;")


async def test_of_200_clients_on_one_seat_one_gets_it(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitors = [await booking.visitor() for _ in range(200)]

    replies = await asyncio.gather(*(booking.hold(v, schedule_id, "A-1") for v in visitors))

    assert outcomes(replies) == {(201, ""): 1, (409, "seat_taken"): 199}
    assert (await booking.trace())["users"] == 1, "who lost left a row"
    await booking.assert_sound()


@pytest.mark.usefixtures("apart")
async def test_two_in_the_same_moment_on_one_seat(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitors = [await booking.visitor() for _ in range(2)]
    await rewrite(booking, "hold_seats", SLOW)

    replies = await asyncio.gather(*(booking.hold(v, schedule_id, "A-1") for v in visitors))

    assert outcomes(replies) == {(201, ""): 1, (409, "seat_taken"): 1}


@pytest.mark.usefixtures("apart")
async def test_without_the_seat_lock_two_get_one_seat(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitors = [await booking.visitor() for _ in range(2)]
    await rewrite(booking, "hold_seats", SLOW, SEAT_LOCK)
    await booking.pool.execute("DROP INDEX concert_booking_one_live_per_seat")

    replies = await asyncio.gather(*(booking.hold(v, schedule_id, "A-1") for v in visitors))

    assert outcomes(replies) == {(201, ""): 2}


@pytest.mark.usefixtures("apart")
async def test_without_the_seat_lock_the_index_still_refuses_the_second(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitors = [await booking.visitor() for _ in range(2)]
    await rewrite(booking, "hold_seats", SLOW, SEAT_LOCK)

    replies = await asyncio.gather(*(booking.hold(v, schedule_id, "A-1") for v in visitors))

    assert outcomes(replies) == {(201, ""): 1, (409, "seat_taken"): 1}
    await booking.assert_sound()


async def test_overlapping_holds_never_deadlock_and_are_all_or_none(booking: BookingStack) -> None:
    seats = [f"A-{number}" for number in range(1, 7)]
    schedule_id = await booking.date(seats)
    visitors = [await booking.visitor() for _ in range(60)]

    replies = await asyncio.gather(
        *(
            booking.hold(
                visitor, schedule_id, *(seats[(n * step) % 6] for n in range(start, start + 3))
            )
            for visitor, start, step in zip(
                visitors, [0, 1, 2, 3, 4, 5] * 10, [1, 5] * 30, strict=True
            )
        )
    )

    assert set(outcomes(replies)) <= {(201, ""), (409, "seat_taken")}
    won = sum(reply.status == 201 for reply in replies)
    assert 1 <= won <= 2
    found = (await booking.seats(visitors[0], schedule_id))["seats"]
    assert sum(seat["status"] == "RESERVED" for seat in found) == 3 * won
    await booking.assert_sound()


@pytest.mark.usefixtures("apart")
async def test_one_visitor_with_ten_tabs_stays_within_the_limit(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=4)
    visitor = await booking.visitor()
    await rewrite(booking, "hold_seats", SLOW)

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, f"A-{number}") for number in range(1, 11))
    )

    assert outcomes(replies) == {(201, ""): 4, (409, "limit_exceeded"): 6}
    assert (await booking.trace())["concert_booking"] == 4
    await booking.assert_sound()


@pytest.mark.usefixtures("apart")
async def test_without_the_counters_condition_ten_tabs_break_the_limit(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=4)
    visitor = await booking.visitor()
    no_condition = ("WHERE c.live_seats + v_count <= v_limit;", ";")
    await rewrite(booking, "hold_seats", SLOW, no_condition)
    await booking.pool.execute(
        "ALTER TABLE user_schedule DROP CONSTRAINT user_schedule_within_limit"
    )

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, f"A-{number}") for number in range(1, 11))
    )

    assert outcomes(replies) == {(201, ""): 10}


@pytest.mark.usefixtures("apart")
async def test_without_the_counters_condition_its_check_still_refuses(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=4)
    visitor = await booking.visitor()
    no_condition = ("WHERE c.live_seats + v_count <= v_limit;", ";")
    await rewrite(booking, "hold_seats", SLOW, no_condition)

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, f"A-{number}") for number in range(1, 11))
    )

    assert outcomes(replies) == {(201, ""): 4, (409, "limit_exceeded"): 6}
    await booking.assert_sound()


async def test_of_50_payments_of_one_booking_one_pays(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="1000.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    replies = await asyncio.gather(*(booking.pay(visitor, booking_id) for _ in range(50)))

    assert outcomes(replies) == {(201, ""): 1, (409, "not_payable"): 49}
    assert await booking.balance(visitor) == "950.00"
    assert (await booking.trace())["payment"] == 1
    await booking.assert_sound()


async def test_of_50_payments_under_one_key_49_are_replays(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="1000.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    replies = await asyncio.gather(
        *(booking.pay(visitor, booking_id, key="one") for _ in range(50))
    )

    assert outcomes(replies) == {(201, ""): 50}
    assert len({reply.raw for reply in replies}) == 1
    assert sum("Idempotency-Replayed" in reply.headers for reply in replies) == 49
    assert await booking.balance(visitor) == "950.00"
    await booking.assert_sound()


async def test_payments_that_together_pass_the_balance_leave_it_at_zero_or_above(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor(money="120.00")
    ids = [(await booking.held(visitor, schedule_id, f"A-{n}"))[0] for n in range(1, 9)]

    replies = await asyncio.gather(*(booking.pay(visitor, booking_id) for booking_id in ids))

    assert outcomes(replies) == {(201, ""): 2, (402, "insufficient_balance"): 6}
    assert await booking.balance(visitor) == "20.00"
    await booking.assert_sound()


async def test_paying_canceling_holding_and_sweeping_at_once_keeps_the_books(
    booking: BookingStack,
) -> None:
    """Everything that locks, against each other, on few seats: no deadlock, no broken invariant."""
    seats = [f"A-{number}" for number in range(1, 9)]
    schedule_id = await booking.date(seats, limit=3)
    visitors = [await booking.visitor(money="500.00") for _ in range(12)]

    async def live(visitor_number: int) -> list[Reply]:
        visitor, replies = visitors[visitor_number], []
        for turn in range(6):
            start = visitor_number + turn * 3
            wanted = [seats[(start + n) % 8] for n in range(2)]
            reply = await booking.hold(visitor, schedule_id, *wanted)
            replies.append(reply)
            if reply.status != 201:
                continue
            ids = [b["concert_booking_id"] for b in reply.body["bookings"]]
            if (visitor_number + turn) % 4 == 0:
                replies.append(await booking.pay(visitor, ids[0]))
            elif turn % 2:
                await booking.expire(*ids)
                await booking.pool.fetchval("SELECT sweep_expired(3)")
            else:
                await booking.expire(ids[0])
                replies.append(await booking.ask("DELETE", f"/v1/bookings/{ids[1]}", visitor))
        return replies

    found = await asyncio.gather(*(live(number) for number in range(12)))

    seen = outcomes([reply for replies in found for reply in replies])
    assert {status for status, _ in seen} <= {201, 204, 409, 410}, seen
    await booking.expire(
        *[
            r[0]
            for r in await booking.pool.fetch(
                "SELECT concert_booking_id FROM concert_booking WHERE status = 'PENDING'"
            )
        ]
    )
    await booking.pool.fetchval("SELECT sweep_expired(100)")
    await booking.assert_sound()
