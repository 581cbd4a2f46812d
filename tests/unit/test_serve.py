"""Serving: a crowd of new connections is taken in within a few turns of the loop."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import uvloop
from aiohttp import web

from queue_gateway.settings import read_settings
from shared.serve import _listen, accept
from shared.settings import Environment
from shared.web import runner
from tests.unit.test_gateway_settings import TOLD

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


def test_processes_share_a_port_only_where_they_are_told_to() -> None:
    def listens(port: int, *, reuse_port: bool) -> socket.socket:
        told = {**TOLD, "ONSALE_GATEWAY_PORT": str(port), "ONSALE_REUSE_PORT": str(int(reuse_port))}
        return _listen(read_settings(Environment(told)))

    with listens(0, reuse_port=True) as first:
        port = first.getsockname()[1]
        listens(port, reuse_port=True).close()
        with pytest.raises(OSError, match="in use"):
            listens(port, reuse_port=False)
    with listens(0, reuse_port=False) as alone, pytest.raises(OSError, match="in use"):
        listens(alone.getsockname()[1], reuse_port=True)
