"""Giving paid seats back: for the concert's terms, in time, once; and operators' refunds."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.money import Currency
from shared.operators import operator_keys
from tests.booking_stack import ADMIN_KEY, ROOM, BookingStack, running
from tests.integration.moments import cancel
from tests.integration.refunding import bought, give_back, ledger, refund, terms


async def test_a_canceled_seat_is_paid_back_and_for_sale_again(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00", limit=1)
    await terms(booking, schedule_id)
    visitor, other = await booking.visitor(money="80.00"), await booking.visitor()
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")

    canceled = [await cancel(booking, visitor, booking_id) for _ in "12"]

    assert [reply.status for reply in canceled] == [204, 204]
    assert await ledger(booking, visitor) == [
        ("CHARGE", "80.00", "80.00"),
        ("PAYMENT", "-50.00", "30.00"),
        ("REFUND", "50.00", "80.00"),
    ]
    found = (await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)).body
    assert (found["status"], found["canceled_reason"]) == ("CANCELED", "refunded")
    assert found["refunded"] == "50.00"
    assert await booking.status(other, schedule_id, "A-1") == "AVAILABLE"
    back = await booking.visitor(name=visitor.name)  # the payment had ended the visit
    assert (await booking.hold(back, schedule_id, "A-2")).status == 201  # it counts no more
    assert (await booking.hold(other, schedule_id, "A-1")).status == 201
    await booking.assert_sound()


async def test_a_refund_by_post_says_what_was_given_back_and_needs_no_place(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="50.00")
    await terms(booking, schedule_id, 80)
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")

    replies = [await refund(booking, visitor, booking_id, key="r") for _ in "12"]

    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].raw == replies[1].raw
    assert replies[1].headers["Idempotency-Replayed"] == "true"
    body = replies[0].body
    assert set(body) == {
        "refund_id",
        "concert_booking_id",
        "refund_amount",
        "balance",
        "currency",
        "created_at",
    }
    assert (body["concert_booking_id"], body["currency"]) == (booking_id, "USD")
    assert (body["refund_amount"], body["balance"]) == ("40.00", "40.00")
    moved = (await booking.ask("GET", "/v1/users/me/ledger", visitor)).body["items"][0]
    assert (moved["refund_id"], moved["concert_booking_id"]) == (body["refund_id"], booking_id)
    again = await refund(booking, visitor, booking_id)
    assert (again.status, again.code) == (409, "not_refundable")
    assert again.body["refundable"] == "0.00"
    assert await booking.balance(visitor) == "40.00"
    await booking.assert_sound()


async def test_a_refund_is_rounded_down_to_the_minor_unit(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="0.99")
    await terms(booking, schedule_id, 50)
    visitor = await booking.visitor(money="1.98")
    one, two = await bought(booking, visitor, schedule_id, "A-1", "A-2")

    assert (await refund(booking, visitor, one)).body["refund_amount"] == "0.49"
    assert (await cancel(booking, visitor, two)).status == 204
    assert await booking.balance(visitor) == "0.98"
    await booking.assert_sound()


async def test_a_currency_without_minor_units_is_given_back_in_whole_ones(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    won = Currency("KRW", 0)
    async with running(redis, redis_url, database_url, currency=won) as booking:
        schedule_id = await booking.date(price="999")
        await terms(booking, schedule_id, 50)
        visitor = await booking.visitor(money="1998")
        one, two = await bought(booking, visitor, schedule_id, "A-1", "A-2")

        assert (await refund(booking, visitor, one)).body["refund_amount"] == "499"
        assert (await give_back(booking, two, "0.5")).code == "validation_failed"
        assert (await give_back(booking, two, "1")).body["refund_amount"] == "1"
        assert await booking.balance(visitor) == "500"
        await booking.assert_sound()


async def test_more_digits_than_the_currency_has_are_refused(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    before = await booking.trace()

    for amount in ("1.001", "1e1", "-1.00", "+1.00", "1,00", "NaN", ""):
        assert (await give_back(booking, booking_id, amount)).status == 422, amount

    assert await booking.trace() == before


async def test_a_concert_that_refunds_nothing_keeps_its_seats_sold(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [await cancel(booking, visitor, booking_id)]
    refusals.append(await refund(booking, visitor, booking_id))

    assert [(r.status, r.code) for r in refusals] == [(403, "forbidden")] * 2
    assert await booking.trace() == before


@pytest.mark.parametrize("past", ["deadline", "date"])
async def test_past_the_deadline_nothing_is_given_back(booking: BookingStack, past: str) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    if past == "deadline":
        await terms(booking, schedule_id, until=datetime.now(UTC) - timedelta(seconds=1))
    else:
        await terms(booking, schedule_id, date=-timedelta(seconds=1))
    before = await booking.trace()

    refusals = [await cancel(booking, visitor, booking_id)]
    refusals.append(await refund(booking, visitor, booking_id))

    assert [(r.status, r.code) for r in refusals] == [(403, "forbidden")] * 2
    assert await booking.trace() == before


async def test_a_deadline_may_be_later_than_the_date(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    await terms(
        booking,
        schedule_id,
        until=datetime.now(UTC) + timedelta(days=1),
        date=-timedelta(seconds=1),
    )

    assert (await cancel(booking, visitor, booking_id)).status == 204


async def test_a_used_ticket_is_not_given_back(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    await booking.pool.execute(
        "INSERT INTO checkin (concert_booking_id, operator, used_at) VALUES ($1, 'gate', now())",
        booking_id,
    )

    assert (await cancel(booking, visitor, booking_id)).code == "forbidden"
    assert (await refund(booking, visitor, booking_id)).code == "forbidden"


async def test_a_date_that_is_canceled_gives_everything_back(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    visitor = await booking.visitor(money="100.00")
    booking_id, held = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.pay(visitor, booking_id)
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    assert (await booking.pay(visitor, held)).code == "not_payable"
    assert (await refund(booking, visitor, booking_id)).body["refund_amount"] == "50.00"
    await booking.assert_sound()


async def test_what_was_refunded_is_not_payable(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    await cancel(booking, visitor, booking_id)
    before = await booking.trace()

    reply = await booking.pay(visitor, booking_id)

    assert (reply.status, reply.code) == (409, "not_payable")
    assert await booking.trace() == before


async def test_a_hold_has_nothing_to_give_back(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [await refund(booking, visitor, booking_id)]
    refusals += [await give_back(booking, booking_id, amount) for amount in ("0", "1.00")]

    assert {(r.status, r.code) for r in refusals} == {(409, "not_refundable")}
    assert await booking.trace() == before


async def test_only_the_owner_cancels_and_unknown_bookings_are_not_there(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    await terms(booking, schedule_id)
    visitor, other = await booking.visitor(money="100.00"), await booking.visitor()
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    before = await booking.trace()

    refusals = [
        await refund(booking, other, booking_id),
        await refund(booking, visitor, booking_id + 1),
        await refund(booking, visitor, 2**63 - 1),
        await refund(booking, visitor, 2**63),
        await give_back(booking, 2**63 - 1, "1.00"),
        await give_back(booking, 2**64, "1.00"),
    ]

    assert {(r.status, r.code) for r in refusals} == {(404, "not_found")}
    assert await booking.trace() == before


async def test_a_body_that_asks_for_an_amount_is_not_the_owners(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    path = f"/v1/bookings/{booking_id}/refunds"

    reply = await booking.ask("POST", path, visitor, body={"amount": "1.00"}, key="k")
    unkeyed = await booking.ask("POST", path, visitor)

    assert (reply.status, reply.code) == (422, "validation_failed")
    assert (unkeyed.status, unkeyed.code) == (400, "bad_request")
    assert (await booking.ask("POST", path, visitor, body={}, key="k")).status == 201


async def test_a_free_seat_is_given_back_for_nothing(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="0.00")
    await terms(booking, schedule_id, 50)
    visitor = await booking.visitor(money="1.00")
    one, two, three = await bought(booking, visitor, schedule_id, "A-1", "A-2", "A-3")

    assert (await refund(booking, visitor, one)).body["refund_amount"] == "0.00"
    assert (await cancel(booking, visitor, two)).status == 204
    assert (await give_back(booking, three, "0.00")).body["refund_amount"] == "0.00"
    assert await booking.status(await booking.visitor(), schedule_id, "A-3") == "AVAILABLE"
    assert await booking.balance(visitor) == "1.00"
    await booking.assert_sound()


async def test_an_operator_gives_back_parts_and_the_last_of_them_cancels(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="50.00")
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")

    parts = [await give_back(booking, booking_id, amount) for amount in ("10.00", "0.01")]

    assert [part.body["balance"] for part in parts] == ["10.00", "10.01"]
    found = (await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)).body
    assert (found["status"], found["refunded"]) == ("CONFIRMED", "10.01")
    too_much = await give_back(booking, booking_id, "40.00")
    assert (too_much.status, too_much.code) == (409, "not_refundable")
    assert too_much.body["refundable"] == "39.99"
    assert (await give_back(booking, booking_id, "0.00")).code == "not_refundable"
    assert (await give_back(booking, booking_id, "39.99")).body["balance"] == "50.00"
    found = (await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)).body
    assert (found["status"], found["canceled_reason"]) == ("CANCELED", "operator")
    assert await booking.status(await booking.visitor(), schedule_id, "A-1") == "AVAILABLE"
    await booking.assert_sound()


async def test_an_operators_refund_is_in_the_audit_with_its_reason(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    for _ in "12":
        await give_back(booking, booking_id, "1.50", key="same")

    (kept,) = await booking.pool.fetch("SELECT * FROM audit WHERE action = 'booking.refund'")

    assert (kept["operator"], kept["room_id"], kept["outcome"]) == ("operator", ROOM, "done")
    assert kept["subject"] == str(booking_id)
    assert kept["changes"] == '{"amount": "1.50", "reason": "behind a pillar"}'


async def test_an_owner_gets_no_more_than_is_left_after_an_operators_refund(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="50.00")
    await terms(booking, schedule_id, 90)
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    await give_back(booking, booking_id, "20.00")

    assert (await refund(booking, visitor, booking_id)).body["refund_amount"] == "30.00"
    assert await booking.balance(visitor) == "50.00"
    await booking.assert_sound()


async def test_each_operators_keys_are_their_own(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    keys = operator_keys(f"{ADMIN_KEY},eve=eves-key-of-the-tests-0123456789")
    eve = {"Authorization": "Bearer eves-key-of-the-tests-0123456789"}
    async with running(redis, redis_url, database_url, admin_keys=keys) as booking:
        schedule_id = await booking.date(price="50.00")
        await terms(booking, schedule_id, 10)
        visitor = await booking.visitor(money="50.00")
        (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")

        first = await give_back(booking, booking_id, "1.00", key="k")
        again = await give_back(booking, booking_id, "1.00", key="k")
        other = await give_back(booking, booking_id, "2.00", key="k", headers=eve)
        reused = await give_back(booking, booking_id, "2.00", key="k")

        assert again.raw == first.raw
        assert other.body["balance"] == "3.00"
        assert reused.code == "idempotency_key_reused"
        assert (await refund(booking, visitor, booking_id, key="k")).body["balance"] == "8.00"
        await booking.assert_sound()


async def test_refunds_at_once_give_back_no_more_than_was_paid(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    await terms(booking, schedule_id, 100)
    visitor = await booking.visitor(money="200.00")
    ids = await bought(booking, visitor, schedule_id, "A-1", "A-2", "A-3", "A-4")

    replies = await asyncio.gather(
        *(refund(booking, visitor, booking_id) for booking_id in ids for _ in range(3)),
        *(give_back(booking, booking_id, "30.00") for booking_id in ids for _ in range(3)),
        *(cancel(booking, visitor, booking_id) for booking_id in ids),
        *(booking.charge(visitor, "1.00") for _ in range(4)),
    )

    assert {reply.status for reply in replies} <= {201, 204, 409}
    assert await booking.balance(visitor) == "204.00"
    found = await booking.pool.fetch("SELECT status FROM concert_booking")
    assert {row["status"] for row in found} == {"CANCELED"}
    await booking.assert_sound()


async def test_what_is_given_back_can_be_spent_at_the_same_moment(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00", limit=4)
    await terms(booking, schedule_id, 100)
    visitor = await booking.visitor(money="100.00")
    given = await booking.held(visitor, schedule_id, "A-1", "A-2")
    wanted = await booking.held(visitor, schedule_id, "A-3", "A-4")
    await booking.pay(visitor, *given)

    replies = await asyncio.gather(
        *(refund(booking, visitor, booking_id) for booking_id in given),
        *(booking.pay(visitor, booking_id) for booking_id in wanted),
    )

    assert {reply.status for reply in replies} <= {201, 402}
    paid = sum(reply.status == 201 for reply in replies[2:])
    assert await booking.balance(visitor) == f"{100 - 50 * paid}.00"
    await booking.assert_sound()


async def test_a_batch_is_canceled_at_an_operators_wish_and_may_come_again(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="9.99")
    one, two = await booking.visitor(money="50.00"), await booking.visitor(money="50.00")
    ids = await bought(booking, one, schedule_id, "A-1", "A-2")
    held, ended = await booking.held(two, schedule_id, "A-4", "A-5")
    ids += await bought(booking, two, schedule_id, "A-3")
    await booking.expire(ended)
    await give_back(booking, ids[0], "9.00")
    batch = [*ids, held, ended]
    call = "SELECT * FROM cancel_bookings($1, 'date_canceled', 'ill', 'eve', 50, 'USD', 2)"

    rows = [await booking.pool.fetchrow(call, batch) for _ in "12"]

    assert [tuple(row) for row in rows] == [(2, 3, Decimal("10.97")), (0, 0, Decimal(0))]
    assert (
        await booking.balance(one) == "45.00"
    )  # 50.00 - 19.98 + 9.00, and then 0.99 that was left and 4.99
    assert await booking.balance(two) == "45.00"
    reasons = await booking.pool.fetch(
        "SELECT canceled_reason FROM concert_booking ORDER BY concert_booking_id"
    )
    assert [row[0] for row in reasons] == [*["date_canceled"] * 3, "expired", "date_canceled"]
    told = await _told(booking)
    assert [kind for kind, _ in told].count("booking.canceled") == 3
    await booking.assert_sound()


async def test_other_systems_are_told_of_what_was_given_back(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    await terms(booking, schedule_id, 100)
    visitor = await booking.visitor(money="100.00")
    one, two = await bought(booking, visitor, schedule_id, "A-1", "A-2")
    await give_back(booking, one, "10.00")
    await cancel(booking, visitor, two)

    told = [(kind, said) for kind, said in await _told(booking) if kind != "booking.confirmed"]

    assert [
        (kind, said["concert_booking_id"], said["status"], said["refunded"]) for kind, said in told
    ] == [
        ("booking.refunded", one, "CONFIRMED", "10.00"),
        ("booking.refunded", two, "CANCELED", "50.00"),
        ("booking.canceled", two, "CANCELED", "50.00"),
    ]
    assert [said.get("reason") for _, said in told] == ["behind a pillar", "owner", None]
    assert [said.get("refund_amount") for _, said in told] == ["10.00", "50.00", None]


async def _told(booking: BookingStack) -> list[tuple[str, Any]]:
    rows = await booking.pool.fetch(
        "SELECT kind, payload FROM webhook_event ORDER BY webhook_event_id"
    )
    return [(row["kind"], json.loads(row["payload"])) for row in rows]
