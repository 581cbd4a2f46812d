"""A gateway whose store answers as a test says, asked once on the hot path and once without it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import web

from queue_gateway.handlers import TOKENS
from queue_gateway.hot import HotTokens
from queue_gateway.recent import Recent
from queue_gateway.room import ROOMS
from shared.hot import HOT, Plain
from shared.places import PLACES
from shared.tokens import Place
from tests.integration.services import Client, tokens

ROOM_ID = "spring-tour"
TOKEN = f"/v1/rooms/{ROOM_ID}/token"
PLACE = Place(ROOM_ID, "ann", generation=7, number=42)
SITE = "shop.example"
#: Longer than any test takes, however busy the machine is.
LONG_S = 3600.0

_DIFFERS = re.compile(rb'(X-Request-Id: |Date: |"request_id":")[^\r"]*')


def request(method: str = "GET", path: str = TOKEN, version: str = "1.1", **headers: str) -> bytes:
    """A request's bytes; `Queue_Token` is the header Queue-Token."""
    lines = {"Host": SITE, **{name.replace("_", "-"): text for name, text in headers.items()}}
    text = "".join(f"{name}: {text}\r\n" for name, text in lines.items())
    return f"{method} {path} HTTP/{version}\r\n{text}\r\n".encode()


def signed(place: Place = PLACE) -> str:
    """The queue token of a place."""
    return tokens().sign(place, issued_at_s=1_800_000_000)


def poll(**headers: str) -> bytes:
    return request(Queue_Token=signed(), **headers)


class Script:
    """Answers in place of the store once `go` is set: each with `row`, or all with an error."""

    def __init__(self, row: Any = None):
        self.row = row
        self.error: Exception | None = None if row else ConnectionError("gone")
        self.go = asyncio.Event()
        self.go.set()
        self.calls = 0

    async def __call__(self, keys: list[str], args: list[Any]) -> Any:
        self.calls += 1
        row, error = self.row, self.error
        await self.go.wait()
        if error is not None:
            raise error
        asked = (len(args) - 1) // 3 if len(args) % 3 == 1 else (len(args) - 2) // 2
        return None if row == [None] else [100, ["gold", 60, "", 40], [row] * asked]

    def fail(self, error: Exception) -> None:
        self.error = error


class Line:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    async def answer(self, *, head_only: bool = False) -> bytes:
        """The next answer, with what tells one from another left out."""
        async with asyncio.timeout(60):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            body = b""
            if length is not None and not head_only:
                body = await self.reader.readexactly(int(length[1]))
        return _DIFFERS.sub(rb"\1", head + body)

    async def ask(self, sent: bytes) -> bytes:
        self.writer.write(sent)
        return await self.answer(head_only=sent.startswith(b"HEAD"))


class Hot:
    """The gateway under test. `taken`: what its hot path said to each request it was shown."""

    def __init__(self, app: web.Application, client: Client):
        self.app, self.client = app, client
        self.taken: list[bool] = []
        self.on = True
        found = app[HOT]
        assert isinstance(found, HotTokens)
        self._take = found.take
        found.take = self._looked_on  # type: ignore[method-assign]
        app[ROOMS]._views = Recent(LONG_S)
        signing = app[TOKENS]
        signing.sign = partial(signing.sign, issued_at_s=1_800_000_000)  # type: ignore[method-assign]

    def _looked_on(self, asked: Plain, answer: Callable[[bytes], None]) -> bool:
        taken = self.on and self._take(asked, answer)
        if asked.path.endswith("/token"):
            self.taken.append(taken)
        return taken

    def statuses(self, row: Any = None) -> Script:
        """What the store says of any place from now on: a row of status.lua."""
        found = Script(row)
        self.app[PLACES]._status = found  # type: ignore[assignment]
        return found

    def joins(self, row: Any = None) -> Script:
        """What it says to whoever joins: a row of enter.lua; [None] for no such room."""
        found = Script(row)
        self.app[ROOMS]._enter = found  # type: ignore[assignment]
        return found

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A connection that was served once, so that its next request finds it idle."""
        host, port = self.client.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        line = Line(reader, writer)
        try:
            await line.ask(request(path="/healthz"))
            yield line
        finally:
            writer.close()

    async def both(self, sent: bytes) -> tuple[bytes, bytes]:
        """The answer of the hot path, and that without it."""
        async with self.line() as line:
            hot = await line.ask(sent)
            assert self.taken[-1:] == [True]
            self.on = False
            ordinary = await line.ask(sent)
            self.on = True
        return hot, ordinary
