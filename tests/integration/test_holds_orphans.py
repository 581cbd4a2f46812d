"""Dates that avoid orphans: no hold leaves a free seat alone between taken ones, if it need not."""

import asyncio

import pytest

from tests.booking_stack import BookingStack
from tests.integration.moments import SEAT, blocked, cancel, hold_by_hand, somebody
from tests.integration.test_booking_races import outcomes, rewrite
from tests.integration.test_holds_best import best, hall, numbers, search, take

BESIDE = ("v_beside := beside(p_schedule, v_wanted);", "v_beside := NULL;")


async def date(booking: BookingStack, seats: list[str]) -> int:
    """A date that avoids orphans."""
    return await booking.date(seats, limit=10, avoid_orphans=True)


async def test_a_hold_that_leaves_an_orphan_is_refused(booking: BookingStack) -> None:
    schedule_id = await date(booking, hall("A", 8))
    visitor = await booking.visitor()
    await take(booking, schedule_id, "A-4")
    before = await booking.trace()

    replies = [
        await booking.hold(visitor, schedule_id, *seats)
        for seats in (["A-2"], ["A-6"], ["A-6", "A-2"], ["A-1", "A-2"], ["A-6", "A-8"])
    ]

    assert [(r.status, r.code) for r in replies] == [(409, "orphan_seat")] * 5
    orphans = [reply.body["seats"] for reply in replies]
    assert orphans == [["A-3"], ["A-5"], ["A-3", "A-5"], ["A-3"], ["A-5", "A-7"]]
    assert await booking.trace() == before
    await booking.held(visitor, schedule_id, "A-2", "A-3")
    await booking.assert_sound()


async def test_without_the_rule_anybody_may_leave_one(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("A", 8))

    await take(booking, schedule_id, "A-4", "A-2")


async def test_the_end_of_a_row_and_an_aisle_make_no_orphan(booking: BookingStack) -> None:
    schedule_id = await date(booking, ["A-1", "A-2", "A-3", "A-5", "A-6", "A-7", "A-8"])

    await take(booking, schedule_id, "A-2", "A-6")


async def test_rows_and_sections_have_nothing_to_do_with_each_other(
    booking: BookingStack,
) -> None:
    schedule_id = await date(booking, ["A-1", "A-2", "B-3", "UP-A-3", "Sofa"])

    await take(booking, schedule_id, "B-3", "UP-A-3", "Sofa", "A-1")


async def test_who_was_alone_before_does_not_count(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("A", 9))
    await take(booking, schedule_id, "A-1", "A-3", "A-5")
    await booking.change(schedule_id, avoid_orphans=True)

    await take(booking, schedule_id, "A-4", "A-2")


async def test_an_orphan_may_be_left_where_there_is_no_other_choice(booking: BookingStack) -> None:
    schedule_id = await date(booking, hall("A", 5))
    await take(booking, schedule_id, "A-5", "A-4")
    await booking.change(schedule_id, avoid_orphans=False)
    await take(booking, schedule_id, "A-1")
    await booking.change(schedule_id, avoid_orphans=True)
    visitor = await booking.visitor()

    # Two of two leave none; one of two leaves the other alone, and there is nothing else.
    await booking.held(visitor, schedule_id, "A-2")


async def test_another_choice_is_as_many_seats_side_by_side_anywhere(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date([*hall("A", 4), *hall("B", 3)], limit=10)
    await take(booking, schedule_id, "A-1", "B-2")
    await booking.change(schedule_id, avoid_orphans=True)
    visitor = await booking.visitor()

    two = await booking.hold(visitor, schedule_id, "A-3", "B-1")
    assert (two.code, two.body["seats"]) == ("orphan_seat", ["A-2"])
    await take(booking, schedule_id, "A-4")
    one = await booking.hold(visitor, schedule_id, "A-3")
    assert one.code == "orphan_seat"  # B-1 alone
    await booking.held(visitor, schedule_id, "A-3", "B-1", "B-3")  # there are no three


async def test_an_ended_hold_is_a_free_seat_to_the_rule(booking: BookingStack) -> None:
    schedule_id = await date(booking, hall("A", 6))
    holder, visitor = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(holder, schedule_id, "A-1"))

    await booking.held(visitor, schedule_id, "A-3")


async def test_two_at_once_do_not_leave_an_orphan_between_them(booking: BookingStack) -> None:
    """Each would leave three seats free, and together they would leave one alone."""
    schedule_id = await date(booking, [*hall("A", 5), *hall("B", 9)])
    one, other = await booking.visitor(), await booking.visitor()
    async with somebody(booking) as connection:
        assert await hold_by_hand(connection, one, schedule_id, "A-1", "A-2") == "held"
        holding = asyncio.create_task(booking.hold(other, schedule_id, "A-4", "A-5"))
        await blocked(booking)

    reply = await holding
    assert (reply.code, reply.body["seats"]) == ("orphan_seat", ["A-3"])


async def test_without_the_neighbours_locks_two_at_once_leave_an_orphan(
    booking: BookingStack,
) -> None:
    schedule_id = await date(booking, [*hall("A", 5), *hall("B", 9)])
    one, other = await booking.visitor(), await booking.visitor()
    await rewrite(booking, "hold_seats", BESIDE)
    async with somebody(booking) as connection:
        assert await hold_by_hand(connection, one, schedule_id, "A-1", "A-2") == "held"
        await booking.held(other, schedule_id, "A-4", "A-5")

    assert await booking.status(other, schedule_id, "A-3") == "AVAILABLE"


async def test_a_hold_waits_for_the_seats_that_decide(booking: BookingStack) -> None:
    """Two places away somebody is being served."""
    schedule_id = await date(booking, hall("A", 9))
    holder, visitor = await booking.visitor(), await booking.visitor()
    (held,) = await booking.held(holder, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")):
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-3"))
        await blocked(booking)

    assert (await holding).code == "orphan_seat"
    await cancel(booking, holder, held)
    await booking.held(visitor, schedule_id, "A-3")


# The best available


async def test_the_best_seats_leave_no_orphan_where_there_are_others(
    booking: BookingStack,
) -> None:
    schedule_id = await date(booking, [*hall("A", 5), *hall("B", 4)])
    await take(booking, schedule_id, "A-1")
    visitor = await booking.visitor()

    # Of, three in the middle of nothing leave only the end of the row.
    assert numbers(await best(booking, visitor, schedule_id, 3)) == ["A-2", "A-3", "A-4"]
    await booking.assert_sound()


@pytest.mark.parametrize("known", [True, False])
async def test_the_database_finds_the_best_seats_by_the_same_rule(
    booking: BookingStack, known: bool
) -> None:
    schedule_id = await booking.date([*hall("A", 5), *hall("B", 4)], limit=10)
    await take(booking, schedule_id, "A-1", "A-5")

    async def found(count: int, *, adjacent: bool = True) -> object:
        if known:
            visitor = await booking.visitor()
            reply = await best(booking, visitor, schedule_id, count, adjacent=adjacent)
            for booked in reply.body.get("bookings", []):
                await cancel(booking, visitor, booked["concert_booking_id"])
            return numbers(reply)
        return await search(booking, schedule_id, count, adjacent=adjacent, avoid=True)

    await booking.change(schedule_id, avoid_orphans=True)
    assert await found(1) == ["A-2"]  # leaves to a pair
    assert await found(2) == ["B-1", "B-2"]  # two of would leave the third alone
    assert await found(3) == ["A-2", "A-3", "A-4"]
    assert await found(4) == ["B-1", "B-2", "B-3", "B-4"]
    assert await found(4, adjacent=False) in (
        ["B-1", "B-2", "B-3", "B-4"],
        ["A-2", "A-3", "A-4", "B-1"],
    )
    await take(booking, schedule_id, "B-2", "B-3")
    assert await found(2) == ["A-2", "A-3"]  # no other choice


async def test_however_many_would_leave_an_orphan_the_database_finds_those_that_do_not(
    booking: BookingStack,
) -> None:
    rows = "ABCDEFGHIJKLMNOPQRSTUVWXY"
    schedule_id = await booking.date([*hall(rows, 9), *hall("Z", 2)], limit=100)
    edges = [f"{row}-{place}" for row in rows for place in (1, 5, 9)]
    await booking.held(await booking.visitor(), schedule_id, *edges)

    assert await search(booking, schedule_id, 2, avoid=True) == ["Z-1", "Z-2"]


async def test_many_who_want_the_best_seats_at_once_leave_no_orphan(
    booking: BookingStack,
) -> None:
    schedule_id = await date(booking, hall("ABCDEF", 11))
    visitors = [await booking.visitor() for _ in range(20)]

    replies = await asyncio.gather(*(best(booking, v, schedule_id, 2) for v in visitors))

    assert outcomes(replies) == {(201, ""): 20}
    orphans = await booking.pool.fetchval(
        "SELECT count(*) FROM concert_seat f WHERE f.status = 'AVAILABLE' AND 2 = ("
        " SELECT count(*) FROM concert_seat n WHERE n.seat_row = f.seat_row"
        " AND n.place IN (f.place - 1, f.place + 1) AND n.status <> 'AVAILABLE')"
    )
    assert orphans == 0
    await booking.assert_sound()
