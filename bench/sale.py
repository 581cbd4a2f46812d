"""A sale to measure: dates with seats, visitors who were let in, and what became of both."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import orjson
import redis.asyncio as redis

from bench.load import WrongAnswers
from bench.rooms import BATCH, Line
from onsale.stack import Stack
from onsale.verify.check import verify
from queue_gateway.room import Rooms
from shared.identity import Identities
from shared.places import room_keys
from shared.tokens import Place, QueueTokens

ROOM = "sale"
PRICE = "50.00"
#: Everybody is let in at once, and stays.
WIDE = {
    "max_active": 1_000_000,
    "admit_per_minute": 6_000_000,
    "active_ttl_s": 86_400,
    "claim_ttl_s": 86_400,
    "idle_ttl_s": 86_400,
}
_SETTLED_S = 120.0


@dataclass(frozen=True, slots=True)
class Sale:
    """A room, a concert, and a way to both stores."""

    stack: Stack
    pool: "asyncpg.Pool"
    http: aiohttp.ClientSession
    crowd: Line
    concert_id: int
    tokens: QueueTokens
    identities: Identities

    @classmethod
    async def opened(
        cls,
        stack: Stack,
        client: "redis.Redis",
        pool: "asyncpg.Pool",
        http: aiohttp.ClientSession,
    ) -> "Sale":
        await Rooms(client).configure(ROOM, WIDE)
        home = stack.home
        made = await _post(
            stack, http, "concerts", {"concert_name": "Nina Simone", "room_id": ROOM}
        )
        return cls(
            stack,
            pool,
            http,
            Line(client, ROOM),
            made["concert_id"],
            QueueTokens((home.secret("queue.secret"),)),
            Identities((home.secret("identity.secret"),)),
        )

    async def date(self, seats: int) -> int:
        """A new date with seats A-1, A-2, …; its id."""
        wanted = {
            "schedule_date": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
            "hold_ttl_s": 3_600,
        }
        made = await _post(self.stack, self.http, f"concerts/{self.concert_id}/schedules", wanted)
        schedule_id = int(made["concert_schedule_id"])
        hall = [{"seat_number": f"A-{n + 1}", "price": PRICE} for n in range(seats)]
        await _post(self.stack, self.http, f"schedules/{schedule_id}/seats", {"seats": hall})
        return schedule_id

    async def visitors(self, count: int) -> list[Place]:
        """So many newcomers, all let in, their numbers one after the other."""
        places = list[Place]()
        while len(places) < count:
            places += await self.crowd.join(min(BATCH, count - len(places)))
        first = places[0].number
        if [place.number for place in places] != list(range(first, first + count)):
            raise WrongAnswers("somebody else joined meanwhile")
        await self.settled()
        return places

    def credentials(self, place: Place) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.identities.sign(place.visitor)}",
            "Queue-Token": self.tokens.sign(place),
        }

    async def settled(self) -> None:
        """Wait until everybody is in, and nothing is left to write down or to tell the store."""
        async with asyncio.timeout(_SETTLED_S):
            while await self._unsettled():  # noqa: ASYNC110 -- the stores have no event for it
                await asyncio.sleep(0.1)
            await self.crowd.written_down()

    async def _unsettled(self) -> bool:
        (waiting,) = room_keys(ROOM, "waiting")
        untold = await self.pool.fetchval("SELECT EXISTS (SELECT FROM token_completion)")
        return bool(untold or await self.crowd.client.zcard(waiting))

    async def counted(self, statement: str, schedule_id: int, least: int, most: int) -> None:
        """Raises WrongAnswers unless as many rows of a date are there as were answered."""
        found = await self.pool.fetchval(statement, schedule_id)
        if not least <= found <= most:
            raise WrongAnswers(f"{least} were answered, {found} are in the database: {statement}")

    async def verified(self) -> str:
        """What `onsale verify` says of it all. Raises WrongAnswers for a broken invariant."""
        report = await verify(self.stack.redis_url, self.stack.database_url)
        broken = [finding.name for finding in report.findings if finding.broken]
        if broken:
            raise WrongAnswers(f"broken invariants: {', '.join(broken)}")
        return f"onsale verify found nothing broken of {len(report.findings)} invariants"


@contextmanager
def resting(pids: list[int]) -> Iterator[None]:
    """Processes that do nothing for as long as something else is measured."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _post(stack: Stack, http: aiohttp.ClientSession, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": "application/json"}
    url = f"{stack.booking_url}/v1/admin/{path}"
    async with http.post(url, data=orjson.dumps(body), headers=headers) as answer:
        if answer.status != 201:
            raise WrongAnswers(f"{path}: {answer.status} {await answer.text()}")
        return await answer.json()
