"""Single conditions of the sale's statements, each in a state where it alone decides."""

from decimal import Decimal

import pytest

from booking_api import sweep
from booking_api.database import SALE
from tests.booking_stack import ROOM, BookingStack


async def test_a_booking_costs_what_its_seat_cost_when_it_was_held(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.pool.execute("UPDATE concert_seat SET price = 80")

    reply = await booking.pay(visitor, booking_id)

    assert (reply.body["total"], reply.body["balance"]) == ("50.00", "50.00")
    assert reply.body["payments"][0]["payment_amount"] == "50.00"
    await booking.assert_sound()


async def test_a_payment_with_somebody_elses_booking_pays_nothing(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    one, other = await booking.visitor(money="500.00"), await booking.visitor()
    (mine,) = await booking.held(one, schedule_id, "A-1")
    (theirs,) = await booking.held(other, schedule_id, "A-2")
    before = await booking.trace()

    replies = [await booking.pay(one, mine, theirs), await booking.pay(one, mine, 999_999)]

    assert [(r.status, r.code) for r in replies] == [(404, "not_found")] * 2
    assert await booking.trace() == before


async def test_seats_that_are_not_there_keep_the_others_free(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    before = await booking.trace()

    reply = await booking.hold(visitor, schedule_id, "A-1", "Z-9")

    assert (reply.code, reply.body["seats"]) == ("not_found", ["Z-9"])
    assert await booking.trace() == before


async def test_a_stored_answer_is_of_its_visitor_path_and_body_also_without_a_token(
    booking: BookingStack,
) -> None:
    first, second = await booking.date(), await booking.date()
    one, other = await booking.visitor(), await booking.visitor()
    held = await booking.hold(one, first, "A-1", key="k")
    for visitor in (one, other):
        await booking.places.finish(visitor.place, "left")

    assert (await booking.hold(one, first, "A-1", key="k")).raw == held.raw
    assert (await booking.hold(one, first, "A-2", key="k")).code == "idempotency_key_reused"
    assert (await booking.hold(one, second, "A-1", key="k")).code == "queue_token_expired"
    assert (await booking.hold(other, first, "A-1", key="k")).code == "queue_token_expired"
    assert (await booking.hold(one, first, "A-1", key="l")).code == "queue_token_expired"


async def test_holds_in_another_room_do_not_keep_the_token(booking: BookingStack) -> None:
    here, there = await booking.date(), await booking.date(room_id="room-b")
    visitor = await booking.visitor(money="100.00")
    elsewhere = await booking.visitor(room_id="room-b", name=visitor.name)
    (booking_id,) = await booking.held(visitor, here, "A-1")
    await booking.held(elsewhere, there, "A-1")

    await booking.pay(visitor, booking_id)

    assert (await booking.places.status(visitor.place)).reason == "completed"
    assert (await booking.places.status(elsewhere.place)).status == "ACTIVE"


async def test_holds_of_somebody_else_do_not_keep_the_token(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor, other = await booking.visitor(money="100.00"), await booking.visitor()
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.held(other, schedule_id, "A-2")

    await booking.pay(visitor, booking_id)

    assert (await booking.places.status(visitor.place)).reason == "completed"


async def test_a_token_may_be_completed_twice(booking: BookingStack) -> None:
    """A hold that was under way when its token was completed is paid afterwards."""
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    place = visitor.place
    await booking.pool.execute(
        "INSERT INTO token_completion (token_value, room_id, visitor, generation, number,"
        " next_attempt_at) VALUES ($1, $2, $3, $4, $5, now())",
        *(place.jti, place.room_id, place.visitor, place.generation, place.number),
    )

    assert (await booking.pay(visitor, booking_id)).status == 201


async def test_a_sweep_ends_no_more_than_it_was_asked_to_the_oldest_first(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    for booking_id in reversed(ids):
        await booking.expire(booking_id)

    assert await booking.pool.fetchval("SELECT sweep_expired(2)") == 2

    found = await booking.pool.fetch(
        "SELECT concert_booking_id FROM concert_booking WHERE status = 'CANCELED' ORDER BY 1"
    )
    assert [row[0] for row in found] == ids[1:]


async def test_a_sweep_goes_on_until_nothing_is_left(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 2)
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor()
    ids = await booking.held(visitor, schedule_id, *(f"A-{n}" for n in range(1, 6)))
    await booking.expire(*ids)

    assert await sweep.sweep(booking.app[SALE]) == 5


@pytest.mark.parametrize("by", ["cancel", "sweep", "owner", "other"])
async def test_whoever_frees_a_seat_shows_it_as_a_change(booking: BookingStack, by: str) -> None:
    """Also to who last looked when it was still held."""
    schedule_id = await booking.date(limit=1)
    owner, other = await booking.visitor(), await booking.visitor()
    (booking_id,) = await booking.held(owner, schedule_id, "A-1")
    version = (await booking.seats(other, schedule_id))["version"]
    if by == "cancel":
        await booking.ask("DELETE", f"/v1/bookings/{booking_id}", owner)
    else:
        await booking.expire(booking_id)
    if by == "sweep":
        await booking.pool.fetchval("SELECT sweep_expired(10)")
    elif by == "owner":
        await booking.held(owner, schedule_id, "A-2")
    elif by == "other":
        await booking.held(other, schedule_id, "A-1")

    changes = (await booking.seats(other, schedule_id, version))["seats"]

    assert {s["seat_number"]: s["status"] for s in changes}["A-1"] == (
        "RESERVED" if by == "other" else "AVAILABLE"
    )


async def test_lists_show_nobody_elses(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    one, other = await booking.visitor(money="100.00"), await booking.visitor(money="7.00")
    (mine,) = await booking.held(one, schedule_id, "A-1")
    await booking.pay(one, mine)

    ledger = (await booking.ask("GET", "/v1/users/me/ledger", other)).body["items"]
    bookings = (await booking.ask("GET", "/v1/bookings", other)).body["items"]

    assert [(m["kind"], Decimal(m["amount"])) for m in ledger] == [("CHARGE", Decimal(7))]
    assert bookings == []
    assert (await booking.ask("GET", f"/v1/bookings/{mine}", other)).code == "not_found"
    assert await booking.balance(other) == "7.00"


async def test_a_room_shows_the_concerts_it_guards_alone(booking: BookingStack) -> None:
    await booking.date()
    await booking.date(room_id="room-b")
    visitor = await booking.visitor()

    concerts = (await booking.ask("GET", "/v1/concerts", visitor)).body["items"]

    assert [concert["room_id"] for concert in concerts] == [ROOM]
