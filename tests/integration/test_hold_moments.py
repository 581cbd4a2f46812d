"""Holds of one moment in one statement: what it decides, and what it leaves to hold_seats."""

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest

from booking_api.database import query
from tests.booking_stack import ROOM, BookingStack, Visitor
from tests.integration.moments import (
    SEAT,
    Wish,
    crowd,
    decisions,
    explained_together,
    hold_together,
    somebody,
)
from tests.integration.test_booking_races import rewrite

# What it decides


async def test_each_of_a_moment_gets_the_answer_that_is_kept_for_it(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    a, b = await crowd(booking, 2)
    before = (await booking.seats(a, schedule_id))["version"]
    decided = await hold_together(
        booking.pool, Wish(a, schedule_id, ("A-2", "A-1")), Wish(b, schedule_id, ("A-3",))
    )

    assert decisions(decided) == ["held", "held"]
    (_, first), (_, second) = decided
    assert [seat["seat_number"] for seat in first["bookings"]] == ["A-2", "A-1"]
    assert (first["total"], second["total"]) == ("100.00", "50.00")
    for visitor, answer in ((a, first), (b, second)):
        row = await booking.pool.fetchrow(query("stored_answer"), visitor.name, "/by-hand", "k")
        assert (orjson.loads(row["body"]), row["fingerprint"]) == (answer, b"x")
    changed = (await booking.seats(a, schedule_id, since=before))["seats"]
    assert {seat["seat_number"]: seat["status"] for seat in changed} == dict.fromkeys(
        ("A-1", "A-2", "A-3"), "RESERVED"
    )
    await booking.assert_sound()


async def test_the_first_who_asks_for_a_seat_gets_it_and_the_others_hear_so(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    a, b, c, d = await crowd(booking, 4)
    decided = await hold_together(
        booking.pool,
        Wish(a, schedule_id, ("A-1", "A-2")),
        Wish(b, schedule_id, ("A-3", "A-2", "A-1")),
        Wish(c, schedule_id, ("A-4",)),
        Wish(d, schedule_id, ("A-4", "A-5")),
    )

    assert decisions(decided) == ["held", "seat_taken", "held", "seat_taken"]
    assert [decided[1][1], decided[3][1]] == [{"seats": ["A-1", "A-2"]}, {"seats": ["A-4"]}]
    assert await booking.status(a, schedule_id, "A-5") == "AVAILABLE"
    await booking.assert_sound()


async def test_seats_of_the_same_number_of_other_dates_are_other_seats(
    booking: BookingStack,
) -> None:
    dates = [await booking.date() for _ in range(2)]
    a, b = await crowd(booking, 2)
    decided = await hold_together(
        booking.pool, *(Wish(v, date, ("A-1",)) for v, date in zip((a, b), dates, strict=True))
    )

    assert decisions(decided) == ["held", "held"]
    await booking.assert_sound()


async def test_who_comes_too_late_is_told_and_leaves_nothing(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    owner, a, b = await crowd(booking, 3)
    await booking.held(owner, schedule_id, "A-1", "A-2")
    before = await booking.trace()
    decided = await hold_together(
        booking.pool,
        Wish(a, schedule_id, ("A-3", "A-2", "A-1")),
        Wish(b, schedule_id, ("A-1",)),
    )

    assert decided == [
        ("seat_taken", {"seats": ["A-1", "A-2"]}),
        ("seat_taken", {"seats": ["A-1"]}),
    ]
    assert await booking.trace() == before


async def test_who_was_told_is_in_nobodys_way(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    owner, a, b = await crowd(booking, 3)
    await booking.held(owner, schedule_id, "A-1")
    decided = await hold_together(
        booking.pool, Wish(a, schedule_id, ("A-1", "A-2")), Wish(b, schedule_id, ("A-2",))
    )

    assert decisions(decided) == ["seat_taken", "held"]


async def test_who_goes_alone_keeps_those_behind_from_its_seats(booking: BookingStack) -> None:
    """It came first, and may get the seat yet."""
    schedule_id = await booking.date(limit=1)
    a, b, c = await crowd(booking, 3)
    await booking.expire(*await booking.held(a, schedule_id, "A-9"))
    decided = await hold_together(
        booking.pool,
        Wish(a, schedule_id, ("A-1",)),
        Wish(b, schedule_id, ("A-1",)),
        Wish(c, schedule_id, ("A-2",)),
    )

    assert decisions(decided) == ["alone", "alone", "held"]


async def test_a_visitor_is_decided_once_in_a_moment(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=1)
    (a,) = await crowd(booking, 1)
    decided = await hold_together(
        booking.pool, Wish(a, schedule_id, ("A-1",), "k1"), Wish(a, schedule_id, ("A-2",), "k2")
    )

    assert decisions(decided) == ["held", "alone"]
    await booking.assert_sound()


async def test_a_visitor_who_has_room_for_more_is_counted_on(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=3)
    a, b = await crowd(booking, 2)
    await booking.held(a, schedule_id, "A-1")
    wishes = [Wish(a, schedule_id, ("A-2", "A-3")), Wish(b, schedule_id, ("A-4",))]
    assert decisions(await hold_together(booking.pool, *wishes)) == ["held", "held"]
    more = [Wish(a, schedule_id, ("A-5",), "more"), Wish(b, schedule_id, ("A-6",), "more")]
    assert decisions(await hold_together(booking.pool, *more)) == ["alone", "held"]
    await booking.assert_sound()


# What it leaves to hold_seats, with nothing done


async def left_alone(booking: BookingStack, *wishes: Wish) -> None:
    """Each of them goes alone, and so leaves no trace; somebody beside them holds a seat."""
    before = await booking.trace()
    assert decisions(await hold_together(booking.pool, *wishes)) == ["alone"] * len(wishes)
    assert await booking.trace() == before


async def test_a_known_key_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    (a,) = await crowd(booking, 1)
    await hold_together(booking.pool, Wish(a, schedule_id, ("A-1",)))

    await left_alone(booking, Wish(a, schedule_id, ("A-1",)))
    await left_alone(booking, Wish(a, schedule_id, ("A-2",), fingerprint=b"y"))


@pytest.mark.parametrize(
    "terms",
    [
        {"state": "stopped"},
        {"state": "canceled"},
        {"avoid_orphans": True},
    ],
)
async def test_a_date_that_is_particular_goes_alone(
    booking: BookingStack, terms: dict[str, Any]
) -> None:
    schedule_id = await booking.date(**terms)
    a, b = await crowd(booking, 2)

    await left_alone(booking, Wish(a, schedule_id, ("A-1",)), Wish(b, schedule_id, ("A-2",)))


async def test_a_date_off_sale_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    (a,) = await crowd(booking, 1)
    await booking.pool.execute("UPDATE concert SET off_sale_at = now()")

    await left_alone(booking, Wish(a, schedule_id, ("A-1",)), Wish(a, schedule_id + 1, ("A-1",)))


async def test_a_date_of_another_room_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    (a,) = await crowd(booking, 1, room_id="room-b")

    await left_alone(booking, Wish(a, schedule_id, ("A-1",)))


async def test_a_date_that_is_waited_for_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1"])
    (a,) = await crowd(booking, 1)
    await booking.pool.execute(
        "INSERT INTO users (external_id, user_name) VALUES ('waits', 'waits')"
    )
    await booking.pool.execute(
        "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
        " SELECT user_id, $1, $2, 'jti' FROM users WHERE external_id = 'waits'",
        schedule_id,
        ROOM,
    )

    await left_alone(booking, Wish(a, schedule_id, ("A-1",)))


async def test_seats_that_are_not_there_go_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    a, b = await crowd(booking, 2)
    await booking.held(b, schedule_id, "A-1")

    await left_alone(
        booking, Wish(a, schedule_id, ("A-2", "Z-1")), Wish(b, schedule_id, ("A-1", "Z-1"))
    )


async def test_who_has_not_room_for_so_many_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=2)
    a, b = await crowd(booking, 2)
    await booking.held(a, schedule_id, "A-1")
    await booking.pool.execute("UPDATE user_schedule SET own_limit = 1, seat_limit = 1")

    await left_alone(
        booking, Wish(a, schedule_id, ("A-2",)), Wish(b, schedule_id, ("A-3", "A-4", "A-5"))
    )


async def test_who_lets_many_seats_go_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date(max_let_go_per_hour=1)
    a, b = await crowd(booking, 2)
    (held,) = await booking.held(a, schedule_id, "A-1")
    await booking.ask("DELETE", f"/v1/bookings/{held}", a)

    await left_alone(booking, Wish(a, schedule_id, ("A-2",)))
    assert decisions(await hold_together(booking.pool, Wish(b, schedule_id, ("A-2",)))) == ["held"]


async def test_a_seat_whose_hold_has_ended_goes_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    a, b = await crowd(booking, 2)
    await booking.expire(*await booking.held(a, schedule_id, "A-1"))

    await left_alone(booking, Wish(b, schedule_id, ("A-1",)))


# Whom it waits for: nobody


async def test_what_somebody_works_on_goes_alone_and_is_not_waited_for(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    a, b, c, d = await crowd(booking, 4)
    await booking.held(b, schedule_id, "A-9")
    key = f"SELECT pg_advisory_xact_lock(key_lock('{c.name}', '/by-hand', 'k'))"
    changing = "UPDATE user_schedule SET let_go_at = now()"
    async with somebody(booking, SEAT.format("A-1"), changing, key):
        decided = await hold_together(
            booking.pool,
            Wish(a, schedule_id, ("A-1",)),
            Wish(b, schedule_id, ("A-2",)),
            Wish(c, schedule_id, ("A-3",)),
            Wish(d, schedule_id, ("A-4",)),
        )

    assert decisions(decided) == ["alone", "alone", "alone", "held"]
    await booking.assert_sound()


async def test_a_visitor_whom_somebody_makes_is_not_waited_for_long(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    a, b = await crowd(booking, 2)
    made = f"INSERT INTO users (external_id, user_name) VALUES ('{a.name}', 'a')"
    async with somebody(booking, made):
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with asyncio.timeout(20):
                await hold_together(
                    booking.pool, Wish(a, schedule_id, ("A-1",)), Wish(b, schedule_id, ("A-2",))
                )


async def test_a_counter_that_grew_meanwhile_is_judged_as_it_is(booking: BookingStack) -> None:
    """Looked at without a lock, and judged again when it is written."""
    schedule_id = await booking.date(limit=1)
    a, b, c = await crowd(booking, 3)
    await booking.held(a, schedule_id, "A-1")
    # As if the look had been before that hold.
    looked = "coalesce((l.c).live_seats, 0) AS live_seats"
    await rewrite(booking, "hold_moment", (looked, "0 AS live_seats"))
    decided = await hold_together(
        booking.pool,
        Wish(a, schedule_id, ("A-2",)),
        Wish(b, schedule_id, ("A-2",)),
        Wish(c, schedule_id, ("A-3",)),
    )

    assert decisions(decided) == ["alone", "alone", "held"]
    assert await booking.status(a, schedule_id, "A-2") == "AVAILABLE"
    await booking.assert_sound()


async def test_a_session_that_knew_small_tables_reads_no_more_of_large_ones(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    early, late = await crowd(booking, 4), await crowd(booking, 4)

    async def pages(connection: Any, visitors: list[Visitor], first: int) -> int:
        """How many pages such a moment reads, in this session."""
        wishes = [
            Wish(visitor, schedule_id, (f"A-{n}",)) for n, visitor in enumerate(visitors, first)
        ]
        (plan,) = await explained_together(connection, *wishes)
        return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    async with booking.pool.acquire() as session:
        small = await pages(session, early, 1)
        await session.execute(
            """
            INSERT INTO users (external_id, user_name)
            SELECT 'crowd-' || n, 'crowd' FROM generate_series(1, 5000) n;
            INSERT INTO concert_seat (concert_schedule_id, seat_number, price)
            SELECT concert_schedule_id, 'C-' || n, 1
            FROM concert_schedule, generate_series(1, 5000) n;
            INSERT INTO user_schedule (user_id, concert_schedule_id, live_seats, seat_limit)
            SELECT user_id, concert_schedule_id, 0, 4 FROM users, concert_schedule
            WHERE external_id LIKE 'crowd-%';
            INSERT INTO idempotency_key (user_id, method, path, key, fingerprint, status, response)
            SELECT user_id, 'POST', '/', 'k', '', 201, '{}' FROM users;
            INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value, status,
                                  reason)
            SELECT user_id, concert_schedule_id, 'r', 't', 'ENDED', 'left'
            FROM users, concert_schedule;
            """
        )
        large = await pages(session, late, 5)
    assert large < 3 * small
