"""A Redis that is gone, slow, read-only, full or loading: each route of the gateway answers 503 in
time, no join is half done, and all goes on by itself when the store is back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from queue_gateway.app import create_app
from queue_gateway.room import Rooms
from shared.stores import redis_client
from tests import engines
from tests.crashing import KillableValkey
from tests.integration.gateways import ADMIN, ROOM, TOKEN, Queued, configure, join, queued
from tests.integration.services import ADMIN_KEY, Answer, Client, identity, served, settings
from tests.waiting import wait_until
from tests.wire import Wire, wired

pytestmark = pytest.mark.deadlines

#: Two seconds, and what a busy machine adds.
IN_TIME_S = 3.0
STREAMS = (f"GET {TOKEN}/events", f"GET {ADMIN}/stats/stream")
#: They go through where they free memory.
ENDING = (f"DELETE {ADMIN}", f"POST {ADMIN}/reset")

OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}", "If-Match": "*"}


@dataclass
class Faulty:
    """A gateway with somebody in line, and the store behind it."""

    gateway: Client
    redis: Redis
    wire: Wire
    token: Queued

    async def ask(self, *without: str) -> dict[tuple[str, str], tuple[Answer, float]]:
        """Each route's answer and how long it took, all asked in one moment.

        The room's public state is left out: it may be one of the moment before.
        """
        routes: list[tuple[str, str, dict[str, str], Any]] = [
            ("POST", TOKEN, {"Authorization": f"Bearer {identity('cat')}"}, None),
            *((method, TOKEN, self.token, None) for method in ("GET", "DELETE")),
            ("GET", f"{ROOM}/authorize", self.token, None),
            ("GET", "/v1/rooms", {}, None),
            ("GET", f"{TOKEN}/events", self.token, None),
            ("GET", "/v1/admin/rooms", OPERATOR, None),
            ("POST", "/v1/admin/rooms", OPERATOR, {"room_id": "another"}),
            *((method, ADMIN, OPERATOR, {}) for method in ("GET", "PUT", "DELETE")),
            ("POST", f"{ADMIN}/reset", OPERATOR, None),
            ("POST", f"{ADMIN}/admissions", OPERATOR, {"count": 1}),
            ("POST", f"{ADMIN}/extension", OPERATOR, {"seconds": 1}),
            *((method, f"{ADMIN}/tokens/ann", OPERATOR, None) for method in ("GET", "DELETE")),
            ("GET", f"{ADMIN}/stats", OPERATOR, None),
            ("GET", f"{ADMIN}/stats/stream", OPERATOR, None),
        ]
        asked = [route for route in routes if f"{route[0]} {route[1]}" not in without]
        found = await asyncio.gather(*(self._timed(*route) for route in asked))
        return {
            (method, path): answer for (method, path, *_), answer in zip(asked, found, strict=True)
        }

    async def _timed(
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> tuple[Answer, float]:
        began = time.monotonic()
        answer = await self.gateway.ask(method, path, headers=headers, json=body)
        return answer, time.monotonic() - began

    async def back(self) -> None:
        """Joining works again, and the loop admits whoever joins."""

        async def joined() -> bool:
            answer = await join(self.gateway, "dora")
            assert answer.code in (None, "unavailable"), answer.json
            return answer.status in (200, 201)

        await wait_until(joined)
        await Rooms(self.redis).configure("spring-tour", {"max_active": 1000})

        async def admitted() -> bool:
            return bool((await join(self.gateway, "dora")).json["status"] == "ACTIVE")

        await wait_until(admitted)


@pytest.fixture
async def faulty(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Faulty]:
    async with (
        wired(redis_url) as wire,
        served(create_app(settings(wire.url, database_url))) as gateway,
    ):
        await configure(gateway, max_active=0, admit_per_minute=60_000)
        token = queued(await join(gateway, "ann"))
        yield Faulty(gateway, redis, wire, token)


@asynccontextmanager
async def gone(faulty: Faulty) -> AsyncIterator[None]:
    await faulty.wire.cut()
    try:
        yield
    finally:
        await faulty.wire.mend()


@asynccontextmanager
async def slow(faulty: Faulty) -> AsyncIterator[None]:
    await faulty.redis.client_pause(4000, all=True)
    yield


@asynccontextmanager
async def read_only(faulty: Faulty) -> AsyncIterator[None]:
    await faulty.redis.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        await faulty.redis.replicaof("NO", "ONE")


@asynccontextmanager
async def full(faulty: Faulty) -> AsyncIterator[None]:
    await faulty.redis.config_set("maxmemory", "1kb")
    try:
        yield
    finally:
        await faulty.redis.config_set("maxmemory", "0")


Fault = Callable[[Faulty], AbstractAsyncContextManager[None]]


@pytest.mark.parametrize("fault", [gone, slow])
async def test_a_store_that_does_not_answer_is_503_everywhere_and_in_time(
    faulty: Faulty, fault: Fault
) -> None:
    async with fault(faulty):
        answers = await faulty.ask()

    for route, (answer, took_s) in answers.items():
        assert (answer.status, answer.code) == (503, "unavailable"), route
        assert took_s < IN_TIME_S, route
    await faulty.back()


@pytest.mark.parametrize("fault", [read_only, full])
async def test_a_store_that_takes_nothing_refuses_whole_and_in_time(
    faulty: Faulty, fault: Fault
) -> None:
    """What only reads, or ends places and so frees memory, may go on."""
    before = await faulty.redis.hget("{room:spring-tour}:settings", "last_number")
    async with fault(faulty):
        answers = await faulty.ask(*STREAMS, *ENDING)
        assert await faulty.redis.zscore("{room:spring-tour}:waiting", "cat") is None
        after = await faulty.redis.hget("{room:spring-tour}:settings", "last_number")

    for route, (answer, took_s) in answers.items():
        assert answer.code in (None, "unavailable", "not_found", "version_conflict"), route
        assert took_s < IN_TIME_S, route
    for route in (("POST", TOKEN), ("POST", "/v1/admin/rooms"), ("PUT", ADMIN)):
        assert answers[route][0].code == "unavailable", route
    assert before == after
    await faulty.back()


async def test_whoever_waited_for_a_connection_waits_less_for_the_answer() -> None:
    """A crowd before a store that greets and answers nothing: more ask than connections are."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1") as silent:
        port = silent.sockets[0].getsockname()[1]
        client = redis_client(f"redis://127.0.0.1:{port}")

        async def waited_s(number: int) -> float:
            await asyncio.sleep(number / 200)
            began = time.monotonic()
            with pytest.raises((RedisConnectionError, RedisTimeoutError)):
                await client.ping()
            return time.monotonic() - began

        waits_s = await asyncio.gather(*(waited_s(number) for number in range(400)))
        await client.aclose()

    assert max(waits_s) < 2.5


class SlowlyLoading(KillableValkey):
    """A Valkey that takes its time for each key that it loads at its start."""

    def _write_config(self) -> Path:
        path = super()._write_config()
        with path.open("a") as file:
            file.write("key-load-delay 300\n")
        return path


async def test_a_store_that_is_loading_is_503_until_it_has_loaded(database_url: str) -> None:
    with engines.scratch_folder() as folder:
        store = SlowlyLoading(folder)
        await store.start()
        try:
            async with (
                Redis.from_url(store.url, decode_responses=True) as client,
                served(create_app(settings(store.url, database_url))) as gateway,
            ):
                await configure(gateway, max_active=0, admit_per_minute=60_000)
                token = queued(await join(gateway, "ann"))
                async with client.pipeline(transaction=False) as many:
                    for number in range(12_000):
                        many.set(f"key-{number}", "")
                    await many.execute()
                await store.stop()
                starting = asyncio.ensure_future(store.start())
                seen = set()
                while not starting.done():
                    answer = await gateway.ask("GET", TOKEN, headers=token)
                    seen.add((answer.status, answer.code))
                await starting

                async def found() -> bool:
                    answer = await gateway.ask("GET", TOKEN, headers=token)
                    return bool(answer.json["status"] == "WAIT")

                assert (503, "unavailable") in seen
                await wait_until(found)
                await configure(gateway, max_active=1)

                async def admitted() -> bool:
                    answer = await gateway.ask("GET", TOKEN, headers=token)
                    return bool(answer.json["status"] == "ACTIVE")

                await wait_until(admitted)
        finally:
            await store.stop()
