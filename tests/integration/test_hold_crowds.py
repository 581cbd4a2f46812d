"""Holds of one moment over HTTP: of each the same as alone, and what fails is its own."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from booking_api import moments
from booking_api.bookings import BOOKINGS, Bookings
from booking_api.database import Sale
from booking_api.idempotency import Once
from shared.errors import OnsaleError
from tests.booking_stack import BookingStack, Reply, Visitor, running
from tests.integration.moments import SEAT, Decided, Wish, blocked, crowd, somebody
from tests.integration.test_booking_races import rewrite


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were decided in each moment; who goes alone is not counted."""
    counts: list[int] = []
    decide_each = Sale.decide_each

    async def counted(self: Sale, *args: Any) -> Any:
        found = await decide_each(self, *args)
        counts.append(sum(one is not None for one in found))
        return found

    monkeypatch.setattr(Sale, "decide_each", counted)
    monkeypatch.setattr(moments, "PATIENCE_S", 60.0)  # nobody is late on a busy machine
    return counts


@pytest.fixture
def busy(booking: BookingStack) -> None:
    """Somebody goes alone all the time, so that whoever comes is of a moment."""
    booking.app[BOOKINGS]._moments._alone += 1


# As alone


class Asks:
    """Holds of one date asked of the API's own bookings."""

    def __init__(self, booking: BookingStack, schedule_id: int):
        self._bookings: Bookings = booking.app[BOOKINGS]
        self._schedule_id = schedule_id

    async def hold(self, wish: Wish) -> Decided:
        """What came of it, without what differs from date to date."""
        once = Once(f"/of/{self._schedule_id}", wish.key, wish.fingerprint)
        try:
            answer = await self._bookings.hold(
                wish.visitor.place, self._schedule_id, list(wish.seats), once
            )
        except OnsaleError as error:
            return error.code, error.extra
        body = orjson.loads(answer.body)
        return answer.outcome, ([b["seat_number"] for b in body["bookings"]], body["total"])


def mix(rng: random.Random, visitors: list[Visitor]) -> list[Wish]:
    """Wishes with much in common: keys, visitors, seats, and some that are not there."""
    seats = [f"A-{number}" for number in range(1, 31)] + ["Z-1"]
    return [
        Wish(
            rng.choice(visitors),
            0,
            tuple(rng.sample(seats, rng.choice([1, 1, 1, 2, 3]))),
            f"k{rng.randrange(8)}",
            rng.choice([b"x", b"x", b"x", b"y"]),
        )
        for _ in range(80)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_a_moment_decides_as_if_each_came_alone_one_after_the_other(
    booking: BookingStack, together: list[int], seed: int
) -> None:
    visitors = await crowd(booking, 20)
    wishes = mix(random.Random(seed), visitors)
    dates = []
    for _ in range(2):
        schedule_id = await booking.date([f"A-{number}" for number in range(1, 31)], limit=3)
        await booking.held(visitors[0], schedule_id, "A-1", "A-2")
        await booking.expire(*await booking.held(visitors[1], schedule_id, "A-3"))
        await booking.expire(*await booking.held(visitors[2], schedule_id, "A-4", "A-5", "A-6"))
        dates.append(Asks(booking, schedule_id))
    alone, at_once = dates

    expected = [await alone.hold(wish) for wish in wishes]
    assert not together
    found = await asyncio.gather(*(at_once.hold(wish) for wish in wishes))

    assert sum(together) > len(wishes) / 4
    for wish, one, other in zip(wishes, expected, found, strict=True):
        if one[0] == other[0] == "seat_taken":
            # Of seats that go to others in the same moment it may name only some.
            assert other[1]["seats"], wish
            assert set(other[1]["seats"]) <= set(one[1]["seats"]), wish
        else:
            assert one == other, wish
    await booking.assert_sound()


# Over HTTP


@pytest.fixture
async def other(
    booking: BookingStack, redis: Redis, redis_url: str, database_url: str
) -> AsyncIterator[BookingStack]:
    """Another process of the same sale."""
    async with running(redis, redis_url, database_url) as stack:
        yield stack


async def test_many_clients_of_two_processes_on_few_seats(
    booking: BookingStack, other: BookingStack, together: list[int]
) -> None:
    seats = [f"A-{number}" for number in range(1, 13)]
    schedule_id = await booking.date(seats, limit=2)
    visitors = await crowd(booking, 24)
    rng = random.Random(1)
    sent = [(visitor, rng.sample(seats, rng.choice([1, 2]))) for visitor in visitors * 2]

    replies = await asyncio.gather(
        *(
            process.hold(visitor, schedule_id, *wanted, key=f"k{number}")
            for number, (visitor, wanted) in enumerate(sent)
            for process in (booking, other)
        )
    )

    seen = {(reply.status, reply.code) for reply in replies}
    assert seen <= {(201, ""), (409, "seat_taken"), (409, "limit_exceeded")}
    assert sum(together) > 2, "they were not decided together"
    firsts = [r for r in replies if r.status == 201 and "Idempotency-Replayed" not in r.headers]
    held = [b["seat_number"] for reply in firsts for b in reply.body["bookings"]]
    assert len(held) == len(set(held)), "a seat was held twice"
    found = (await booking.seats(visitors[0], schedule_id))["seats"]
    assert {s["seat_number"] for s in found if s["status"] == "RESERVED"} == set(held)
    await booking.assert_sound()


@pytest.mark.usefixtures("busy")
async def test_the_first_request_and_its_replays_at_once(
    booking: BookingStack, together: list[int]
) -> None:
    schedule_id = await booking.date()
    (visitor,) = await crowd(booking, 1)

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, "A-2", key="one") for _ in range(5))
    )

    assert {reply.status for reply in replies} == {201}
    assert len({reply.raw for reply in replies}) == 1
    assert sum("Idempotency-Replayed" in reply.headers for reply in replies) == 4
    assert sum(together) == 1
    await booking.assert_sound()


@pytest.mark.usefixtures("busy")
async def test_a_lost_answer_is_not_a_failure_and_the_key_finds_it(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends after the commit, before its answer has come."""
    schedule_id = await booking.date()
    visitors = await crowd(booking, 3)
    decide_each = Sale.decide_each

    async def lost(self: Sale, *args: Any) -> Any:
        await decide_each(self, *args)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")

    async def hold(number: int) -> Reply:
        return await booking.hold(visitors[number], schedule_id, f"A-{number + 1}", key="k")

    monkeypatch.setattr(Sale, "decide_each", lost)
    replies = await asyncio.gather(*(hold(number) for number in range(3)))
    assert [(reply.status, reply.code) for reply in replies] == [(503, "unavailable")] * 3
    assert (await booking.trace())["concert_booking"] == 3

    monkeypatch.setattr(Sale, "decide_each", decide_each)
    again = [await hold(number) for number in range(3)]
    assert [reply.status for reply in again] == [201] * 3
    assert all("Idempotency-Replayed" in reply.headers for reply in again)
    assert (await booking.trace())["concert_booking"] == 3
    await booking.assert_sound()


@pytest.mark.usefixtures("busy")
async def test_a_connection_that_ends_in_a_moment_ends_it_for_all_of_it(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitors = await crowd(booking, 3)
    locked = "    v_now := clock_timestamp();\n\n    WITH dates"
    ending = locked.replace("\n\n", "\n    PERFORM pg_terminate_backend(pg_backend_pid());\n\n")
    await rewrite(booking, "hold_moment", (locked, ending))

    replies = await asyncio.gather(
        *(booking.hold(v, schedule_id, f"A-{n}") for n, v in enumerate(visitors, 1))
    )

    assert [(reply.status, reply.code) for reply in replies] == [(503, "unavailable")] * 3
    assert (await booking.trace())["concert_booking"] == 0


@pytest.mark.usefixtures("busy")
async def test_what_one_of_a_moment_breaks_is_its_own(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    bad, *good = await crowd(booking, 3)
    for name, asked, visitor in (
        ("hold_moment", "    SELECT array_agg(pg_try_advisory", "ANY (p_visitors)"),
        ("hold_seats", "    SELECT o.user_id, o.outcome, o.body INTO", "p_visitor"),
    ):
        poison = f"    PERFORM 1 / CASE WHEN '{bad.name}' = {visitor} THEN 0 ELSE 1 END;\n{asked}"
        await rewrite(booking, name, (asked, poison))
    asks = Asks(booking, schedule_id)

    found = await asyncio.gather(
        *(asks.hold(Wish(v, schedule_id, (f"A-{n}",))) for n, v in enumerate((*good, bad), 1)),
        return_exceptions=True,
    )

    assert found[:2] == [("held", (["A-1"], "50.00")), ("held", (["A-2"], "50.00"))]
    assert isinstance(found[2], asyncpg.DivisionByZeroError)
    assert (await booking.trace())["concert_booking"] == 2
    await booking.assert_sound()


async def test_a_hold_that_waits_for_a_lock_keeps_only_its_own_kind_waiting(
    booking: BookingStack, together: list[int]
) -> None:
    schedule_id = await booking.date()
    a, b, c = await crowd(booking, 3)
    async with somebody(booking, SEAT.format("A-1")):
        first = asyncio.create_task(booking.hold(a, schedule_id, "A-1"))
        await blocked(booking)
        second = asyncio.create_task(booking.hold(b, schedule_id, "A-1"))
        assert (await booking.hold(c, schedule_id, "A-2")).status == 201
        assert not first.done()
        assert not second.done()

    assert [(await first).status, (await second).code] == [201, "seat_taken"]
    assert together
