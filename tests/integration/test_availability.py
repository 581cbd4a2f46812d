"""What is left of the seats, counted by the booking API and told to the rooms."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.availability import LEASE, Availability
from booking_api.completions import COMPLETIONS
from booking_api.counting import MOST_BANDS, MOST_DATES, Counting
from booking_api.database import Sale
from shared.lease import Lease
from tests.booking_stack import ROOM, USD, BookingStack, Visitor
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes, nothing runs out in it."""
    monkeypatch.setattr("booking_api.availability.LEASE_S", 600.0)
    monkeypatch.setattr("booking_api.availability.RENEWED_S", 600.0)


@pytest.fixture
async def counting(booking: BookingStack, redis: Redis) -> AsyncIterator[Availability]:
    """The first process that counts."""
    first = process(booking, redis)
    yield first
    await first.stop()


def process(booking: BookingStack, redis: Redis) -> Availability:
    return Availability(Sale.over(booking.pool), redis, USD)


async def sale(booking: BookingStack) -> Any:
    """What the room's public state says."""
    return (await booking.rooms.view(ROOM)).public().sale


async def left(booking: BookingStack) -> tuple[str, int, int, int]:
    shown = await sale(booking)
    return (shown.status, shown.seats_available, shown.seats_reserved, shown.seats_sold)


async def buy(booking: BookingStack, schedule_id: int, *seats: str) -> tuple[Visitor, list[int]]:
    buyer = await booking.visitor(money="10000.00")
    held = await booking.held(buyer, schedule_id, *seats)
    assert (await booking.pay(buyer, *held)).status == 201
    await booking.app[COMPLETIONS].retry()
    return buyer, held


async def test_a_room_shows_what_is_left_by_date_and_price(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1", "A-2", "A-3"], price="50.00")
    await booking.catalogue.add_seats(schedule_id, ["B-1"], [USD.amount("80.00")])
    await buy(booking, schedule_id, "A-1")
    await booking.held(await booking.visitor(), schedule_id, "A-2")
    await counting.step()
    shown = await sale(booking)
    assert await left(booking) == ("on_sale", 2, 1, 1)
    assert (shown.currency, shown.more_schedules) == ("USD", 0)
    (date,) = shown.schedules
    assert (date.concert_schedule_id, date.seats_available) == (schedule_id, 2)
    assert [(band.price, band.seats_available) for band in date.bands] == [
        ("80.00", 1),
        ("50.00", 1),
    ]


async def test_a_hold_past_its_deadline_counts_as_free_before_any_sweep(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1"])
    held = await booking.held(await booking.visitor(), schedule_id, "A-1")
    await counting.step()
    assert await left(booking) == ("held_out", 0, 1, 0)
    await booking.expire(*held)
    await counting.step()
    assert await left(booking) == ("on_sale", 1, 0, 0)


class Told(Sale):
    """A database of which the test says whether anything was committed; it remembers the counts."""

    snapshot = "as it was"
    counts = 0

    async def rows(self, name: str, *args: Any, deadline_s: int | None = None) -> list[Any]:
        self.counts += name == "seats_left"
        return [{"snapshot": self.snapshot}] if name == "snapshot" else await super().rows(name)


async def test_nothing_is_counted_where_nothing_was_committed(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])
    sale = Told.over(booking.pool)
    counting = Counting(sale, USD)
    assert (await counting.now()).rooms[ROOM].available == 2
    await counting.now()
    assert sale.counts == 1
    await booking.held(await booking.visitor(), schedule_id, "A-1")
    sale.snapshot = "another"
    assert (await counting.now()).rooms[ROOM].available == 1
    assert sale.counts == 2


async def test_a_hold_that_ends_by_itself_is_counted_though_nobody_wrote(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date(["A-1"], hold_ttl_s=300)
    await booking.held(await booking.visitor(), schedule_id, "A-1")
    sale = Told.over(booking.pool)
    counting = Counting(sale, USD)
    began = time.monotonic()
    known = await counting.now()
    assert known.lapses_at - began <= 301
    monkeypatch.setattr("booking_api.counting.monotonic", lambda: known.lapses_at - 0.001)
    await counting.now()
    assert sale.counts == 1
    monkeypatch.setattr("booking_api.counting.monotonic", lambda: known.lapses_at)
    await counting.now()
    assert sale.counts == 2


async def test_what_is_not_sold_any_more_is_not_counted(
    booking: BookingStack, counting: Availability
) -> None:
    sold, stopped = await booking.date(["A-1"]), await booking.date(["A-1", "A-2"])
    await buy(booking, sold, "A-1")
    await booking.pool.execute(
        "UPDATE concert_schedule SET state = 'stopped' WHERE concert_schedule_id = $1", stopped
    )
    await counting.step()
    assert await left(booking) == ("sold_out", 0, 0, 1)
    await booking.pool.execute("UPDATE concert_schedule SET state = 'stopped'")
    await counting.step()
    assert await sale(booking) is None


async def test_a_room_whose_concerts_are_off_sale_shows_no_seats(
    booking: BookingStack, counting: Availability
) -> None:
    await booking.date(["A-1"])
    await counting.step()
    assert await left(booking) == ("on_sale", 1, 0, 0)
    await booking.pool.execute("UPDATE concert SET off_sale_at = now()")
    await counting.step()
    assert await sale(booking) is None


async def test_free_seats_that_a_waiting_list_is_to_be_offered_are_as_good_as_held(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])
    visitor = await booking.visitor(money="1.00")
    await booking.pool.execute(
        "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
        " SELECT user_id, $1, $2, $3 FROM users WHERE external_id = $4",
        *(schedule_id, ROOM, visitor.place.jti, visitor.name),
    )
    await counting.step()
    assert await left(booking) == ("held_out", 0, 2, 0)


async def test_what_is_shown_is_bounded_and_says_so(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1"])
    await booking.pool.execute(
        "INSERT INTO concert_seat (concert_schedule_id, seat_number, price)"
        " SELECT $1, 'B-' || n, 100 + n FROM generate_series(1, 40) n",
        schedule_id,
    )
    await booking.pool.execute(
        "WITH d AS (INSERT INTO concert_schedule (concert_id, schedule_date)"
        " SELECT concert_id, schedule_date + n * interval '1 day'"
        " FROM concert_schedule, generate_series(1, 40) n RETURNING concert_schedule_id)"
        " INSERT INTO concert_seat (concert_schedule_id, seat_number, price)"
        " SELECT concert_schedule_id, 'A-1', 50 FROM d"
    )
    await counting.step()
    shown = await sale(booking)
    assert (len(shown.schedules), shown.more_schedules) == (MOST_DATES, 41 - MOST_DATES)
    first = shown.schedules[0]
    assert (len(first.bands), first.more_bands) == (MOST_BANDS, 41 - MOST_BANDS)
    assert (first.bands[0].price, first.seats_available) == ("140.00", 41)
    assert shown.seats_available == 81
    listed = (await booking.rooms.view(ROOM)).public(5).sale
    assert listed
    assert (len(listed.schedules), listed.more_schedules) == (5, 36)


async def test_one_of_two_processes_counts_and_the_other_takes_over(
    booking: BookingStack, counting: Availability, redis: Redis
) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])
    other = process(booking, redis)
    await counting.step()
    await booking.held(await booking.visitor(), schedule_id, "A-1")
    await other.step()
    assert await left(booking) == ("on_sale", 2, 0, 0)
    await redis.delete(LEASE)  # as it goes by itself where the first one died
    await other.step()
    assert await left(booking) == ("on_sale", 1, 1, 0)
    await other.stop()
    await counting.step()
    assert await redis.exists(LEASE)


async def test_a_lease_ends_by_itself_and_is_kept_by_asking(redis: Redis) -> None:
    one, two = Lease(redis, "lease", 60), Lease(redis, "lease", 60)
    assert await one.held()
    assert not await two.held()
    await redis.pexpire("lease", 1000)
    assert await one.held()
    assert await redis.pttl("lease") > 50_000
    await two.release()
    assert await one.held()
    await one.release()
    assert await two.held()


async def test_a_count_that_was_made_before_another_one_is_told_in_vain(
    booking: BookingStack, counting: Availability, redis: Redis
) -> None:
    schedule_id = await booking.date(["A-1"])
    await booking.room(ends_with_sale=1)
    await buy(booking, schedule_id, "A-1")
    late = process(booking, redis)
    old = await late._counting.now()
    assert old.rooms[ROOM].available == 0
    await booking.pool.execute(
        "UPDATE concert_seat SET status = 'AVAILABLE', concert_booking_id = NULL"
    )
    await counting.step()
    await late._tell(old, {})
    assert (await booking.rooms.view(ROOM)).state == "open"
    assert await left(booking) == ("on_sale", 1, 0, 0)


async def test_the_last_buyers_token_is_completed_before_the_room_ends(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1"])
    await booking.room(ends_with_sale=1)
    buyer, other = await booking.visitor(money="100.00"), await booking.visitor()
    held = await booking.held(buyer, schedule_id, "A-1")
    await counting.step()
    await booking.wire.cut()  # the payment is made, and the room does not hear of it
    assert (await booking.pay(buyer, *held)).status == 201
    await counting.step()
    assert await left(booking) == ("held_out", 0, 1, 0)
    await booking.wire.mend()

    async def told() -> bool:
        await booking.app[COMPLETIONS].retry()
        await counting.step()
        return (await booking.rooms.view(ROOM)).state == "closed"

    await wait_until(told)
    reasons = [(await booking.places.status(who.place)).reason for who in (buyer, other)]
    assert reasons == ["completed", "sold_out"]


async def test_a_date_is_announced_as_sold_out_once_for_each_time_it_is(
    booking: BookingStack, counting: Availability, redis: Redis
) -> None:
    schedule_id = await booking.date(["A-1"])

    async def announced() -> int:
        await counting.step()
        return int(
            await booking.pool.fetchval(
                "SELECT count(*) FROM webhook_event WHERE kind = 'schedule.sold_out'"
                " AND concert_schedule_id = $1",
                schedule_id,
            )
        )

    assert await announced() == 0
    await buy(booking, schedule_id, "A-1")
    assert await announced() == 1
    await counting.stop()
    await process(booking, redis).step()
    await redis.delete(LEASE)
    assert await announced() == 1
    await booking.pool.execute(
        "UPDATE concert_seat SET status = 'AVAILABLE', concert_booking_id = NULL"
    )
    assert await announced() == 1
    await booking.pool.execute(
        "UPDATE concert_booking SET status = 'CANCELED', canceled_reason = 'owner'"
    )
    await buy(booking, schedule_id, "A-1")
    assert await announced() == 2


async def test_a_room_that_is_made_later_is_told(
    booking: BookingStack, counting: Availability, redis: Redis
) -> None:
    await booking.date(["A-1"])
    await redis.flushall()
    await counting.step()
    await booking.room()
    counting._begin_anew()
    await counting.step()
    assert await left(booking) == ("on_sale", 1, 0, 0)


async def test_what_did_not_change_is_told_again_before_it_is_forgotten(
    booking: BookingStack, counting: Availability, monkeypatch: pytest.MonkeyPatch
) -> None:
    await booking.date(["A-1"])
    await counting.step()
    told = (await booking.rooms.view(ROOM)).settings["seats"]
    await counting.step()
    assert (await booking.rooms.view(ROOM)).settings["seats"] == told
    monkeypatch.setattr("booking_api.availability.RENEWED_S", 0.0)
    await counting.step()
    assert (await booking.rooms.view(ROOM)).settings["seats"] != told


async def test_who_came_for_a_seat_and_holds_it_makes_way_for_the_next(
    booking: BookingStack, counting: Availability
) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])
    await booking.room(ends_with_sale=1)
    first = await booking.visitor()
    held = await booking.held(first, schedule_id, "A-1", "A-2")
    await counting.step()
    line = [await booking.visitor() for _ in range(4)]

    async def inside() -> list[bool]:
        await booking.rooms.admit(ROOM, 1000)
        found = [await booking.rooms.look(ROOM, visitor.name) for visitor in line]
        return [place is not None and place.status == "ACTIVE" for place in found]

    assert await inside() == [False] * 4
    for booking_id in held:
        assert (await booking.ask("DELETE", f"/v1/bookings/{booking_id}", first)).status == 204
    await counting.step()
    assert await inside() == [True, True, False, False]
    await counting.step()
    await booking.held(line[0], schedule_id, "A-1")
    await counting.step()
    assert await inside() == [True, True, False, False]  # one seat, and one who came for it
    await booking.places.finish(line[1].place, "left")
    assert await inside() == [True, False, True, False]
