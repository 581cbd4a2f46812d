"""The journal's consumer: moves what the scripts wrote from Redis to the `queue` table.

At least once from the stream, once in the table: entries are removed from the stream only after
their rows are committed, and writing a row again changes nothing. Ages, not times, cross from one
store to the other, so that their clocks may differ (S1).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import asyncpg
import redis.asyncio as redis
from aiohttp import web

from queue_gateway.restoring import reconcile, tell_deadlines
from queue_gateway.room import ROOMS, Rooms
from shared.logs import logger
from shared.loops import end
from shared.places import JOURNAL, room_keys
from shared.stores import ACQUIRE_DEADLINE_S, DATABASE, REDIS

#: Putting a batch together keeps the loop from everybody else for some ten milliseconds.
BATCH = 1000
PAUSE_S = 0.2
#: Rooms looked at in one round trip; with ten thousand of them that costs a moment, and more than
#: this share of the time would be too much for passes that find little. What they do find is no
#: part of it: after a million rows nobody waits five times as long for the next.
LOOKED_AT, SHARE = 500, 0.2
#: After a failure: a store that is gone is asked once a second.
RETRY_S = 1.0
#: Only one process moves the journal at a time; two at once would be correct but wasteful.
LEADER_LOCK = 0x6F6E73616C65
#: Ending a generation touches all of its rows in one statement.
CLOSE_DEADLINE_S = 120

#: Its id, and what `write_journal` of fragments/places.lua wrote, name and value, in its order.
Entry = tuple[str, list[str]]

log = logger(__name__)


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


#: One token's row of a batch, as `write_tokens` takes it, all of it as text: generation, number,
#: visitor, created, status, reason, admitted, ended, lasts, active_after, active_cap. Times are the
#: store's, in ms. Nothing is "", except for a reason.
_Row = list[str | None]
_VISITOR, _REASON = 2, 5


def _apply(row: _Row, status: str, at: str, more: list[str]) -> None:
    row[4] = status
    if status == "ACTIVE":
        told = dict(zip(more[::2], more[1::2], strict=True))
        row[6], row[8:] = at, (told["d"], told["a"], told["c"])
    elif status == "EXPIRED":
        row[_REASON], row[7] = more[1], at


def _as_it_came(response: Any, **_: Any) -> Any:
    return response


class Journal:
    """Moves all rooms' journals while it holds the leader's lock."""

    def __init__(
        self,
        client: "redis.Redis",
        rooms: Rooms,
        pool: "asyncpg.Pool",
        clock: Callable[[], float] = time.monotonic,
    ):
        self._client = client
        #: Gives entries as they come; redis-py would make a dict of each.
        self._raw = redis.Redis(connection_pool=client.connection_pool)
        self._raw.set_response_callback("XRANGE", _as_it_came)
        self._rooms = rooms
        self._pool = pool
        self._clock = clock
        self._looked_s = 0.0
        self._failing = False

    @property
    def pause_s(self) -> float:
        """How long to rest after the last pass, if it found little."""
        return max(PAUSE_S, self._looked_s / SHARE)

    async def run(self) -> None:
        while True:
            try:
                async with self._pool.acquire(timeout=ACQUIRE_DEADLINE_S) as connection:
                    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK):
                        self._failing = False
                        await self._lead(connection)
            except Exception as error:  # noqa: BLE001 -- whatever the stores do, the consumer lives
                if not self._failing:
                    log.warning("journal_failed", error=type(error).__name__)
                self._failing = True
            await asyncio.sleep(RETRY_S)

    async def _lead(self, connection: "asyncpg.pool.PoolConnectionProxy") -> None:
        try:
            while True:
                if await self.move(connection) < BATCH:
                    # Proves that the lock's connection is still there.
                    await connection.fetchval("SELECT 1")
                    await asyncio.sleep(self.pause_s)
        finally:
            if not connection.is_closed():
                await connection.fetchval("SELECT pg_advisory_unlock($1)", LEADER_LOCK)

    async def move(self, connection: "asyncpg.pool.PoolConnectionProxy") -> int:
        """Move one batch of every room; returns how many entries. Raises the stores' errors."""
        moved, cursor, self._looked_s = 0, -1, 0.0
        while cursor:
            began = self._clock()
            cursor, room_ids = await self._rooms.some(max(cursor, 0), LOOKED_AT)
            written = await self._written(room_ids)
            self._looked_s += self._clock() - began
            for room_id in written:
                moved += await self._move(connection, room_id)
        return moved

    async def _written(self, room_ids: list[str]) -> list[str]:
        """The rooms whose journals hold anything."""
        journals = {room_keys(room_id, JOURNAL)[0]: room_id for room_id in room_ids}
        if not journals:
            return []
        # The first entry of each, so that an answer stays small.
        found = await self._client.xread(dict.fromkeys(journals, "0"), count=1)
        return [journals[key] for key, _ in cast("list[tuple[str, Any]]", found)]

    async def _move(self, connection: "asyncpg.pool.PoolConnectionProxy", room_id: str) -> int:
        (key,) = room_keys(room_id, JOURNAL)
        entries = cast("list[Entry]", await self._raw.xrange(key, count=BATCH))
        if not entries:
            return 0
        seconds, micros = await self._client.time()
        now_ms = seconds * 1000 + micros // 1000
        async with connection.transaction():
            await self._write(connection, room_id, entries, now_ms)
        # Removed only now: a crash in between repeats the batch, which changes nothing.
        last_ms, last_seq = entries[-1][0].split("-")
        await self._client.xtrim(key, minid=f"{last_ms}-{int(last_seq) + 1}", approximate=False)
        return len(entries)

    async def _write(
        self,
        connection: "asyncpg.pool.PoolConnectionProxy",
        room_id: str,
        entries: list[Entry],
        now_ms: int,
    ) -> None:
        rows: dict[tuple[str, str], _Row] = {}
        for _, (_, visitor, _, generation, _, number, _, status, _, at, *more) in entries:
            if status == "CLOSED":
                await self._upsert(connection, room_id, rows, now_ms)
                rows = {}
                await connection.execute(f"SET LOCAL statement_timeout = '{CLOSE_DEADLINE_S}s'")
                await connection.execute(
                    _query("close_generation"),
                    room_id,
                    int(generation),
                    float(now_ms - int(at)),
                    more[1],
                    timeout=CLOSE_DEADLINE_S,
                )
                continue
            if status == "RESTORED":
                await self._upsert(connection, room_id, rows, now_ms)
                rows = {}
                await reconcile(connection, self._client, room_id, int(generation))
                continue
            if status == "MOVED":
                await self._upsert(connection, room_id, rows, now_ms)
                rows = {}
                await tell_deadlines(connection, self._client, room_id, int(generation))
                continue
            key = (generation, number)
            row = rows.get(key)
            if row is None:
                row = rows[key] = [*key, visitor, at, status, None, "", "", "", "", ""]
            _apply(row, status, at, more)
        await self._upsert(connection, room_id, rows, now_ms)

    async def _upsert(
        self,
        connection: "asyncpg.pool.PoolConnectionProxy",
        room_id: str,
        rows: dict[tuple[str, str], _Row],
        now_ms: int,
    ) -> None:
        if rows:
            # Lists of texts are encoded one by one; what has no commas goes as one text, quickly.
            columns = [
                column if at in (_VISITOR, _REASON) else ",".join(cast("tuple[str, ...]", column))
                for at, column in enumerate(zip(*rows.values(), strict=True))
            ]
            await connection.execute(_query("write_tokens"), room_id, now_ms, *columns)


async def journal(app: web.Application) -> AsyncIterator[None]:
    """Run the consumer while the app does."""
    task = asyncio.create_task(Journal(app[REDIS], app[ROOMS], app[DATABASE]).run(), name="journal")
    yield
    await end(task)
