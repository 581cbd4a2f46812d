"""Paying through a provider: once, in time, for the amount that was asked for; else given back."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import time
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from booking_api.intents import INTENTS
from booking_api.money import Currency
from shared.stamps import stamp
from tests.booking_stack import BookingStack, Reply, Visitor
from tests.documents import PROVIDER, booking_app
from tests.integration.moments import SEAT, blocked, cancel, somebody
from tests.integration.providing import OLD_SECRET, SECRET, Shop, shop
from tests.integration.refunding import ledger, refund, terms
from tests.integration.test_documented_answers import Documented
from tests.waiting import wait_until


@pytest.fixture
async def sale(redis: "Redis", redis_url: str, database_url: str) -> AsyncIterator[Shop]:
    """A booking API whose provider's events are told by the test."""
    async with shop(redis, redis_url, database_url) as found:
        yield found


async def wanting(booking: BookingStack, *seats: str, price: str = "50.00") -> Any:
    """A visitor without money, and their holds."""
    schedule_id = await booking.date(price=price)
    visitor = await booking.visitor()
    return visitor, await booking.held(visitor, schedule_id, *seats)


async def statuses(booking: BookingStack) -> list[str]:
    rows = await booking.pool.fetch(
        "SELECT status FROM concert_booking ORDER BY concert_booking_id"
    )
    return [row["status"] for row in rows]


async def test_what_the_provider_collected_pays_the_bookings(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1", "A-2", price="19.90")

    intent = await sale.asked(visitor, *ids)
    assert await sale.confirm(intent) == 200
    (event,) = sale.events()
    await sale.told(event)

    assert (intent["amount"], intent["currency"], intent["status"]) == ("39.80", "USD", "created")
    assert intent["concert_booking_ids"] == ids
    assert await sale.status(visitor, intent) == "succeeded"
    assert await ledger(booking, visitor) == [
        ("CHARGE", "39.80", "39.80"),
        ("PAYMENT", "-19.90", "19.90"),
        ("PAYMENT", "-19.90", "0.00"),
    ]
    assert await statuses(booking) == ["CONFIRMED", "CONFIRMED"]
    await booking.assert_sound()

    async def completed() -> bool:
        return (await booking.places.status(visitor.place)).reason == "completed"

    await wait_until(completed)


async def test_the_same_key_gets_the_same_intent_and_the_provider_is_asked_once(
    sale: Shop,
) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")

    first, again = [await sale.intent(visitor, *ids, key="k") for _ in "12"]
    other = await sale.intent(visitor, *ids, ids[0] + 1, key="k")

    assert (first.status, again.status, first.raw) == (201, 201, again.raw)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.code == "idempotency_key_reused"
    assert await sale.booking.pool.fetchval("SELECT count(*) FROM payment_intent") == 1
    await sale.confirm(first.body)
    await sale.told(sale.events()[0])
    assert (await sale.intent(visitor, *ids, key="k")).raw == first.raw


async def test_an_intent_is_for_ones_own_payable_bookings_of_the_room(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1", "A-2")
    other = await booking.visitor()
    await booking.expire(ids[1])
    before = await booking.trace()

    refusals = [
        await sale.intent(other, ids[0]),
        await sale.intent(visitor, 2**63 - 1),
        await sale.intent(visitor, 2**63),
        await sale.intent(visitor, ids[0], ids[1] + 1),
        await sale.intent(visitor, *ids),
        await booking.ask("GET", "/v1/payments/intents/1", visitor),
        await booking.ask("GET", f"/v1/payments/intents/{2**64}", visitor),
    ]

    assert [r.code for r in refusals] == [*["not_found"] * 4, "booking_expired", *["not_found"] * 2]
    assert await booking.trace() == before
    intent = await sale.asked(visitor, ids[0])
    found = await booking.ask("GET", f"/v1/payments/intents/{intent['payment_intent_id']}", other)
    assert found.code == "not_found"


async def test_an_intent_needs_a_token_of_the_bookings_room(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    await booking.room("room-b")
    elsewhere = await booking.visitor(room_id="room-b", name=visitor.name)

    assert (await sale.intent(elsewhere, *ids)).code == "queue_token_foreign"


async def test_free_seats_are_nothing_to_collect(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1", price="0.00")

    assert (await sale.intent(visitor, *ids)).code == "validation_failed"


async def test_a_visitor_has_so_many_unpaid_intents_an_hour(
    sale: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking_api.intents.MOST_UNPAID", 2)
    visitor, ids = await wanting(sale.booking, "A-1")
    for _ in "12":
        await sale.asked(visitor, *ids)

    refused = await sale.intent(visitor, *ids)

    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    await sale.booking.pool.execute(
        "UPDATE payment_intent SET created_at = now() - interval '2 hours'"
    )
    await sale.asked(visitor, *ids)


async def test_an_event_is_taken_once_however_often_it_comes(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    await sale.confirm(await sale.asked(visitor, *ids))
    (event,) = sale.events()

    replies = await asyncio.gather(*(sale.tell(event) for _ in range(8)))
    replies.append(await sale.tell(event))

    assert {reply.status for reply in replies} == {204}
    assert await ledger(booking, visitor) == [
        ("CHARGE", "50.00", "50.00"),
        ("PAYMENT", "-50.00", "0.00"),
    ]
    assert await booking.pool.fetchval("SELECT count(*) FROM provider_event") == 1
    await booking.assert_sound()


async def test_two_events_of_one_success_pay_once(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    (event,) = sale.events()

    await asyncio.gather(*(sale.told({**event, "id": f"evt_{n}"}) for n in range(4)))

    assert len(await ledger(booking, visitor)) == 2
    assert await sale.status(visitor, intent) == "succeeded"
    await booking.assert_sound()


async def test_a_decline_that_comes_after_the_success_changes_nothing(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    assert await sale.confirm(intent, "decline") == 402
    assert await sale.confirm(intent) == 200
    declined, succeeded = sale.events()

    await sale.told(succeeded)
    await sale.told(declined)

    assert await sale.status(visitor, intent) == "succeeded"
    assert await statuses(sale.booking) == ["CONFIRMED"]


async def test_another_card_after_a_decline_pays(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent, "decline")
    await sale.told(sale.events()[0])
    assert await sale.status(visitor, intent) == "declined"
    assert await statuses(sale.booking) == ["PENDING"]

    await sale.confirm(intent)
    await sale.told(sale.events()[1])

    assert await sale.status(visitor, intent) == "succeeded"
    await sale.booking.assert_sound()


async def test_nobody_asks_about_a_payment_that_cannot_be_made_any_more(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent, "decline")
    (event,) = sale.events()

    await sale.told({**event, "type": "intent.expired"})

    assert await sale.status(visitor, intent) == "declined"
    assert await sale.work() == 0


async def test_a_success_before_the_providers_answer_was_kept_counts(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.booking.pool.execute("UPDATE payment_intent SET reference = NULL, secret = NULL")
    await sale.confirm(intent)

    await sale.told(sale.events()[0])

    assert await sale.status(visitor, intent) == "succeeded"
    reference = await sale.booking.pool.fetchval("SELECT reference FROM payment_intent")
    assert reference == intent["reference"]


async def test_money_that_comes_after_the_hold_ended_is_given_back(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1", "A-2")
    intent = await sale.asked(visitor, *ids)
    await booking.expire(ids[0])
    await sale.confirm(intent)

    await sale.told(sale.events()[0])

    assert await sale.status(visitor, intent) == "refund_due"
    assert await ledger(booking, visitor) == []
    assert await booking.balance(visitor) == "0.00"
    assert await sale.work() == 1
    assert await sale.status(visitor, intent) == "refunded"
    assert await sale.given_back(intent) == 1
    assert await sale.work() == 0
    await sale.told(sale.events()[-1])  # the provider tells that it gave the money back
    assert await sale.status(visitor, intent) == "refunded"
    await booking.assert_sound()


async def test_what_was_paid_from_the_balance_is_not_paid_again(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    twin = await sale.asked(visitor, *ids)
    await booking.charge(visitor, "50.00")
    for one in (intent, twin):
        await sale.confirm(one)
    await booking.pay(visitor, *ids)

    for event in sale.events():
        await sale.told(event)
    await sale.work()

    assert [await sale.status(visitor, one) for one in (intent, twin)] == ["refunded"] * 2
    assert [await sale.given_back(one) for one in (intent, twin)] == [1, 1]
    assert await booking.balance(visitor) == "0.00"
    await booking.assert_sound()


@pytest.mark.parametrize(
    "said", [{"amount": "49.99"}, {"amount": "5e1"}, {"currency": "EUR"}, {"amount": "50.001"}]
)
async def test_another_amount_buys_nothing_and_is_given_back(
    sale: Shop, said: dict[str, str]
) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    (event,) = sale.events()

    await sale.told({**event, "data": {**event["data"], **said}})
    await sale.work()

    assert await sale.status(visitor, intent) == "refunded"
    assert await statuses(booking) == ["PENDING"]
    assert await ledger(booking, visitor) == []
    await booking.assert_sound()


async def test_giving_back_goes_on_until_the_provider_has_done_it(
    redis: "Redis", redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(redis, redis_url, database_url) as sale:
        visitor, ids = await wanting(sale.booking, "A-1")
        intent = await sale.asked(visitor, *ids)
        await sale.booking.expire(*ids)
        await sale.confirm(intent)
        await sale.told(sale.events()[0])
        provider = sale.booking.app[INTENTS]._provider
        good, provider._url = provider._url, "http://127.0.0.1:1"  # type: ignore[attr-defined]

        for _ in range(8):
            assert await sale.work() == 1
        assert await sale.status(visitor, intent) == "refund_due"
        due_in = "SELECT extract(epoch FROM next_attempt_at - now()) FROM payment_intent"
        assert float(await sale.booking.pool.fetchval(due_in)) > 300  # later and later
        provider._url = good  # type: ignore[attr-defined]
        # Killed after the provider heard of it and before it was written down: asked again.
        await provider.refund(str(uuid4()), intent["reference"])
        await sale.work()

        assert await sale.status(visitor, intent) == "refunded"
        assert await sale.given_back(intent) == 1


async def test_a_lost_event_is_no_lost_payment(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    assert await sale.work() == 1
    assert await sale.status(visitor, intent) == "created"

    assert await sale.confirm(intent, "timeout") == 504
    assert sale.events() == []
    await sale.work()

    assert await sale.status(visitor, intent) == "succeeded"
    assert await statuses(sale.booking) == ["CONFIRMED"]
    assert await sale.work() == 0
    await sale.booking.assert_sound()


async def test_what_the_provider_never_heard_of_is_asked_for_again(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    provider = sale.booking.app[INTENTS]._provider
    good, provider._url = provider._url, "http://127.0.0.1:1"  # type: ignore[attr-defined]
    refused = await sale.intent(visitor, *ids, key="k")
    assert (refused.status, refused.code) == (503, "unavailable")
    assert refused.headers["Retry-After"]
    provider._url = good  # type: ignore[attr-defined]

    await sale.work()
    reply = await sale.intent(visitor, *ids, key="k")

    assert reply.status == 201
    assert await sale.booking.pool.fetchval("SELECT count(*) FROM payment_intent") == 1
    assert await sale.confirm(reply.body) == 200


async def test_a_late_payment_is_asked_about_until_it_is_there(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    assert await sale.confirm(intent, "late", late_s=3600) == 200
    await sale.work()
    assert await sale.status(visitor, intent) == "created"
    await sale.booking.expire(*ids)

    sale.till.collect(time() + 3600)
    await sale.work()

    assert await sale.status(visitor, intent) == "refund_due"
    await sale.work()
    assert await sale.given_back(intent) == 1


async def test_an_event_needs_the_providers_signature_of_now(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    await sale.confirm(await sale.asked(visitor, *ids))
    (event,) = sale.events()
    other = {**event, "id": "evt_other"}
    signed_other = (await _signature(sale, other)).replace("v1=", "v0=")

    refusals = [
        await sale.tell(event, secret="a-secret-of-somebody-else-0123456789"),
        await sale.tell(event, ago_s=600),
        await sale.tell(event, ago_s=-600),
        await sale.tell(event, signature=await _signature(sale, other)),
        await sale.tell(other, signature=signed_other),
        await sale.tell(event, signature="t=1,t=2,v1=00"),
        await sale.tell(event, signature="nonsense"),
        await sale.booking.ask("POST", "/v1/provider/events", body=event),
    ]

    assert {(r.status, r.code) for r in refusals} == {(401, "signature_invalid")}
    assert await sale.booking.pool.fetchval("SELECT count(*) FROM provider_event") == 0
    assert (await sale.tell(event, secret=OLD_SECRET, ago_s=200)).status == 204  # being replaced


async def _signature(sale: Shop, event: Any) -> str:
    return stamp((SECRET,), json.dumps(event).encode(), int(time()))


async def test_an_event_about_nothing_of_ours_is_kept_and_does_nothing(sale: Shop) -> None:
    visitor, ids = await wanting(sale.booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    (event,) = sale.events()
    stranger = {**event["data"], "id": "pi_stranger", "metadata": {"intent": str(uuid4())}}
    mixed = {**event["data"], "id": "pi_stranger"}  # our key, another payment
    odd = {**event["data"], "id": "pi_stranger", "metadata": {"intent": "x"}}

    for number, data in enumerate((stranger, mixed, odd)):
        await sale.told({**event, "id": f"evt_{number}", "data": data})
    await sale.told({**event, "id": "evt_of_a_kind", "type": "intent.looked_at"})

    assert await sale.status(visitor, intent) == "created"
    assert await statuses(sale.booking) == ["PENDING"]


async def test_a_success_waits_for_a_cancel_and_finds_it_done(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    intent = await sale.asked(visitor, *ids)
    await sale.confirm(intent)
    async with somebody(booking, SEAT.format("A-1")) as other:
        telling = asyncio.create_task(sale.tell(sale.events()[0]))
        await blocked(booking)
        await other.execute(
            "SELECT cancel_booking($1, $2, $3, 'USD', 2)", visitor.name, "room-a", ids[0]
        )

    assert (await telling).status == 204
    assert await sale.status(visitor, intent) == "refund_due"
    await booking.assert_sound()


async def test_events_payments_and_cancels_at_once_leave_the_books_right(sale: Shop) -> None:
    booking = sale.booking
    schedule_id = await booking.date([f"A-{n}" for n in range(1, 9)], price="10.00", limit=8)
    await terms(booking, schedule_id)
    visitor = await booking.visitor(money="40.00")
    ids = await booking.held(visitor, schedule_id, *[f"A-{n}" for n in range(1, 9)])
    intents = [await sale.asked(visitor, *ids[n : n + 2]) for n in range(0, 8, 2)]
    for intent in intents:
        await sale.confirm(intent)

    await asyncio.gather(
        *(sale.tell(event) for event in sale.events() for _ in "12"),
        *(booking.pay(visitor, booking_id) for booking_id in ids),
        *(cancel(booking, visitor, booking_id) for booking_id in ids[::3]),
        *(refund(booking, visitor, booking_id) for booking_id in ids[1::3]),
    )
    await sale.work()

    for intent in intents:
        status = await sale.status(visitor, intent)
        assert (status, await sale.given_back(intent)) in {("succeeded", 0), ("refunded", 1)}
    await booking.assert_sound()


async def test_a_refund_of_what_a_provider_collected_goes_to_the_balance(sale: Shop) -> None:
    booking = sale.booking
    visitor, ids = await wanting(booking, "A-1")
    await terms(booking, 1, 100)
    await sale.confirm(await sale.asked(visitor, *ids))
    await sale.told(sale.events()[0])

    assert (await refund(booking, visitor, ids[0])).body["balance"] == "50.00"
    await booking.assert_sound()


async def test_a_provider_that_delivers_by_itself_is_heard(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    won = Currency("KRW", 0)
    async with shop(
        redis, redis_url, database_url, delivers=True, loops=True, currency=won
    ) as sale:
        visitor, ids = await wanting(sale.booking, "A-1", price="9900")
        late, late_ids = await wanting(sale.booking, "A-1", price="100")
        intent, unpaid = await sale.asked(visitor, *ids), await sale.asked(late, *late_ids)
        await sale.booking.expire(*late_ids)

        await sale.confirm(intent)
        await sale.confirm(unpaid)

        async def is_(who: Visitor, which: Any, status: str) -> bool:
            return await sale.status(who, which) == status

        await wait_until(lambda: is_(visitor, intent, "succeeded"), within_s=60)
        await wait_until(lambda: is_(late, unpaid, "refunded"), within_s=60)
        assert intent["amount"] == "9900"
        assert await sale.given_back(unpaid) == 1
        await sale.booking.assert_sound()


async def test_its_answers_are_what_the_document_says(sale: Shop) -> None:
    documented = Documented(booking_app(provider=PROVIDER))
    visitor, ids = await wanting(sale.booking, "A-1")

    def judged(method: str, path: str, reply: Reply, status: int) -> Reply:
        assert reply.status == status, reply.raw
        media_type = reply.headers.get("Content-Type", "").partition(";")[0]
        documented.judge(method, path, reply.status, media_type, reply.headers, reply.raw)
        return reply

    path = "/v1/payments/intents"
    intent = judged("POST", path, await sale.intent(visitor, *ids, key="k"), 201).body
    judged("POST", path, await sale.intent(visitor, *ids, key="k"), 201)
    judged("POST", path, await sale.intent(visitor, 2**62), 404)
    await sale.confirm(intent)
    path = "/v1/provider/events"
    (event,) = sale.events()
    judged("POST", path, await sale.tell(event, ago_s=9999), 401)
    judged("POST", path, await sale.tell({**event, "created_at": "0001-01-01T00:00:00Z"}), 422)
    judged("POST", path, await sale.tell({"id": "x"}), 422)
    judged("POST", path, await sale.tell(event), 204)
    path = f"/v1/payments/intents/{intent['payment_intent_id']}"
    judged("GET", path, await sale.booking.ask("GET", path, visitor), 200)


async def test_without_a_provider_its_routes_are_not_there(booking: BookingStack) -> None:
    visitor, _ = await wanting(booking, "A-1")

    replies = [
        await booking.ask("POST", "/v1/payments/intents", visitor, body={}, key="k"),
        await booking.ask("GET", "/v1/payments/intents/1", visitor),
        await booking.ask("POST", "/v1/provider/events", body={}),
    ]

    assert {reply.status for reply in replies} == {404}
