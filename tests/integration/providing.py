"""The booking API with a payment provider, and what a visitor's browser does there."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Any
from unittest.mock import patch

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

from booking_api import provider
from booking_api.intents import INTENTS
from booking_api.provider import SIGNATURE, ProviderSettings
from local_provider.app import TILL, create_app
from local_provider.settings import Settings
from shared.stamps import stamp
from tests.booking_stack import BookingStack, Reply, Visitor, running

KEY = "provider-key-of-the-tests-0123456789"
SECRET = "provider-secret-of-the-tests-0123456789"
OLD_SECRET = "provider-secret-before-0123456789"
EVER = 2**40


class Shop:
    """A booking API, and the provider that it was told of."""

    def __init__(
        self,
        booking: BookingStack,
        local: web.Application,
        http: aiohttp.ClientSession,
        url: str,
    ):
        self.booking = booking
        self.till = local[TILL]
        self._http = http
        self._url = url

    async def intent(self, visitor: Visitor, *ids: int, key: str | None = None) -> Reply:
        return await self.booking.ask(
            "POST",
            "/v1/payments/intents",
            visitor,
            body={"concert_booking_ids": list(ids)},
            key=key or self.booking.new_key(),
        )

    async def asked(self, visitor: Visitor, *ids: int) -> Any:
        """The body of an intent that can be had."""
        reply = await self.intent(visitor, *ids)
        assert reply.status == 201, reply.raw
        return reply.body

    async def confirm(self, intent: Any, outcome: str = "success", **more: Any) -> int:
        """The visitor pays at the provider's page; its answer's status."""
        body = {"client_secret": intent["client_secret"], "outcome": outcome, **more}
        url = f"{self._url}/intents/{intent['reference']}/confirm"
        async with self._http.post(url, json=body) as answer:
            return answer.status

    def events(self) -> list[dict[str, Any]]:
        """What the provider has to tell, the oldest first."""
        return [json.loads(event.body) for event in self.till.due(EVER, 100)]

    def forget(self) -> None:
        """The provider has nothing to tell of what happened before."""
        self.till._db.execute("UPDATE event SET next_at = NULL")

    async def tell(
        self, event: Any, *, secret: str = SECRET, ago_s: int = 0, signature: str | None = None
    ) -> Reply:
        """Deliver an event as the provider does."""
        body = json.dumps(event).encode()
        signed = signature or stamp((secret,), body, int(time()) - ago_s)
        return await self.booking.ask(
            "POST", "/v1/provider/events", data=body, headers={SIGNATURE: signed}
        )

    async def told(self, event: Any) -> None:
        reply = await self.tell(event)
        assert reply.status == 204, reply.raw

    async def work(self) -> int:
        """What the booking API's loop does, as if it were time for all of it."""
        await self.booking.pool.execute(
            "UPDATE payment_intent SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL"
        )
        return await self.booking.app[INTENTS].work()

    async def status(self, visitor: Visitor, intent: Any) -> str:
        path = f"/v1/payments/intents/{intent['payment_intent_id']}"
        return str((await self.booking.ask("GET", path, visitor)).body["status"])

    async def given_back(self, intent: Any) -> int:
        """How often the provider gave the money back."""
        rows = self.till._db.execute(
            "SELECT count(*) FROM refund WHERE intent = ?", (intent["reference"],)
        )
        return int(rows.fetchone()[0])


@asynccontextmanager
async def shop(
    redis: "Redis",
    redis_url: str,
    database_url: str,
    *,
    delivers: bool = False,
    loops: bool = False,
    file: str | None = None,
    **changes: Any,
) -> AsyncIterator[Shop]:
    """Both of them. `delivers`: the provider tells its events itself; else the test does."""
    # A busy machine is no provider that is gone.
    with patch.object(provider, "DEADLINE_S", 60.0):
        async with _shop(redis, redis_url, database_url, delivers, loops, file, changes) as found:
            yield found


@asynccontextmanager
async def _shop(
    redis: "Redis",
    redis_url: str,
    database_url: str,
    delivers: bool,
    loops: bool,
    file: str | None,
    changes: dict[str, Any],
) -> AsyncIterator[Shop]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    told = ProviderSettings("provider", url, KEY, (SECRET, OLD_SECRET))
    async with running(
        redis, redis_url, database_url, loops=loops, provider=told, **changes
    ) as booking:
        events_url = f"{booking.url}/v1/provider/events" if delivers else None
        local = create_app(
            Settings("127.0.0.1", 0, None, KEY, (SECRET,), events_url=events_url, file=file)
        )
        serving = web.AppRunner(local)
        await serving.setup()
        await web.SockSite(serving, listening).start()
        try:
            async with aiohttp.ClientSession() as http:
                yield Shop(booking, local, http, url)
        finally:
            await serving.cleanup()
