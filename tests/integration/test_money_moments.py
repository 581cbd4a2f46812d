"""Refunds and a provider's payments that wait for somebody, and what has changed meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.intents import INTENTS
from tests.booking_stack import BookingStack
from tests.integration.moments import COUNTER, ENDS, SEAT, blocked, cancel, free, somebody
from tests.integration.providing import Shop, shop
from tests.integration.refunding import bought, give_back, ledger, refund, terms
from tests.integration.test_booking_intents import wanting

USER = "SELECT FROM users WHERE external_id = '{}' FOR NO KEY UPDATE"
#: A charge of 7.00 in a transaction of somebody's own.
CHARGE = """
UPDATE users SET balance = balance + 7 WHERE external_id = '{0}';
INSERT INTO ledger (user_id, kind, amount, balance_after)
SELECT user_id, 'CHARGE', 7, balance FROM users WHERE external_id = '{0}';
INSERT INTO idempotency_key
SELECT user_id, 'POST', '/v1/users/me/charges', 'by-hand', 'x', 201, '{{}}' FROM users
WHERE external_id = '{0}';
"""
BATCH = "SELECT cancel_bookings($1, 'operator', 'ill', 'eve', 100, 'USD', 2)"


@pytest.fixture
async def sale(redis: "Redis", redis_url: str, database_url: str) -> AsyncIterator[Shop]:
    async with shop(redis, redis_url, database_url) as found:
        yield found


async def sold(booking: BookingStack) -> Any:
    """A date with terms, a visitor, and their paid booking of A-1."""
    schedule_id = await booking.date(price="50.00")
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="50.00")
    (booking_id,) = await bought(booking, visitor, schedule_id, "A-1")
    return schedule_id, visitor, booking_id


@pytest.mark.parametrize("by", ["owner", "operator"])
async def test_a_refund_locks_its_seat_before_all_else(booking: BookingStack, by: str) -> None:
    _, visitor, booking_id = await sold(booking)
    async with somebody(booking, SEAT.format("A-1")):
        refunding = asyncio.create_task(
            refund(booking, visitor, booking_id)
            if by == "owner"
            else give_back(booking, booking_id, "50.00")
        )
        await blocked(booking)
        await free(booking, COUNTER.format(visitor.name))
        await free(booking, USER.format(visitor.name))

    assert (await refunding).status == 201
    await booking.assert_sound()


async def test_a_refund_that_waited_for_the_cancel_finds_it_done(booking: BookingStack) -> None:
    _, visitor, booking_id = await sold(booking)
    async with somebody(booking, SEAT.format("A-1")) as other:
        refunding = asyncio.create_task(refund(booking, visitor, booking_id))
        await blocked(booking)
        await other.execute(
            "SELECT cancel_booking($1, 'room-a', $2, 'USD', 2)", visitor.name, booking_id
        )

    assert (await refunding).code == "not_refundable"
    assert await booking.balance(visitor) == "50.00"
    await booking.assert_sound()


@pytest.mark.parametrize("by", ["delete", "post"])
async def test_a_refund_that_waited_past_the_deadline_is_too_late(
    booking: BookingStack, by: str
) -> None:
    _, visitor, booking_id = await sold(booking)
    async with somebody(booking, SEAT.format("A-1")) as other:
        refunding = asyncio.create_task(
            cancel(booking, visitor, booking_id)
            if by == "delete"
            else refund(booking, visitor, booking_id)
        )
        await blocked(booking)
        await other.execute("UPDATE concert_schedule SET refund_until = clock_timestamp()")

    assert (await refunding).code == "forbidden"
    assert await booking.balance(visitor) == "0.00"


async def test_a_cancel_that_waited_for_the_gate_finds_the_ticket_used(
    booking: BookingStack,
) -> None:
    _, visitor, booking_id = await sold(booking)
    async with somebody(booking, SEAT.format("A-1")) as other:
        canceling = asyncio.create_task(cancel(booking, visitor, booking_id))
        await blocked(booking)
        await other.execute(
            "INSERT INTO checkin (concert_booking_id, operator, used_at)"
            " VALUES ($1, 'gate', now())",
            booking_id,
        )

    assert (await canceling).code == "forbidden"
    await booking.assert_sound()


async def test_a_refund_goes_on_from_the_balance_that_it_waited_for(booking: BookingStack) -> None:
    _, visitor, booking_id = await sold(booking)
    async with somebody(booking, USER.format(visitor.name)) as other:
        refunding = asyncio.create_task(refund(booking, visitor, booking_id))
        await blocked(booking)
        await other.execute(CHARGE.format(visitor.name))

    assert (await refunding).body["balance"] == "57.00"
    assert (await ledger(booking, visitor))[-1] == ("REFUND", "50.00", "57.00")
    await booking.assert_sound()


async def test_a_payment_goes_on_from_the_balance_that_it_waited_for(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="50.00")
    visitor = await booking.visitor(money="50.00")
    ids = await booking.held(visitor, schedule_id, "A-1")
    async with somebody(booking, USER.format(visitor.name)) as other:
        paying = asyncio.create_task(booking.pay(visitor, *ids))
        await blocked(booking)
        await other.execute(CHARGE.format(visitor.name))

    assert (await paying).body["balance"] == "7.00"
    assert (await ledger(booking, visitor))[-1] == ("PAYMENT", "-50.00", "7.00")
    await booking.assert_sound()


async def test_a_batch_locks_seats_then_counters_then_users_each_in_their_order(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(price="10.00")
    visitors = [await booking.visitor(money="50.00") for _ in range(3)]
    ids = []
    for number, visitor in enumerate(visitors, 1):
        ids += await bought(booking, visitor, schedule_id, f"A-{number}")
    moments = [
        (SEAT.format("A-1"), [SEAT.format("A-3"), COUNTER.format(visitors[0].name)]),
        (
            COUNTER.format(visitors[0].name),
            [COUNTER.format(visitors[2].name), USER.format(visitors[0].name)],
        ),
        (USER.format(visitors[0].name), [USER.format(visitors[2].name)]),
    ]
    for held, not_yet in moments:
        async with somebody(booking, held), booking.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            canceling = asyncio.create_task(connection.execute(BATCH, ids[::-1]))
            await blocked(booking)
            for statement in not_yet:
                await free(booking, statement)
            canceling.cancel()
            await asyncio.gather(canceling, return_exceptions=True)
            await transaction.rollback()

    await booking.pool.execute(BATCH, ids)
    assert [await booking.balance(visitor) for visitor in visitors] == ["50.00"] * 3
    await booking.assert_sound()


async def test_a_success_that_waited_past_the_deadline_is_too_late(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    async with somebody(booking, SEAT.format("A-1")) as other:
        telling = asyncio.create_task(sale.tell(sale.events()[0]))
        await blocked(booking)
        await free(booking, USER.format(visitor.name))
        await free(booking, "SELECT FROM payment_intent FOR NO KEY UPDATE")
        await other.execute(ENDS)

    assert (await telling).status == 204
    assert await sale.status(visitor, intent) == "refund_due"
    await booking.assert_sound()


async def test_a_success_goes_on_from_the_balance_that_it_waited_for(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    async with somebody(booking, USER.format(visitor.name)) as other:
        telling = asyncio.create_task(sale.tell(sale.events()[0]))
        await blocked(booking)
        await other.execute(CHARGE.format(visitor.name))

    assert (await telling).status == 204
    assert await ledger(booking, visitor) == [
        ("CHARGE", "7.00", "7.00"),
        ("CHARGE", "50.00", "57.00"),
        ("PAYMENT", "-50.00", "7.00"),
    ]
    await booking.assert_sound()


async def test_money_is_given_back_however_long_ago_it_came(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent, unpaid = await sale.asked(visitor, *ids), await sale.asked(visitor, *ids)
    await booking.expire(*ids)
    await sale.confirm(intent)
    await sale.told(sale.events()[0])
    await booking.pool.execute("UPDATE payment_intent SET created_at = now() - interval '9 days'")
    provider = booking.app[INTENTS]._provider
    good, provider._url = provider._url, "http://127.0.0.1:1"  # type: ignore[attr-defined]
    assert await sale.work() == 2
    provider._url = good  # type: ignore[attr-defined]

    assert await sale.work() == 1  # of the other nobody asks any more

    assert await sale.status(visitor, intent) == "refunded"
    assert await sale.status(visitor, unpaid) == "created"
