"""Accounts: sign-up, balance, charges."""

import asyncio

from redis.asyncio import Redis

from booking_api.money import Currency
from tests.booking_stack import BookingStack, running


async def test_sign_up_makes_a_user_with_an_identity_that_works(booking: BookingStack) -> None:
    reply = await booking.ask("POST", "/v1/users", body={"user_name": "Ada Lovelace 🎵"})

    assert reply.status == 201
    assert set(reply.body) == {"user_id", "user_name", "balance", "currency", "identity_token"}
    identity = {"Authorization": f"Bearer {reply.body['identity_token']}"}
    me = await booking.ask("GET", "/v1/users/me", headers=identity)
    assert me.body == {
        "user_id": reply.body["user_id"],
        "user_name": "Ada Lovelace 🎵",
        "balance": "0.00",
        "currency": "USD",
    }
    charged = await booking.ask(
        "POST", "/v1/users/me/charges", body={"amount": "100.00"}, key="k", headers=identity
    )
    assert (charged.status, charged.body) == (201, {"balance": "100.00", "currency": "USD"})


async def test_the_demo_signs_up_for_a_lane_too(booking: BookingStack) -> None:
    body = {"user_name": "Ada", "lane": "members"}
    token = (await booking.ask("POST", "/v1/users", body=body)).body["identity_token"]
    assert booking.identities.identified(token).lane == "members"
    wrong = await booking.ask("POST", "/v1/users", body={"user_name": "Ada", "lane": "No Lane"})
    assert wrong.code == "validation_failed"


async def test_a_visitor_of_the_operators_login_gets_a_row_at_first_use(
    booking: BookingStack,
) -> None:
    await booking.room()
    visitor = await booking.visitor(name="login|42")

    found = await asyncio.gather(
        *(booking.ask("GET", "/v1/users/me", visitor) for _ in range(20)),
        *(booking.charge(visitor, "1.00") for _ in range(20)),
    )

    assert {reply.status for reply in found} == {200, 201}
    assert await booking.pool.fetchval("SELECT count(*) FROM users") == 1
    assert await booking.balance(visitor) == "20.00"
    await booking.assert_sound()


async def test_a_balance_takes_no_more_than_its_bound(booking: BookingStack) -> None:
    await booking.room()
    visitor = await booking.visitor(money="1.00")
    await booking.pool.execute("UPDATE users SET balance = 99999999999.99")

    reply = await booking.charge(visitor, "1000000.00")

    assert (reply.status, reply.code) == (422, "validation_failed")
    assert await booking.balance(visitor) == "99999999999.99"


async def test_a_currency_without_minor_unit(
    redis: "Redis", redis_url: str, database_url: str
) -> None:
    won = Currency("KRW", 0)
    async with running(redis, redis_url, database_url, currency=won) as booking:
        schedule_id = await booking.date(price="50000")
        visitor = await booking.visitor(money="120000")
        held = await booking.hold(visitor, schedule_id, "A-1", "A-2")
        ids = [b["concert_booking_id"] for b in held.body["bookings"]]
        paid = await booking.pay(visitor, *ids)

        assert (held.body["total"], held.body["currency"]) == ("100000", "KRW")
        assert (paid.body["balance"], paid.body["payments"][0]["payment_amount"]) == (
            "20000",
            "50000",
        )
        assert (await booking.charge(visitor, "1.00")).code == "validation_failed"
        await booking.assert_sound()
