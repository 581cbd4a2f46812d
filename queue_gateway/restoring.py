"""After a restart of the store: what it forgot of its last moments, put right from the table.

A store that ended badly has lost up to two seconds (docs/decisions/0010). Numbers do not repeat, by
`fragments/places.lua`; here table and store are made to agree again. Everything is repeatable.
"""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import asyncpg
import redis.asyncio as redis

from shared.logs import logger
from shared.places import LINES, Places, room_keys
from shared.tokens import Place

PAGE = 2000
DEADLINE_S = 120

log = logger(__name__)


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


async def reconcile(
    connection: "asyncpg.pool.PoolConnectionProxy",
    client: "redis.Redis",
    room_id: str,
    generation: int,
) -> None:
    """Make the table and the store agree on one room's tokens. Raises the stores' errors.

    Ended tokens that the store remembers as live are ended again (A6). Tokens that bookings name
    were admitted, whatever the store forgot (B11). Places that are gone are EXPIRED in the table,
    so that their visitors' next ones are the only live ones (O4). A visitor whose admission alone
    was forgotten waits again, at the head of the line.
    """
    await connection.execute(f"SET LOCAL statement_timeout = '{DEADLINE_S}s'")
    ended = await _end_again(connection, client, room_id, generation)
    await connection.execute(
        _query("admitted_by_bookings"), room_id, generation, timeout=DEADLINE_S
    )
    lost = await _give_up(connection, client, room_id, generation)
    log.warning("store_restored", room_id=room_id, ended_again=ended, lost=lost)


async def _end_again(
    connection: "asyncpg.pool.PoolConnectionProxy",
    client: "redis.Redis",
    room_id: str,
    generation: int,
) -> int:
    places, ended = Places(client), 0
    async for numbers in _live_places(client, room_id):
        values = [f"{room_id}.{generation}.{number}" for number in numbers]
        for row in await connection.fetch(_query("ended_tokens"), values, timeout=DEADLINE_S):
            place = Place(room_id, row["visitor"], generation, row["number"])
            ended += await places.finish(place, row["reason"])
    return ended


async def _live_places(client: "redis.Redis", room_id: str) -> AsyncIterator[list[int]]:
    """The numbers of all live places, page by page."""
    *lines, holders = room_keys(room_id, *LINES, "holders")
    # Lines first: who is admitted meanwhile is found twice rather than not at all.
    scans: list[tuple[Any, str]] = [*((client.zscan, line) for line in lines)]
    for scan, key in (*scans, (client.hscan, holders)):
        cursor = -1
        while cursor:
            cursor, page = cast("tuple[int, Any]", await scan(key, max(cursor, 0), count=PAGE))
            numbers = page.values() if isinstance(page, dict) else [number for _, number in page]
            yield [int(number) for number in numbers]


async def _give_up(
    connection: "asyncpg.pool.PoolConnectionProxy",
    client: "redis.Redis",
    room_id: str,
    generation: int,
) -> int:
    """Expire in the table whatever is not live in the store; returns how many."""
    *lines, holders = room_keys(room_id, *LINES, "holders")
    lost = 0
    # A cursor: asked for page by page, the table would be looked through once for each page.
    live = await connection.cursor(_query("live_tokens"), room_id, generation, timeout=DEADLINE_S)
    while page := await live.fetch(PAGE, timeout=DEADLINE_S):
        visitors = [row["visitor"] for row in page]
        # One transaction: a place may move from one key to the other.
        async with client.pipeline(transaction=True) as together:
            for line in lines:
                together.zmscore(line, visitors)
            together.hmget(holders, visitors)
            found = cast("list[list[Any]]", await together.execute())
        gone = [
            row["token_value"]
            for row, *numbers in zip(page, *found, strict=True)
            if row["number"] not in {int(number) for number in numbers if number is not None}
        ]
        if gone:
            await connection.execute(_query("lost_tokens"), gone, timeout=DEADLINE_S)
        lost += len(gone)
    return lost


async def tell_deadlines(
    connection: "asyncpg.pool.PoolConnectionProxy",
    client: "redis.Redis",
    room_id: str,
    generation: int,
) -> None:
    """Write anew when ACTIVE tokens expire: an outage or an operator moved all of their deadlines.

    Repeatable, because the store is asked for the deadlines of now. Raises the stores' errors.
    """
    settings, active, holders = room_keys(room_id, "settings", "active", "holders")
    shift_ms = int(await client.hget(settings, "shift_ms") or 0)
    seconds, micros = await client.time()
    now_ms = seconds * 1000 + micros // 1000
    cursor = -1
    while cursor:
        cursor, page = cast(
            "tuple[int, dict[str, str]]", await client.hscan(holders, max(cursor, 0), count=PAGE)
        )
        if not page:
            continue
        deadlines = await client.zmscore(active, list(page))
        left = {
            f"{room_id}.{generation}.{number}": deadline + shift_ms - now_ms
            for number, deadline in zip(page.values(), deadlines, strict=True)
            if deadline is not None
        }
        await connection.execute(
            _query("moved_deadlines"), list(left), list(left.values()), timeout=DEADLINE_S
        )
