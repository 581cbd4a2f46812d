"""Whatever is killed in the middle of a rush: every 201 stays true, and nothing else happened."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from onsale.stack import Stack, run_stack
from onsale.verify import verify
from shared.identity import Identities
from shared.tokens import QueueTokens
from tests import engines
from tests.buyers import Buyer, Notebook, Receipt, Shop, Span, ask
from tests.crashing import KillablePostgres, KillableValkey
from tests.integration.services import ADMIN_KEY, IDENTITY_SECRET, QUEUE_SECRET, Client
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOM = "storm"
BUYERS = 40
CAP = 25
SEATS = [f"A-{number}" for number in range(1, 601)]
#: How far the rush has come before something is killed, and goes on after it: payments.
BEFORE, AFTER = 25, 25
#: What Redis answered in its last moments may be lost; see docs/decisions/0010.
LOST_S = 2.0
#: A store that ended is away for this long, so that the services notice.
AWAY_S = 1.5


@dataclass
class Rush:
    """A rush on a whole stack whose engines can be killed."""

    stack: Stack
    valkey: KillableValkey
    postgres: KillablePostgres
    http: aiohttp.ClientSession
    shop: Shop
    notebook: Notebook = field(default_factory=Notebook)
    most_active: int = 0
    #: Between these moments the store may have forgotten what it answered.
    lost_from: float = float("inf")
    lost_until: float = float("inf")

    async def operator(self, url: str, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", "If-Match": "*"}
        answer = await Client(self.http, url).ask(method, path, json=body, headers=headers)
        assert answer.status in (200, 201), answer.json
        return answer.json

    def pids(self, service: int) -> list[int]:
        """The processes of the gateway (0) or the booking API (1)."""
        return self.stack.services[service].pids

    async def ready(self) -> None:
        """Wait until both services say that they are, without anybody's help."""

        async def both() -> bool:
            urls = (self.stack.gateway_url, self.stack.booking_url)
            answers = [await ask(self.http, "GET", f"{url}/readyz", None, {}) for url in urls]
            return [status for status, _ in answers] == [200, 200]

        await wait_until(both, within_s=60)

    async def paid(self, more: int) -> None:
        """Wait for so many payments more."""
        wanted = len(self.notebook.of("pay")) + more

        async def enough() -> bool:
            return len(self.notebook.of("pay")) >= wanted

        await wait_until(enough, within_s=90)

    async def lose_valkey(self, keeping: int | None = None) -> None:
        """Kill it; what it answered in the last moments, or since `lost_from`, may be forgotten."""
        self.lost_from = min(self.lost_from, time.monotonic() - LOST_S)
        await self.valkey.kill(keeping)
        self.lost_until = time.monotonic()

    def may_be_lost(self, span: Span) -> bool:
        """Whether the store may have forgotten what it answered then."""
        asked, told = span
        return told >= self.lost_from and asked <= self.lost_until

    async def watch_the_cap(self) -> None:
        """How many the store says are ACTIVE, at any moment that it says something."""
        async with Redis.from_url(self.valkey.url, decode_responses=True) as client:
            while True:
                with contextlib.suppress(Exception):
                    active = int(await client.zcard(f"{{room:{ROOM}}}:active"))
                    self.most_active = max(self.most_active, active)
                await asyncio.sleep(0.05)


@asynccontextmanager
async def a_rush() -> AsyncIterator[Rush]:
    """Engines, two processes of each service, a room, a date."""
    theirs = ("ONSALE_", "REDIS_URL", "DATABASE_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
    with engines.scratch_folder() as folder:
        valkey, postgres = KillableValkey(folder), KillablePostgres(folder)
        try:
            await asyncio.gather(valkey.start(), postgres.start())
            environment = kept | {
                "REDIS_URL": valkey.url,
                "DATABASE_URL": postgres.url,
                "ONSALE_DEMO": "1",
                "ONSALE_ADMIN_KEY": ADMIN_KEY,
                "ONSALE_QUEUE_SECRET": QUEUE_SECRET,
                "ONSALE_IDENTITY_SECRET": IDENTITY_SECRET,
            }
            connector = aiohttp.TCPConnector(limit=0)
            async with (
                run_stack(folder / "home", workers=2, environment=environment) as stack,
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(), connector=connector
                ) as http,
            ):
                yield await _opened(stack, valkey, postgres, http)
        finally:
            await asyncio.gather(valkey.stop(), postgres.stop())


async def _opened(
    stack: Stack, valkey: KillableValkey, postgres: KillablePostgres, http: aiohttp.ClientSession
) -> Rush:
    tokens = QueueTokens((QUEUE_SECRET,))
    shop = Shop(stack.gateway_url, stack.booking_url, ROOM, 0, SEATS, tokens)
    rush = Rush(stack, valkey, postgres, http, shop)
    room = {"max_active": CAP, "admit_per_minute": 60_000}
    await rush.operator(stack.gateway_url, "PUT", f"/v1/admin/rooms/{ROOM}", room)
    url, path = stack.booking_url, "/v1/admin/concerts"
    concert = await rush.operator(url, "POST", path, {"concert_name": "Storm", "room_id": ROOM})
    path = f"{path}/{concert['concert_id']}/schedules"
    body = {"schedule_date": "2030-05-01T20:00:00Z", "max_seats_per_user": 100}
    date = await rush.operator(url, "POST", path, body)
    schedule_id = date["concert_schedule_id"]
    path = f"/v1/admin/schedules/{schedule_id}/seats"
    seats = [{"seat_number": seat, "price": "1.00"} for seat in SEATS]
    await rush.operator(url, "POST", path, {"seats": seats})
    rush.shop = Shop(stack.gateway_url, stack.booking_url, ROOM, schedule_id, SEATS, tokens)
    return rush


async def play(rush: Rush, crash: Callable[[Rush], Awaitable[None]]) -> None:
    """Let the buyers in, crash something in the middle, let all finish what they began."""
    closed = asyncio.Event()
    identities = Identities((IDENTITY_SECRET,))
    buyers = [
        Buyer(
            rush.shop,
            rush.http,
            rush.notebook,
            name,
            identities.sign(name),
            random.Random(name),
        )
        for name in (f"buyer-{number}" for number in range(BUYERS))
    ]
    watching = asyncio.create_task(rush.watch_the_cap())
    async with asyncio.TaskGroup() as visits:
        for buyer in buyers:
            visits.create_task(buyer.buy(closed))
        await rush.paid(BEFORE)
        await crash(rush)
        await rush.ready()
        await rush.paid(AFTER)
        closed.set()
    watching.cancel()


async def judge(rush: Rush) -> None:
    """Every invariant holds, and the database holds what the buyers were told, and only that."""
    notebook = rush.notebook
    assert not notebook.surprises, notebook.surprises[:10]
    assert 0 < rush.most_active <= CAP
    connection = await asyncpg.connect(rush.postgres.url)
    try:
        await _completions_done(connection, rush)
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
        "SELECT b.concert_booking_id, external_id, seat_number, b.status"
        " FROM concert_booking b JOIN users USING (user_id) JOIN concert_seat s"
        " ON s.concert_seat_id = b.concert_seat_id"
    )
    assert {tuple(row)[:3] for row in bookings} == held
    assert {row[0] for row in bookings if row["status"] == "CANCELED"} == notebook.canceled

    paid = {
        (payment["payment_id"], payment["concert_booking_id"])
        for receipt in notebook.of("pay")
        for payment in receipt.body["payments"]
    }
    payments = await connection.fetch("SELECT payment_id, concert_booking_id FROM payment")
    assert {tuple(row) for row in payments} == paid

    charges = await connection.fetchval("SELECT count(*) FROM ledger WHERE kind = 'CHARGE'")
    assert charges == len(notebook.of("charge"))
    keys = {row["key"] for row in await connection.fetch("SELECT key FROM idempotency_key")}
    assert keys == {receipt.headers["Idempotency-Key"] for receipt in notebook.receipts}
    assert not keys & notebook.refused


async def _replayed(rush: Rush, receipt: Receipt) -> None:
    """The same key gets the same answer, byte for byte in meaning."""
    status, raw = await ask(rush.http, "POST", receipt.url, receipt.sent, receipt.headers)
    assert status == 201, (receipt, raw)
    assert orjson.loads(raw) == receipt.body


async def kill_gateway(rush: Rush) -> None:
    os.kill(rush.pids(0)[0], signal.SIGKILL)


async def kill_booking(rush: Rush) -> None:
    os.kill(rush.pids(1)[0], signal.SIGKILL)


async def kill_every_service(rush: Rush) -> None:
    for pid in rush.pids(0) + rush.pids(1):
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
        for pid in rush.pids(1):
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
