"""The best available seats: chosen by the server, atomically, also when many want them at once."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.booking_stack import BookingStack, Reply, Visitor
from tests.integration.moments import SEAT, blocked, free, somebody
from tests.integration.test_booking_races import outcomes


async def best(
    booking: BookingStack,
    visitor: Visitor,
    schedule_id: int,
    count: int,
    *,
    key: str | None = None,
    **wanted: Any,
) -> Reply:
    return await booking.ask(
        "POST",
        f"/v1/schedules/{schedule_id}/bookings",
        visitor,
        body={"best_available": {"count": count, **wanted}},
        key=key or booking.new_key(),
    )


async def search(
    booking: BookingStack, schedule_id: int, count: int, *, candidates: Any = None, **wanted: Any
) -> Any:
    """What the database chooses by itself, or of these candidates: the numbers of the seats, or the
    outcome."""
    row = await booking.pool.fetchrow(
        "SELECT b.outcome,"
        " ARRAY(SELECT s.seat_number FROM unnest(b.seats) WITH ORDINALITY w (id, n)"
        " JOIN concert_seat s ON s.concert_seat_id = w.id ORDER BY w.n) AS seats"
        " FROM lock_best($1, $2, $3, $4, $5, $6, NULL, $7) b",
        schedule_id,
        count,
        wanted.get("adjacent", True),
        wanted.get("section"),
        wanted.get("max_price"),
        candidates,
        wanted.get("avoid", False),
    )
    return row["seats"] if row["outcome"] == "found" else row["outcome"]


async def take(booking: BookingStack, schedule_id: int, *seats: str) -> None:
    """Somebody holds these seats; each somebody else."""
    for seat in seats:
        visitor = await booking.visitor()
        await booking.held(visitor, schedule_id, seat)


async def ids(booking: BookingStack, *seats: str) -> list[int]:
    rows = await booking.pool.fetch("SELECT seat_number, concert_seat_id FROM concert_seat")
    known = dict(tuple(row) for row in rows)
    return [known[seat] for seat in seats]


def numbers(reply: Reply) -> list[str]:
    assert reply.status == 201, reply.raw
    return [booking["seat_number"] for booking in reply.body["bookings"]]


def hall(rows: str, places: int) -> list[str]:
    return [f"{row}-{place}" for row in rows for place in range(1, places + 1)]


async def test_the_best_seats_side_by_side_are_held(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("AB", 4))
    visitor = await booking.visitor()
    await take(booking, schedule_id, "A-2")

    reply = await best(booking, visitor, schedule_id, 2)

    assert numbers(reply) == ["A-3", "A-4"]
    assert reply.body["total"] == "100.00"
    assert numbers(await best(booking, visitor, schedule_id, 2, adjacent=False)) == ["A-1", "B-1"]
    await booking.assert_sound()


async def test_one_key_gets_one_choice(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    first = await best(booking, visitor, schedule_id, 2, key="k")
    again = await best(booking, visitor, schedule_id, 2, key="k")
    other = await best(booking, visitor, schedule_id, 1, key="k")

    assert again.raw == first.raw
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.code == "idempotency_key_reused"
    await booking.assert_sound()


async def test_section_and_price_are_kept_to(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1", "A-2", "UP-A-1", "UP-A-2", "UP-A-3"], limit=10)
    await booking.pool.execute(
        "UPDATE concert_seat SET price = 80, changed_xid = pg_current_xact_id()"
        " WHERE seat_number IN ('A-1', 'UP-A-1')"
    )
    visitor = await booking.visitor()

    cheap = await best(booking, visitor, schedule_id, 2, max_price="79.99")
    none = await best(booking, visitor, schedule_id, 2, max_price="50.00")
    above = await best(booking, visitor, schedule_id, 1, section="UP")

    assert numbers(cheap) == ["UP-A-2", "UP-A-3"]
    assert (none.status, none.code) == (409, "seat_taken")
    assert "2 adjacent seats" in none.body["detail"]
    assert numbers(above) == ["UP-A-1"]
    assert (await best(booking, visitor, schedule_id, 1, section="NOWHERE")).code == "seat_taken"
    assert (await best(booking, visitor, schedule_id, 1, max_price="0.00")).code == "seat_taken"


async def test_the_rules_of_holding_hold_for_the_best_seats_too(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=2)
    visitor = await booking.visitor()
    await best(booking, visitor, schedule_id, 1)
    before = await booking.trace()

    over = await best(booking, visitor, schedule_id, 2)
    await booking.change(schedule_id, state="stopped")
    stopped = await best(booking, visitor, schedule_id, 1)

    assert (over.code, over.body["limit"]) == ("limit_exceeded", 2)
    assert stopped.code == "sale_stopped"
    assert (await best(booking, visitor, 999_999, 1)).code == "not_found"
    assert await booking.trace() == before


async def test_ended_holds_are_taken_over_at_once(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1", "A-2"], limit=2)
    before, after = await booking.visitor(), await booking.visitor()
    await booking.expire(*await booking.held(before, schedule_id, "A-1", "A-2"))

    assert numbers(await best(booking, after, schedule_id, 2)) == ["A-1", "A-2"]
    await booking.assert_sound()


async def test_ones_own_ended_holds_make_room_for_the_best_seats(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("A", 4), limit=2)
    visitor = await booking.visitor()
    await booking.expire(*await booking.held(visitor, schedule_id, "A-1", "A-4"))

    assert numbers(await best(booking, visitor, schedule_id, 2)) == ["A-1", "A-2"]
    assert await booking.status(visitor, schedule_id, "A-4") == "AVAILABLE"
    await booking.assert_sound()


NONSENSE: list[Any] = [
    {"best_available": {}},
    {"best_available": {"count": 0}},
    {"best_available": {"count": 101}},
    {"best_available": {"count": 1, "max_price": "-1"}},
    {"best_available": {"count": 1, "max_price": "1.001"}},
    {"best_available": {"count": 1, "section": "\x00"}},
    {"best_available": {"count": 1, "row": "A"}},
    {"best_available": {"count": 1}, "seat_numbers": ["A-1"]},
    {"best_available": None, "seat_numbers": None},
]


async def test_what_makes_no_sense_is_refused(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    path = f"/v1/schedules/{schedule_id}/bookings"

    for body in NONSENSE:
        reply = await booking.ask("POST", path, visitor, body=body, key="k")
        assert (reply.status, reply.code) == (422, "validation_failed"), body


async def test_50_who_want_two_seats_at_once_all_get_them_side_by_side(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(hall("ABCDEFGHIJ", 10))
    visitors = [await booking.visitor() for _ in range(50)]

    replies = await asyncio.gather(*(best(booking, v, schedule_id, 2) for v in visitors))

    assert outcomes(replies) == {(201, ""): 50}
    seats = Counter(seat for reply in replies for seat in numbers(reply))
    assert len(seats) == 100
    for reply in replies:
        (row, place), (other_row, other_place) = (n.split("-") for n in numbers(reply))
        assert (row, int(place) + 1) == (other_row, int(other_place))
    late = await best(booking, await booking.visitor(), schedule_id, 1)
    assert (late.status, late.code) == (409, "seat_taken")
    await booking.assert_sound()


async def test_50_who_search_at_once_all_get_seats_side_by_side(booking: BookingStack) -> None:
    """Without knowing the hall: the database finds the seats by itself."""
    schedule_id = await booking.date(hall("ABCDE", 20))
    visitors = [await booking.visitor() for _ in range(50)]

    async def hold(visitor: Visitor) -> str:
        found = await booking.pool.fetchrow(
            "SELECT * FROM hold_seats($1, $2, $3, $4, NULL, 2, true, NULL, NULL, NULL, '/by-hand',"
            " $1, 'x', 'USD', 2)",
            *(visitor.name, visitor.place.jti, visitor.place.room_id, schedule_id),
        )
        return str(found["outcome"])

    assert Counter(await asyncio.gather(*map(hold, visitors))) == {"held": 50}
    await booking.assert_sound()
    alone = await booking.pool.fetchval(
        "SELECT count(*) FROM (SELECT max(place) - min(place) AS apart, count(*) AS seats"
        " FROM concert_booking JOIN concert_seat USING (concert_seat_id)"
        " GROUP BY user_id, section, seat_row) pair WHERE apart <> 1 OR seats <> 2"
    )
    assert alone == 0


# What the database does by itself


async def test_candidates_are_tried_in_their_order(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("AB", 4))
    await take(booking, schedule_id, "B-2")
    tries = [await ids(booking, *pair) for pair in (("B-2", "B-3"), ("A-2", "A-3"), ("A-1", "A-2"))]

    assert await search(booking, schedule_id, 2, candidates=tries) == ["A-2", "A-3"]
    assert await search(booking, schedule_id, 2, candidates=tries[:1]) == ["A-1", "A-2"]
    assert await search(booking, schedule_id, 2, candidates=[]) == "none_left"


@pytest.mark.parametrize("bad", [("A-1", "A-3"), ("A-1", "B-2")])
async def test_candidates_are_judged_again(booking: BookingStack, bad: tuple[str, str]) -> None:
    schedule_id = await booking.date(hall("ABC", 4))
    elsewhere = await booking.date(["Z-1", "Z-2"])
    tries = [await ids(booking, *bad), await ids(booking, "Z-1", "Z-2")]

    assert await search(booking, schedule_id, 2, candidates=tries) == ["A-1", "A-2"]
    dear = {"max_price": Decimal(10), "candidates": [await ids(booking, "C-1", "C-2")]}
    assert await search(booking, schedule_id, 2, **dear) == "none_left"
    section = {"section": "UP", "candidates": [await ids(booking, "C-1", "C-2")]}
    assert await search(booking, schedule_id, 2, **section) == "none_left"
    assert await search(booking, elsewhere, 2) == ["Z-1", "Z-2"]


async def test_aisles_part_neighbours_and_seats_without_a_row_have_none(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(["A-1", "A-3", "A-4", "Sofa"])

    assert await search(booking, schedule_id, 2) == ["A-3", "A-4"]
    assert await search(booking, schedule_id, 3) == "none_left"
    assert await search(booking, schedule_id, 3, adjacent=False) == ["A-1", "A-3", "A-4"]
    await take(booking, schedule_id, "A-1", "A-3", "A-4")
    assert await search(booking, schedule_id, 1) == ["Sofa"]


async def test_pieces_are_cut_so_that_others_find_theirs(booking: BookingStack) -> None:
    """While the first is being taken, nobody takes the second with the third."""
    schedule_id = await booking.date(hall("A", 6))
    async with somebody(booking, SEAT.format("A-1")):
        assert await search(booking, schedule_id, 2) == ["A-3", "A-4"]


async def test_seats_that_somebody_works_on_are_passed_over(booking: BookingStack) -> None:
    schedule_id = await booking.date(hall("AB", 2))
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-2")):
        async with asyncio.timeout(10):
            reply = await best(booking, visitor, schedule_id, 2)

    assert numbers(reply) == ["B-1", "B-2"]


async def test_what_was_tried_in_vain_is_not_kept(booking: BookingStack) -> None:
    """Somebody else gets the seat next to one that is being taken."""
    schedule_id = await booking.date(hall("A", 4))
    tries = [await ids(booking, "A-1", "A-2"), await ids(booking, "A-3", "A-4")]
    async with somebody(booking, SEAT.format("A-2")), somebody(booking) as one:
        row = await one.fetchrow(
            "SELECT * FROM lock_best($1, 2, true, NULL, NULL, $2, NULL, false)",
            *(schedule_id, tries),
        )
        assert row["seats"] == tries[1]
        await free(booking, SEAT.format("A-1"))


async def test_the_last_seats_are_waited_for(booking: BookingStack) -> None:
    """A refusal is the truth: who only looked at the seats gives them back."""
    schedule_id = await booking.date(["A-1", "A-2"])
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-2")):
        holding = asyncio.create_task(best(booking, visitor, schedule_id, 2))
        await blocked(booking)

    assert numbers(await holding) == ["A-1", "A-2"]


async def test_the_last_seats_are_refused_when_they_are_taken_meanwhile(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])
    visitor = await booking.visitor()
    gone = (
        "UPDATE concert_seat SET status = 'SOLD', concert_booking_id = $1 WHERE seat_number = 'A-2'"
    )
    (booking_id,) = await booking.held(await booking.visitor(), await booking.date(), "A-9")
    async with somebody(booking, SEAT.format("A-2")) as other:
        holding = asyncio.create_task(best(booking, visitor, schedule_id, 2))
        await blocked(booking)
        await other.execute(gone, booking_id)

    reply = await holding
    assert (reply.status, reply.code) == (409, "seat_taken")
