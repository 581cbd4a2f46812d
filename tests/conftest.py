"""What tests share: real engines, a clean Redis and a database of its own for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from onsale.engines import Postgres
from shared import stores
from tests import engines
from tests.exploration import EXPLORES

# A change is judged by the same examples as the one before it; new ones are for `make explore`.
settings.register_profile("onsale", derandomize=not EXPLORES)
settings.load_profile("onsale")

#: A busy machine is no store that does not answer.
PATIENCE = 8

pytest_plugins = ("tests.no_skips", "tests.booking_stack")


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Redis more time to answer than the product does, but in tests of its deadlines."""
    if request.node.get_closest_marker("deadlines") is None:
        for name in ("REDIS_DEADLINE_S", "TURN_DEADLINE_S", "TOTAL_DEADLINE_S"):
            monkeypatch.setattr(stores, name, PATIENCE * getattr(stores, name))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Valkey; tests that write use the fixture `redis`, which empties it first."""
    with engines.valkey() as valkey:
        yield valkey.url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A real PostgreSQL; tests use `database_url`, a migrated database of their own on it."""
    with engines.postgresql() as postgresql:
        yield postgresql


@pytest.fixture(scope="session")
def migrated_template(postgresql: Postgres) -> str:
    """The database, brought up to date once, that `database_url` is cloned from."""
    return engines.migrated_template(postgresql)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis, answers decoded."""
    client = Redis.from_url(redis_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def databases(postgresql: Postgres, migrated_template: str) -> engines.Databases:
    """Migrated databases to lend."""
    return engines.Databases(postgresql.url, migrated_template)


@pytest.fixture
async def database_url(databases: engines.Databases) -> AsyncIterator[str]:
    """The URL of a migrated, empty database of this test's own."""
    url = await databases.lend()
    yield url
    await databases.take_back(url)
