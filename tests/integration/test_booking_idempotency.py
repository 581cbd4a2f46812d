"""One key, one effect; the first answer again, byte for byte."""

import asyncio
from typing import Any

from booking_api.database import SALE
from booking_api.sweep import sweep
from tests.booking_stack import ROOM, BookingStack, Reply, Visitor
from tests.waiting import wait_until


def replayed(reply: Reply) -> bool:
    return bool(reply.headers.get("Idempotency-Replayed") == "true")


async def test_the_same_key_and_body_get_the_first_answer_again(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")

    holds = [await booking.hold(visitor, schedule_id, "A-1", key="k") for _ in "12"]
    booking_id = holds[0].body["bookings"][0]["concert_booking_id"]
    payments = [await booking.pay(visitor, booking_id, key="k") for _ in "12"]
    charges = [await booking.charge(visitor, "1.00", key="k") for _ in "12"]

    for first, again in (holds, payments, charges):
        assert (first.status, again.status) == (201, 201)
        assert again.raw == first.raw
        assert (replayed(first), replayed(again)) == (False, True)
    assert await booking.balance(visitor) == "51.00"
    await booking.assert_sound()


async def test_the_same_key_with_another_body_is_refused(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.hold(visitor, schedule_id, "A-1", key="k")
    before = await booking.trace()

    reply = await booking.hold(visitor, schedule_id, "A-2", key="k")

    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert await booking.trace() == before


async def test_spaces_and_order_of_fields_do_not_make_another_body(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor()

    replies = [
        await booking.ask("POST", "/v1/users/me/charges", visitor, key="k", data=data)
        for data in (b'{"amount":"1.00"}', b' { "amount" : "1.00" }\n')
    ]

    assert [replayed(reply) for reply in replies] == [False, True]


async def test_a_key_belongs_to_its_visitor_and_path(booking: BookingStack) -> None:
    first, second = await booking.date(), await booking.date()
    one, other = await booking.visitor(), await booking.visitor(money="1.00")

    replies = [
        await booking.hold(one, first, "A-1", key="k"),
        await booking.hold(one, second, "A-1", key="k"),
        await booking.hold(other, first, "A-2", key="k"),
    ]

    assert [reply.status for reply in replies] == [201] * 3
    assert not any(replayed(reply) for reply in replies)


async def test_a_refused_key_may_be_tried_again(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    holder, other = await booking.visitor(), await booking.visitor()
    (booking_id,) = await booking.held(holder, schedule_id, "A-1")
    refused = await booking.hold(other, schedule_id, "A-1", key="k")
    await booking.ask("DELETE", f"/v1/bookings/{booking_id}", holder)

    again = await booking.hold(other, schedule_id, "A-1", key="k")

    assert (refused.code, again.status) == ("seat_taken", 201)


async def test_duplicates_at_once_have_one_effect(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    replies = await asyncio.gather(
        *(booking.hold(visitor, schedule_id, "A-1", key="k") for _ in range(20)),
        *(booking.charge(visitor, "1.00", key="k") for _ in range(20)),
    )

    assert [reply.status for reply in replies] == [201] * 40
    assert sum(not replayed(reply) for reply in replies) == 2
    assert await booking.balance(visitor) == "1.00"
    await booking.assert_sound()


async def test_a_duplicate_waits_a_bounded_time_for_the_first(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    async with booking.pool.acquire() as somebody, somebody.transaction():
        # The first request holds its key and hangs on the seat.
        await somebody.execute("SELECT FROM concert_seat WHERE seat_number = 'A-1' FOR UPDATE")
        first = asyncio.create_task(booking.hold(visitor, schedule_id, "A-1", key="k"))
        await wait_until(
            lambda: somebody.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            )
        )
        duplicate = await booking.hold(visitor, schedule_id, "A-1", key="k")

    assert (duplicate.status, duplicate.code) == (409, "request_in_progress")
    assert duplicate.body["retryable"] is True
    assert (await first).status == 201
    assert replayed(await booking.hold(visitor, schedule_id, "A-1", key="k"))


async def test_the_answer_outlives_the_token(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    first = await booking.hold(visitor, schedule_id, "A-1", key="k")
    await booking.places.finish(visitor.place, "left")

    again = await booking.hold(visitor, schedule_id, "A-1", key="k")
    other_body = await booking.hold(visitor, schedule_id, "A-2", key="k")
    other_key = await booking.hold(visitor, schedule_id, "A-1", key="other")

    assert (again.raw, replayed(again)) == (first.raw, True)
    assert other_body.code == "idempotency_key_reused"
    assert other_key.code == "queue_token_expired"


async def test_the_answer_outlives_redis(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    first = await booking.hold(visitor, schedule_id, "A-1", key="k")
    await booking.wire.cut()

    again = await booking.hold(visitor, schedule_id, "A-1", key="k")
    other_key = await booking.hold(visitor, schedule_id, "A-2", key="other")

    assert (again.raw, replayed(again)) == (first.raw, True)
    assert (other_key.status, other_key.headers["Retry-After"]) == (503, "1")


async def test_a_missing_or_bad_key_is_refused(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    (booking_id,) = await booking.held(visitor, schedule_id, "A-1")
    before = await booking.trace()
    asked: list[tuple[str, Any]] = [
        (f"/v1/schedules/{schedule_id}/bookings", {"seat_numbers": ["A-2"]}),
        ("/v1/payments", {"concert_booking_ids": [booking_id]}),
        ("/v1/users/me/charges", {"amount": "1.00"}),
    ]

    for key in (None, "", " ", "with space", "k" * 256, "é"):
        for path, body in asked:
            reply = await booking.ask("POST", path, visitor, body=body, key=key)
            assert (reply.status, reply.code) == (400, "bad_request"), (path, key)

    assert await booking.trace() == before


async def test_a_key_of_255_characters_is_good(booking: BookingStack) -> None:
    await booking.room()
    visitor: Visitor = await booking.visitor(room_id=ROOM)

    assert (await booking.charge(visitor, "1.00", key="~" * 255)).status == 201


async def test_old_answers_are_forgotten_after_a_day(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor()
    await booking.charge(visitor, "1.00", key="old")
    await booking.pool.execute("UPDATE idempotency_key SET created_at = now() - interval '25 h'")
    await booking.charge(visitor, "1.00", key="new")
    await sweep(booking.app[SALE])

    assert await booking.pool.fetch("SELECT key FROM idempotency_key") == [("new",)]
