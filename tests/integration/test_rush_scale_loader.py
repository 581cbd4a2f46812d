"""The bulk loader: the gateway's own script, its bounds included."""

import asyncio

import pytest
from redis.asyncio import Redis

from onsale.rush.client import Unexpected, Unreachable
from onsale.rush.scale import loader
from onsale.rush.scale.loader import BATCH, Line
from queue_gateway.room import Rooms
from shared.places import JOURNAL, room_keys

ROOM = "room"
WAITING, JOURNALED = room_keys(ROOM, "waiting", JOURNAL)


def named(number: int) -> str:
    return f"visitor-{number}"


def nobody(_: int) -> None:
    pass


@pytest.fixture
async def rooms(redis: Redis) -> Rooms:
    rooms = Rooms(redis)
    await rooms.configure(ROOM, {"state": "paused"})
    return rooms


async def test_all_are_in_line_in_their_order_and_in_the_journal(
    rooms: Rooms, redis: Redis
) -> None:
    told: list[int] = []
    loaded = await Line(redis, ROOM).fill(2 * BATCH + 7, named, told.append)
    assert (loaded.joined, told) == (1007, [500, 1000, 1007])
    line = await redis.zrange(WAITING, 0, -1, withscores=True)
    assert line == [(named(number), number) for number in range(1, 1008)]
    assert await redis.xlen(JOURNALED) == 1007


async def test_a_full_journal_is_waited_for_and_nobody_is_left_out(
    rooms: Rooms, redis: Redis
) -> None:
    line = Line(redis, ROOM, journal_max=300)
    filling = asyncio.create_task(line.fill(1000, named, nobody))
    while not filling.done():  # whoever moves the journal
        await redis.xtrim(JOURNALED, maxlen=0, approximate=False)
        await asyncio.sleep(0.01)
    loaded = await filling
    assert loaded.joined == await redis.zcard(WAITING) == 1000
    assert loaded.held_up_s > 0


async def test_a_journal_that_nobody_moves_is_told(
    rooms: Rooms, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "PATIENCE_S", 0.3)
    line = Line(redis, ROOM, journal_max=300)
    with pytest.raises(Unreachable, match="the journal is full"):
        await line.fill(1000, named, nobody)
    with pytest.raises(Unreachable, match="300 entries stay in the journal"):
        await line.written_down(nobody)


async def test_a_room_that_is_closed_meanwhile_is_told(rooms: Rooms, redis: Redis) -> None:
    await rooms.configure(ROOM, {"state": "closed"})
    with pytest.raises(Unexpected, match="closed"):
        await Line(redis, ROOM).fill(10, named, nobody)


async def test_a_room_that_is_not_there_is_told(redis: Redis) -> None:
    with pytest.raises(Unexpected, match="gone"):
        await Line(redis, "nowhere").fill(10, named, nobody)
