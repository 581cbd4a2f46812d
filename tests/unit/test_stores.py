"""What goes to the stores over the wire."""

from typing import Any, cast

import pytest
import redis.asyncio as redis

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
