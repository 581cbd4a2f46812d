"""Serving: a crowd of new connections is taken in within a few turns of the loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvloop
from aiohttp import web

from shared.serve import accept
from shared.web import runner

CROWD = 128


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=CROWD) as made:
        yield made


def test_a_crowd_of_connections_is_taken_in_within_few_turns_of_the_loop(
    listening: socket.socket,
) -> None:
    async def turns_until_all_are_in() -> int:
        serving = runner(web.Application())
        await serving.setup()
        with ExitStack() as crowd:
            for _ in range(CROWD):  # the kernel takes them in; the service has yet to
                crowd.enter_context(socket.create_connection(listening.getsockname()))
            await accept(serving, listening)
            turns = 0
            assert serving.server is not None
            while len(serving.server.connections) < CROWD:
                assert turns < 20 * CROWD
                await asyncio.sleep(0)
                turns += 1
            await serving.cleanup()
            return turns

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        assert loop.run(turns_until_all_are_in()) < CROWD / 2
