"""Many requests in one moment: they share what can be shared, and wait their turn for the rest."""

import asyncio
from typing import Any

import pytest
from redis import ConnectionError as NoConnection
from redis.asyncio import Redis

from queue_gateway.app import create_app
from queue_gateway.room import Rooms
from queue_gateway.room_view import RoomView
from shared import stores
from shared.errors import NotFound
from shared.stores import REDIS
from tests.integration.services import served, settings
from tests.waiting import wait_until


class Counting(Rooms):
    """Rooms that count how often a view is read."""

    readings = 0

    async def view(self, room_id: str, slots: int = 6) -> RoomView:
        self.readings += 1
        return await super().view(room_id, slots)


@pytest.fixture
async def rooms(redis: Redis) -> Counting:
    rooms = Counting(redis)
    await rooms.configure("spring-tour", {"max_active": 1})
    return rooms


async def test_all_who_look_at_a_room_in_one_moment_share_one_reading(rooms: Counting) -> None:
    views = await asyncio.gather(*(rooms.recent_view("spring-tour") for _ in range(200)))
    assert rooms.readings == 1
    assert {view.room_id for view in views} == {"spring-tour"}


async def test_who_goes_away_does_not_take_the_reading_along(rooms: Counting) -> None:
    first = asyncio.create_task(rooms.recent_view("spring-tour"))
    second = asyncio.create_task(rooms.recent_view("spring-tour"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).room_id == "spring-tour"


async def test_a_failed_reading_is_not_kept(rooms: Counting) -> None:
    for _ in range(2):
        with pytest.raises(NotFound):
            await rooms.recent_view("no-such-room")
    assert rooms.readings == 2
    assert "no-such-room" not in rooms._views


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "REDIS_CONNECTIONS", 1)


@pytest.mark.usefixtures("one_connection")
async def test_who_has_waited_for_a_connection_goes_before_who_comes(redis_url: str) -> None:
    async with stores.redis_client(redis_url) as client:
        pool: Any = client.connection_pool
        order = []

        async def use(who: str) -> None:
            connection = await pool.get_connection()
            order.append(who)
            await pool.release(connection)

        taken = await pool.get_connection()
        waiting = [asyncio.create_task(use(f"waiting {number}")) for number in range(3)]
        await asyncio.sleep(0)
        await pool.release(taken)
        await use("newcomer")
        await asyncio.gather(*waiting)
    assert order == ["waiting 0", "waiting 1", "waiting 2", "newcomer"]


@pytest.mark.deadlines
@pytest.mark.usefixtures("one_connection")
async def test_waiting_for_a_connection_is_bounded_and_costs_none(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stores.redis_client(redis_url) as client:
        pool: Any = client.connection_pool
        taken = await pool.get_connection()
        monkeypatch.setattr(stores, "REDIS_DEADLINE_S", 0.05)
        with pytest.raises(NoConnection):
            await pool.get_connection()
        monkeypatch.setattr(stores, "REDIS_DEADLINE_S", 5)
        await pool.release(taken)
        assert await client.ping()


@pytest.mark.usefixtures("one_connection")
async def test_a_connection_that_cannot_be_made_gives_its_turn_back() -> None:
    async with stores.redis_client("redis://127.0.0.1:1") as client:
        for _ in range(3):
            with pytest.raises(NoConnection, match="connecting"):
                await client.ping()


async def test_the_line_moves_on_while_the_crowd_queues_for_connections(
    redis: Redis, redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One for the loop, one that listens to the news of rooms.
    monkeypatch.setattr(stores, "REDIS_CONNECTIONS", 2)
    rooms = Rooms(redis)
    await rooms.configure("spring-tour", {"max_active": 0, "admit_per_minute": 60_000})
    await rooms.enter("spring-tour", "ann")
    app = create_app(settings(redis_url, database_url))
    async with served(app):
        pool: Any = app[REDIS].connection_pool
        taken = [await pool.get_connection() for _ in range(2)]
        await rooms.configure("spring-tour", {"max_active": 1})

        async def let_in() -> bool:
            return (await rooms.view("spring-tour")).active == 1

        await wait_until(let_in, within_s=5)
        for connection in taken:
            await pool.release(connection)
