"""Asking both stores whether the invariants hold."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import asyncpg
import redis.asyncio as redis
from redis.exceptions import RedisError

from onsale.verify.questions import questions
from onsale.verify.rooms import ROOMS_AT_ONCE, LiveRoom, live_rooms
from shared.places import JOURNAL, room_keys
from shared.stores import StoreRefused, connected_database, connected_redis

#: Rows kept of a broken invariant; one more tells that there are others.
ROWS_SHOWN = 20
#: The journal is moved every fifth of a second; this is what a busy machine may need.
JOURNAL_DEADLINE_S = 10.0
QUERY_DEADLINE_S = 120


@dataclass(slots=True)
class Finding:
    """One invariant: what was counted, and what breaks it."""

    name: str
    words: str
    counted: list[str] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order of the design."""

    findings: list[Finding]

    @property
    def broken(self) -> bool:
        return any(finding.broken for finding in self.findings)


async def verify(redis_url: str, database_url: str) -> Report:
    """Check O1, O4, A1 and B1 to B12 on live data, while the sale goes on.

    Raises shared.stores.StoreRefused when a store is not there, or holds no sale.
    """
    async with (
        connected_redis(redis_url) as client,
        connected_database(database_url, application="onsale-verify") as pool,
    ):
        try:
            known_until, lagging = await _journal_caught_up(client, pool)
            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                findings = await ask_database(connection, known_until)
            _add_rooms(findings, await live_rooms(client))
        except (RedisError, asyncpg.PostgresError, OSError, TimeoutError) as error:
            raise StoreRefused(
                f"the stores cannot be read ({type(error).__name__}); is the database migrated?"
            ) from None
    findings["B11"].broken += lagging
    return Report(list(findings.values()))


async def _journal_caught_up(
    client: "redis.Redis", pool: "asyncpg.Pool"
) -> tuple[datetime, list[dict[str, Any]]]:
    """Wait until the journal so far is in the table; (the moment meant, rooms that lag)."""
    moment: datetime = await pool.fetchval("SELECT clock_timestamp()")
    keys = [room_keys(str(room), JOURNAL)[0] for room in await client.smembers("rooms")]
    last = await _entries(client, keys, newest=True)
    deadline = time.monotonic() + JOURNAL_DEADLINE_S
    while last and time.monotonic() < deadline:
        oldest = await _entries(client, list(last), newest=False)
        last = {key: last[key] for key, entry in oldest.items() if entry <= last[key]}
        await asyncio.sleep(0.1)
    return moment, [{"journal_not_moved": key} for key in last]


async def _entries(
    client: "redis.Redis", keys: list[str], *, newest: bool
) -> dict[str, tuple[int, ...]]:
    """The newest or oldest entry of each journal that has any, as a number that grows."""
    found: dict[str, tuple[int, ...]] = {}
    for at in range(0, len(keys), ROOMS_AT_ONCE):
        some = keys[at : at + ROOMS_AT_ONCE]
        async with client.pipeline(transaction=False) as together:
            for key in some:
                (together.xrevrange if newest else together.xrange)(key, count=1)
            answers = cast("list[list[tuple[str, Any]]]", await together.execute())
        for key, entries in zip(some, answers, strict=True):
            for entry, _ in entries:
                found[key] = tuple(int(part) for part in entry.split("-"))
    return found


async def ask_database(
    connection: "asyncpg.pool.PoolConnectionProxy", known_until: datetime
) -> dict[str, Finding]:
    """The answers to all questions, in the transaction that is open on this connection."""
    findings = {}
    await connection.execute(f"SET LOCAL statement_timeout = '{QUERY_DEADLINE_S}s'")
    for asked in questions():
        counted = await connection.fetchval(asked.counted, timeout=QUERY_DEADLINE_S)
        finding = Finding(asked.name, asked.words, [f"{counted:,} {asked.counts}"])
        for question in asked.broken:
            args = [known_until] if "$1" in question else []
            rows = await connection.fetch(
                f"SELECT * FROM ({question}) broken LIMIT {ROWS_SHOWN + 1}",  # noqa: S608 -- ours
                *args,
                timeout=QUERY_DEADLINE_S,
            )
            finding.broken += [dict(row) for row in rows]
        findings[asked.name] = finding
    return findings


def _add_rooms(findings: dict[str, Finding], rooms: Iterable[LiveRoom]) -> None:
    rooms = list(rooms)
    places = sum(room.places for room in rooms)
    active = sum(room.active for room in rooms)
    findings["O1"].counted.append(f"{places:,} live places")
    findings["O4"].counted.append(f"{places:,} live places")
    findings["A1"].counted.append(f"{active:,} ACTIVE now")
    for room in rooms:
        findings["O1"].broken += room.wrong_numbers
        findings["O4"].broken += room.double_places
        findings["A1"].broken += room.over_cap
