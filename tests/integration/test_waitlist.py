"""The waiting list: a seat that becomes free is offered to who waits before others may take it."""

import asyncio
import itertools
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.waitlist import WAITLIST
from tests.booking_stack import BookingStack, Reply, Visitor, running
from tests.integration.moments import COUNTER, SEAT, blocked, cancel, somebody
from tests.integration.sound_sale import move_journal
from tests.integration.test_booking_races import rewrite
from tests.waiting import wait_until


class Line:
    """A date that is sold out: somebody holds each of its seats."""

    def __init__(self, booking: BookingStack, redis: "Redis", schedule_id: int):
        self.booking = booking
        self.redis = redis
        self.schedule_id = schedule_id
        self.path = f"/v1/schedules/{schedule_id}/waitlist"
        self.holders: dict[str, tuple[Visitor, int]] = {}

    async def hold(self, *seats: str) -> None:
        for seat in seats:
            holder = await self.booking.visitor()
            (booking_id,) = await self.booking.held(holder, self.schedule_id, seat)
            self.holders[seat] = holder, booking_id

    async def free(self, *seats: str) -> None:
        for seat in seats:
            holder, booking_id = self.holders.pop(seat)
            assert (await cancel(self.booking, holder, booking_id)).status == 204

    async def visitor(self, **given: Any) -> Visitor:
        """Somebody whom the journal knows as admitted."""
        visitor = await self.booking.visitor(**given)
        await move_journal(self.booking, self.redis)
        return visitor

    async def join(self, visitor: Visitor) -> Reply:
        return await self.booking.ask("POST", self.path, visitor)

    async def joined(self, **given: Any) -> Visitor:
        visitor = await self.visitor(**given)
        reply = await self.join(visitor)
        assert reply.status == 201, reply.raw
        return visitor

    async def place(self, visitor: Visitor) -> Any:
        reply = await self.booking.ask("GET", self.path, visitor)
        assert reply.status == 200, reply.raw
        return reply.body

    async def leave(self, visitor: Visitor) -> Reply:
        return await self.booking.ask("DELETE", self.path, visitor)

    async def offer(self) -> int:
        return await self.booking.app[WAITLIST].offer()

    async def states(self, *visitors: Visitor) -> list[tuple[str, str | None]]:
        places = [await self.place(visitor) for visitor in visitors]
        return [(place["status"], place["reason"]) for place in places]


WAITING, OFFERED = ("WAITING", None), ("OFFERED", None)


@pytest.fixture
async def line(booking: BookingStack, redis: "Redis") -> Line:
    found = Line(booking, redis, await booking.date(["A-1", "A-2", "A-3"]))
    await found.hold("A-1", "A-2", "A-3")
    return found


async def test_places_are_numbered_in_the_order_of_joining(line: Line) -> None:
    first, second = await line.joined(), await line.joined()

    again = await line.join(first)

    assert again.status == 200
    assert again.body == await line.place(first)
    place = await line.place(second)
    assert (place["status"], place["position"], place["booking"]) == ("WAITING", 2, None)
    assert again.body["position"] == 1
    assert (await line.place(second))["concert_schedule_id"] == line.schedule_id
    assert (await line.leave(first)).status == 204
    assert (await line.place(second))["position"] == 1
    await line.booking.assert_sound()


async def test_while_there_are_free_seats_nobody_waits(line: Line) -> None:
    await line.free("A-2")
    before = await line.booking.trace()

    reply = await line.join(await line.visitor())

    assert (reply.status, reply.code) == (409, "not_sold_out")
    assert await line.booking.trace() == before


async def test_an_ended_hold_is_a_free_seat(line: Line) -> None:
    await line.booking.expire(line.holders["A-1"][1])

    assert (await line.join(await line.visitor())).code == "not_sold_out"


async def test_a_free_seat_is_for_those_who_wait(line: Line) -> None:
    waits, other = await line.joined(), await line.visitor(money="100.00")
    await line.free("A-2")
    before = await line.booking.trace()

    refused = [
        await line.booking.hold(visitor, line.schedule_id, "A-2") for visitor in (other, waits)
    ]

    assert [(r.status, r.code) for r in refused] == [(409, "seat_taken")] * 2
    assert "waiting list" in refused[0].body["detail"]
    assert await line.booking.trace() == before
    assert (await line.join(other)).body["position"] == 2  # the free seat is not theirs to hold


async def test_an_offer_is_a_hold_that_is_paid(line: Line) -> None:
    waits = await line.joined(money="100.00")
    await line.free("A-2")

    assert await line.offer() == 1

    place = await line.place(waits)
    assert (place["status"], place["position"]) == ("OFFERED", None)
    offered = place["booking"]
    assert (offered["seat_number"], offered["status"]) == ("A-2", "PENDING")
    shown = await line.booking.ask("GET", f"/v1/bookings/{offered['concert_booking_id']}", waits)
    assert {name: shown.body[name] for name in offered} == offered
    lasts = await line.booking.pool.fetchval(
        "SELECT extract(epoch FROM expiration_at - created_at) FROM concert_booking"
        " WHERE concert_booking_id = $1",
        offered["concert_booking_id"],
    )
    assert 899 <= lasts <= 900
    await line.booking.assert_sound()
    assert (await line.booking.pay(waits, offered["concert_booking_id"])).status == 201
    place = await line.place(waits)
    assert (place["status"], place["reason"]) == ("ENDED", "taken")
    assert place["booking"]["status"] == "CONFIRMED"
    await line.booking.assert_sound()


async def test_an_offer_names_the_token_that_let_its_visitor_in(line: Line) -> None:
    waits = await line.joined()
    await line.booking.places.finish(waits.place, "left")
    again = await line.booking.visitor(name=waits.name)
    await line.free("A-1")
    await line.offer()

    named = await line.booking.pool.fetchval(
        "SELECT token_value FROM concert_booking WHERE concert_booking_id = $1",
        (await line.place(again))["booking"]["concert_booking_id"],
    )

    assert named == waits.place.jti != again.place.jti


async def test_an_offer_is_announced(line: Line) -> None:
    waits = await line.joined()
    await line.free("A-1")
    await line.offer()

    row = await line.booking.pool.fetchrow(
        "SELECT payload::text, concert_booking_id FROM webhook_event"
        " WHERE kind = 'waitlist.offered'"
    )

    assert waits.name in row["payload"]
    assert row["concert_booking_id"] == (await line.place(waits))["booking"]["concert_booking_id"]


async def test_seats_are_offered_in_the_order_of_the_line(line: Line) -> None:
    visitors = [await line.joined() for _ in range(4)]
    await line.free("A-3", "A-1")

    assert await line.offer() == 2

    assert await line.states(*visitors) == [OFFERED, OFFERED, WAITING, WAITING]
    seats = [(await line.place(v))["booking"]["seat_number"] for v in visitors[:2]]
    assert seats == ["A-1", "A-3"]
    assert await line.offer() == 0


async def test_what_nobody_waits_for_is_everybodys(line: Line) -> None:
    await line.joined()
    await line.free("A-1", "A-2")
    await line.offer()

    await line.booking.held(await line.visitor(), line.schedule_id, "A-2")


@pytest.mark.parametrize("how", ["expire", "cancel", "leave"])
async def test_an_offer_that_is_not_taken_goes_to_the_next(line: Line, how: str) -> None:
    first, second = await line.joined(), await line.joined()
    await line.free("A-1")
    await line.offer()
    offered = (await line.place(first))["booking"]["concert_booking_id"]

    if how == "expire":
        await line.booking.expire(offered)
        assert await line.states(first) == [("ENDED", "lapsed")]  # before any sweep
        await line.booking.pool.fetchval("SELECT sweep_expired(10)")
    elif how == "cancel":
        await cancel(line.booking, first, offered)
    else:
        assert (await line.leave(first)).status == 204

    ended = "left" if how == "leave" else "lapsed"
    assert await line.states(first, second) == [("ENDED", ended), WAITING]
    assert await line.offer() == 1
    assert await line.states(first, second) == [("ENDED", ended), OFFERED]
    assert (await line.place(first))["booking"]["status"] == "CANCELED"
    await line.booking.assert_sound()


async def test_who_let_an_offer_lapse_joins_at_the_end(line: Line) -> None:
    first, second = await line.joined(), await line.joined()
    await line.free("A-1")
    await line.offer()
    await line.booking.expire((await line.place(first))["booking"]["concert_booking_id"])

    reply = await line.join(first)

    assert (reply.status, reply.body["position"]) == (201, 2)
    assert await line.offer() == 1
    assert await line.states(first, second) == [WAITING, OFFERED]
    await line.booking.assert_sound()


async def test_leaving_may_be_repeated_and_is_for_who_had_a_place(line: Line) -> None:
    waits, other = await line.joined(), await line.visitor()

    left = [await line.leave(waits) for _ in "12"]

    assert [reply.status for reply in left] == [204, 204]
    assert await line.states(waits) == [("ENDED", "left")]
    assert (await line.leave(other)).code == "not_found"
    assert (await line.booking.ask("GET", line.path, other)).code == "not_found"
    await line.free("A-1")
    assert await line.offer() == 0


async def test_leaving_keeps_what_was_bought(line: Line) -> None:
    waits = await line.joined(money="100.00")
    await line.free("A-1")
    await line.offer()
    await line.booking.pay(waits, (await line.place(waits))["booking"]["concert_booking_id"])

    assert (await line.leave(waits)).status == 204

    assert await line.states(waits) == [("ENDED", "taken")]
    assert await line.booking.status(await line.visitor(), line.schedule_id, "A-1") == "SOLD"


async def test_who_may_have_no_seat_more_does_not_wait(line: Line) -> None:
    await line.booking.change(line.schedule_id, max_seats_per_user=1)
    holder = line.holders["A-1"][0]
    await move_journal(line.booking, line.redis)

    reply = await line.join(holder)

    assert (reply.status, reply.code, reply.body["limit"]) == (409, "limit_exceeded", 1)


async def test_who_reached_the_limit_meanwhile_is_passed_over(line: Line) -> None:
    first, second = await line.joined(), await line.joined()
    await line.booking.pool.execute(
        "INSERT INTO user_schedule"
        " (user_id, concert_schedule_id, live_seats, seat_limit, own_limit)"
        " SELECT user_id, $2, 0, 4, 0 FROM users WHERE external_id = $1",
        *(first.name, line.schedule_id),
    )
    await line.free("A-1")

    await line.offer()

    assert await line.states(first, second) == [("ENDED", "limit"), OFFERED]
    await line.booking.assert_sound()


async def test_nobody_is_passed_over_for_a_hold_that_has_ended(line: Line) -> None:
    """It still counts, until the sweep has written its end."""
    await line.booking.change(line.schedule_id, max_seats_per_user=1)
    holder, held = line.holders["A-1"]
    await move_journal(line.booking, line.redis)
    await line.joined()  # so that a seat that is free is not everybody's
    await line.booking.expire(held)
    assert (await line.join(holder)).status == 201
    last = await line.joined()
    await line.free("A-2", "A-3")

    await line.offer()

    assert await line.states(holder, last) == [WAITING, WAITING]
    await line.booking.pool.fetchval("SELECT sweep_expired(10)")
    await line.offer()
    assert await line.states(holder, last) == [OFFERED, OFFERED]
    await line.booking.assert_sound()


@pytest.mark.parametrize("state", ["stopped", "canceled"])
async def test_a_sale_that_is_stopped_has_no_line(line: Line, state: str) -> None:
    waits, late = await line.joined(), await line.visitor()
    await line.free("A-1")
    await line.booking.change(line.schedule_id, state=state)

    assert (await line.join(late)).code == "sale_stopped"
    assert (await line.join(waits)).status == 200
    assert await line.offer() == 0


async def test_only_who_was_let_in_waits(line: Line) -> None:
    unknown = await line.booking.visitor()
    reply = await line.join(unknown)
    assert (reply.status, reply.code) == (503, "unavailable")
    assert int(reply.headers["Retry-After"]) >= 1

    await line.booking.room(max_active=0)
    outside = await line.visitor()
    refused = await line.join(outside)
    assert (refused.status, refused.code) == (403, "queue_token_waiting")
    assert await line.booking.pool.fetchval("SELECT count(*) FROM waitlist") == 0

    assert (await line.join(unknown)).status == 201  # the journal knows by now


async def test_a_place_outlives_its_token(line: Line) -> None:
    waits = await line.visitor()
    await line.booking.places.finish(waits.place, "left")

    assert (await line.join(waits)).status == 201


async def test_a_token_of_another_room_opens_no_line(line: Line) -> None:
    await line.booking.room("room-b")
    other = await line.visitor(room_id="room-b")

    assert (await line.join(other)).code == "queue_token_foreign"
    nowhere = await line.booking.ask("POST", "/v1/schedules/999999/waitlist", other)
    assert nowhere.code == "not_found"
    row = await line.booking.pool.fetchrow(
        "SELECT outcome FROM join_waitlist($1, $2, $3, $4, 'USD', 2)",
        *(other.name, other.place.jti, "room-b", line.schedule_id),
    )
    assert row["outcome"] == "foreign"


async def test_two_tabs_share_one_place(line: Line) -> None:
    waits = await line.visitor()
    async with somebody(line.booking) as tab:
        outcome = await tab.fetchval(
            "SELECT outcome FROM join_waitlist($1, $2, $3, $4, 'USD', 2)",
            *(waits.name, waits.place.jti, waits.place.room_id, line.schedule_id),
        )
        assert outcome == "joined"
        joining = asyncio.create_task(line.join(waits))
        await blocked(line.booking)

    assert (await joining).status == 200
    assert (await line.place(waits))["position"] == 1


async def test_processes_that_offer_at_once_keep_to_the_order(
    booking: BookingStack, redis: "Redis"
) -> None:
    seats = [f"A-{n}" for n in range(1, 13)]
    line = Line(booking, redis, await booking.date(seats))
    await line.hold(*seats)
    visitors = [await booking.visitor() for _ in range(20)]
    await move_journal(booking, redis)
    for visitor in visitors:
        assert (await line.join(visitor)).status == 201
    await line.free(*seats[:8])

    moved = await asyncio.gather(
        *(
            booking.pool.fetchval("SELECT offer_seats($1, $2, 'USD', 2)", line.schedule_id, most)
            for most in [3, 2] * 4
        )
    )

    assert sum(moved) == 8
    assert await line.states(*visitors) == [OFFERED] * 8 + [WAITING] * 12
    offered = [(await line.place(v))["booking"]["seat_number"] for v in visitors[:8]]
    assert len(set(offered)) == 8
    await booking.assert_sound()


IN_LINE = ("    PERFORM lock_line(p_schedule);\n", "")


async def _two_offer(line: Line) -> list[tuple[str, str | None]]:
    """One begins before the other has ended."""
    visitors = [await line.joined() for _ in range(3)]
    await line.free("A-1", "A-2")
    offering = "SELECT offer_seats($1, 1, 'USD', 2)"
    async with somebody(line.booking) as one:
        assert await one.fetchval(offering, line.schedule_id) == 1
        other = asyncio.create_task(line.booking.pool.fetchval(offering, line.schedule_id))
        await blocked(line.booking)
    await other
    return await line.states(*visitors)


async def test_two_who_offer_in_the_same_moment_offer_two_seats(line: Line) -> None:
    assert await _two_offer(line) == [OFFERED, OFFERED, WAITING]
    await line.booking.assert_sound()


async def test_without_the_lines_lock_one_of_two_offers_is_lost(line: Line) -> None:
    await rewrite(line.booking, "offer_seats", IN_LINE)

    assert await _two_offer(line) == [OFFERED, WAITING, WAITING]


async def test_seats_that_somebody_works_on_are_offered_later(line: Line) -> None:
    waits = await line.joined()
    await line.free("A-1", "A-2")

    async with somebody(line.booking, SEAT.format("A-1")), asyncio.timeout(10):
        assert await line.offer() == 1

    assert (await line.place(waits))["booking"]["seat_number"] == "A-2"


async def test_a_look_at_seats_that_are_waited_for_waits_for_nobody(line: Line) -> None:
    await line.joined()
    other = await line.visitor()
    await line.free("A-1")

    async with somebody(line.booking, SEAT.format("A-1")), asyncio.timeout(5):
        assert (await line.booking.hold(other, line.schedule_id, "A-1")).code == "seat_taken"


async def test_an_offer_is_a_change_of_the_map(line: Line) -> None:
    waits = await line.joined()
    await line.free("A-1")
    version = (await line.booking.seats(waits, line.schedule_id))["version"]
    await line.offer()

    changes = (await line.booking.seats(waits, line.schedule_id, version))["seats"]

    assert {seat["seat_number"]: seat["status"] for seat in changes}["A-1"] == "RESERVED"


async def test_a_hold_that_waited_while_somebody_joined_the_line_is_refused(line: Line) -> None:
    """What became free meanwhile is for who waits."""
    other, waits = await line.visitor(), await line.visitor()
    (_, held) = line.holders["A-1"]
    await line.booking.expire(held)
    async with somebody(line.booking, SEAT.format("A-1")) as connection:
        holding = asyncio.create_task(line.booking.hold(other, line.schedule_id, "A-1"))
        await blocked(line.booking)
        await connection.execute(
            "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
            " SELECT user_id, $1, 'room-a', $2 FROM users LIMIT 1",
            *(line.schedule_id, waits.place.jti),
        )

    reply = await holding
    assert reply.code == "seat_taken"
    assert "waiting list" in reply.body["detail"]


async def test_counters_are_locked_in_the_order_of_their_visitors(line: Line) -> None:
    first, second = await line.visitor(), await line.visitor()
    for visitor in (first, second):  # so that they have counters, in this order
        await line.booking.charge(visitor, "1.00")
        await line.booking.pool.execute(
            "INSERT INTO user_schedule (user_id, concert_schedule_id, live_seats, seat_limit)"
            " SELECT user_id, $2, 0, 4 FROM users WHERE external_id = $1",
            *(visitor.name, line.schedule_id),
        )
    assert (await line.join(second)).status == (await line.join(first)).status == 201
    await line.free("A-1", "A-2")
    async with somebody(line.booking, COUNTER.format(first.name)):
        offering = asyncio.create_task(line.offer())
        await blocked(line.booking)
        async with line.booking.pool.acquire() as connection, connection.transaction():
            await connection.execute(f"{COUNTER.format(second.name)} NOWAIT")

    assert await offering == 2


async def test_everything_at_once_keeps_the_books(line: Line) -> None:
    """Joining, leaving, offering, paying, ending and sweeping, against each other."""
    visitors = [await line.booking.visitor(money="500.00") for _ in range(8)]
    await move_journal(line.booking, line.redis)

    async def live(visitor: Visitor, turns: "itertools.count[int]") -> None:
        for _ in range(4):
            turn = next(turns)
            await line.join(visitor)
            await line.offer()
            place = await line.booking.ask("GET", line.path, visitor)
            offered = place.body["booking"] if place.status == 200 else None
            if offered is None or offered["status"] != "PENDING":
                continue
            if turn % 4 == 0:
                await line.booking.pay(visitor, offered["concert_booking_id"])
            elif turn % 4 == 1:
                await line.leave(visitor)
            elif turn % 4 == 2:
                await cancel(line.booking, visitor, offered["concert_booking_id"])
            else:
                await line.booking.expire(offered["concert_booking_id"])
                await line.booking.pool.fetchval("SELECT sweep_expired(5)")

    turns = itertools.count()
    await asyncio.gather(
        *(live(visitor, turns) for visitor in visitors), line.free("A-1", "A-2", "A-3")
    )

    await line.booking.assert_sound()
    seats = await line.booking.pool.fetchval(
        "SELECT count(*) FROM waitlist WHERE status = 'OFFERED' AND NOT EXISTS ("
        "SELECT FROM concert_booking b WHERE b.concert_booking_id = waitlist.concert_booking_id"
        " AND b.status = 'PENDING')"
    )
    assert seats == 0


async def test_every_process_offers_by_itself(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    async with running(redis, redis_url, database_url, loops=True) as booking:
        line = Line(booking, redis, await booking.date(["A-1"]))
        await line.hold("A-1")
        waits = await line.joined()
        await line.free("A-1")

        async def offered() -> bool:
            return await line.states(waits) == [OFFERED]

        await wait_until(offered)
        await booking.assert_sound()
