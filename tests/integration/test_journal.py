"""The journal's consumer: nothing lost, nothing twice, nothing back."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from queue_gateway import journal as journal_module
from queue_gateway.journal import Entry, Journal
from queue_gateway.room import Rooms
from shared.places import room_keys
from tests.integration.lines import ROOM, Line

(STREAM,) = room_keys(ROOM, "journal")
COLUMNS = (
    "token_value, visitor, status, reason, active_after, active_cap, admitted_at IS NOT NULL AS"
    " was_admitted, ended_at IS NOT NULL AS has_ended, expired_at = ended_at AS ended_when_it_says"
)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        yield pool


async def moved(journal: Journal, pool: asyncpg.Pool) -> int:
    async with pool.acquire() as connection:
        return await journal.move(connection)


async def table(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    rows = await pool.fetch(f"SELECT {COLUMNS} FROM queue ORDER BY token_value")
    return [tuple(row) for row in rows]


async def history(line: Line) -> None:
    """One token of each kind, in several batches' worth of entries."""
    await line.configure(max_active=0)
    first, second, _ = await line.throng(3)
    await line.configure(max_active=1)
    await line.admit()
    await line.places.finish(first, "completed")
    await line.places.finish(second, "left")


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_a_batch_that_comes_again_changes_nothing(
    redis: Redis, pool: asyncpg.Pool, batch: int
) -> None:
    line = Line(redis)
    await history(line)
    entries: Any = await redis.xrange(STREAM)
    assert await moved(Journal(redis, line.rooms, pool), pool) == len(entries)
    once = await table(pool)
    assert [row[2:4] for row in once] == [
        ("EXPIRED", "completed"),
        ("EXPIRED", "left"),
        ("WAIT", None),
    ]
    assert once[0][4:] == (1, 1, True, True, True)
    for begin in range(0, len(entries), batch):
        for _, entry in entries[begin : begin + batch]:
            await redis.xadd(STREAM, entry)
        assert await moved(Journal(redis, line.rooms, pool), pool) > 0
        assert await table(pool) == once


async def test_an_active_token_does_not_wait_again(redis: Redis, pool: asyncpg.Pool) -> None:
    line = Line(redis)
    await line.configure(max_active=0)
    await line.throng(1)
    entries: Any = await redis.xrange(STREAM)
    ((_, entry),) = entries
    await line.configure(max_active=1)
    await line.admit()
    journal = Journal(redis, line.rooms, pool)
    await moved(journal, pool)
    once = await table(pool)
    assert [row[2] for row in once] == ["ACTIVE"]
    await redis.xadd(STREAM, entry)
    await moved(journal, pool)
    assert await table(pool) == once


async def test_what_the_table_does_not_take_stays_in_the_journal(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    line = Line(redis)
    await history(line)
    before = await redis.xlen(STREAM)
    await pool.execute("ALTER TABLE queue RENAME TO gone")
    with pytest.raises(asyncpg.UndefinedTableError):
        await moved(Journal(redis, line.rooms, pool), pool)
    assert await redis.xlen(STREAM) == before
    await pool.execute("ALTER TABLE gone RENAME TO queue")
    await moved(Journal(redis, line.rooms, pool), pool)
    assert await redis.xlen(STREAM) == 0
    assert len(await table(pool)) == 3


class Interrupted(Journal):
    """Somebody joins while a batch is being written."""

    line: Line

    async def _write(self, connection: Any, room_id: str, entries: list[Entry], *rest: Any) -> None:
        await super()._write(connection, room_id, entries, *rest)
        await self.line.enter("late")


async def test_what_comes_while_a_batch_is_written_is_not_lost(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    line = Line(redis)
    await history(line)
    journal = Interrupted(redis, line.rooms, pool)
    journal.line = line
    await moved(journal, pool)
    await moved(Journal(redis, line.rooms, pool), pool)
    assert "late" in [row[1] for row in await table(pool)]


async def test_a_closing_ends_what_was_live_and_nothing_else(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    line = Line(redis)
    await history(line)
    other = Rooms(redis, clock=lambda: line.now_ms)
    await other.configure("autumn-tour", {"max_active": 0})
    await other.enter("autumn-tour", "v0")
    # Both generations in one batch: the closing lies between them.
    await line.configure(state="closed")
    await line.configure(state="open")
    await line.enter("v2")
    entries: Any = await redis.xrange(STREAM)
    (closing,) = (entry for _, entry in entries if entry["s"] == "CLOSED")
    journal = Journal(redis, line.rooms, pool)
    await moved(journal, pool)
    rows = await table(pool)
    assert [(row[0].split(".")[0], *row[1:4]) for row in rows] == [
        ("autumn-tour", "v0", "WAIT", None),
        (ROOM, "v0", "EXPIRED", "completed"),
        (ROOM, "v1", "EXPIRED", "left"),
        (ROOM, "v2", "EXPIRED", "closed"),
        (ROOM, "v2", rows[4][2], None),
    ]
    assert rows[4][2] != "EXPIRED"
    await redis.xadd(STREAM, closing)  # again, and late
    await moved(journal, pool)
    assert await table(pool) == rows


async def test_ages_not_times_cross_from_one_store_to_the_other(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    rooms = Rooms(redis)
    await rooms.configure(ROOM, {"max_active": 1, "active_ttl_s": 100})
    await rooms.enter(ROOM, "ann")
    entries: Any = await redis.xrange(STREAM)
    ((_, entry),) = entries
    await redis.xtrim(STREAM, maxlen=0)
    # As told by a store whose clock is right: an hour ago, whatever PostgreSQL's clock says.
    await redis.xadd(STREAM, {**entry, "t": str(int(entry["t"]) - 3_600_000)})
    await moved(Journal(redis, rooms, pool), pool)
    ages = await pool.fetchrow(
        "SELECT extract(epoch FROM now() - created_at) AS created,"
        " extract(epoch FROM expired_at - admitted_at) AS lasts FROM queue"
    )
    assert ages is not None
    assert abs(float(ages["created"]) - 3600) < 60
    assert float(ages["lasts"]) == 100


@pytest.mark.parametrize("why", ["extension", "outage"])
async def test_deadlines_that_moved_are_told_to_the_table(
    redis: Redis, pool: asyncpg.Pool, why: str
) -> None:
    rooms = Rooms(redis)
    await rooms.configure(ROOM, {"max_active": 1, "active_ttl_s": 100})
    await rooms.enter(ROOM, "ann")
    await rooms.enter(ROOM, "bob")
    journal = Journal(redis, rooms, pool)
    await moved(journal, pool)
    lasts = "SELECT extract(epoch FROM expired_at - admitted_at) FROM queue WHERE visitor = $1"
    assert await pool.fetchval(lasts, "ann") == 100
    if why == "extension":
        await rooms.extend(ROOM, 600)
    else:
        await redis.hincrby(room_keys(ROOM, "settings")[0], "heartbeat_ms", -600_000)
        await rooms.admit(ROOM, 1000)
    await moved(journal, pool)
    assert abs(float(await pool.fetchval(lasts, "ann")) - 700) < 5
    assert await pool.fetchval(lasts, "bob") is None


async def test_deadlines_that_moved_are_no_longer_those_of_who_left(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    rooms = Rooms(redis)
    await rooms.configure(ROOM, {"max_active": 1, "active_ttl_s": 100})
    await rooms.enter(ROOM, "ann")
    journal = Journal(redis, rooms, pool)
    await moved(journal, pool)
    # As after a lost second of the store: it does not know of the end that the table knows.
    await pool.execute(
        "UPDATE queue SET status = 'EXPIRED', reason = 'left', ended_at = now(), expired_at = now()"
    )
    once = await table(pool)
    await rooms.extend(ROOM, 600)
    await moved(journal, pool)
    assert await table(pool) == once


async def test_much_work_is_followed_by_no_longer_rest(
    redis: Redis, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    async def a_minute(*_: Any) -> None:
        nonlocal now
        now += 60

    monkeypatch.setattr(journal_module, "tell_deadlines", a_minute)
    line = Line(redis)
    await line.configure()
    await line.throng(1)
    await line.rooms.extend(ROOM, 10)
    journal = Journal(redis, line.rooms, pool, clock=lambda: now)
    assert await moved(journal, pool) > 0
    assert now == 60
    assert journal.pause_s == journal_module.PAUSE_S


async def test_rooms_that_take_long_to_look_at_are_looked_at_less_often(
    redis: Redis, pool: asyncpg.Pool
) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    line = Line(redis)
    await line.configure()
    journal = Journal(redis, line.rooms, pool, clock=clock)
    await moved(journal, pool)
    assert journal.pause_s == 1 / journal_module.SHARE
