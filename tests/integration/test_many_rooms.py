"""Thousands of rooms, few of them busy: the loops' work is that of the busy ones."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Self

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from onsale.verify.check import verify
from queue_gateway import admission
from queue_gateway.admission import LOOKED_AT, SERVED, Admission
from queue_gateway.app import create_app
from queue_gateway.journal import Journal
from queue_gateway.room import REGISTRY, Rooms, _keys
from queue_gateway.room_settings import DEFAULTS
from shared.places import room_keys
from shared.scripts import Script, source
from tests.integration.services import served, settings
from tests.waiting import wait_until

NOW_MS = 1_800_000_000_000
MANY = 1200


class Hall:
    """Many rooms under a clock that the test turns, and one process's admission loop."""

    def __init__(self, client: Redis):
        self.client = client
        self.now_ms = NOW_MS
        self.rooms = Rooms(client, clock=lambda: self.now_ms)
        self.loop = Admission(self.rooms, self.rooms.woken)

    async def open(self, count: int) -> None:
        """Make so many rooms, quicker than one by one."""
        names = [f"r{number}" for number in range(count)]
        defaults = [part for pair in DEFAULTS.items() for part in pair]
        await self.client.script_load(source("configure"))
        for at in range(0, count, 500):
            some = names[at : at + 500]
            made = await Script(self.client, "configure").each(
                [(_keys(name), [self.now_ms, "*", 0, 0, *defaults]) for name in some]
            )
            assert [outcome for outcome, _ in made] == ["created"] * len(some)
        await self.client.sadd(REGISTRY, *names)

    async def held_up(self, room_id: str) -> str:
        """A visitor who waits there, and could be admitted now."""
        await self.rooms.configure(room_id, {"max_active": 0})
        await self.rooms.enter(room_id, "ann")
        await self.rooms.configure(room_id, {"max_active": 1})
        return room_id

    async def active(self, room_id: str) -> int:
        return (await self.rooms.view(room_id)).active

    async def ticks_until_admitted(self, room_id: str) -> int:
        for tick in range(1, 1000):
            await self.loop.tick()
            if await self.active(room_id):
                return tick
        raise AssertionError("nobody was admitted")


@pytest.fixture
async def hall(redis: Redis) -> Hall:
    hall = Hall(redis)
    await hall.open(MANY)
    return hall


class Spent:
    """What a piece of work cost the store."""

    def __init__(self, client: Redis):
        self._client = client
        self.calls: Counter[str] = Counter()
        self.trips = 0

    async def __aenter__(self) -> Self:
        await self._client.config_resetstat()
        pool: Any = self._client.connection_pool
        self._get = pool.get_connection
        pool.get_connection = self._counted
        return self

    async def _counted(self, *args: Any, **kwargs: Any) -> Any:
        self.trips += 1
        return await self._get(*args, **kwargs)

    async def __aexit__(self, *_: object) -> None:
        pool: Any = self._client.connection_pool
        pool.get_connection = self._get
        for name, figures in (await self._client.info("commandstats")).items():
            self.calls[name.removeprefix("cmdstat_")] = figures["calls"]


async def test_a_tick_among_many_rooms_costs_what_the_busy_ones_cost(hall: Hall) -> None:
    busy = [await hall.held_up(f"r{number}") for number in range(20)]
    await hall.loop.tick()
    async with Spent(hall.client) as spent:
        await hall.loop.tick()
    assert spent.trips <= 8
    # SSCAN gives about as many as it is asked for.
    assert len(busy) <= spent.calls["evalsha"] <= len(busy) + 2 * SERVED
    assert spent.calls["exists"] <= 2 * LOOKED_AT


@pytest.fixture
async def far(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> str:
    """A quiet room whose turn does not come for long."""
    monkeypatch.setattr(admission, "LOOKED_AT", 1)
    monkeypatch.setattr(admission, "SERVED", 1)
    hall.loop = Admission(hall.rooms, hall.rooms.woken)
    _, soon = await hall.rooms.some(0, 100)
    return next(name for name in await hall.rooms.names() if name not in soon)


async def test_who_joins_a_quiet_room_is_admitted_with_the_next_tick(hall: Hall, far: str) -> None:
    await hall.held_up(far)
    assert await hall.ticks_until_admitted(far) == 1


async def test_a_room_in_which_somebody_waits_is_served_in_every_tick(hall: Hall, far: str) -> None:
    await hall.rooms.configure(far, {"max_active": 0})
    await hall.rooms.enter(far, "ann")
    for _ in range(3):
        await hall.loop.tick()
    await hall.rooms.configure(far, {"max_active": 1})
    assert await hall.ticks_until_admitted(far) == 1


async def test_a_room_that_was_woken_while_the_store_was_gone_is_served_when_it_is_back(
    hall: Hall, far: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hall.held_up(far)
    with monkeypatch.context() as gone:

        async def lost(*_: object) -> None:
            raise NoConnection("gone")

        gone.setattr(hall.rooms, "admit_each", lost)
        with pytest.raises(NoConnection):
            await hall.loop.tick()
    assert await hall.ticks_until_admitted(far) == 1


async def test_a_room_that_another_process_filled_is_found_within_one_walk(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "SERVED", 1)
    hall.loop = Admission(hall.rooms, hall.rooms.woken)
    await hall.held_up("r7")
    hall.rooms.woken.clear()
    assert await hall.ticks_until_admitted("r7") <= 2 * MANY // LOOKED_AT


async def test_every_quiet_room_is_served_in_its_turn(hall: Hall) -> None:
    hall.now_ms += 60_000
    for _ in range(2 * MANY // SERVED):
        await hall.loop.tick()
    keys = [room_keys(f"r{number}", "settings")[0] for number in range(MANY)]
    async with hall.client.pipeline(transaction=False) as together:
        for key in keys:
            together.hget(key, "heartbeat_ms")
        beats = await together.execute()
    assert set(beats) == {str(hall.now_ms)}


async def test_a_room_that_everybody_left_is_quiet_again(hall: Hall) -> None:
    await hall.rooms.enter("r7", "ann")
    await hall.loop.tick()
    assert hall.loop._busy == {"r7"}
    await hall.rooms.configure("r7", {"state": "closed"})
    await hall.loop.tick()
    assert not hall.loop._busy


async def test_a_deleted_room_is_forgotten(hall: Hall) -> None:
    await hall.rooms.enter("r7", "ann")
    await hall.rooms.configure("r7", {"state": "closed"})
    await hall.client.delete(*room_keys("r7", "journal"))
    hall.now_ms += 10
    assert await hall.rooms.remove("r7") == "removed"
    await hall.loop.tick()
    assert not hall.loop._busy


async def test_the_failure_of_one_room_holds_up_no_other(hall: Hall) -> None:
    await hall.held_up("r1")
    await hall.held_up("r2")
    await hall.held_up("r3")
    await hall.client.delete(*room_keys("r2", "claims"))
    await hall.client.set(room_keys("r2", "claims")[0], "no sorted set")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await hall.loop.tick()
    assert [await hall.active(room) for room in ("r1", "r2", "r3")] == [1, 0, 1]


async def test_scripts_that_the_store_forgot_cost_no_tick(hall: Hall) -> None:
    await hall.held_up("r1")
    await hall.client.script_flush()
    assert await hall.ticks_until_admitted("r1") == 1


async def test_whoever_joins_a_quiet_room_meets_no_outage(
    redis: Redis,
) -> None:
    hall = Hall(redis)
    await hall.open(3)
    await hall.loop.tick()
    hall.now_ms += 5_000  # as long as its turn may take
    entered = await hall.rooms.enter("r1", "ann")
    await hall.held_up("r2")
    with capture_logs() as logs:
        await hall.loop.tick()
    assert logs == []
    assert await hall.active("r2") == 1
    assert entered.status.expires_at_ms == hall.now_ms + DEFAULTS["active_ttl_s"] * 1000
    entries: Any = await redis.xrange(room_keys("r2", "journal")[0])
    assert [entry["s"] for _, entry in entries] == ["WAIT", "ACTIVE"]


async def test_an_outage_of_busy_rooms_is_told_in_one_line(redis: Redis) -> None:
    hall = Hall(redis)
    await hall.open(3)
    await hall.held_up("r1")
    await hall.held_up("r2")
    await hall.loop.tick()
    hall.now_ms += 5_000
    with capture_logs() as logs:
        await hall.loop.tick()
    (log,) = logs
    assert (log["event"], log["outage_ms"], log["rooms"]) == ("outage_bridged", 5_000, 2)
    assert log["room_id"] in {"r1", "r2"}


async def test_a_round_goes_on_until_no_work_is_left(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ADMIT_LIMIT", 2)
    await hall.rooms.configure("r1", {"max_active": 0, "admit_per_minute": 6000})
    for number in range(7):
        await hall.rooms.enter("r1", f"v{number}")
    await hall.rooms.configure("r1", {"max_active": 7})
    await hall.loop.tick()
    assert await hall.active("r1") == 7


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        yield pool


async def test_the_journal_reads_only_rooms_in_which_something_happened(
    hall: Hall, pool: asyncpg.Pool
) -> None:
    for number in (3, 700, 1199):
        await hall.rooms.enter(f"r{number}", "ann")
    journal = Journal(hall.client, hall.rooms, pool)
    async with pool.acquire() as connection, Spent(hall.client) as spent:
        assert await journal.move(connection) == 3
    assert spent.calls["xrange"] == 3
    assert spent.trips <= 20
    assert await pool.fetchval("SELECT count(*) FROM queue WHERE visitor = 'ann'") == 3


@pytest.mark.slow
async def test_ten_thousand_rooms_let_in_whoever_joins_one_of_them(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    hall = Hall(redis)
    hall.rooms = Rooms(redis)
    await hall.open(10_000)
    async with served(create_app(settings(redis_url, database_url))) as gateway:
        for number in (1, 5000, 9999):
            await redis.hset(room_keys(f"r{number}", "settings")[0], "max_active", "0")
            joined = await gateway.as_visitor("ann", "POST", f"/v1/rooms/r{number}/token")
            assert (joined.status, joined.json["status"]) == (201, "WAIT")
            await redis.hset(room_keys(f"r{number}", "settings")[0], "max_active", "1")

            async def let_in(token: str = joined.json["token"], number: int = number) -> bool:
                path = f"/v1/rooms/r{number}/token"
                answer = await gateway.ask("GET", path, headers={"Queue-Token": token})
                return bool(answer.json["status"] == "ACTIVE")

            await wait_until(let_in)
        page = await gateway.ask("GET", "/v1/rooms")
        assert page.status == 200
        assert page.json["next_cursor"]
        report = await verify(redis_url, database_url)
    assert not report.broken
    (active,) = (found for found in report.findings if found.name == "A1")
    assert "3 ACTIVE now" in active.counted
