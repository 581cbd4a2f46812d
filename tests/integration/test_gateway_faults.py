"""The gateway when its Redis is full, slow, forgetful, cut off or wrongly set up."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from queue_gateway.room import Rooms
from shared.errors import Unavailable
from shared.places import Places
from shared.stores import StoreRefused, connected_database, connected_redis, unavailable
from tests.integration.services import Client, served, settings
from tests.waiting import wait_until

TOKEN = "/v1/rooms/spring-tour/token"


@pytest.fixture
async def gateway(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Client]:
    await Rooms(redis).configure("spring-tour", {"max_active": 1, "admit_per_minute": 60_000})
    async with served(create_app(settings(redis_url, database_url))) as client:
        yield client


async def join(gateway: Client, visitor: str) -> int:
    answer = await gateway.as_visitor(visitor, "POST", TOKEN)
    assert answer.code in (None, "unavailable")
    return answer.status


async def test_a_full_redis_refuses_a_join_whole_and_the_loop_lives_on(
    gateway: Client, redis: Redis
) -> None:
    assert await join(gateway, "ann") == 201
    assert await join(gateway, "bob") == 201
    await redis.config_set("maxmemory", "1kb")
    try:
        assert await join(gateway, "cat") == 503
        assert await redis.zscore("{room:spring-tour}:waiting", "cat") is None
        assert await redis.hget("{room:spring-tour}:settings", "last_number") == "2"
    finally:
        await redis.config_set("maxmemory", "0")
    assert await join(gateway, "cat") == 201
    await Rooms(redis).configure("spring-tour", {"max_active": 3})

    async def all_in() -> bool:
        return int(await redis.zcard("{room:spring-tour}:active")) == 3

    await wait_until(all_in)


async def test_a_full_redis_serves_whom_it_can_of_those_who_ask_together(redis: Redis) -> None:
    rooms, places = Rooms(redis), Places(redis)
    await rooms.configure("spring-tour", {"max_active": 1, "admit_per_minute": 60_000})
    inside, waits = [(await rooms.enter("spring-tour", who)).place for who in ("ann", "bob")]
    await redis.config_set("maxmemory", "1kb")
    try:
        polls = await asyncio.gather(*map(places.status, (waits, inside)), return_exceptions=True)
        joins = await asyncio.gather(
            *(rooms.enter("spring-tour", who) for who in ("cat", "ann")), return_exceptions=True
        )
    finally:
        await redis.config_set("maxmemory", "0")

    refused, served = zip(polls, joins, strict=True)
    assert [type(unavailable(error)) for error in refused if isinstance(error, Exception)] == [
        Unavailable
    ] * 2
    assert not [error for error in served if isinstance(error, Exception)]
    assert await redis.hget("{room:spring-tour}:settings", "last_number") == "2"


@pytest.mark.deadlines
async def test_a_redis_that_does_not_answer_is_503_and_comes_back_by_itself(
    gateway: Client, redis: Redis
) -> None:
    await redis.client_pause(4000, all=True)
    async with asyncio.timeout(10):
        assert await join(gateway, "ann") == 503

    async def back() -> bool:
        return await join(gateway, "ann") in (200, 201)

    await wait_until(back)


async def test_cut_connections_and_forgotten_scripts_cost_no_request(
    gateway: Client, redis: Redis
) -> None:
    assert await join(gateway, "ann") == 201
    await redis.client_kill_filter(_type="normal", skipme=True)
    await redis.script_flush()

    async def found() -> bool:
        return await join(gateway, "ann") == 200

    await wait_until(found)
    assert await join(gateway, "bob") == 201


async def test_a_redis_that_evicts_is_refused_at_start(redis: Redis, redis_url: str) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreRefused, match="noeviction"):
            async with connected_redis(redis_url):
                pass
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "http://127.0.0.1/", "nonsense"])
async def test_a_wrong_redis_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(StoreRefused, match=r"^[^\n]*REDIS_URL[^\n]*$"):
        async with connected_redis(url):
            pass


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/x", "http://127.0.0.1/", "nonsense"])
async def test_a_wrong_database_url_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(StoreRefused, match=r"^[^\n]*DATABASE_URL[^\n]*$"):
        async with connected_database(url, application="test"):
            pass
