"""Server-sent events when clients, processes or Redis misbehave, and what streams cost."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio import Redis

from queue_gateway import events, streams
from queue_gateway.app import create_app
from queue_gateway.room import Rooms
from queue_gateway.room_view import RoomView
from queue_gateway.streams import STREAMS
from shared import sse
from shared.places import Places, Status
from shared.tokens import Place
from tests import engines
from tests.crashing import KillableValkey
from tests.integration.gateways import ADMIN, TOKEN, Queued, configure, join, queued
from tests.integration.listening import EVENTS, listening, settled
from tests.integration.services import Client, served, settings
from tests.waiting import wait_until

MANY = 30
CHANNEL = "{room:spring-tour}:journal"


@pytest.fixture
async def gateway(app: web.Application) -> AsyncIterator[Client]:
    """A gateway with a room that lets nobody in."""
    async with served(app) as client:
        await configure(client, max_active=0, admit_per_minute=60_000)
        yield client


@pytest.fixture
def no_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives arrives because of news."""
    monkeypatch.setattr(streams, "ROUND_S", 600.0)


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)


async def crowd(gateway: Client, count: int) -> list[Queued]:
    return [queued(await join(gateway, f"v{number}")) for number in range(count)]


async def open_streams(gateway: Client) -> float:
    text = (await gateway.ask("GET", "/metrics")).body.decode()
    (line,) = (line for line in text.splitlines() if line.startswith("onsale_streams_open "))
    return float(line.split()[1])


async def test_a_quiet_room_costs_one_call_a_round_however_many_listen(
    app: web.Application, gateway: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ROUND_S", 0.1)
    held = await crowd(gateway, MANY)
    asked: list[int] = []
    read = 0
    statuses, view = Places.statuses, Rooms.view

    async def counted(self: Places, room_id: str, places: list[Place]) -> list[Status]:
        asked.append(len(places))
        return await statuses(self, room_id, places)

    async def counted_view(self: Rooms, *args: Any) -> RoomView:
        nonlocal read
        read += 1
        return await view(self, *args)

    async with AsyncExitStack() as opened:
        for one in held:
            listener = await opened.enter_async_context(listening(gateway, one))
            await listener.event()
        await settled(app)  # what a subscription's begin asks for has been asked
        await redis.config_resetstat()
        monkeypatch.setattr(Places, "statuses", counted)
        monkeypatch.setattr(Rooms, "view", counted_view)

        async def some_rounds() -> bool:
            return asked.count(MANY) >= 5

        await wait_until(some_rounds)
        subscribed = await redis.client_list(_type="pubsub")
        commands = await redis.info("commandstats")

    assert set(asked[asked.index(MANY) :]) == {MANY}
    assert read == 0
    (connection,) = subscribed
    assert connection["sub"] == "2"  # the room, and where nobody tells anything
    assert "cmdstat_subscribe" not in commands


async def test_a_call_is_of_bounded_size(gateway: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ROUND_S", 0.1)
    monkeypatch.setattr(streams, "AT_ONCE", 4)
    held = await crowd(gateway, 10)
    asked: list[set[int]] = []
    statuses = Places.statuses

    async def counted(self: Places, room_id: str, places: list[Place]) -> list[Status]:
        asked.append({place.number for place in places})
        return await statuses(self, room_id, places)

    async with AsyncExitStack() as opened:
        for one in held:
            listener = await opened.enter_async_context(listening(gateway, one))
            await listener.event()
        monkeypatch.setattr(Places, "statuses", counted)

        async def everybody() -> bool:
            return set().union(*asked) == set(range(1, 11))

        await wait_until(everybody)
    assert max(map(len, asked)) <= 4


@pytest.mark.usefixtures("no_rounds")
async def test_news_of_some_asks_for_nobody_else(
    app: web.Application, gateway: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await crowd(gateway, 10)
    asked: Counter[int] = Counter()
    statuses = Places.statuses

    async def counted(self: Places, room_id: str, places: list[Place]) -> list[Status]:
        asked.update(place.number for place in places)
        return await statuses(self, room_id, places)

    async with AsyncExitStack() as opened:
        listeners = [await opened.enter_async_context(listening(gateway, one)) for one in held]
        for listener in listeners:
            await listener.event()
        await configure(gateway, max_active=2)
        await asyncio.gather(*(listener.until(status="ACTIVE") for listener in listeners[:2]))
        await settled(app)
        monkeypatch.setattr(Places, "statuses", counted)
        for ends, comes in ((0, 2), (1, 3)):
            await gateway.ask("DELETE", TOKEN, headers=held[ends])
            await listeners[comes].until(status="ACTIVE")
    assert set(asked) == {1, 2, 3, 4}


async def test_a_full_process_sheds_streams(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    app = create_app(settings(redis_url, database_url, max_streams=1))
    async with served(app) as gateway:
        await configure(gateway, max_active=0)
        first, second = await crowd(gateway, 2)
        async with listening(gateway, first) as listener:
            await listener.event()
            shed = await gateway.ask("GET", EVENTS, headers=second)
            assert (shed.status, shed.code) == (503, "unavailable")
            assert 1 <= int(shed.headers["Retry-After"]) <= 11
            metrics = (await gateway.ask("GET", "/metrics")).body.decode()
            assert "onsale_streams_shed_total 0.0" not in metrics

        async def accepted() -> bool:
            try:
                async with listening(gateway, second):
                    return True
            except AssertionError:
                return False

        await wait_until(accepted)


async def test_streams_that_open_in_one_moment_share_what_is_left(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    app = create_app(settings(redis_url, database_url, max_streams=2))
    async with served(app) as gateway:
        await configure(gateway, max_active=0)
        held = await crowd(gateway, 8)
        async with AsyncExitStack() as opened:
            responses = await asyncio.gather(
                *(gateway.session.get(gateway.url + EVENTS, headers=one) for one in held)
            )
            for response in responses:
                opened.callback(response.close)
            assert Counter(response.status for response in responses) == {200: 2, 503: 6}


async def test_a_stopping_process_spreads_its_clients(
    redis: Redis, redis_url: str, database_url: str
) -> None:
    async with AsyncExitStack() as opened:
        # Clients that outlive the process.
        session = await opened.enter_async_context(aiohttp.ClientSession())
        async with served(create_app(settings(redis_url, database_url))) as gateway:
            await configure(gateway, max_active=0)
            clients, listeners = Client(session, gateway.url), []
            for one in await crowd(gateway, MANY):
                listener = await opened.enter_async_context(listening(clients, one))
                assert (await listener.event())["status"] == "WAIT"
                listener.retries_ms.clear()
                listeners.append(listener)
        assert [await listener.event() for listener in listeners] == [None] * MANY
    spread = [retry for listener in listeners for retry in listener.retries_ms]
    assert len(spread) == MANY
    assert min(spread) >= 1000
    assert max(spread) <= 6000
    assert max(spread) - min(spread) > 2000


async def test_a_stopping_process_begins_no_stream(app: web.Application, gateway: Client) -> None:
    (held,) = await crowd(gateway, 1)
    app[STREAMS].stop()
    assert (await gateway.ask("GET", EVENTS, headers=held)).code == "unavailable"


async def test_a_client_that_hung_up_is_forgotten_before_anything_is_written_to_it(
    gateway: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 600.0)
    (held,) = await crowd(gateway, 1)
    async with listening(gateway, held) as listener:
        await listener.event()
        assert await open_streams(gateway) == 1

    async def closed() -> bool:
        return await open_streams(gateway) == 0

    await wait_until(closed)
    assert not app[STREAMS]._rooms


@pytest.mark.usefixtures("beating")
async def test_a_reader_that_does_not_read_is_cut(
    gateway: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "WRITE_DEADLINE_S", 0.3)
    monkeypatch.setattr(events, "HEARTBEAT", ":" + "x" * 5000 + "\n\n")
    (held,) = await crowd(gateway, 1)
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, (host, int(port)))
        asked = f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\nQueue-Token: {held['Queue-Token']}\r\n\r\n"
        await loop.sock_sendall(connection, asked.encode())

        async def opened() -> bool:
            return await open_streams(gateway) == 1

        async def cut() -> bool:
            return await open_streams(gateway) == 0

        await wait_until(opened)
        await wait_until(cut)


@pytest.mark.usefixtures("no_rounds")
async def test_a_lost_subscription_is_made_again_and_what_was_missed_is_asked_for(
    gateway: Client, redis: Redis
) -> None:
    (held,) = await crowd(gateway, 1)

    async def subscribed() -> bool:
        return bool(await redis.pubsub_numsub(CHANNEL) == [(CHANNEL, 1)])

    async with listening(gateway, held) as listener:
        assert (await listener.event())["state"] == "open"
        await wait_until(subscribed)
        transaction = redis.pipeline()
        transaction.client_kill_filter(_type="pubsub")
        # While nobody listens.
        transaction.hset("{room:spring-tour}:settings", "state", "paused")
        await transaction.execute()
        assert (await listener.event())["state"] == "paused"
        await wait_until(subscribed)
        await configure(gateway, state="open", max_active=1)
        await listener.until(status="ACTIVE")


async def test_without_a_subscription_a_round_finds_what_changed(
    gateway: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    (held,) = await crowd(gateway, 1)
    news: Any = app[STREAMS]._news
    async with listening(gateway, held) as listener:
        assert (await listener.event())["state"] == "open"
        await settled(app)
        monkeypatch.setattr(news, "hears", lambda room_id: False)
        monkeypatch.setattr(news, "_heard", lambda *_: None)
        await configure(gateway, state="paused")
        assert (await listener.event())["state"] == "paused"


@pytest.mark.usefixtures("beating")
async def test_streams_outlive_a_redis_that_is_killed(database_url: str) -> None:
    with engines.scratch_folder() as folder:
        store = KillableValkey(folder)
        await store.start()
        try:
            await _outlives(store, database_url)
        finally:
            await store.stop()


async def _outlives(store: KillableValkey, database_url: str) -> None:
    app = create_app(settings(store.url, database_url))
    async with served(app) as gateway:
        await configure(gateway, max_active=0, idle_ttl_s=5, claim_ttl_s=1)
        (held,) = await crowd(gateway, 1)
        async with listening(gateway, held) as listener:
            assert (await listener.event())["status"] == "WAIT"
            await store.kill()
            listener.comments = 0
            silent = asyncio.create_task(listener.event())

            async def beats() -> bool:
                return listener.comments > 40

            await wait_until(beats)
            assert not silent.done()
            await store.start()

            async def back() -> bool:
                found = await gateway.as_operator(
                    "PUT", ADMIN, json={"max_active": 1}, headers={"If-Match": "*"}
                )
                return found.status == 200

            await wait_until(back)
            told = await silent
            while told["status"] != "ACTIVE":
                told = await listener.event()
            assert told["number"] == 1


async def test_a_redis_that_refuses_for_a_while_ends_no_stream(
    gateway: Client, redis: Redis
) -> None:
    (held,) = await crowd(gateway, 1)
    async with listening(gateway, held) as listener:
        await listener.event()
        await redis.config_set("maxmemory", "1kb")
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2 * streams.ROUND_S):
                    await listener.event()
        finally:
            await redis.config_set("maxmemory", "0")
        await configure(gateway, max_active=1)
        await listener.until(status="ACTIVE")
