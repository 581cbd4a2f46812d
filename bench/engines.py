"""Engines and services of a benchmark's own, on free ports; removed at its end."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import redis.asyncio as redis

from onsale.engines import Valkey
from onsale.stack import Stack, run_stack
from shared.settings import Environment

#: What would lead a benchmark to a sale that is somebody's.
_OTHERS = ("REDIS_URL", "DATABASE_URL", "ONSALE_HOME")


def processes() -> int:
    """How many of each service, and of what it is measured against: as `onsale up` is told."""
    return Environment(os.environ).integer("ONSALE_WORKERS", 1, 1, 64)


@asynccontextmanager
async def valkey() -> AsyncIterator[Valkey]:
    """A store alone, set up as `onsale up` does it."""
    with tempfile.TemporaryDirectory(prefix="onsale-bench-") as folder:
        log = Path(folder) / "valkey.log"
        engine = Valkey(Path(folder) / "valkey", log=log, password="bench")  # noqa: S106
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()


@asynccontextmanager
async def stack(workers: int = 1, redis_url: str | None = None) -> AsyncIterator[Stack]:
    """A whole sale: both engines and both services, each with so many processes.

    `redis_url`: a store that holds something already, instead of an own one.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OTHERS}
    if redis_url:
        environment["REDIS_URL"] = redis_url
    async with run_stack(workers=workers, environment=environment) as running:
        yield running


@asynccontextmanager
async def stores(sale: Stack) -> "AsyncIterator[tuple[redis.Redis, asyncpg.Pool]]":
    """Connections to both stores of a sale, beside its services."""
    async with (
        redis.Redis.from_url(sale.redis_url, decode_responses=True, protocol=2) as client,
        asyncpg.create_pool(sale.database_url, min_size=1, max_size=2) as pool,
    ):
        yield client, pool
