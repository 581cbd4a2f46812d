"""The scripts against a room in plain Python, on every engine they run on."""

from collections.abc import Iterator

import pytest
from fakeredis import FakeRedis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests import engines
from tests.exploration import TIMES
from tests.integration.room_machine import RoomMachine


@pytest.fixture(params=["valkey", "redis", "fakeredis"])
def client(request: pytest.FixtureRequest, redis_url: str) -> Iterator["Redis"]:
    if request.param == "fakeredis":
        connected: Redis = FakeRedis(decode_responses=True)
    elif request.param == "valkey":
        connected = Redis.from_url(redis_url, decode_responses=True)
    else:
        connected = Redis.from_url(request.getfixturevalue("debian_redis"), decode_responses=True)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def debian_redis() -> Iterator[str]:
    """A real Redis, where one is installed."""
    if not engines.redis_installed():
        pytest.skip("no redis-server here")
    with engines.redis_server() as url:
        yield url


def drive(client: "Redis", examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: RoomMachine(client),  # type: ignore[arg-type]
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def fewer_on_fakeredis(client: "Redis", examples: int) -> int:
    """It runs scripts five times more slowly than the stores do."""
    return examples // 3 if isinstance(client, FakeRedis) else examples


# A failure is made small for up to five minutes before it is told.
@pytest.mark.timeout(600)
def test_the_scripts_do_what_the_model_does(client: "Redis") -> None:
    drive(client, examples=fewer_on_fakeredis(client, 15), steps=25)


@pytest.mark.slow
@pytest.mark.timeout(900 * TIMES)
def test_the_scripts_do_what_the_model_does_for_long(client: "Redis") -> None:
    drive(client, examples=fewer_on_fakeredis(client, 150) * TIMES, steps=50)
