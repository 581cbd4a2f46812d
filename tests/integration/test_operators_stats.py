"""A room's figures, once and as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis

from queue_gateway import admin_stats
from queue_gateway.app import create_app
from queue_gateway.history import History
from shared.stores import connected_database
from tests.integration.gateways import ADMIN, TOKEN, configure, join, queued
from tests.integration.services import ADMIN_KEY, Client, served, settings
from tests.waiting import wait_until

STATS = f"{ADMIN}/stats"
STREAM = f"{STATS}/stream"
OPERATOR = {"Authorization": f"Bearer {ADMIN_KEY}"}


async def stats(gateway: Client) -> Any:
    answer = await gateway.as_operator("GET", STATS)
    assert answer.status == 200, answer.json
    return answer.json


@asynccontextmanager
async def stream(gateway: Client) -> AsyncIterator[aiohttp.ClientResponse]:
    async with gateway.session.get(gateway.url + STREAM, headers=OPERATOR) as response:
        yield response


async def event(response: aiohttp.ClientResponse) -> Any:
    """The data of the next event; None at the end of the stream."""
    async with asyncio.timeout(20):
        while line := (await response.content.readline()).decode():
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))
    return None


async def test_the_figures_say_what_happened(gateway: Client) -> None:
    lanes = [{"lane": "members", "weight": 3}, {"lane": "public", "weight": 1}]
    await configure(gateway, max_active=2, admit_per_minute=60_000, lanes=lanes)
    held = [queued(await join(gateway, f"v{number}")) for number in range(4)]

    async def two_inside() -> bool:
        found = await stats(gateway)
        return bool((found["active"], found["waiting"]) == (2, 2))

    await wait_until(two_inside)
    assert (await gateway.ask("DELETE", TOKEN, headers=held[3])).status == 204
    assert (await gateway.as_operator("DELETE", f"{ADMIN}/tokens/v2")).status == 204

    found = await stats(gateway)

    assert (found["room_id"], found["admitted"]) == ("spring-tour", 2)
    assert (found["waiting"], found["active"]) == (0, 2)
    assert found["ended"] == {
        **dict.fromkeys(("completed", "idle", "unclaimed", "timed_out", "closed", "sold_out"), 0),
        "left": 1,
        "revoked": 1,
    }
    assert [(lane["lane"], lane["weight"], lane["waiting"]) for lane in found["lanes"]] == [
        ("members", 3, 0),
        ("public", 1, 0),
    ]


async def test_the_last_hour_is_told_in_slots_of_ten_seconds(gateway: Client) -> None:
    await configure(gateway)
    await join(gateway, "ann")

    slots = (await stats(gateway))["admissions_per_s"]

    times = [datetime.fromisoformat(slot["at"]) for slot in slots]
    assert len(slots) == 360
    assert {(b - a).total_seconds() for a, b in pairwise(times)} == {10}
    assert sum(slot["admitted"] for slot in slots) == 1
    assert 1 in (slots[-1]["admitted"], slots[-2]["admitted"])


async def test_waits_are_measured_and_a_reset_forgets_them(gateway: Client) -> None:
    await configure(gateway, max_active=0)
    assert (await stats(gateway))["waits_s"] is None
    for number in range(3):
        await join(gateway, f"v{number}")
    await configure(gateway, max_active=3, admit_per_minute=60_000)

    async def measured() -> Any:
        return (await stats(gateway))["waits_s"]

    waits = await wait_until(measured)
    assert 0 < waits["p50"] <= waits["p95"] < 60
    assert (await gateway.as_operator("POST", f"{ADMIN}/reset")).status == 200
    assert (await stats(gateway))["waits_s"] is None


async def test_waits_are_those_of_the_last_hour_and_of_the_latest_admissions(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10 s for everybody but: a rehearsal, an hour ago, another room, and before the latest 4."""
    rows = [
        ("room-a", 1, 1, 500, 1),
        ("room-a", 2, 1, 900, 3700),
        ("room-b", 2, 1, 900, 1),
        ("room-a", 2, 2, 900, 60),
        *(("room-a", 2, number, 10, 2) for number in range(3, 6)),
    ]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.executemany(
            "INSERT INTO queue (token_value, room_id, generation, number, visitor, status,"
            " created_at, admitted_at) SELECT $1::text || '.' || $2::bigint || '.' || $3::bigint,"
            " $1::text, $2, $3, 'v', 'ACTIVE', now() - ($4::float8 + $5::float8) * interval '1 s',"
            " now() - $5::float8 * interval '1 s'",
            [(room, gen, number, float(wait), float(ago)) for room, gen, number, wait, ago in rows],
        )
    finally:
        await connection.close()
    monkeypatch.setattr("queue_gateway.history.MOST_WAITS", 4)
    async with connected_database(database_url, application="test") as pool:
        history = History(pool)
        assert await history.waits_s("room-a", 2) == pytest.approx((10, 10), abs=0.1)
        assert await history.waits_s("room-a", 1) == pytest.approx((10, 426.5), abs=0.5)
        monkeypatch.setattr("queue_gateway.history.MOST_WAITS", 100)
        assert await history.waits_s("room-a", 2) == pytest.approx((10, 766.5), abs=0.5)
        assert await history.waits_s("room-a", 3) is None
        assert await history.waits_s("room-c", 0) is None


async def test_a_stream_tells_the_figures_each_second(gateway: Client) -> None:
    await configure(gateway)
    async with stream(gateway) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert "X-Request-Id" in response.headers
        first = await event(response)
        await join(gateway, "ann")
        second = await event(response)
        third = await event(response)

    assert (first["active"], first["admitted"]) == (0, 0)
    assert 1 in (second["active"], third["active"])
    assert set(first) == set(await stats(gateway))


async def test_a_stream_of_a_deleted_room_ends(gateway: Client) -> None:
    await configure(gateway)
    async with stream(gateway) as response:
        assert await event(response)
        assert (await gateway.as_operator("DELETE", ADMIN)).status == 204
        while await event(response):
            pass
    refused = await gateway.as_operator("GET", STREAM)
    assert (refused.status, refused.code) == (404, "not_found")


async def test_streams_are_bounded_and_make_room_when_they_end(
    gateway: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_stats, "MOST_STREAMS", 2)
    monkeypatch.setattr(admin_stats, "EVERY_S", 0.05)
    await configure(gateway)
    async with stream(gateway) as one, stream(gateway) as other:
        assert await event(one)
        assert await event(other)
        async with stream(gateway) as refused:
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0

    async def room_again() -> bool:
        async with stream(gateway) as response:
            return response.status == 200

    await wait_until(room_again)


async def test_a_head_request_opens_no_stream(gateway: Client) -> None:
    await configure(gateway)
    answer = await gateway.as_operator("HEAD", STREAM)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.deadlines
async def test_a_stream_outlives_a_store_that_does_not_answer(
    gateway: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_stats, "EVERY_S", 0.05)
    await configure(gateway)
    async with stream(gateway) as response:
        assert await event(response)
        await redis.client_pause(2000, all=True)
        async with asyncio.timeout(20):
            while (await response.content.readline()) != b": \n":
                pass
        assert (await event(response))["room_id"] == "spring-tour"


async def test_a_stopping_gateway_ends_its_streams(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    async with aiohttp.ClientSession() as session:
        async with served(create_app(settings(redis_url, database_url))) as gateway:
            await configure(gateway)
            listening = await session.get(gateway.url + STREAM, headers=OPERATOR)
            assert await event(listening)

        while await event(listening):
            pass
        listening.close()
