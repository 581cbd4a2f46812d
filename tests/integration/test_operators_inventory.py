"""Seats and their prices, as operators see and change them."""

import asyncio
from typing import Any

import pytest

from tests.booking_stack import BookingStack
from tests.integration.moments import SEAT, blocked, free, somebody
from tests.integration.operating import Desk

HALL = [f"FLOOR-A-{n}" for n in range(1, 4)] + [f"BALCONY-A-{n}" for n in range(1, 4)]


@pytest.fixture
def desk(booking: BookingStack) -> Desk:
    return Desk(booking)


async def prices(desk: Desk, schedule_id: int) -> dict[str, str]:
    pages = await desk.pages(f"schedules/{schedule_id}/seats", 100)
    return {seat["seat_number"]: seat["price"] for page in pages for seat in page}


async def set_prices(desk: Desk, schedule_id: int, *rules: dict[str, Any]) -> Any:
    return await desk.put(f"schedules/{schedule_id}/prices", {"prices": list(rules)})


async def test_seats_are_read_with_all_that_is_known_of_them(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date(HALL)
    holder = await booking.visitor()
    (held,) = await booking.held(holder, schedule_id, HALL[1])
    await booking.expire(*await booking.held(holder, schedule_id, HALL[2]))
    path = f"schedules/{schedule_id}/seats"

    (whole,) = await desk.pages(path, 100)

    assert [seat["seat_number"] for seat in whole] == HALL
    assert whole[0] == {
        "concert_seat_id": whole[0]["concert_seat_id"],
        "seat_number": "FLOOR-A-1",
        "section": "FLOOR",
        "row": "A",
        "place": 1,
        "band": "",
        "price": "50.00",
        "currency": "USD",
        "status": "AVAILABLE",
        "concert_booking_id": None,
        "held_until": None,
    }
    assert (whole[1]["status"], whole[1]["concert_booking_id"]) == ("RESERVED", held)
    assert (whole[2]["status"], whole[2]["held_until"]) == ("AVAILABLE", None)
    assert await desk.pages(path, 4) == [whole[:4], whole[4:]]
    assert await desk.pages(f"{path}?section=BALCONY", 2) == [whole[3:5], whole[5:]]
    assert await desk.pages(f"{path}?band=none", 2) == [[]]
    assert (await desk.ask("GET", f"{path}?section=%00")).code == "bad_request"


async def test_prices_change_by_section_by_band_and_by_number(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date(HALL)
    await booking.pool.execute(
        "UPDATE concert_seat SET band = 'front' WHERE seat_number LIKE '%-1'"
    )
    visitor = await booking.visitor()
    before = await booking.seats(visitor, schedule_id)

    changed = await set_prices(
        desk,
        schedule_id,
        {"price": "60.00", "section": "BALCONY"},
        {"price": "99.00", "band": "front", "section": "BALCONY"},
        {"price": "10.00", "seat_numbers": ["FLOOR-A-2", "FLOOR-A-3"]},
    )

    assert (changed.status, changed.body) == (200, {"changed": 5, "kept": 0})
    now = await prices(desk, schedule_id)
    assert now == dict(
        zip(HALL, ("50.00", "10.00", "10.00", "99.00", "60.00", "60.00"), strict=True)
    )
    changes = await booking.seats(visitor, schedule_id, before["version"])
    assert {s["seat_number"]: s["price"] for s in changes["seats"]}.items() <= now.items()
    assert len(changes["seats"]) >= 5
    assert {s["price"] for s in (await booking.seats(visitor, schedule_id))["seats"]} == {
        *now.values()
    }
    again = await set_prices(desk, schedule_id, {"price": "60.00", "section": "BALCONY"})
    assert again.body == {"changed": 1, "kept": 0}
    action, subject, kept = (await desk.audit())[1]
    assert (action, subject) == ("seats.price", str(schedule_id))
    assert kept["prices"][2] == {"price": "10.00", "seats": 2, "first": "FLOOR-A-2"}


async def test_what_is_held_or_sold_keeps_its_price(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    buyer, holder = await booking.visitor(money="50.00"), await booking.visitor(money="60.00")
    assert (await booking.pay(buyer, *await booking.held(buyer, schedule_id, "A-1"))).status == 201
    held = await booking.held(holder, schedule_id, "A-2")
    await booking.expire(*await booking.held(holder, schedule_id, "A-3"))

    changed = await set_prices(desk, schedule_id, {"price": "60.00", "section": ""})

    assert changed.body == {"changed": 8, "kept": 2}
    now = await prices(desk, schedule_id)
    assert [now[f"A-{n}"] for n in (1, 2, 3)] == ["50.00", "50.00", "60.00"]
    assert (await booking.pay(holder, *held)).body["total"] == "50.00"
    await booking.assert_sound()


async def test_a_seat_taken_while_prices_change_keeps_its_price(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (held,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.expire(held)
    again = (
        "UPDATE concert_seat SET held_until = now() + interval '1 hour' WHERE seat_number = 'A-1'",
        "UPDATE concert_booking SET expiration_at = now() + interval '1 hour'",
    )
    async with somebody(booking, *again):
        changing = asyncio.create_task(
            set_prices(desk, schedule_id, {"price": "1.00", "seat_numbers": ["A-2", "A-1"]})
        )
        await blocked(booking)
        await free(booking, SEAT.format("A-2"))

    assert (await changing).body == {"changed": 1, "kept": 1}
    assert (await prices(desk, schedule_id))["A-1"] == "50.00"


NO_PRICES: list[tuple[list[Any], str]] = [
    ([], "validation_failed"),
    ([{"price": "1.00"}], "validation_failed"),
    ([{"price": "1.001", "section": ""}], "validation_failed"),
    ([{"price": "-1.00", "section": ""}], "validation_failed"),
    ([{"section": ""}], "validation_failed"),
    ([{"price": "1.00", "seat_numbers": []}], "validation_failed"),
    ([{"price": "1.00", "seat_numbers": ["A-1", "A-1"]}], "validation_failed"),
    ([{"price": "1.00", "section": ""}] * 101, "validation_failed"),
    ([{"price": "1.00", "seat_numbers": ["A-1", "A-99"]}], "not_found"),
]


async def test_prices_that_cannot_be_set_change_nothing(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()

    for rules, code in NO_PRICES:
        refused = await set_prices(desk, schedule_id, *rules)
        assert refused.code == code, rules

    assert refused.body["seats"] == ["A-99"]
    assert set((await prices(desk, schedule_id)).values()) == {"50.00"}


async def test_a_canceled_date_has_no_new_prices(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    refused = await set_prices(desk, schedule_id, {"price": "1.00", "section": ""})

    assert (refused.status, refused.code) == (409, "schedule_canceled")


async def test_seats_that_nobody_booked_are_removed_and_may_come_back(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    before = await booking.seats(visitor, schedule_id)
    path = f"schedules/{schedule_id}/seats/removal"

    removed = await desk.post(path, {"seat_numbers": ["A-9", "A-10"]})

    assert (removed.status, removed.body) == (200, {"seats_removed": 2})
    assert (await desk.get(f"schedules/{schedule_id}"))["seats_loaded"] == 8
    now = await booking.seats(visitor, schedule_id)
    assert [s["seat_number"] for s in now["seats"]] == [f"A-{n}" for n in range(1, 9)]
    assert (await booking.hold(visitor, schedule_id, "A-9")).code == "not_found"
    # A version from before tells all there is.
    since = await booking.seats(visitor, schedule_id, before["version"])
    assert len(since["seats"]) == 8
    assert (await desk.audit())[0] == (
        "seats.remove",
        str(schedule_id),
        {"seats_removed": 2, "first": "A-9", "last": "A-10"},
    )
    seat = {"seats": [{"seat_number": "A-9", "price": "9.00"}]}
    assert (await desk.post(f"schedules/{schedule_id}/seats", seat)).status == 201
    assert (await prices(desk, schedule_id))["A-9"] == "9.00"
    assert len((await booking.seats(visitor, schedule_id))["seats"]) == 9
    await booking.assert_sound()


async def test_a_seat_that_was_ever_booked_stays(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    (held,) = await booking.held(visitor, schedule_id, "A-1")
    assert (await booking.ask("DELETE", f"/v1/bookings/{held}", visitor)).status == 204
    path = f"schedules/{schedule_id}/seats/removal"

    refused = await desk.post(path, {"seat_numbers": ["A-2", "A-1"]})
    unknown = await desk.post(path, {"seat_numbers": ["A-2", "A-77"]})
    twice = await desk.post(path, {"seat_numbers": ["A-2", "A-2"]})

    assert (refused.status, refused.code, refused.body["seats"]) == (409, "seat_taken", ["A-1"])
    assert (unknown.status, unknown.code, unknown.body["seats"]) == (404, "not_found", ["A-77"])
    assert twice.code == "validation_failed"
    assert (await desk.get(f"schedules/{schedule_id}"))["seats_loaded"] == 10
    await booking.assert_sound()


async def remove(desk: Desk, schedule_id: int, *seats: str) -> Any:
    return await desk.post(f"schedules/{schedule_id}/seats/removal", {"seat_numbers": list(seats)})


async def test_a_seat_that_is_taken_while_it_is_to_be_removed_stays(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-1")):
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-1"))
        await blocked(booking)
        removing = asyncio.create_task(remove(desk, schedule_id, "A-2", "A-1"))
        await blocked(booking, 2)

    assert ((await holding).status, (await removing).code) == (201, "seat_taken")
    await booking.assert_sound()


async def test_a_seat_that_is_removed_while_somebody_wants_it_is_not_there(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with somebody(booking, SEAT.format("A-1")):
        removing = asyncio.create_task(remove(desk, schedule_id, "A-1"))
        await blocked(booking)
        holding = asyncio.create_task(booking.hold(visitor, schedule_id, "A-1", "A-2"))
        await blocked(booking, 2)

    assert ((await removing).status, (await holding).code) == (200, "not_found")
    assert await booking.pool.fetchval("SELECT count(*) FROM concert_booking") == 0
    await booking.assert_sound()
