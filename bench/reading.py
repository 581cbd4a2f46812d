"""A client that reads answers as fast as they come, and throws them away."""

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import cast
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
OK, BUSY = b"HTTP/1.1 200", b"HTTP/1.1 503"
#: At the same time: enough to keep a process busy, few enough that none waits for long.
CONNECTIONS = 4


class Reader(asyncio.BufferedProtocol):
    """One connection: sends the next request as soon as an answer is complete."""

    def __init__(self, left: Iterator[bytes], taken: Sequence[bytes]):
        self._left, self._taken = left, tuple(taken)
        self._buffer = memoryview(bytearray(256 * 1024))
        self._head = b""
        self._missing = 0
        self._reading = False
        self.size = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._reading:
            self._head += self._buffer[:nbytes]
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = _LENGTH.search(head)
            if not head.startswith(self._taken) or length is None:
                self._fail(RuntimeError(head.partition(b"\r\n")[0].decode()))
                return
            self.size = int(length[1])
            self._missing, self._reading = self.size - len(rest), True
        else:
            self._missing -= nbytes
        if self._missing == 0:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(ConnectionError("cut"))

    def _ask(self) -> None:
        self._head, self._reading = b"", False
        if request := next(self._left, None):
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def read(url: str, headers: Mapping[str, str], answers: int) -> tuple[float, int]:
    """Get `url` so many times: ms for each answer, and how long its body is."""
    return await read_each(url, repeat(asking(url, headers), answers), answers)


def asking(url: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of a GET."""
    parts = urlsplit(url)
    lines = [
        f"GET {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def read_each(
    url: str, requests: Iterable[bytes], answers: int, taken: Sequence[bytes] = (OK,)
) -> tuple[float, int]:
    """Send so many requests to the host of `url`: ms for each answer, and the longest body.

    Raises RuntimeError for an answer whose status line does not begin with one of `taken`.
    """
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    host, port = parts.hostname, parts.port
    loop, left = asyncio.get_running_loop(), iter(requests)
    readers = []
    began = time.perf_counter()
    for _ in range(min(CONNECTIONS, answers)):
        _, reader = await loop.create_connection(lambda: Reader(left, taken), host, port)
        readers.append(reader)
    await asyncio.gather(*(reader.done for reader in readers))
    return (time.perf_counter() - began) * 1000 / answers, max(r.size for r in readers)
