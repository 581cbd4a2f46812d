"""Telling another system what happened: events from their table to one configured address.

Rows are written in the transaction of what they tell (functions/announce.sql), so that nothing is
told that did not happen, and nothing is forgotten. An event is sent at least once; its receiver
knows it again by `Onsale-Event-Id`. Events of one booking, and a date's own, are sent in their
order: none while an earlier one is not delivered. One that is given up lets the next ones go.
"""

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
import asyncpg
import msgspec
from aiohttp import web
from prometheus_client import Counter

from booking_api.database import Sale
from booking_api.rendering import utc_text
from shared.logs import logger
from shared.loops import end

PAUSE_S = 0.5
SWEEP_PAUSE_S = 60.0
SWEEP_BATCH = 1000
#: Events on their way at once, from one process.
PARALLEL = 16
DEADLINE_S = 10.0
#: For how long an event is left to who took it: an attempt, and a slow database on top.
LEASE_S = 60
#: Seconds until an attempt is repeated: 1, 2, 4 … an hour; each a quarter more or less.
LONGEST_S = 3600
JITTER = 0.25
#: About three days.
MOST_ATTEMPTS = 84
#: Read of an answer's body, so that its connection can be used again.
MAX_BYTES = 4096

DELIVERIES = Counter("onsale_webhook_attempts_total", "Attempts to deliver events.", ["outcome"])

log = logger(__name__)


def signature(secrets: tuple[str, ...], sent_at_s: int, body: bytes) -> str:
    """`t=<unix time>,v1=<hex>`: HMAC-SHA256 of `<unix time>.<body>`, once for each secret."""
    signed = f"{sent_at_s}.".encode() + body
    each = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={sent_at_s}", *(f"v1={found}" for found in each)])


def event_body(row: "asyncpg.Record") -> bytes:
    """What is sent of an event, the same each time."""
    return msgspec.json.encode(
        {
            "event_id": row["webhook_event_id"],
            "kind": row["kind"],
            "created_at": utc_text(row["created_at"]),
            "data": msgspec.Raw(row["payload"].encode()),
        }
    )


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told, and the secrets that sign; the first is the newest."""

    url: str
    secrets: tuple[str, ...]


RECEIVER = web.AppKey("receiver", Receiver)


class Deliveries:
    """Takes events that are due and sends them."""

    def __init__(
        self,
        sale: Sale,
        receiver: Receiver,
        http: aiohttp.ClientSession,
        clock: Callable[[], float] = time.time,
    ):
        self._sale = sale
        self._receiver = receiver
        self._http = http
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def over(cls, sale: Sale, receiver: Receiver) -> AsyncIterator[Self]:
        """With connections of their own, which bring nothing along and follow nobody."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
            connector=aiohttp.TCPConnector(limit=PARALLEL),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as http:
            yield cls(sale, receiver, http)

    async def work(self) -> int:
        """Send what is due until there is nothing more; returns how many attempts that took."""
        sending: set[asyncio.Task[None]] = set()
        attempts = 0
        try:
            while True:
                taken = await self._take(PARALLEL - len(sending))
                attempts += len(taken)
                sending |= {asyncio.create_task(self._deliver(row)) for row in taken}
                if not sending:
                    return attempts
                done, sending = await asyncio.wait(
                    sending, timeout=PAUSE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if failed := [error for task in done if (error := task.exception())]:
                    raise failed[0]
        finally:
            await end(*sending)

    async def _take(self, most: int) -> "list[asyncpg.Record]":
        return await self._sale.rows("take_events", most, LEASE_S) if most else []

    async def _deliver(self, row: "asyncpg.Record") -> None:
        status, error = await self._send(row)
        delay_s = None
        if error is not None:
            delay_s = _delay_s(row["attempts"])
            if delay_s is None:
                log.warning(
                    "webhook_given_up",
                    event_id=row["webhook_event_id"],
                    kind=row["kind"],
                    attempts=row["attempts"],
                    error=error,
                )
        DELIVERIES.labels("delivered" if error is None else "failed").inc()
        await self._sale.rows(
            "settle_event", row["webhook_event_id"], row["attempts"], status, error, delay_s
        )

    async def _send(self, row: "asyncpg.Record") -> tuple[int | None, str | None]:
        """The status of the answer if there was one, and what went wrong; no word of the answer."""
        body = event_body(row)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Onsale",
            "Onsale-Event-Id": str(row["webhook_event_id"]),
            "Onsale-Signature": signature(self._receiver.secrets, int(self._clock()), body),
        }
        try:
            async with self._http.post(
                self._receiver.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(MAX_BYTES)
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return None, type(error).__name__
        return status, None if 200 <= status < 300 else f"HTTP {status}"


async def sweep(sale: Sale) -> None:
    """Forget what was delivered long ago."""
    while True:
        row = await sale.row("sweep_events", SWEEP_BATCH)
        if row is None or row["forgotten"] < SWEEP_BATCH:
            return


def _delay_s(attempts: int) -> float | None:
    """Seconds until the next attempt after so many; None when there is none."""
    if attempts >= MOST_ATTEMPTS:
        return None
    delay_s = float(min(LONGEST_S, 2 ** min(attempts - 1, 16)))
    return delay_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 -- spreads, hides nothing
