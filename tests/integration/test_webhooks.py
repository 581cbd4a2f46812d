"""Telling another system: signed, at least once, in order per booking, until it has understood."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from booking_api import webhooks
from booking_api.database import Sale
from booking_api.webhooks import Deliveries, Receiver
from tests.booking_stack import ADMIN_KEY, BookingStack, Reply, running
from tests.integration.moments import blocked, somebody
from tests.integration.test_tickets import bought
from tests.receiving import SECRET, Delivery, Inbox, answering, receiving
from tests.waiting import wait_until

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    async with receiving() as found:
        yield found


@asynccontextmanager
async def sender(booking: BookingStack, inbox: Inbox, *secrets: str) -> AsyncIterator[Deliveries]:
    receiver = Receiver(inbox.url, secrets or (SECRET,))
    async with Deliveries.over(Sale.over(booking.pool), receiver) as deliveries:
        yield deliveries


async def send(booking: BookingStack, inbox: Inbox) -> int:
    """Send all that is due; how many attempts that took."""
    async with sender(booking, inbox) as deliveries:
        return await deliveries.work()


async def give_back(booking: BookingStack, visitor: Any, booking_id: int) -> None:
    await booking.pool.execute("UPDATE concert SET refund_percent = 50")
    assert (await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)).status == 204


async def make_due(booking: BookingStack) -> None:
    """Let the pauses between attempts pass."""
    await booking.pool.execute(
        "UPDATE webhook_event SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL"
    )


async def logged(booking: BookingStack, query: str = "") -> list[Any]:
    reply = await booking.ask("GET", f"/v1/admin/webhooks{query}", headers=OPERATOR)
    assert reply.status == 200, reply.raw
    found: list[Any] = reply.body["items"]
    return found


async def replay(booking: BookingStack, event_id: int) -> Reply:
    path = f"/v1/admin/webhooks/{event_id}/replay"
    return await booking.ask("POST", path, headers=OPERATOR)


async def test_what_happens_to_a_booking_is_told_in_full(
    booking: BookingStack, inbox: Inbox
) -> None:
    schedule_id, visitor, (booking_id,) = await bought(booking, "A-7")
    await give_back(booking, visitor, booking_id)

    assert await send(booking, inbox) == 3

    assert inbox.kinds(booking_id) == ["booking.confirmed", "booking.refunded", "booking.canceled"]
    confirmed, refunded, canceled = [one.event["data"] for one in inbox.came]
    shown = await booking.ask("GET", f"/v1/bookings/{booking_id}", visitor)
    assert canceled == shown.body | {"visitor": visitor.name}
    assert confirmed == canceled | {
        "status": "CONFIRMED",
        "canceled_reason": None,
        "refunded": "0.00",
    }
    assert (confirmed["seat_number"], confirmed["concert_schedule_id"]) == ("A-7", schedule_id)
    assert (refunded["refund_amount"], refunded["refunded"]) == ("25.00", "25.00")
    assert inbox.came[0].event["created_at"].endswith("Z")


async def test_holding_and_letting_go_tells_nobody(booking: BookingStack, inbox: Inbox) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    first, late = await booking.held(visitor, schedule_id, "A-1", "A-2")
    await booking.ask("DELETE", f"/v1/bookings/{first}", visitor)
    await booking.expire(late)
    await booking.pool.fetchval("SELECT sweep_expired(10)")

    assert await booking.pool.fetchval("SELECT count(*) FROM webhook_event") == 0


async def test_a_payment_that_is_refused_tells_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="1.00")
    ids = await booking.held(visitor, schedule_id, "A-1")

    assert (await booking.pay(visitor, *ids)).status == 402

    assert await booking.pool.fetchval("SELECT count(*) FROM webhook_event") == 0


async def test_the_receiver_can_tell_who_sent_it(booking: BookingStack, inbox: Inbox) -> None:
    await bought(booking)
    async with sender(booking, inbox, "new-" + SECRET, SECRET) as deliveries:
        await deliveries.work()

    (delivery,) = inbox.came
    parts = [part.partition("=") for part in delivery.headers["Onsale-Signature"].split(",")]
    assert [name for name, _, _ in parts] == ["t", "v1", "v1"]
    signed = f"{parts[0][2]}.".encode() + delivery.body
    assert [value for _, _, value in parts[1:]] == [
        hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        for secret in ("new-" + SECRET, SECRET)
    ]
    assert delivery.headers["Onsale-Event-Id"] == str(delivery.event["event_id"])
    assert delivery.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
async def test_what_is_not_understood_is_sent_again(
    booking: BookingStack, inbox: Inbox, status: int
) -> None:
    await bought(booking)
    inbox.answer = answering(status)

    assert await send(booking, inbox) == 1
    assert await send(booking, inbox) == 0, "not at once"

    (event,) = await logged(booking)
    assert (event["state"], event["attempts"]) == ("pending", 1)
    assert (event["last_status"], event["last_error"]) == (status, f"HTTP {status}")
    inbox.answer = None
    await make_due(booking)
    assert await send(booking, inbox) == 1
    assert len({one.body for one in inbox.came}) == 1, "the same, byte for byte"
    assert len(inbox.came) == 2, "no redirect is followed"
    (event,) = await logged(booking)
    assert (event["state"], event["attempts"], event["last_error"]) == ("delivered", 2, None)
    assert await send(booking, inbox) == 0


async def test_who_does_not_listen_or_answer_is_asked_again(
    booking: BookingStack, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought(booking)
    nobody = Inbox("http://127.0.0.1:1/")
    assert await send(booking, nobody) == 1
    (event,) = await logged(booking)
    assert (event["last_status"], event["last_error"]) == (None, "ClientConnectorError")

    monkeypatch.setattr(webhooks, "DEADLINE_S", 0.2)

    async def silence(_: Delivery) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    inbox.answer = silence
    await make_due(booking)
    async with asyncio.timeout(20):
        assert await send(booking, inbox) == 1
    (event,) = await logged(booking)
    assert (event["state"], event["last_error"]) == ("pending", "TimeoutError")


async def test_pauses_grow_to_an_hour_and_end_after_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 1.0)

    delays = [webhooks._delay_s(attempt) for attempt in range(1, webhooks.MOST_ATTEMPTS + 1)]

    assert delays[:4] == [1, 2, 4, 8]
    assert max(delay for delay in delays if delay) == 3600
    assert delays.index(None) == len(delays) - 1
    assert 2.5 < sum(delay for delay in delays if delay) / 86_400 < 3.5


async def test_an_event_waits_for_the_earlier_ones_of_its_booking(
    booking: BookingStack, inbox: Inbox
) -> None:
    _, visitor, (first, second) = await bought(booking, "A-1", "A-2")
    await give_back(booking, visitor, first)

    async def not_yet(delivery: Delivery) -> web.StreamResponse:
        mine = delivery.event["data"]["concert_booking_id"] == first
        return web.Response(status=503 if mine else 200)

    inbox.answer = not_yet
    assert await send(booking, inbox) == 2
    waiting = "SELECT count(DISTINCT next_attempt_at) FROM webhook_event WHERE line = $1"
    assert await booking.pool.fetchval(waiting, first) == 1, "they wait as long as it does"
    await booking.pool.execute(
        "UPDATE webhook_event SET next_attempt_at = now() WHERE kind <> 'booking.confirmed'"
    )
    assert await send(booking, inbox) == 0, "the earlier one is not delivered"
    assert (inbox.kinds(first), inbox.kinds(second)) == (["booking.confirmed"],) * 2

    inbox.answer = None
    await make_due(booking)
    assert await send(booking, inbox) == 3
    assert inbox.kinds(first)[1:] == ["booking.confirmed", "booking.refunded", "booking.canceled"]


async def test_one_that_is_under_way_holds_its_followers_back_also_elsewhere(
    booking: BookingStack, inbox: Inbox
) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await give_back(booking, visitor, booking_id)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: Delivery) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return web.Response()

    inbox.answer = slow
    sending = asyncio.ensure_future(send(booking, inbox))
    await arrived.wait()

    assert await send(booking, inbox) == 0, "another process finds nothing to send"

    go_on.set()
    assert await sending == 3
    assert inbox.kinds(booking_id) == ["booking.confirmed", "booking.refunded", "booking.canceled"]


async def test_what_another_process_is_taking_is_left_to_it(
    booking: BookingStack, inbox: Inbox
) -> None:
    await bought(booking)
    later = "UPDATE webhook_event SET next_attempt_at = now() + interval '1 minute'"
    async with somebody(booking, later), asyncio.timeout(20):
        assert await send(booking, inbox) == 0


async def test_several_processes_send_each_event_once_and_in_order(
    booking: BookingStack, inbox: Inbox
) -> None:
    _, visitor, ids = await bought(booking, "A-1", "A-2", "A-3", "A-4")
    for booking_id in ids:
        await give_back(booking, visitor, booking_id)

    await asyncio.gather(*(send(booking, inbox) for _ in range(4)))

    assert len(inbox.came) == len(set(inbox.events())) == 3 * len(ids)
    for booking_id in ids:
        assert inbox.kinds(booking_id) == [
            "booking.confirmed",
            "booking.refunded",
            "booking.canceled",
        ]


async def test_only_so_many_are_under_way_at_once(
    booking: BookingStack, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PARALLEL", 2)
    await bought(booking, "A-1", "A-2", "A-3", "A-4")
    taken = "SELECT count(*) FROM webhook_event WHERE attempts > 0 AND delivered_at IS NULL"
    under_way: list[int] = []

    async def counting(_: Delivery) -> web.StreamResponse:
        under_way.append(await booking.pool.fetchval(taken))
        return web.Response()

    inbox.answer = counting
    assert await send(booking, inbox) == 4
    assert max(under_way) <= 2


async def test_what_a_killed_process_had_taken_is_sent_by_another_one(
    booking: BookingStack, inbox: Inbox
) -> None:
    await bought(booking)
    taken = await Sale.over(booking.pool).rows("take_events", 10, webhooks.LEASE_S)
    assert [row["attempts"] for row in taken] == [1]
    assert await send(booking, inbox) == 0

    await make_due(booking)  # its time has passed

    assert await send(booking, inbox) == 1
    (event,) = await logged(booking)
    assert (event["state"], event["attempts"]) == ("delivered", 2)


async def test_who_comes_back_too_late_says_nothing(booking: BookingStack) -> None:
    await bought(booking)
    sale = Sale.over(booking.pool)
    for attempts in (1, 2):
        (taken,) = await sale.rows("take_events", 10, webhooks.LEASE_S)
        assert taken["attempts"] == attempts
        await make_due(booking)

    async def said(attempts: int) -> bool:
        event_id = taken["webhook_event_id"]
        return bool(await sale.rows("settle_event", event_id, attempts, 200, None, None))

    assert [await said(1), await said(2), await said(2)] == [False, True, False]


async def test_what_is_given_up_lets_the_next_ones_go_and_can_be_replayed(
    booking: BookingStack, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, visitor, (booking_id,) = await bought(booking)
    await give_back(booking, visitor, booking_id)
    inbox.answer = answering(500)
    monkeypatch.setattr(webhooks, "MOST_ATTEMPTS", 1)
    assert await send(booking, inbox) == 3

    failed = await logged(booking, "?state=failed")

    assert [event["kind"] for event in failed] == [
        "booking.canceled",
        "booking.refunded",
        "booking.confirmed",
    ]
    assert await send(booking, inbox) == 0
    inbox.answer = None
    inbox.came.clear()
    for event in failed:
        assert (await replay(booking, event["event_id"])).status == 202
    assert await send(booking, inbox) == 3
    assert inbox.kinds(booking_id) == ["booking.confirmed", "booking.refunded", "booking.canceled"]
    assert await logged(booking, "?state=failed") == []


async def test_a_delivered_event_is_replayed_under_the_operators_name(
    booking: BookingStack, inbox: Inbox
) -> None:
    await bought(booking)
    await send(booking, inbox)
    (event,) = await logged(booking)

    reply = await replay(booking, event["event_id"])

    assert (reply.status, reply.body) == (202, {"event_id": event["event_id"]})
    assert await send(booking, inbox) == 1
    assert inbox.came[0].body == inbox.came[1].body
    audit = await booking.pool.fetchrow(
        "SELECT operator, subject, outcome FROM audit WHERE action = 'webhooks.replay'"
    )
    assert tuple(audit) == ("operator", str(event["event_id"]), "done")
    for unknown in (event["event_id"] + 1, 2**62, 2**70, 0):
        assert (await replay(booking, unknown)).code == "not_found"
    kept = await booking.pool.fetchval("SELECT count(*) FROM audit WHERE action LIKE 'webhooks.%'")
    assert kept == 1


async def test_one_that_is_under_way_is_not_sent_twice_by_a_replay(
    booking: BookingStack, inbox: Inbox
) -> None:
    await bought(booking)
    (taken,) = await Sale.over(booking.pool).rows("take_events", 10, webhooks.LEASE_S)

    assert (await replay(booking, taken["webhook_event_id"])).status == 202

    assert await send(booking, inbox) == 0


async def test_the_log_is_read_by_state_kind_booking_and_date(
    booking: BookingStack, inbox: Inbox
) -> None:
    schedule_id, visitor, (first, second) = await bought(booking, "A-1", "A-2")
    await send(booking, inbox)
    await give_back(booking, visitor, first)

    async def kinds(query: str) -> list[str]:
        return [event["kind"] for event in await logged(booking, query)]

    assert await kinds("?state=delivered") == ["booking.confirmed"] * 2
    assert await kinds("?state=pending") == ["booking.canceled", "booking.refunded"]
    assert await kinds(f"?concert_booking_id={second}") == ["booking.confirmed"]
    assert await kinds(f"?concert_schedule_id={schedule_id + 1}") == []
    assert await kinds("?kind=booking.refunded") == ["booking.refunded"]
    first_page = await booking.ask("GET", "/v1/admin/webhooks?limit=3", headers=OPERATOR)
    cursor = first_page.body["next_cursor"]
    assert len(await logged(booking, f"?limit=3&cursor={cursor}")) == 1
    for bad in ("state=new", "kind=x", "concert_booking_id=0", "concert_schedule_id=x"):
        refused = await booking.ask("GET", f"/v1/admin/webhooks?{bad}", headers=OPERATOR)
        assert (refused.status, refused.code) == (400, "bad_request")


async def test_old_events_are_forgotten_and_young_ones_are_not(
    booking: BookingStack, inbox: Inbox
) -> None:
    await bought(booking, "A-1", "A-2", "A-3", "A-4")
    await send(booking, inbox)
    first = await booking.pool.fetchval("SELECT min(webhook_event_id) FROM webhook_event")
    for place, (created, delivered) in enumerate(
        (("8 days", "8 days"), ("40 days", None), ("8 days", "1 day"), ("8 days", None))
    ):
        await booking.pool.execute(
            "UPDATE webhook_event SET created_at = now() - $2::text::interval,"
            " delivered_at = now() - $3::text::interval WHERE webhook_event_id = $1",
            first + place,
            created,
            delivered,
        )

    await webhooks.sweep(Sale.over(booking.pool))

    left = await booking.pool.fetch("SELECT webhook_event_id FROM webhook_event ORDER BY 1")
    assert [row[0] for row in left] == [first + 2, first + 3]


async def test_a_date_is_said_to_be_sold_out_once_and_again_after_a_seat_came_back(
    booking: BookingStack, inbox: Inbox
) -> None:
    schedule_id = await booking.date(["A-1", "A-2"])

    async def said() -> bool:
        row = await Sale.over(booking.pool).row("announce_sold_out", schedule_id)
        assert row is not None
        return bool(row["said"])

    async def buy(seat: str) -> None:
        visitor = await booking.visitor(money="50.00")
        assert (
            await booking.pay(visitor, *await booking.held(visitor, schedule_id, seat))
        ).status == 201

    await buy("A-1")
    visitor = await booking.visitor(money="50.00")
    held = await booking.held(visitor, schedule_id, "A-2")
    assert await said() is False, "a seat is only held"
    assert (await booking.pay(visitor, *held)).status == 201
    assert sorted(await asyncio.gather(*(said() for _ in range(5)))) == [False] * 4 + [True]
    await give_back(booking, visitor, held[0])
    assert await said() is False
    await buy("A-2")
    assert await said() is True

    await send(booking, inbox)
    about = [one.event for one in inbox.came if one.event["kind"] == "schedule.sold_out"]
    assert [event["data"]["concert_schedule_id"] for event in about] == [schedule_id] * 2
    assert about[0]["data"]["concert_name"] == "Nina Simone"


async def test_who_says_sold_out_waits_for_who_is_saying_it(booking: BookingStack) -> None:
    schedule_id = await booking.date(["A-1"])
    visitor = await booking.visitor(money="50.00")
    await booking.pay(visitor, *await booking.held(visitor, schedule_id, "A-1"))
    async with somebody(booking, "UPDATE concert_schedule SET sold_out_at = now()"):
        saying = asyncio.ensure_future(
            Sale.over(booking.pool).row("announce_sold_out", schedule_id)
        )
        await blocked(booking)

    row = await saying
    assert row is not None
    assert row["said"] is False


async def test_events_of_one_moment_are_announced_without_waiting_for_the_date(
    booking: BookingStack,
) -> None:
    """Who says that a date is sold out locks its row; payments and holds do not mind."""
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    lock = f"SELECT FROM concert_schedule WHERE concert_schedule_id = {schedule_id}"
    async with somebody(booking, f"{lock} FOR NO KEY UPDATE"):
        ids = await booking.held(visitor, schedule_id, "A-1")
        assert (await booking.pay(visitor, *ids)).status == 201


async def test_the_running_api_sends_what_it_announces(
    redis: Redis, redis_url: str, database_url: str, inbox: Inbox
) -> None:
    told = {"webhook_url": inbox.url, "webhook_secrets": (SECRET,)}
    async with running(redis, redis_url, database_url, loops=True, **told) as stack:
        _, _, (booking_id,) = await bought(stack)

        async def delivered() -> list[Any]:
            return await logged(stack, "?state=delivered")

        await wait_until(delivered)

    assert inbox.kinds(booking_id) == ["booking.confirmed"]
