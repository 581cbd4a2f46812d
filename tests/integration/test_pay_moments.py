"""Payments of one moment share a statement: each as if it were alone, nobody behind another."""

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from booking_api.completions import COMPLETIONS
from booking_api.database import SALE
from booking_api.payments import PAYMENTS
from booking_api.sweep import sweep
from shared.places import PLACES
from tests.booking_stack import ROOM, BookingStack, Reply, Visitor, running
from tests.integration.moments import SEAT, blocked, cancel, somebody
from tests.integration.paying import (
    PATH,
    Payment,
    alone,
    books,
    mixed,
    outcomes,
    payer,
    seats,
    together,
)
from tests.integration.refunding import ledger
from tests.integration.test_booking_races import rewrite

USER = "SELECT FROM users WHERE external_id = '{}' FOR NO KEY UPDATE"
KEY = "SELECT pg_advisory_xact_lock(key_lock('{}', '{}', '{}'))"
#: What may come of a race; 503 is for a machine too busy to decide in time.
DECIDED = {201, 204, 403, 409, 410, 503}
#: The statement of a moment fails, and a sequence tells that it was asked for.
BROKEN = (
    "    SELECT array_agg(f.request)",
    "    PERFORM nextval('asked'); PERFORM 1 / 0;\n    SELECT array_agg(f.request)",
)


async def test_what_is_not_plain_goes_alone_and_leaves_no_trace(booking: BookingStack) -> None:
    schedule_id = await booking.date(seats(1, 20))
    canceled_date, elsewhere = await booking.date(), await booking.date(room_id="room-b")
    names = iter(seats(1, 20))
    asked: dict[str, Payment] = {}

    async def asks(label: str, holds: int = 1, money: str = "500.00") -> tuple[Visitor, list[int]]:
        wanted = [next(names) for _ in range(holds)]
        visitor, ids = await payer(booking, schedule_id, *wanted, money=money)
        asked[label] = Payment(visitor, ids, "k")
        return visitor, ids

    owner, (theirs, *owners) = await payer(booking, schedule_id, *(next(names) for _ in range(3)))
    visitor, _ = await asks("a part is somebody else's")
    asked["a part is somebody else's"].booking_ids.append(theirs)
    _, ids = await asks("a part is past its deadline", 2)
    await booking.expire(ids[1])
    visitor, ids = await asks("canceled")
    await cancel(booking, visitor, ids[0])
    visitor, ids = await asks("paid")
    await booking.pay(visitor, *ids)
    await asks("the balance is short", 2, money="99.99")
    visitor, ids = await asks("the key was used", 2)
    await booking.pay(visitor, ids.pop(), key="k")
    visitor, ids = await payer(booking, canceled_date, "A-1")
    asked["of a canceled date"] = Payment(visitor, ids, "k")
    await booking.change(canceled_date, state="canceled")
    visitor, ids = await payer(booking, elsewhere, "A-1", room_id="room-b")
    asked["another room's token"] = Payment(visitor, ids, "k", room=ROOM)
    asked["an unknown booking"] = Payment(await booking.visitor(money="50.00"), [999_999], "k")
    asked["an unknown visitor"] = Payment(replace(owner, name="nobody"), [theirs], "k")
    before = await booking.trace()

    found = await together(booking, *asked.values())
    assert dict(zip(asked, outcomes(found), strict=True)) == dict.fromkeys(asked, "alone")
    assert await booking.trace() == before

    asked["plain"] = Payment(owner, owners, "k")
    found = await together(booking, *asked.values())
    assert outcomes(found) == [*["alone"] * (len(asked) - 1), "paid"]
    said = {label: (await alone(booking, payment))["outcome"] for label, payment in asked.items()}
    assert said.pop("plain") == "replayed"
    assert "paid" not in said.values()
    await sweep(booking.app[SALE])
    await booking.assert_sound()


async def test_a_moment_waits_for_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    payments = []
    for number in range(1, 5):
        visitor, ids = await payer(booking, schedule_id, f"A-{number}", f"A-{number + 4}")
        payments.append(Payment(visitor, ids, "k"))
    seat, user, key, plain = payments
    async with somebody(
        booking,
        SEAT.format("A-5"),
        USER.format(user.visitor.name),
        KEY.format(key.visitor.name, PATH, "k"),
    ):
        found = await together(booking, seat, user, key, plain)
        assert outcomes(found) == ["alone", "alone", "alone", "paid"]

    assert outcomes(await together(booking, seat, user, key)) == ["paid"] * 3
    await booking.assert_sound()


async def test_of_one_visitor_a_moment_pays_the_first(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor, (one, other, third) = await payer(booking, schedule_id, *seats(1, 3), money="100.00")
    asked = [
        Payment(visitor, [one], "a"),
        Payment(visitor, [one], "a"),
        Payment(visitor, [other], "a"),
        Payment(visitor, [third], "b"),
    ]

    found = await together(booking, *asked)

    assert outcomes(found) == ["paid", "alone", "alone", "alone"]
    assert [(await alone(booking, payment))["outcome"] for payment in asked] == [
        *("replayed", "replayed", "idempotency_key_reused", "paid")
    ]
    await booking.assert_sound()


async def test_each_of_a_moment_has_books_of_its_own(booking: BookingStack) -> None:
    schedule_id, other_date = await booking.date(price="10.00"), await booking.date(price="7.00")
    stays, (one, two) = await payer(booking, schedule_id, "A-1", "A-2", money="100.00")
    leaves, ids = await payer(booking, schedule_id, "A-3", "A-4", "A-5", money="50.00")
    (elsewhere,) = await booking.held(stays, other_date, "A-1")

    found = await together(
        booking,
        Payment(stays, [two, one], "k"),
        Payment(leaves, [elsewhere], "x"),
        Payment(leaves, ids, "k"),
    )
    assert outcomes(found) == ["paid", "alone", "alone"], "it is not the first of its visitor"
    (left,) = await together(booking, Payment(leaves, ids[::-1], "k"))

    bodies = [json.loads(row["body"]) for row in (found[0], left)]
    assert [[p["concert_booking_id"] for p in body["payments"]] for body in bodies] == [
        [two, one],
        ids[::-1],
    ]
    assert [(body["total"], body["balance"]) for body in bodies] == [
        ("20.00", "80.00"),
        ("30.00", "20.00"),
    ]
    assert (found[0]["completed"], left["completed"]) == (None, [leaves.place.jti])
    assert await booking.pool.fetchval("SELECT array_agg(visitor) FROM token_completion") == [
        leaves.name
    ]
    await booking.assert_sound()


async def test_two_owners_of_a_moment_go_on_from_their_own_balances(booking: BookingStack) -> None:
    schedule_id = await booking.date(price="10.00")
    other_date = await booking.date()
    payers = [
        await payer(booking, schedule_id, *seats(first, first + 1), money=money)
        for first, money in ((1, "100.00"), (3, "20.00"), (5, "50.00"))
    ]
    (kept,) = await booking.held(payers[0][0], other_date, "A-1")

    found = await together(booking, *(Payment(visitor, ids, "k") for visitor, ids in payers))

    assert outcomes(found) == ["paid"] * 3
    assert [await booking.balance(visitor) for visitor, _ in payers] == ["80.00", "0.00", "30.00"]
    assert await ledger(booking, payers[0][0]) == [
        ("CHARGE", "100.00", "100.00"),
        ("PAYMENT", "-10.00", "90.00"),
        ("PAYMENT", "-10.00", "80.00"),
    ]
    assert [row["completed"] for row in found] == [
        None,
        [payers[1][0].place.jti],
        [payers[2][0].place.jti],
    ]
    told = await booking.pool.fetch(
        "SELECT payload ->> 'visitor' AS visitor, count(*) AS events FROM webhook_event"
        " WHERE kind = 'booking.confirmed' GROUP BY 1"
    )
    assert {row["visitor"]: row["events"] for row in told} == {v.name: 2 for v, _ in payers}
    assert (await booking.pay(payers[0][0], kept)).status == 201
    await booking.assert_sound()


@pytest.mark.parametrize("seed", [3, pytest.param(5, marks=pytest.mark.slow)])
async def test_what_comes_of_a_moment_is_what_comes_of_each_alone(
    booking: BookingStack, seed: int
) -> None:
    moment = await mixed(booking, random.Random(seed))
    shared = await together(booking, *moment)
    assert {"paid", "alone"} == set(outcomes(shared)), "the mix has both"
    for number, payment in enumerate(moment):
        if shared[number]["outcome"] == "alone":
            shared[number] = await alone(booking, payment)

    each = await mixed(booking, random.Random(seed))
    single = [await alone(booking, payment) for payment in each]

    assert await books(booking, moment, shared) == await books(booking, each, single)
    await sweep(booking.app[SALE])
    await booking.assert_sound()


def in_company(booking: BookingStack) -> None:
    """From now on nobody meets nobody: whoever pays is one of a moment."""
    booking.app[PAYMENTS]._moments._alone += 1


async def test_a_moment_that_fails_is_taken_apart(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    await booking.pool.execute("CREATE SEQUENCE asked")
    await rewrite(booking, "pay_moment", BROKEN)
    payers = [await payer(booking, schedule_id, f"A-{number}") for number in (1, 2)]
    in_company(booking)

    replies = await asyncio.gather(*(booking.pay(visitor, *ids) for visitor, ids in payers))

    assert [reply.status for reply in replies] == [201, 201]
    assert await booking.pool.fetchval("SELECT is_called FROM asked")
    await booking.assert_sound()


async def test_an_answer_that_was_lost_is_unknown_to_all_and_the_key_tells(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date()
    payers = [await payer(booking, schedule_id, f"A-{number}") for number in (1, 2)]
    decide_each = booking.app[SALE].decide_each

    async def lost(*args: Any) -> Any:
        await decide_each(*args)
        raise asyncpg.ConnectionDoesNotExistError

    in_company(booking)
    with monkeypatch.context() as patched:
        patched.setattr(booking.app[SALE], "decide_each", lost)
        replies = await asyncio.gather(*(booking.pay(v, *ids, key="k") for v, ids in payers))
    assert [(reply.status, reply.code) for reply in replies] == [(503, "unavailable")] * 2

    replies = await asyncio.gather(*(booking.pay(v, *ids, key="k") for v, ids in payers))

    assert [reply.status for reply in replies] == [201, 201]
    assert {reply.headers.get("Idempotency-Replayed") for reply in replies} == {"true"}
    assert (await booking.trace())["payment"] == 2
    await booking.assert_sound()


async def test_a_payment_that_had_to_wait_is_kept_with_its_answer(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor, ids = await payer(booking, schedule_id, "A-1")
    async with somebody(booking, SEAT.format("A-1")):
        paying = asyncio.create_task(booking.pay(visitor, *ids, key="k"))
        await blocked(booking)

    first = await paying
    again = await booking.pay(visitor, *ids, key="k")

    assert (again.raw, again.headers["Idempotency-Replayed"]) == (first.raw, "true")


async def test_tokens_of_one_moment_end_in_one_call(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await booking.room()
    visitors = [await booking.visitor() for _ in range(5)]
    places, calls = booking.app[PLACES], []
    finish = places.finish_each

    async def counted(room_id: str, ended: Any, reason: str) -> list[bool]:
        calls.append(len(ended))
        return await finish(room_id, ended, reason)

    monkeypatch.setattr(places, "finish_each", counted)
    completions = booking.app[COMPLETIONS]
    await asyncio.gather(*(completions.tell(v.name, [v.place.jti]) for v in visitors))

    assert calls == [5]
    found = [await booking.places.status(visitor.place) for visitor in visitors]
    assert {status.reason for status in found} == {"completed"}


@pytest.fixture
async def other(redis: "Redis", redis_url: str, database_url: str, booking: BookingStack) -> Any:
    """A second process on the same stores."""
    async with running(redis, redis_url, database_url) as stack:
        yield stack


async def test_of_a_visitors_payments_at_two_processes_the_last_completes_the_token(
    booking: BookingStack, other: BookingStack
) -> None:
    schedule_id = await booking.date(seats(1, 40))
    payers = [await payer(booking, schedule_id, *seats(n, n + 1)) for n in range(1, 40, 2)]

    replies = await asyncio.gather(
        *(
            stack.pay(visitor, booking_id, key=f"k{booking_id}")
            for visitor, ids in payers
            for stack, booking_id in zip((booking, other), ids, strict=True)
        )
    )

    assert {reply.status for reply in replies} == {201}
    found = [await booking.places.status(visitor.place) for visitor, _ in payers]
    assert {status.reason for status in found} == {"completed"}
    await booking.assert_sound()


async def test_payments_race_with_whatever_ends_their_bookings(
    booking: BookingStack, other: BookingStack
) -> None:
    chance = random.Random(7)
    schedule_id = await booking.date(seats(1, 40))
    payers = [await payer(booking, schedule_id, *seats(n, n + 1)) for n in range(1, 40, 2)]
    taker = await booking.visitor(money="500.00")
    deeds: list[Any] = []
    for number, (visitor, (one, two)) in enumerate(payers):
        deeds += [
            booking.pay(visitor, one, two, key="a"),
            other.pay(visitor, one, two, key="a"),
            other.pay(visitor, two, key="b"),
            cancel(booking, visitor, chance.choice([one, two])),
        ]
        if number % 3 == 0:
            deeds.append(booking.expire(chance.choice([one, two])))
            deeds.append(other.hold(taker, schedule_id, f"A-{2 * number + 1}"))
        if number % 4 == 0:
            deeds.append(sweep(other.app[SALE]))
    deeds.append(
        booking.pool.fetch(
            "SELECT cancel_bookings($1, 'operator', 'ill', 'eve', 100, 'USD', 2)",
            [ids[0] for _, ids in payers[::5]],
        )
    )
    chance.shuffle(deeds)

    replies = await asyncio.gather(*deeds)

    assert {reply.status for reply in replies if isinstance(reply, Reply)} <= DECIDED
    await sweep(booking.app[SALE])
    await booking.assert_sound()
