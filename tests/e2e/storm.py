"""A rush on a whole stack whose engines can be killed, and what its buyers were told."""

import asyncio
import contextlib
import os
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from redis.asyncio import Redis

from onsale.stack import Stack, run_stack
from shared.identity import Identities
from shared.tokens import QueueTokens
from tests import engines
from tests.buyers import Buyer, Notebook, Shop, Span, ask
from tests.crashing import KillablePostgres, KillableValkey
from tests.integration.services import ADMIN_KEY, IDENTITY_SECRET, QUEUE_SECRET, Client
from tests.waiting import wait_until

ROOM = "storm"
GATEWAY, BOOKING, PROVIDER = "gateway", "booking API", "payment provider"
BUYERS = 40
CAP = 25
SEATS = [f"A-{number}" for number in range(1, 601)]
#: How far the rush has come before something is killed, and goes on after it: payments.
BEFORE, AFTER = 25, 25
#: What Redis answered in its last moments may be lost; see docs/decisions/0010.
LOST_S = 2.0


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

    def pids(self, name: str) -> list[int]:
        """The processes of a service."""
        (found,) = [service for service in self.stack.services if service._name == name]
        return found.pids

    def collected(self) -> dict[str, str]:
        """What the provider says of the payments that were made there, by their reference."""
        with contextlib.closing(sqlite3.connect(self.stack.home.path / "provider.db")) as till:
            rows = till.execute("SELECT id, status FROM intent WHERE status <> 'requires_payment'")
            return {str(reference): str(status) for reference, status in rows}

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
    shop = Shop(
        stack.gateway_url, stack.booking_url, str(stack.provider_url), ROOM, 0, SEATS, tokens
    )
    rush = Rush(stack, valkey, postgres, http, shop)
    room = {"max_active": CAP, "admit_per_minute": 60_000}
    await rush.operator(stack.gateway_url, "PUT", f"/v1/admin/rooms/{ROOM}", room)
    url, path = stack.booking_url, "/v1/admin/concerts"
    concert = await rush.operator(url, "POST", path, {"concert_name": "Storm", "room_id": ROOM})
    path = f"{path}/{concert['concert_id']}"
    await rush.operator(url, "PUT", path, {"refund_percent": 50})
    body: Any = {"schedule_date": "2030-05-01T20:00:00Z", "max_seats_per_user": 100}
    date = await rush.operator(url, "POST", f"{path}/schedules", body)
    schedule_id = date["concert_schedule_id"]
    path = f"/v1/admin/schedules/{schedule_id}"
    await rush.operator(url, "PUT", path, {"max_let_go_per_hour": 0})
    seats = [{"seat_number": seat, "price": "1.01"} for seat in SEATS]
    await rush.operator(url, "POST", f"{path}/seats", {"seats": seats})
    rush.shop = replace(shop, schedule_id=schedule_id)
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
