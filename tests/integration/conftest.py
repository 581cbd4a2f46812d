"""Rooms on both engines of the scripts."""

from collections.abc import AsyncIterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from tests.integration.lines import Line


@pytest.fixture(params=["valkey", "fakeredis"])
async def line(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Line]:
    """An empty store without a room, once Valkey and once fakeredis."""
    if request.param == "valkey":
        yield Line(redis)
        return
    fake = FakeAsyncRedis(decode_responses=True)
    yield Line(fake)
    await fake.aclose()
