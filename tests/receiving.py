"""A receiver of webhooks, that answers as it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "webhook-secret-of-the-tests-0123456789"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of the sender."""

    body: bytes
    headers: Any

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Inbox:
    """What came, in order; `answer` decides of each what its sender gets."""

    url: str = ""
    came: list[Delivery] = field(default_factory=list)
    answer: Callable[[Delivery], Awaitable[web.StreamResponse]] | None = None

    def events(self) -> list[tuple[int, str]]:
        """The ids and kinds, as they came."""
        return [(one.event["event_id"], one.event["kind"]) for one in self.came]

    def kinds(self, booking_id: int) -> list[str]:
        """What came of one booking."""
        return [
            one.event["kind"]
            for one in self.came
            if one.event["data"].get("concert_booking_id") == booking_id
        ]

    async def take(self, request: web.Request) -> web.StreamResponse:
        delivery = Delivery(await request.read(), request.headers.copy())
        self.came.append(delivery)
        return web.Response(status=204) if self.answer is None else await self.answer(delivery)


@asynccontextmanager
async def receiving(
    answer: Callable[[Delivery], Awaitable[web.StreamResponse]] | None = None,
) -> AsyncIterator[Inbox]:
    """An inbox on a free port."""
    inbox = Inbox(answer=answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", inbox.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        inbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield inbox
    finally:
        await runner.cleanup()


def answering(status: int) -> Callable[[Delivery], Awaitable[web.StreamResponse]]:
    async def answer(_: Delivery) -> web.StreamResponse:
        await asyncio.sleep(0)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    return answer


def hard_of_hearing() -> Callable[[Delivery], Awaitable[web.StreamResponse]]:
    """Whoever understands an event when it comes again."""
    heard: set[str] = set()

    async def answer(delivery: Delivery) -> web.StreamResponse:
        event_id = delivery.headers["Onsale-Event-Id"]
        known = event_id in heard
        heard.add(event_id)
        return web.Response(status=204 if known else 500)

    return answer
