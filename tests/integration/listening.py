"""Listening to a place's events as a browser's EventSource does, and to all of them at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from queue_gateway.streams import CALLS, STREAMS
from tests.integration.gateways import TOKEN, Queued
from tests.integration.services import Client
from tests.waiting import wait_until

EVENTS = f"{TOKEN}/events"


@dataclass
class Listener:
    """An open stream."""

    response: aiohttp.ClientResponse
    retries_ms: list[int] = field(default_factory=list)
    comments: int = 0
    last_event_id: str = ""

    async def event(self) -> Any:
        """The next token object; None when the stream has ended."""
        async with asyncio.timeout(20):
            return await self._event()

    async def until(self, **expected: Any) -> Any:
        """The next token object with these values."""
        while (found := await self.event()) is not None:
            if expected.items() <= found.items():
                return found
        raise AssertionError(f"the stream ended before {expected}")

    async def _event(self) -> Any:
        data, kind = "", ""
        async for raw in self.response.content:
            line = raw.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            match name:
                case "retry":
                    self.retries_ms.append(int(value))
                case "id":
                    self.last_event_id = value
                case "event":
                    kind = value
                case "data":
                    data += value
                case "" if line:
                    self.comments += 1
                case "" if data:
                    assert kind == "token"
                    return json.loads(data)
        return None


async def settled(app: web.Application, room_id: str = "spring-tour") -> None:
    """The room is heard, and everybody was asked for since."""
    streams: Any = app[STREAMS]

    async def asked() -> bool:
        room = streams._rooms[room_id]
        asks = room._due or room._urgent or streams._calls._value < CALLS
        return streams._news.hears(room_id) and not asks and room._round_at > 0

    await wait_until(asked)


@asynccontextmanager
async def listening(gateway: Client, held: Queued, **headers: str) -> AsyncIterator[Listener]:
    """A stream of the place whose token is held."""
    asked = {**held, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with gateway.session.get(
        gateway.url + EVENTS, headers=asked, timeout=aiohttp.ClientTimeout(total=None)
    ) as response:
        assert response.status == 200, await response.text()
        yield Listener(response)
