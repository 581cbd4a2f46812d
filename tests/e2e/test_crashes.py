"""Whatever is killed in the middle of a rush: every 201 stays true, and nothing else happened."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import asyncpg
import orjson
import pytest

from onsale.verify import verify
from shared.identity import Identities
from tests.buyers import Buyer, Notebook, Receipt, ask
from tests.e2e.storm import BOOKING, CAP, GATEWAY, PROVIDER, SEATS, Rush, a_rush, play
from tests.integration.services import IDENTITY_SECRET
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: A store that ended is away for this long, so that the services notice.
AWAY_S = 1.5
#: What an intent must be, too, when the provider says so of its payment.
ENDED = ("succeeded", "refunded")


async def judge(rush: Rush) -> None:
    """Every invariant holds, and the database holds what the buyers were told, and only that."""
    notebook = rush.notebook
    assert not notebook.surprises, notebook.surprises[:10]
    assert 0 < rush.most_active <= CAP
    connection = await asyncpg.connect(rush.postgres.url)
    try:
        await _completions_done(connection, rush)
        await _same_at_the_provider(connection, rush)
        await _same_in_the_database(connection, notebook)
        # Waits for the journal, too.
        report = await verify(rush.valkey.url, rush.postgres.url)
        assert [finding for finding in report.findings if finding.broken] == []
        known = {row["token_value"]: row["visitor"] for row in await _journal(connection)}
        missing = notebook.places.items() - known.items()
        assert all(jti not in known for jti, _ in missing), "a number was given twice"
        assert all(rush.may_be_lost(notebook.given_at[jti]) for jti, _ in missing)
    finally:
        await connection.close()
    for receipt in notebook.receipts:
        await _replayed(rush, receipt)


async def _journal(connection: "asyncpg.Connection") -> "list[asyncpg.Record]":
    return list(await connection.fetch("SELECT token_value, visitor, status, reason FROM queue"))


async def _completions_done(connection: "asyncpg.Connection", rush: Rush) -> None:
    """Who paid is out: no completion is pending, and the journal says so."""

    async def told() -> bool:
        return not await connection.fetchval("SELECT count(*) FROM token_completion")

    async def ended() -> bool:
        rows = await _journal(connection)
        over = {row["token_value"] for row in rows if row["status"] == "EXPIRED"}
        return paid <= over

    paid = {jti for jti, at in rush.notebook.paid_at.items() if not rush.may_be_lost(at)}
    await wait_until(told, within_s=30)
    await wait_until(ended, within_s=30)


async def _same_in_the_database(connection: "asyncpg.Connection", notebook: Notebook) -> None:
    held = {
        (booking["concert_booking_id"], receipt.visitor, booking["seat_number"])
        for receipt in notebook.of("hold")
        for booking in receipt.body["bookings"]
    }
    bookings = await connection.fetch(
        "SELECT b.concert_booking_id, external_id, seat_number, b.status, extended_at"
        " FROM concert_booking b JOIN users USING (user_id) JOIN concert_seat s"
        " ON s.concert_seat_id = b.concert_seat_id"
    )
    assert {tuple(row)[:3] for row in bookings} == held
    refunded = {receipt.body["concert_booking_id"] for receipt in notebook.of("refund")}
    ended = {row[0] for row in bookings if row["status"] == "CANCELED"}
    assert ended == notebook.canceled | refunded
    extended = {receipt.body["concert_booking_id"] for receipt in notebook.of("extend")}
    assert {row[0] for row in bookings if row["extended_at"]} == extended

    paid = {
        (payment["payment_id"], payment["concert_booking_id"])
        for receipt in notebook.of("pay")
        for payment in receipt.body["payments"]
    }
    payments = await connection.fetch(
        "SELECT payment_id, concert_booking_id FROM payment WHERE payment_intent_id IS NULL"
    )
    assert {tuple(row) for row in payments} == paid

    given = await connection.fetch(
        "SELECT refund_id, concert_booking_id, refund_amount FROM refund JOIN payment"
        " USING (payment_id)"
    )
    told = {
        (r["refund_id"], r["concert_booking_id"], Decimal(r["refund_amount"]))
        for r in (receipt.body for receipt in notebook.of("refund"))
    }
    assert told <= {tuple(row) for row in given}
    assert {row["refund_amount"] for row in given} <= {Decimal("0.50")}
    by_delete = [row["concert_booking_id"] for row in given if tuple(row) not in told]
    collected = await connection.fetch(
        "SELECT concert_booking_id FROM payment WHERE payment_intent_id IS NOT NULL"
    )
    bought = {booking for _, booking in paid} | {row[0] for row in collected}
    assert sorted(by_delete) == sorted(notebook.canceled & bought - refunded)

    charges = await connection.fetchval(
        "SELECT count(*) FROM ledger WHERE kind = 'CHARGE' AND payment_intent_id IS NULL"
    )
    assert charges == len(notebook.of("charge"))
    keys = {row["key"] for row in await connection.fetch("SELECT key FROM idempotency_key")}
    assert keys == {receipt.headers["Idempotency-Key"] for receipt in notebook.receipts}
    assert not keys & notebook.refused


async def _same_at_the_provider(connection: "asyncpg.Connection", rush: Rush) -> None:
    """What the provider collected paid for its bookings, or it has given it back; and what was said
    of it is true. `onsale verify` compares the intents with payments and ledger."""

    async def settled() -> bool:
        rows = await connection.fetch("SELECT reference, status FROM payment_intent")
        known = {row["reference"]: row["status"] for row in rows}
        there = rush.collected()
        return all(known[of] == became for of, became in there.items() if became in ENDED)

    await wait_until(settled, within_s=60)
    rows = await connection.fetch("SELECT payment_intent_id, status FROM payment_intent")
    ended = {row["payment_intent_id"]: row["status"] for row in rows if row["status"] != "created"}
    told = rush.notebook.collected
    assert ended.keys() == told.keys()
    assert all(of == told[id_] or of == "refunded" for id_, of in ended.items())
    asked = {receipt.body["payment_intent_id"] for receipt in rush.notebook.of("intend")}
    assert {row["payment_intent_id"] for row in rows} == asked


async def _replayed(rush: Rush, receipt: Receipt) -> None:
    """The same key gets the same answer, byte for byte in meaning."""
    status, raw = await ask(rush.http, "POST", receipt.url, receipt.sent, receipt.headers)
    assert status == 201, (receipt, raw)
    assert orjson.loads(raw) == receipt.body


async def kill_gateway(rush: Rush) -> None:
    os.kill(rush.pids(GATEWAY)[0], signal.SIGKILL)


async def kill_booking(rush: Rush) -> None:
    os.kill(rush.pids(BOOKING)[0], signal.SIGKILL)


async def kill_every_service(rush: Rush) -> None:
    for pid in rush.pids(GATEWAY) + rush.pids(BOOKING) + rush.pids(PROVIDER):
        os.kill(pid, signal.SIGKILL)


async def kill_valkey(rush: Rush) -> None:
    await rush.lose_valkey()
    await asyncio.sleep(AWAY_S)
    await rush.valkey.start()


async def kill_postgres(rush: Rush) -> None:
    await rush.postgres.kill()
    await asyncio.sleep(AWAY_S)
    await rush.postgres.start()


async def kill_both_stores(rush: Rush) -> None:
    await asyncio.gather(rush.postgres.kill(), rush.lose_valkey())
    await asyncio.gather(rush.postgres.start(), rush.valkey.start())


@pytest.mark.parametrize(
    "crash",
    [
        kill_gateway,
        kill_booking,
        kill_every_service,
        kill_valkey,
        kill_postgres,
        kill_both_stores,
    ],
)
async def test_every_201_outlives_the_crash(crash: Callable[[Rush], Awaitable[None]]) -> None:
    async with a_rush() as rush:
        await play(rush, crash)
        # Else nobody was asking while it was away; one process of two may die between two requests.
        assert rush.notebook.trouble or crash in (kill_gateway, kill_booking)
        await judge(rush)


async def test_a_store_that_lost_its_last_second_gives_nothing_twice() -> None:
    async def lose_a_second(rush: Rush) -> None:
        rush.lost_from = time.monotonic()
        written = rush.valkey.written()
        await asyncio.sleep(1)
        await rush.lose_valkey(keeping=written)
        await rush.valkey.start()

    async with a_rush() as rush:
        await play(rush, lose_a_second)
        await judge(rush)


async def test_a_payment_killed_between_its_commit_and_redis_completes_its_token() -> None:
    async with a_rush() as rush:
        identity = Identities((IDENTITY_SECRET,)).sign("ann")
        buyer = Buyer(rush.shop, rush.http, rush.notebook, "ann", identity, random.Random(1))
        await buyer.post("charge", f"{rush.shop.booking_url}/v1/users/me/charges", {"amount": "99"})
        for attempt in range(5):
            paying = await _pay_and_die(rush, buyer, SEATS[attempt])
            if paying[0] == 0:
                break  # else the answer was faster than the kill
        assert paying[0] == 0

        async def over() -> bool:
            return await buyer.status() == "EXPIRED"

        await wait_until(over, within_s=30)
        await rush.ready()
        (receipt,) = rush.notebook.of("pay")[-1:]
        await _replayed(rush, receipt)
        rush.most_active = 1
        await judge(rush)


async def _pay_and_die(rush: Rush, buyer: Buyer, seat: str) -> tuple[int, bytes]:
    """Pay while Redis does not answer, and kill the booking API as soon as that is committed."""
    await buyer.join()

    async def let_in() -> bool:
        return await buyer.status() == "ACTIVE"

    await wait_until(let_in)
    url = f"{rush.shop.booking_url}/v1/schedules/{rush.shop.schedule_id}/bookings"
    held = await buyer.post("hold", url, {"seat_numbers": [seat]})
    url = f"{rush.shop.booking_url}/v1/payments"
    headers = {**buyer.headers, "Idempotency-Key": f"pay-{seat}"}
    ids = [booking["concert_booking_id"] for booking in held["bookings"]]
    sent = orjson.dumps({"concert_booking_ids": ids})
    assert rush.valkey.pid is not None
    connection = await asyncpg.connect(rush.postgres.url)
    os.kill(rush.valkey.pid, signal.SIGSTOP)
    try:
        paying = asyncio.create_task(ask(rush.http, "POST", url, sent, headers))

        async def committed() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM token_completion"))

        await wait_until(committed)
        for pid in rush.pids(BOOKING):
            os.kill(pid, signal.SIGKILL)
        told = await paying
    finally:
        os.kill(rush.valkey.pid, signal.SIGCONT)
        await connection.close()
    await rush.ready()
    status, raw = await ask(rush.http, "POST", url, sent, headers)
    assert status == 201, raw
    rush.notebook.receipts.append(Receipt("pay", "ann", url, headers, sent, raw))
    rush.notebook.paid_at[buyer.jti] = (0.0, 0.0)
    return told
