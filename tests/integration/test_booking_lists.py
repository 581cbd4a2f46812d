"""Reading one's bookings: what they are for, and only those one asks for."""

from typing import Any

import pytest

from tests.booking_stack import BookingStack, Visitor


async def listed(booking: BookingStack, visitor: Visitor, query: str = "") -> list[int]:
    """The ids of the bookings that a query finds, page by page."""
    found: list[int] = []
    cursor = ""
    while True:
        reply = await booking.ask("GET", f"/v1/bookings?limit=2{query}{cursor}", visitor)
        assert reply.status == 200, reply.raw
        found += [item["concert_booking_id"] for item in reply.body["items"]]
        if reply.body["next_cursor"] is None:
            return found
        cursor = f"&cursor={reply.body['next_cursor']}"


async def test_bookings_are_found_by_their_status_as_it_reads(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="500.00")
    paid, late, held, let_go = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3", "A-4")
    assert (await booking.pay(visitor, paid)).status == 201
    assert (await booking.ask("DELETE", f"/v1/bookings/{let_go}", visitor)).status == 204
    await booking.expire(late)

    assert await listed(booking, visitor, "&status=PENDING") == [held]
    assert await listed(booking, visitor, "&status=CONFIRMED") == [paid]
    assert await listed(booking, visitor, "&status=CANCELED") == [let_go, late]
    assert await listed(booking, visitor) == [let_go, held, late, paid]


async def test_bookings_are_found_by_date_and_concert(booking: BookingStack) -> None:
    first, second = await booking.date(), await booking.date()
    visitor, other = await booking.visitor(), await booking.visitor()
    here = await booking.held(visitor, first, "A-1", "A-2", "A-3")
    there = await booking.held(visitor, second, "A-1")
    await booking.held(other, first, "A-4")
    reply = await booking.ask("GET", f"/v1/bookings/{there[0]}", visitor)
    concert_id = reply.body["concert_id"]

    assert await listed(booking, visitor, f"&concert_schedule_id={first}") == here[::-1]
    assert await listed(booking, visitor, f"&concert_id={concert_id}") == there
    both = f"&concert_id={concert_id}&concert_schedule_id={first}"
    assert await listed(booking, visitor, both) == []
    assert await listed(booking, visitor, f"&concert_id={2**62}") == []


@pytest.mark.parametrize(
    "query", ["status=held", "status=", "concert_id=0", "concert_id=x", "concert_schedule_id=-1"]
)
async def test_a_filter_that_is_none_is_refused(booking: BookingStack, query: str) -> None:
    visitor = await booking.visitor(name="ann", room_id=await booking.room())

    reply = await booking.ask("GET", f"/v1/bookings?{query}", visitor)

    assert (reply.status, reply.code) == (400, "bad_request")


async def test_a_booking_says_what_it_is_for_and_how_it_ended(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="500.00")
    let_go, late, paid = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await booking.pay(visitor, paid)
    await booking.ask("DELETE", f"/v1/bookings/{let_go}", visitor)
    await booking.expire(late)

    async def read(booking_id: int) -> Any:
        return (await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)).body

    assert [(await read(one))["canceled_reason"] for one in (let_go, late, paid)] == [
        "owner",
        "expired",
        None,
    ]
    found = await read(paid)
    assert (found["concert_name"], found["refunded"]) == ("Nina Simone", "0.00")
    date = await booking.pool.fetchrow(
        "SELECT concert_id, schedule_date FROM concert_schedule WHERE concert_schedule_id = $1",
        schedule_id,
    )
    assert found["concert_id"] == date["concert_id"]
    assert found["schedule_date"].startswith(f"{date['schedule_date']:%Y-%m-%dT%H:%M:%S}")
