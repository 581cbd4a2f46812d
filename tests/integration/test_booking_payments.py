"""Paying: all or none, from the balance, in time, once."""

from tests.booking_stack import ROOM, BookingStack


async def test_a_payment_sells_the_seats_and_takes_their_prices(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="19.90")
    visitor = await booking.visitor(money="50.00")
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2")

    reply = await booking.pay(visitor, *ids)

    assert reply.status == 201
    assert reply.body["total"] == "39.80"
    assert reply.body["balance"] == "10.20"
    assert [p["concert_booking_id"] for p in reply.body["payments"]] == ids
    assert {p["payment_amount"] for p in reply.body["payments"]} == {"19.90"}
    assert set(reply.body["payments"][0]) == {
        "payment_id",
        "concert_booking_id",
        "payment_amount",
        "created_at",
    }
    for booking_id in ids:
        found = await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)
        assert found.body["status"] == "CONFIRMED"
    await booking.assert_sound()


async def test_a_payment_beyond_the_balance_says_what_is_short_and_pays_nothing(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="30.00")
    visitor = await booking.visitor(money="40.00")
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2")
    before = await booking.trace()

    reply = await booking.pay(visitor, *ids, key="again")

    assert (reply.status, reply.code) == (402, "insufficient_balance")
    assert reply.body["shortfall"] == "20.00"
    assert await booking.trace() == before
    await booking.charge(visitor, "20.00")
    assert (await booking.pay(visitor, *ids, key="again")).status == 201


async def test_a_booking_past_its_deadline_is_gone(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(ids[0])
    before = await booking.trace()

    reply = await booking.pay(visitor, *ids)

    assert (reply.status, reply.code) == (410, "booking_expired")
    assert reply.body["bookings"] == [ids[0]]
    assert await booking.trace() == before
    assert (await booking.pay(visitor, ids[1])).status == 201


async def test_it_is_gone_also_after_the_sweep_and_after_somebody_else_took_the_seat(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor, other = await booking.visitor(money="100.00"), await booking.visitor(money="100.00")
    swept, taken = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.expire(swept, taken)
    (theirs,) = await booking.held(other, schedule_id, "A-2")
    await booking.pool.fetchval("SELECT sweep_expired(10)")

    refusals = [await booking.pay(visitor, swept), await booking.pay(visitor, taken)]

    assert [(r.status, r.code) for r in refusals] == [(410, "booking_expired")] * 2
    assert (await booking.pay(other, theirs)).status == 201
    await booking.assert_sound()


async def test_canceling_after_the_deadline_does_not_make_it_the_owners_cancel(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    await booking.expire(booking_id)

    assert (await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)).status == 204

    assert (await booking.pay(visitor, booking_id)).code == "booking_expired"


async def test_what_its_owner_canceled_or_paid_is_not_payable(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="500.00")
    canceled, paid, held = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await booking.ask("DELETE", f"/v1/bookings/{canceled}", visitor)
    assert (await booking.pay(visitor, paid)).status == 201
    before = await booking.trace()

    refusals = [
        await booking.pay(visitor, canceled, held),
        await booking.pay(visitor, held, paid),
    ]

    assert [(r.status, r.code) for r in refusals] == [(409, "not_payable")] * 2
    assert [r.body["bookings"] for r in refusals] == [[canceled], [paid]]
    assert await booking.trace() == before


async def test_a_booking_of_another_room_needs_that_rooms_token(booking: BookingStack) -> None:
    schedule_id = await booking.date(room_id="room-b")
    await booking.room(ROOM)
    there = await booking.visitor(room_id="room-b", money="100.00")
    here = await booking.visitor(room_id=ROOM, name=there.name)
    (booking_id,) = await booking.held(there, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [
        await booking.pay(here, booking_id),
        await booking.ask("DELETE", f"/v1/bookings/{booking_id}", here),
    ]

    assert [(r.status, r.code) for r in refusals] == [(403, "queue_token_foreign")] * 2
    assert await booking.trace() == before


async def test_the_ledger_adds_up_movement_by_movement(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="12.34")
    visitor = await booking.visitor(money="100.00")
    ids = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await booking.pay(visitor, *ids[:2])
    await booking.charge(visitor, "0.01")
    await booking.pay(visitor, ids[2])

    ledger = (await booking.ask("GET", "/v1/users/me/ledger", visitor)).body["items"]

    assert [(m["kind"], m["amount"], m["balance_after"]) for m in reversed(ledger)] == [
        ("CHARGE", "100.00", "100.00"),
        ("PAYMENT", "-12.34", "87.66"),
        ("PAYMENT", "-12.34", "75.32"),
        ("CHARGE", "0.01", "75.33"),
        ("PAYMENT", "-12.34", "62.99"),
    ]
    assert [m["concert_booking_id"] for m in reversed(ledger)] == [None, *ids[:2], None, ids[2]]
    assert await booking.balance(visitor) == "62.99"
    await booking.assert_sound()
