"""The load generator's HTTP: one request at a time on each connection, and whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import unused_port

from onsale.rush.client import Unreachable
from onsale.rush.record import LOST, TIMEOUT
from onsale.rush.scale import wire as wire_module
from onsale.rush.scale.wire import Asked, Reply, Wire, closed_loop, open_wire

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
Answering = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


@asynccontextmanager
async def server(answering: Answering, connections: int = 1) -> AsyncIterator[Wire]:
    """Answers the nth request, counted from 0; and a wire to it."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                count += 1
                await answering(writer, count - 1)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = running.sockets[0].getsockname()[1]
    async with running, open_wire(f"http://127.0.0.1:{port}", connections) as wire:
        yield wire


def ok(body: bytes, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body)


async def ask(wire: Wire) -> Reply:
    future = asyncio.get_running_loop().create_future()
    wire.ask(GET, future.set_result)
    reply: Reply = await future
    return reply


async def test_an_answer_is_its_status_and_its_body() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(ok(b"number %d" % number))

    async with server(answer) as wire:
        replies = [await ask(wire) for _ in range(3)]
    assert [(r.status, r.body) for r in replies] == [("200", b"number %d" % n) for n in range(3)]
    assert all(reply.sent <= reply.received for reply in replies)


async def test_an_answer_in_pieces_is_one_answer() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        for byte in ok(b"in pieces"):
            writer.write(bytes([byte]))
            await writer.drain()

    async with server(answer) as wire:
        assert (await ask(wire)).body == b"in pieces"


async def test_requests_beyond_the_connections_wait_for_one_in_their_order() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(ok(b"%d" % number))

    async with server(answer, connections=1) as wire:
        replies = await asyncio.gather(*(ask(wire) for _ in range(20)))
    assert [reply.body for reply in replies] == [b"%d" % n for n in range(20)]


async def test_a_refusal_tells_when_to_come_again() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}"
        )

    async with server(answer) as wire:
        reply = await ask(wire)
    assert (reply.status, reply.retry_after_s) == ("503", 7.0)


async def test_a_cut_connection_loses_its_request_alone_and_is_opened_anew() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 0:
            writer.close()
        else:
            writer.write(ok(b"again"))

    async with server(answer) as wire:
        replies = [await ask(wire), await ask(wire)]
    assert [reply.status for reply in replies] == [LOST, "200"]


async def test_an_answer_of_unknown_length_is_no_answer() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nforever")

    async with server(answer) as wire:
        assert (await ask(wire)).status == LOST


async def test_an_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_module, "REQUEST_DEADLINE_S", 0.05)
    monkeypatch.setattr(wire_module, "SWEEP_S", 0.01)

    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        if number:
            writer.write(ok(b"here"))

    async with server(answer) as wire:
        given_up = await ask(wire)
        monkeypatch.undo()
        answered = await ask(wire)
    assert (given_up.status, answered.status) == (TIMEOUT, "200")


async def test_what_is_forgotten_is_not_sent() -> None:
    seen = []

    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        seen.append(number)
        writer.write(ok(b""))

    async with server(answer) as wire:
        first = asyncio.ensure_future(ask(wire))
        await asyncio.sleep(0)
        for _ in range(5):
            wire.ask(GET, lambda _: None)
        wire.forget()
        await first
        await ask(wire)
    assert seen == [0, 1]


async def test_nobody_there_is_said() -> None:
    with pytest.raises(Unreachable, match="no connection to"):
        async with open_wire(f"http://127.0.0.1:{unused_port()}", 2):
            pass


async def test_a_closed_loop_asks_all_and_never_more_than_so_many_at_once() -> None:
    under_way, most, bodies = 0, 0, list[bytes]()

    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        writer.write(ok(b"%d" % number))

    def asked() -> Iterator[Asked]:
        for _ in range(50):
            yield GET, lambda reply: bodies.append(reply.body)

    async with server(answer, connections=4) as wire:
        await closed_loop(wire, asked(), at_once=3)
    assert sorted(bodies, key=int) == [b"%d" % n for n in range(50)]
    assert most <= 3


async def test_a_closed_loop_of_nothing_ends() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None: ...

    async with server(answer) as wire:
        await closed_loop(wire, iter(()), at_once=3)


async def test_what_an_answer_breaks_is_raised_where_it_is_waited_for() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(ok(b""))

    def broken(_: Reply) -> None:
        raise ValueError("unreadable")

    async with server(answer) as wire:
        with pytest.raises(ValueError, match="unreadable"):
            await closed_loop(wire, iter([(GET, broken)]), at_once=1)
