"""The seat map and its changes: may repeat a seat, never misses one."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.booking_stack import BookingStack
from tests.waiting import wait_until


async def test_the_map_shows_every_seat_with_its_price_and_status(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1", "A-2"], price="12.50")
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-2")

    found = await booking.seats(visitor, schedule_id)

    assert set(found) == {"concert_schedule_id", "version", "currency", "seats"}
    assert found["concert_schedule_id"] == schedule_id
    assert found["currency"] == "USD"
    assert [(s["seat_number"], s["price"], s["status"]) for s in found["seats"]] == [
        ("A-1", "12.50", "AVAILABLE"),
        ("A-2", "12.50", "RESERVED"),
    ]


async def test_changes_since_a_version_are_those_seats_alone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    version = (await booking.seats(visitor, schedule_id))["version"]
    (booking_id,) = await booking.held(visitor, schedule_id, "A-3")

    held = await booking.seats(visitor, schedule_id, version)
    await booking.pay(visitor, booking_id)
    again = await booking.visitor(name=visitor.name)
    sold = await booking.seats(again, schedule_id, held["version"])
    nothing = await booking.seats(again, schedule_id, sold["version"])

    assert [(s["seat_number"], s["status"]) for s in held["seats"]] == [("A-3", "RESERVED")]
    assert [(s["seat_number"], s["status"]) for s in sold["seats"]] == [("A-3", "SOLD")]
    assert nothing["seats"] == []


async def test_a_hold_that_ended_by_itself_is_a_change(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-3")
    await booking.expire(booking_id)
    version = (await booking.seats(visitor, schedule_id))["version"]

    changes = await booking.seats(visitor, schedule_id, version)

    assert [(s["seat_number"], s["status"]) for s in changes["seats"]] == [("A-3", "AVAILABLE")]


async def test_a_hold_that_ends_by_itself_is_a_change(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-3")
    version = (await booking.seats(visitor, schedule_id))["version"]
    await booking.expire(booking_id)

    for _ in range(2):  # also the second time: nobody has written it down yet
        changes = await booking.seats(visitor, schedule_id, version)
        assert [(s["seat_number"], s["status"]) for s in changes["seats"]] == [("A-3", "AVAILABLE")]
        version = changes["version"]


async def test_a_hold_ends_on_the_map_though_nobody_writes(booking: BookingStack) -> None:
    schedule_id = await booking.date(hold_ttl_s=1)
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-3")

    async def free() -> bool:
        return await booking.status(visitor, schedule_id, "A-3") == "AVAILABLE"

    await wait_until(free)


async def test_a_change_that_commits_late_is_not_missed(booking: BookingStack) -> None:
    """A transaction that began before the map was read and commits after it."""
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with booking.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(
            "UPDATE concert_seat SET price = 1, changed_xid = pg_current_xact_id()"
            " WHERE seat_number = 'A-1'"
        )
        await booking.held(visitor, schedule_id, "A-2")
        before = await booking.seats(visitor, schedule_id)
        await transaction.commit()

    after = await booking.seats(visitor, schedule_id, before["version"])

    assert "A-1" in {seat["seat_number"] for seat in after["seats"]}


async def test_whoever_follows_the_changes_knows_the_map(booking: BookingStack) -> None:
    seats = [f"A-{number}" for number in range(1, 41)]
    schedule_id = await booking.date(seats, limit=100)
    visitors = [await booking.visitor(money="500.00") for _ in range(8)]
    watcher = await booking.visitor()
    done = asyncio.Event()

    async def buy(number: int) -> None:
        for turn in range(5):
            seat = seats[number * 5 + turn]
            (booking_id,) = await booking.held(visitors[number], schedule_id, seat)
            if turn % 2:
                await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitors[number])

    async def follow() -> dict[str, Any]:
        found = await booking.seats(watcher, schedule_id)
        known = {seat["seat_number"]: seat for seat in found["seats"]}
        last = False
        while not last:
            last = done.is_set()
            found = await booking.seats(watcher, schedule_id, found["version"])
            known |= {seat["seat_number"]: seat for seat in found["seats"]}
        return known

    following = [asyncio.create_task(follow()) for _ in range(3)]
    await asyncio.gather(*(buy(number) for number in range(8)))
    done.set()

    truth = (await booking.seats(watcher, schedule_id))["seats"]
    for known in await asyncio.gather(*following):
        assert list(known.values()) == truth


async def test_a_version_from_the_future_gets_the_whole_map(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    found = await booking.seats(visitor, schedule_id, 2**62)

    assert len(found["seats"]) == 10


async def test_the_map_is_not_sent_to_who_has_it(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    path = f"/v1/schedules/{schedule_id}/seats"
    first = await booking.ask("GET", path, visitor)
    etag = first.headers["ETag"]
    await booking.charge(visitor, "1.00")  # moves the version, not the map

    same = [
        await booking.ask("GET", path, visitor, headers={"If-None-Match": known})
        for known in (etag, f'"other", {etag}', "*", etag.removeprefix("W/"))
    ]
    await booking.held(visitor, schedule_id, "A-1")
    changed = await booking.ask("GET", path, visitor, headers={"If-None-Match": etag})

    assert etag.startswith('W/"')
    assert [(r.status, r.raw, r.headers["ETag"]) for r in same] == [(304, b"", etag)] * 4
    assert changed.status == 200
    assert changed.headers["ETag"] != etag


async def test_dates_come_in_order_with_their_free_seats(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1", "A-2")
    concert_id = await booking.pool.fetchval("SELECT concert_id FROM concert")
    date = await booking.pool.fetchval("SELECT schedule_date FROM concert_schedule")
    for days in (-3, 5, -1):
        await booking.catalogue.create_schedule(concert_id, date + timedelta(days=days))
    path = f"/v1/concerts/{concert_id}/schedules"

    whole = (await booking.ask("GET", path, visitor)).body["items"]
    first = await booking.ask("GET", f"{path}?limit=3", visitor)
    rest = await booking.ask("GET", f"{path}?limit=3&cursor={first.body['next_cursor']}", visitor)

    assert [item["schedule_date"] for item in whole] == sorted(i["schedule_date"] for i in whole)
    assert [item["seats_available"] for item in whole] == [0, 0, 8, 0]
    assert {"concert_schedule_id", "concert_id", "schedule_date", "seats_available"} <= set(
        whole[0]
    )
    assert first.body["items"] + rest.body["items"] == whole
    assert rest.body["next_cursor"] is None


async def test_concerts_come_in_pages(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor()
    for number in range(3):
        await booking.catalogue.create_concert(f"Concert {number}", visitor.place.room_id)

    first = await booking.ask("GET", "/v1/concerts?limit=2", visitor)
    rest = await booking.ask(
        "GET", f"/v1/concerts?limit=2&cursor={first.body['next_cursor']}", visitor
    )

    names = [item["concert_name"] for item in first.body["items"] + rest.body["items"]]
    assert names == ["Concert 0", "Concert 1", "Concert 2"]
    assert rest.body["next_cursor"] is None
