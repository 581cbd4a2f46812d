"""What goes to the stores over the wire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import redis.asyncio as redis

from shared import stores
from shared.stores import redis_client

URLS = ["redis://127.0.0.1:1", "rediss://127.0.0.1:1", "unix:///nowhere.sock"]
COMMANDS = [
    ("PING",),
    ("CONFIG GET", "maxmemory-policy"),
    ("EVALSHA", "0" * 40, 2, "{room:a}:settings", "{room:a}:waiting", "", "Zoë", 1_800_000_000_000),
    ("ZADD", "key", -1, 1.5, b"\x00\xff", "x" * 10_000),
]


def connection(pool: redis.ConnectionPool) -> Any:
    """One that is not open."""
    return cast("Any", pool).make_connection()


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_commands_are_written_as_redis_py_writes_them(url: str, command: tuple[Any, ...]) -> None:
    ours = connection(redis_client(url).connection_pool)
    theirs = connection(redis.ConnectionPool.from_url(url))
    assert isinstance(ours, type(theirs))
    assert b"".join(ours.pack_command(*command)) == b"".join(theirs.pack_command(*command))


def test_what_no_command_can_hold_is_refused() -> None:
    with pytest.raises(redis.DataError):
        connection(redis_client(URLS[0]).connection_pool).pack_command("SET", {})


@asynccontextmanager
async def served(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[redis.Redis]:
    """A client of a store that is not what it should be."""
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        client = redis_client(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            yield client
        finally:
            await client.aclose()


async def test_writing_to_a_store_that_reads_nothing_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted = 0
        while greeted < 2:
            found = (await reader.read(65_536)).count(b"SETINFO")
            writer.write(b"+OK\r\n" * found)
            greeted += found
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    monkeypatch.setattr(stores, "REDIS_DEADLINE_S", 0.2)
    async with served(greet) as client:
        with pytest.raises(redis.TimeoutError, match="writing"):
            await client.set("key", "x" * 50_000_000)


async def test_a_connection_that_says_what_nobody_asked_is_not_used_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while data := await reader.read(65_536):
            writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
            if b"PING" in data:
                writer.write(b"+PONG\r\n+NOT ASKED\r\n")
        writer.close()

    async with served(talk) as client:
        assert [await client.ping() for _ in range(3)] == [True] * 3
    assert connections == 3
