"""HTTP/1.1 as a load generator speaks it: connections kept open, one request at a time on each.

A general client costs as much as the service it asks; this one costs a fraction of it. It takes
answers that say how long they are, which all those of a queue token do.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from onsale.rush.client import REQUEST_DEADLINE_S, Unreachable
from onsale.rush.record import LOST, TIMEOUT

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
#: No answer of a queue token is nearly as long.
LONGEST_ANSWER = 64 * 1024
REOPEN_S, SWEEP_S = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or that none came: `status` is then LOST or TIMEOUT.

    `sent`, `received`: seconds of the machine's steady clock; `sent` is when a connection was free.
    """

    status: str
    body: bytes
    sent: float
    received: float
    retry_after_s: float = 0.0


Done = Callable[[Reply], None]
Asked = tuple[bytes, Done]


class _Connection(asyncio.Protocol):
    """One connection; tells its wire when it is free, and when it is gone."""

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._parts = b""
        self._done: Done | None = None
        self._sent = 0.0
        self._failure = LOST

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, done: Done) -> None:
        self._done, self._sent = done, time.monotonic()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self._parts + data
        head_ends = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head_ends + 2) if head_ends >= 0 else None
        if self._done is None or len(data) > LONGEST_ANSWER or (head_ends >= 0 and not length):
            self._transport.abort()
        elif length is None or len(data) < head_ends + 4 + int(length[1]):
            self._parts = data
        else:
            self._answer(data, head_ends)

    def _answer(self, data: bytes, head_ends: int) -> None:
        status, retry_after_s = data[9:12].decode("latin-1"), 0.0
        if status in ("429", "503") and (found := _RETRY_AFTER.search(data, 0, head_ends + 2)):
            retry_after_s = float(found[1])
        reply = Reply(status, data[head_ends + 4 :], self._sent, time.monotonic(), retry_after_s)
        self._parts = b""
        self._end(reply, self._wire.free)

    def connection_lost(self, exc: Exception | None) -> None:
        reply = Reply(self._failure, b"", self._sent, time.monotonic())
        self._end(reply, self._wire.gone)

    def give_up(self, asked_before: float) -> None:
        """End it when its answer is overdue."""
        if self._done is not None and self._sent < asked_before:
            self._failure = TIMEOUT
            self._transport.abort()

    def close(self) -> None:
        self._done = None
        self._transport.abort()

    def _end(self, reply: Reply, tell: "Callable[[_Connection], None]") -> None:
        done, self._done = self._done, None
        tell(self)
        if done is not None:
            done(reply)


class Wire:
    """Some connections to one service; a request that finds none free waits for one."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._address = (parts.hostname or "", parts.port or 80)
        self._most = connections
        self._free: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._waiting: deque[Asked] = deque()
        self._reopening: set[asyncio.Task[None]] = set()
        self._closed = False

    def ask(self, request: bytes, done: Done) -> None:
        """Send it as soon as a connection is free; `done` gets the one reply, in the loop."""
        if self._free:
            self._free.pop().ask(request, done)
        else:
            self._waiting.append((request, done))

    def forget(self) -> None:
        """Send nothing more of what waits for a connection; its reply never comes."""
        self._waiting.clear()

    async def open(self) -> None:
        """Open all connections. Raises Unreachable."""
        try:
            await asyncio.gather(*(self._connect() for _ in range(self._most)))
        except OSError as error:
            raise Unreachable(f"no connection to {self.host}: {error}") from None
        self._sweep()

    def close(self) -> None:
        """Cut everything; who waits for a reply gets none."""
        self._closed = True
        self._sweeping.cancel()
        for task in self._reopening:
            task.cancel()
        for connection in list(self._open):
            connection.close()

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.ask(*self._waiting.popleft())
        else:
            self._free.append(connection)

    def gone(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if not self._closed:
            task = asyncio.ensure_future(self._reopen())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(partial(_Connection, self), *self._address)
        self._open.add(connection)
        self.free(connection)

    async def _reopen(self) -> None:
        while True:
            try:
                return await self._connect()
            except OSError:
                await asyncio.sleep(REOPEN_S)

    def _sweep(self) -> None:
        overdue = time.monotonic() - REQUEST_DEADLINE_S
        for connection in list(self._open):
            connection.give_up(overdue)
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


@asynccontextmanager
async def open_wire(url: str, connections: int) -> AsyncIterator[Wire]:
    """Connections to this service, cut at the end. Raises Unreachable."""
    wire = Wire(url, connections)
    await wire.open()
    try:
        yield wire
    finally:
        wire.close()


async def closed_loop(wire: Wire, asked: Iterator[Asked], at_once: int) -> None:
    """Ask one after the other, so many at a time, as fast as the answers come."""
    finished = asyncio.get_running_loop().create_future()
    under_way = 0

    def proceed() -> None:
        nonlocal under_way
        for request, done in asked:
            under_way += 1
            wire.ask(request, partial(answered, done))
            return
        if not under_way and not finished.done():
            finished.set_result(None)

    def answered(done: Done, reply: Reply) -> None:
        nonlocal under_way
        under_way -= 1
        try:
            done(reply)
        except BaseException as error:  # noqa: BLE001 -- whoever waits for all of them is told
            if not finished.done():
                finished.set_exception(error)
            return
        proceed()

    for _ in range(at_once):
        proceed()
    await finished
