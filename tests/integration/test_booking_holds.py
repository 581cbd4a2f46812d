"""Holding seats: all or none, once, within the limit."""

from tests.booking_stack import BookingStack


async def test_a_hold_answers_one_pending_booking_per_seat(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    reply = await booking.hold(visitor, schedule_id, "A-2", "A-1")

    assert reply.status == 201
    assert reply.body["total"] == "100.00"
    assert reply.body["currency"] == "USD"
    first, second = reply.body["bookings"]
    assert (first["seat_number"], second["seat_number"]) == ("A-2", "A-1")
    assert first["status"] == "PENDING"
    assert first["price"] == "50.00"
    assert set(first) == {
        "concert_booking_id",
        "concert_schedule_id",
        "concert_seat_id",
        "seat_number",
        "price",
        "currency",
        "status",
        "expiration_at",
        "created_at",
    }
    assert await booking.status(visitor, schedule_id, "A-1") == "RESERVED"
    await booking.assert_sound()


async def test_a_seat_that_is_held_is_refused_to_everybody_and_nothing_is_written(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    holder, other = await booking.visitor(), await booking.visitor()
    await booking.held(holder, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [
        await booking.hold(other, schedule_id, "A-1"),
        await booking.hold(other, schedule_id, "A-2", "A-1"),
        await booking.hold(holder, schedule_id, "A-1"),
    ]

    assert [(r.status, r.code) for r in refusals] == [(409, "seat_taken")] * 3
    assert refusals[1].body["seats"] == ["A-1"]
    assert await booking.trace() == before
    assert await booking.status(other, schedule_id, "A-2") == "AVAILABLE"


async def test_more_seats_than_the_limit_are_refused_in_one_hold_or_in_several(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=2)
    visitor, newcomer = await booking.visitor(), await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [
        await booking.hold(visitor, schedule_id, "A-2", "A-3"),
        await booking.hold(newcomer, schedule_id, "A-2", "A-3", "A-4"),
    ]

    assert [(r.status, r.code) for r in refusals] == [(409, "limit_exceeded")] * 2
    assert refusals[0].body["limit"] == 2
    assert await booking.trace() == before
    await booking.held(visitor, schedule_id, "A-2")
    await booking.assert_sound()


async def test_the_limit_counts_per_date(booking: BookingStack) -> None:
    first, second = await booking.date(limit=1), await booking.date(limit=1)
    visitor = await booking.visitor()

    await booking.held(visitor, first, "A-1")
    await booking.held(visitor, second, "A-1")

    await booking.assert_sound()


async def test_a_canceled_hold_frees_its_seat_and_counts_no_more(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=1)
    visitor, other = await booking.visitor(), await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")

    canceled = [await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor) for _ in "12"]

    assert [r.status for r in canceled] == [204, 204]
    assert await booking.status(visitor, schedule_id, "A-1") == "AVAILABLE"
    reply = await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)
    assert reply.body["status"] == "CANCELED"
    await booking.held(other, schedule_id, "A-1")
    await booking.held(visitor, schedule_id, "A-2")
    await booking.assert_sound()


async def test_a_paid_booking_cannot_be_canceled(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    assert (await booking.pay(visitor, booking_id)).status == 201
    before = await booking.trace()

    reply = await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)

    assert (reply.status, reply.code) == (403, "forbidden")
    assert await booking.trace() == before


async def test_a_booking_of_somebody_else_is_not_found(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    owner, other = await booking.visitor(), await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(owner, schedule_id, "A-1")
    before = await booking.trace()

    replies = [
        await booking.ask("GET", f"/v1/bookings/{booking_id}", other),
        await booking.ask("DELETE", f"/v1/bookings/{booking_id}", other),
        await booking.pay(other, booking_id),
    ]

    assert [(r.status, r.code) for r in replies] == [(404, "not_found")] * 3
    assert await booking.trace() == before


async def test_own_bookings_come_newest_first_in_pages(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=10)
    visitor, other = await booking.visitor(), await booking.visitor()
    await booking.held(other, schedule_id, "A-10")
    ids = [(await booking.held(visitor, schedule_id, f"A-{n}"))[0] for n in range(1, 6)]

    seen: list[int] = []
    cursor = ""
    for _ in range(3):
        reply = await booking.ask("GET", f"/v1/bookings?limit=2{cursor}", visitor)
        seen += [item["concert_booking_id"] for item in reply.body["items"]]
        cursor = f"&cursor={reply.body['next_cursor']}"

    assert seen == ids[::-1]
    assert reply.body["next_cursor"] is None


async def test_a_refusal_tells_the_seats_that_live_and_not_those_that_ended(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(limit=3)
    visitor, newcomer = await booking.visitor(), await booking.visitor()
    ended, _ = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(ended)

    refusals = [
        await booking.hold(visitor, schedule_id, "A-3", "A-4", "A-5"),
        await booking.hold(newcomer, schedule_id, "A-3", "A-4", "A-5", "A-6"),
    ]

    assert [reply.code for reply in refusals] == ["limit_exceeded"] * 2
    assert [(r.body["limit"], r.body["live_seats"]) for r in refusals] == [(3, 1), (3, 0)]
