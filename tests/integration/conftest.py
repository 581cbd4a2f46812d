"""Rooms on both engines of the scripts, and a gateway over HTTP."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from queue_gateway.app import create_app
from tests.integration.lines import Line
from tests.integration.services import Client, served, settings


@pytest.fixture(params=["valkey", "fakeredis"])
async def line(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Line]:
    """An empty store without a room, once Valkey and once fakeredis."""
    if request.param == "valkey":
        yield Line(redis)
        return
    fake = FakeAsyncRedis(decode_responses=True)
    yield Line(fake)
    await fake.aclose()


@pytest.fixture
def app(redis: Redis, redis_url: str, database_url: str) -> web.Application:
    """The gateway's application, on real stores; `gateway` serves it."""
    return create_app(settings(redis_url, database_url))


@pytest.fixture
async def gateway(app: web.Application) -> AsyncIterator[Client]:
    """A gateway without a room, on real stores."""
    async with served(app) as client:
        yield client
