"""Cancelling a date: at once for all, with its refunds in batches."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from booking_api.cancellations import CANCELLATIONS
from tests.booking_stack import ROOM, BookingStack, Visitor, running
from tests.integration.moments import blocked, somebody
from tests.integration.operating import Desk, told
from tests.waiting import wait_until


@pytest.fixture
def desk(booking: BookingStack) -> Desk:
    return Desk(booking)


async def sold(booking: BookingStack, schedule_id: int, *seats: str) -> tuple[Visitor, list[int]]:
    """Somebody who bought these seats, and has spent all their money on them."""
    visitor = await booking.visitor(money=f"{50 * len(seats)}.00")
    paid = await booking.held(visitor, schedule_id, *seats)
    assert (await booking.pay(visitor, *paid)).status == 201
    return visitor, paid


async def states(booking: BookingStack) -> list[tuple[str, str | None]]:
    rows = await booking.pool.fetch(
        "SELECT status, canceled_reason FROM concert_booking ORDER BY concert_booking_id"
    )
    return [tuple(row) for row in rows]


async def test_a_canceled_date_gives_everybody_their_money_back(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id, other_date = await booking.date(), await booking.date()
    visitor, paid = await sold(booking, schedule_id, "A-1", "A-2")
    elsewhere, _ = await sold(booking, other_date, "A-1")
    holder = await booking.visitor()
    await booking.held(holder, schedule_id, "A-3")
    path = f"schedules/{schedule_id}/cancellation"
    assert (await desk.ask("GET", path)).code == "not_found"

    begun = await desk.post(path, {"reason": "Illness"})

    assert begun.status == 202
    assert begun.body == {
        "concert_schedule_id": schedule_id,
        "reason": "Illness",
        "refund_percent": 100,
        "operator": "operator",
        "total": 3,
        "done": 0,
        "refunded": "0.00",
        "currency": "USD",
        "created_at": begun.body["created_at"],
        "finished_at": None,
    }
    assert await booking.app[CANCELLATIONS].work(batch=2) == 3
    done = await desk.get(path)
    assert (done["done"], done["total"], done["refunded"]) == (3, 3, "100.00")
    assert done["finished_at"] is not None
    assert (await booking.balance(visitor), await booking.balance(elsewhere)) == ("100.00", "0.00")
    assert await states(booking) == [
        *[("CANCELED", "date_canceled")] * 2,
        ("CONFIRMED", None),
        ("CANCELED", "date_canceled"),
    ]
    assert await told(booking, "schedule.canceled") == [(None, schedule_id)]
    assert await told(booking, "booking.canceled") == [(of, schedule_id) for of in paid]
    assert (await desk.audit())[0][:2] == ("schedule.cancel", str(schedule_id))
    await booking.assert_sound()


async def test_a_canceled_date_sells_no_more_from_that_moment(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    held = await booking.held(visitor, schedule_id, "A-1")
    await booking.pool.execute(
        "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value)"
        " SELECT user_id, $1, $2, 'jti' FROM users",
        schedule_id,
        ROOM,
    )

    await desk.post(f"schedules/{schedule_id}/cancellation", {"reason": "Illness"})

    assert (await booking.hold(visitor, schedule_id, "A-2")).status == 409
    assert (await booking.pay(visitor, *held)).status in (409, 410)
    assert await booking.pool.fetchval("SELECT status || reason FROM waitlist") == "ENDEDcanceled"
    await booking.app[CANCELLATIONS].work()
    await booking.assert_sound()


async def test_a_date_is_canceled_once(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    visitor, _ = await sold(booking, schedule_id, "A-1")
    path = f"schedules/{schedule_id}/cancellation"

    for _ in range(2):
        assert (await desk.post(path, {"reason": "Illness"})).status == 202
        await booking.app[CANCELLATIONS].work()
    for other in ({"reason": "Rain"}, {"reason": "Illness", "refund_percent": 50}):
        refused = await desk.post(path, other)
        assert (refused.status, refused.code) == (409, "schedule_canceled")

    assert await booking.balance(visitor) == "50.00"
    assert [action for action, *_ in await desk.audit()].count("schedule.cancel") == 1
    assert await booking.pool.fetchval("SELECT count(*) FROM schedule_job") == 1


async def test_two_who_cancel_a_date_at_once_cancel_it_once(
    booking: BookingStack, desk: Desk
) -> None:
    schedule_id = await booking.date()
    path = f"schedules/{schedule_id}/cancellation"
    async with somebody(booking, "SELECT FROM concert_schedule FOR UPDATE"):
        both = [asyncio.create_task(desk.post(path, {"reason": "Illness"})) for _ in range(2)]
        await blocked(booking, 2)

    assert [(await reply).status for reply in both] == [202, 202]
    assert await booking.pool.fetchval("SELECT count(*) FROM schedule_job") == 1


async def test_a_cancellation_may_keep_a_part(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date(price="33.33")
    visitor = await booking.visitor(money="33.33")
    paid = await booking.held(visitor, schedule_id, "A-1")
    assert (await booking.pay(visitor, *paid)).status == 201

    body = {"reason": "Moved indoors", "refund_percent": 50}
    await desk.post(f"schedules/{schedule_id}/cancellation", body)
    await booking.app[CANCELLATIONS].work()

    assert await booking.balance(visitor) == "16.66"
    await booking.assert_sound()


async def test_batches_of_one_date_come_one_after_the_other_whoever_works(
    booking: BookingStack, desk: Desk
) -> None:
    """Also while somebody is at one of its seats: nobody is refunded twice, nobody left out."""
    schedule_id = await booking.date([f"A-{n}" for n in range(1, 13)])
    buyers = [await sold(booking, schedule_id, f"A-{n}", f"A-{n + 1}") for n in range(1, 12, 2)]
    await desk.post(f"schedules/{schedule_id}/cancellation", {"reason": "Illness"})

    workers = [booking.app[CANCELLATIONS].work(batch=1) for _ in range(4)]
    ended = sum(await asyncio.gather(*workers))

    assert ended == 12
    assert [await booking.balance(buyer) for buyer, _ in buyers] == ["100.00"] * 6
    assert (await desk.get(f"schedules/{schedule_id}/cancellation"))["done"] == 12
    await booking.assert_sound()


async def test_a_batch_that_broke_off_comes_again(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    visitor, _ = await sold(booking, schedule_id, "A-1", "A-2", "A-3")
    await desk.post(f"schedules/{schedule_id}/cancellation", {"reason": "Illness"})

    async with booking.pool.acquire() as connection:
        breaking = connection.transaction()
        await breaking.start()
        assert await connection.fetchval("SELECT cancel_some(2, 'USD', 2)") == 2
        # Whoever looks while it runs does not wait for it.
        assert await booking.app[CANCELLATIONS].work() == 0
        await breaking.rollback()

    assert (await desk.get(f"schedules/{schedule_id}/cancellation"))["done"] == 0
    assert await booking.balance(visitor) == "0.00"
    assert await booking.app[CANCELLATIONS].work() == 3
    assert await booking.balance(visitor) == "150.00"


async def test_a_hold_that_was_under_way_is_let_go_too(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    visitor, holder = await booking.visitor(money="50.00"), await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1")
    path = f"schedules/{schedule_id}/cancellation"
    await desk.post(path, {"reason": "Illness"})
    # As if it had read the date before it was canceled.
    await booking.pool.execute("UPDATE concert_schedule SET state = 'on_sale'")
    await booking.held(holder, schedule_id, "A-2")
    await booking.pool.execute("UPDATE concert_schedule SET state = 'canceled'")

    await booking.app[CANCELLATIONS].work(batch=1)

    done = await desk.get(path)
    assert (done["done"], done["total"]) == (2, 2)
    assert {state for state, _ in await states(booking)} == {"CANCELED"}
    await booking.assert_sound()


async def test_every_process_works_on_it_by_itself(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    async with running(redis, redis_url, database_url, loops=True) as booking:
        schedule_id = await booking.date()
        visitor, _ = await sold(booking, schedule_id, "A-1")
        desk = Desk(booking)
        path = f"schedules/{schedule_id}/cancellation"
        await desk.post(path, {"reason": "Illness"})

        async def finished() -> Any:
            return (await desk.get(path))["finished_at"]

        await wait_until(finished)
        assert await booking.balance(visitor) == "50.00"


async def test_a_cancellation_needs_a_reason(booking: BookingStack, desk: Desk) -> None:
    schedule_id = await booking.date()
    bad: list[Any] = [{}, {"reason": ""}, {"reason": " "}, {"reason": "x", "refund_percent": 101}]

    for body in bad:
        refused = await desk.post(f"schedules/{schedule_id}/cancellation", body)
        assert (refused.status, refused.code) == (422, "validation_failed"), body

    assert (await desk.get(f"schedules/{schedule_id}"))["state"] == "on_sale"
