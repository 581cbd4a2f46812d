"""One customer: what operators see of them and do for them."""

from urllib.parse import quote

import pytest

from tests.booking_stack import ROOM, BookingStack
from tests.integration.operating import Desk

#: Ids of nothing, and what cannot be an id.
UNKNOWN = (0, 99, 2**63 - 1, 2**63, "1" * 40, "-1", "x", "%00")


@pytest.fixture
def desk(booking: BookingStack) -> Desk:
    return Desk(booking)


async def test_a_visitor_is_found_by_name_with_balance_and_bookings(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    ann = await booking.visitor(name="ann", money="80.00")
    await booking.visitor(name="bob", money="1.00")
    (paid,) = await booking.held(ann, schedule_id, "A-1")
    held = await booking.held(ann, schedule_id, "A-2", "A-3")
    assert (await booking.pay(ann, paid)).status == 201
    await booking.expire(held[0])

    (found,) = (await desk.get("users?visitor=ann"))["items"]
    whole = await desk.get(f"users/{found['user_id']}")

    assert (found["visitor"], found["balance"], found["currency"]) == ("ann", "30.00", "USD")
    assert whole == {**found, "counts": whole["counts"], "bookings": whole["bookings"]}
    assert whole["counts"] == {"pending": 1, "confirmed": 1, "canceled": 1}
    assert [(b["seat_number"], b["status"]) for b in whole["bookings"]] == [
        ("A-3", "PENDING"),
        ("A-2", "CANCELED"),
        ("A-1", "CONFIRMED"),
    ]
    assert (await desk.get("users?visitor=nobody"))["items"] == []
    assert [len(page) for page in await desk.pages("users", 1)] == [1, 1]


async def test_bookings_of_everybody_by_date_status_and_visitor(
    booking: BookingStack, desk: Desk
) -> None:
    one, other = await booking.date(), await booking.date()
    ann, bob = await booking.visitor(name="ann", money="50.00"), await booking.visitor(name="bob")
    (first,) = await booking.held(ann, one, "A-1")
    (second,) = await booking.held(bob, one, "A-2")
    (third,) = await booking.held(bob, other, "A-1")
    await booking.expire(second)
    assert (await booking.pay(ann, first)).status == 201

    async def ids(query: str, limit: int = 10) -> list[list[int]]:
        pages = await desk.pages(f"bookings?{query}", limit)
        return [[found["concert_booking_id"] for found in page] for page in pages]

    assert await ids("", 2) == [[third, second], [first]]
    assert await ids(f"concert_schedule_id={one}", 1) == [[second], [first]]
    assert await ids("visitor=bob") == [[third, second]]
    assert await ids("visitor=nobody") == [[]]
    assert await ids("status=CONFIRMED") == [[first]]
    assert await ids("status=CANCELED&visitor=bob") == [[second]]
    assert await ids(f"status=PENDING&concert_schedule_id={one}") == [[]]
    assert await ids("status=PENDING") == [[third]]
    for bad in ("status=SOLD", "concert_schedule_id=0", "visitor=", "visitor=%00"):
        assert (await desk.ask("GET", f"bookings?{bad}")).code == "bad_request", bad


async def test_a_booking_is_shown_with_all_that_belongs_to_it(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    ann = await booking.visitor(name="ann", money="50.00")
    (booking_id,) = await booking.held(ann, schedule_id, "A-1")
    path = f"bookings/{booking_id}"
    held = await desk.get(path)
    assert (held["status"], held["payment"], held["refunds"]) == ("PENDING", None, [])
    assert (await booking.pay(ann, booking_id)).status == 201
    await booking.pool.execute(
        "INSERT INTO checkin (concert_booking_id, operator, gate, used_at)"
        " VALUES ($1, 'eve', 'North', now())",
        booking_id,
    )

    found = await desk.get(path)

    assert (found["visitor"], found["token_value"], found["room_id"]) == (
        "ann",
        ann.place.jti,
        ROOM,
    )
    assert (found["price"], found["payment"]["payment_amount"]) == ("50.00", "50.00")
    assert found["payment"]["refunded_amount"] == "0.00"
    assert (found["checkin"]["gate"], found["checkin"]["operator"]) == ("North", "eve")
    reason = {"reason": "Double booking", "refund_percent": 40}
    canceled = await desk.post(f"{path}/cancellation", reason)
    assert canceled.status == 200
    assert (canceled.body["status"], canceled.body["canceled_reason"]) == ("CANCELED", "operator")
    (refund,) = canceled.body["refunds"]
    assert (refund["refund_amount"], refund["reason"], refund["operator"]) == (
        "20.00",
        "Double booking",
        "operator",
    )
    assert canceled.body == await desk.get(path)


async def test_an_operator_cancels_a_paid_booking_once(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    ann = await booking.visitor(name="ann", money="50.00")
    (booking_id,) = await booking.held(ann, schedule_id, "A-1")
    assert (await booking.pay(ann, booking_id)).status == 201

    for _ in range(2):
        reply = await desk.post(f"bookings/{booking_id}/cancellation", {"reason": "Illness"})
        assert (reply.status, reply.body["status"]) == (200, "CANCELED")

    assert await booking.balance(ann) == "50.00"
    kept = [entry for entry in await desk.audit() if entry[0] == "booking.cancel"]
    assert kept == [
        (
            "booking.cancel",
            str(booking_id),
            {"visitor": "ann", "reason": "Illness", "was": "CONFIRMED", "refunded": "50.00"},
        )
    ]
    await booking.held(await booking.visitor(), schedule_id, "A-1")
    await booking.assert_sound()


async def test_an_operator_lets_a_hold_go(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    ann = await booking.visitor(name="ann", money="50.00")
    (booking_id,) = await booking.held(ann, schedule_id, "A-1")

    reply = await desk.post(f"bookings/{booking_id}/cancellation", {"reason": "A bot"})

    assert (reply.body["status"], reply.body["canceled_reason"]) == ("CANCELED", "operator")
    assert (await booking.pay(ann, booking_id)).code == "not_payable"
    assert await booking.status(ann, schedule_id, "A-1") == "AVAILABLE"
    assert (await desk.audit())[0][2]["was"] == "PENDING"
    await booking.assert_sound()


async def test_a_visitor_may_be_allowed_more_seats_and_fewer(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date(limit=2)
    ann = await booking.visitor(name="a/n n")
    path = f"schedules/{schedule_id}/limits/{quote('a/n n', safe='')}"
    assert await desk.get(path) == {
        "concert_schedule_id": schedule_id,
        "visitor": "a/n n",
        "live_seats": 0,
        "own_limit": None,
        "seat_limit": 2,
    }

    assert (await desk.put(path, {"own_limit": 3})).body["seat_limit"] == 3

    held = await booking.held(ann, schedule_id, "A-1", "A-2", "A-3")
    refused = await booking.hold(ann, schedule_id, "A-4")
    assert (refused.code, refused.body["limit"]) == ("limit_exceeded", 3)
    lower = (await desk.put(path, {"own_limit": 1})).body
    assert (lower["own_limit"], lower["live_seats"]) == (1, 3)
    await booking.assert_sound()
    assert (await booking.hold(ann, schedule_id, "A-4")).body["limit"] == 1
    for booking_id in held:
        await desk.post(f"bookings/{booking_id}/cancellation", {"reason": "x"})
    assert (await desk.put(path, {"own_limit": 0})).body["seat_limit"] == 0
    assert (await booking.hold(ann, schedule_id, "A-1")).body["limit"] == 0
    assert (await desk.put(path, {"own_limit": None})).body["seat_limit"] == 2
    await booking.held(ann, schedule_id, "A-1", "A-2")
    action, subject, changes = [e for e in await desk.audit() if e[0] == "limit.change"][-1]
    assert (subject, changes["visitor"], changes["own_limit"]) == (str(schedule_id), "a/n n", 3)
    assert (action, changes["was"]) == ("limit.change", {"own_limit": None})
    await booking.assert_sound()


async def test_a_limit_may_be_given_before_its_visitor_came(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date(limit=1)
    path = f"schedules/{schedule_id}/limits/group"

    assert (await desk.put(path, {"own_limit": 2})).body["own_limit"] == 2

    await booking.held(await booking.visitor(name="group"), schedule_id, "A-1", "A-2")
    for bad in ({}, {"own_limit": 101}, {"own_limit": -1}, {"own_limit": "2"}):
        assert (await desk.put(path, bad)).code == "validation_failed"


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    reason = {"reason": "x"}
    for unknown in UNKNOWN:
        for method, path, body in (
            ("GET", f"users/{unknown}", None),
            ("GET", f"bookings/{unknown}", None),
            ("POST", f"bookings/{unknown}/cancellation", reason),
            ("GET", f"schedules/{unknown}/limits/ann", None),
            ("PUT", f"schedules/{unknown}/limits/ann", {"own_limit": 1}),
            ("GET", f"schedules/{unknown}/cancellation", None),
            ("POST", f"schedules/{unknown}/cancellation", reason),
            ("GET", f"schedules/{unknown}/seats", None),
            ("PUT", f"schedules/{unknown}/prices", {"prices": [{"price": "1.00", "band": "x"}]}),
            ("POST", f"schedules/{unknown}/seats/removal", {"seat_numbers": ["A-1"]}),
            ("GET", f"schedules/{unknown}/sales", None),
            ("GET", f"concerts/{unknown}/sales", None),
            ("GET", f"schedules/{unknown}/bookings.csv", None),
            ("GET", f"schedules/{unknown}/payments.csv", None),
        ):
            reply = await desk.ask(method, path, body)
            assert (reply.status, reply.code) == (404, "not_found"), path
    assert await desk.booking.pool.fetchval("SELECT count(*) FROM users") == 0
