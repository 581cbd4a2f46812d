"""Both services, served from a thread of their own, for clients that are not asynchronous."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.asyncio import Redis

from queue_gateway.app import create_app
from queue_gateway.room import ROOMS
from shared.places import PLACES
from shared.sse import MEDIA_TYPE
from tests import booking_stack
from tests.booking_stack import BookingStack
from tests.integration import services
from tests.integration.providing import shop

Result = TypeVar("Result")

#: What the documents' examples name.
ROOM, CONCERT, SEAT = "spring-tour", 1, "A-12"
VISITOR = "ann"

Headers = dict[str, str]
NOBODY: Headers = {}


@dataclass(frozen=True)
class Service:
    """A service at `url`; `credentials()` are always good ones: identity, queue token, operator.

    `ended()`: the same of a token that has ended, for whoever listens until there is nothing more.
    """

    url: str
    credentials: Callable[[], Headers]
    operator: Headers
    ended: Callable[[], Headers]

    def headers(self, operation: Any) -> Headers:
        """What an operation of the document asks for."""
        asked = {name for needed in operation.get("security", []) for name in needed}
        if not asked:
            return NOBODY
        visitor = self.credentials()  # also for operators: they may have deleted the room before
        if is_stream(operation):
            visitor = self.ended()
        return self.operator if "operatorKey" in asked else visitor


def is_stream(operation: Any) -> bool:
    """Whether an operation of the document answers with events."""
    return MEDIA_TYPE in operation["responses"].get("200", {}).get("content", {})


@contextmanager
def gateway(redis_url: str, database_url: str) -> Iterator[Service]:
    """A gateway with one room, into which the visitor was let."""
    with _thread(_gateway(redis_url, database_url)) as (ready, run):
        key = _operator(services.ADMIN_KEY)
        yield Service(ready.url, lambda: run(ready.place()), key, lambda: run(ready.ended()))


@contextmanager
def booking(redis_url: str, database_url: str) -> Iterator[Service]:
    """A booking API with a hall, money, a hold and a paid booking of the visitor."""
    with _thread(_booking(redis_url, database_url)) as (ready, run):
        key = _operator(booking_stack.ADMIN_KEY)
        yield Service(ready.url, lambda: run(ready.place()), key, lambda: run(ready.ended()))


@dataclass(frozen=True)
class _Ready:
    url: str
    place: Callable[[], Coroutine[Any, Any, Headers]]
    ended: Callable[[], Coroutine[Any, Any, Headers]]


@asynccontextmanager
async def _gateway(redis_url: str, database_url: str) -> AsyncIterator[_Ready]:
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
    app = create_app(services.settings(redis_url, database_url))
    async with services.served(app) as served:
        rooms = app[ROOMS]

        async def place() -> Headers:
            inviting = {"state": "open", "opens_at_ms": "", "identity": "required"}
            await rooms.configure(ROOM, {**booking_stack.WIDE, **inviting})
            entered = await rooms.enter(ROOM, VISITOR)
            return _visitor(services.identity(VISITOR), services.tokens().sign(entered.place))

        async def ended() -> Headers:
            gone = (await rooms.enter(ROOM, "gone")).place
            await app[PLACES].finish(gone, "left")
            return _visitor(services.identity("gone"), services.tokens().sign(gone))

        yield _Ready(served.url, place, ended)


@asynccontextmanager
async def _booking(redis_url: str, database_url: str) -> AsyncIterator[_Ready]:
    async with (
        Redis.from_url(redis_url, decode_responses=True) as client,
        _emptied(client),
        shop(client, redis_url, database_url) as sale,
    ):
        stack = sale.booking
        await _furnish(stack)

        async def place() -> Headers:
            visitor = await stack.visitor(room_id=ROOM, name=VISITOR)
            # Operators may have stopped the sale before, or canceled the date.
            await stack.pool.execute("UPDATE concert_schedule SET state = 'on_sale'")
            await stack.pool.execute("UPDATE schedule_job SET finished_at = now()")
            return _visitor(visitor.identity, visitor.token)

        async def ended() -> Headers:
            gone = await stack.visitor(room_id=ROOM, name="gone")
            await stack.places.finish(gone.place, "left")
            return _visitor(gone.identity, gone.token)

        yield _Ready(stack.url, place, ended)


@asynccontextmanager
async def _emptied(client: "Redis") -> AsyncIterator[None]:
    await client.flushall()
    yield


async def _furnish(stack: BookingStack) -> None:
    seats = [f"A-{number}" for number in range(1, 31)]
    # Dearer than the amounts of examples, so that they can be given back.
    schedule_id = await stack.date(seats, room_id=ROOM, limit=30, price="200.00")
    visitor = await stack.visitor(room_id=ROOM, name=VISITOR, money="5000.00")
    await stack.held(visitor, schedule_id, "A-1")
    (paid,) = await stack.held(visitor, schedule_id, "A-2")
    assert (await stack.pay(visitor, paid)).status == 201
    await stack.pool.execute(
        "INSERT INTO waitlist (user_id, concert_schedule_id, room_id, token_value, status, reason)"
        " SELECT user_id, $1, $2, $3, 'ENDED', 'left' FROM users",
        *(schedule_id, ROOM, visitor.place.jti),
    )


def _visitor(identity: str, token: str) -> Headers:
    return {"Authorization": f"Bearer {identity}", "Queue-Token": token}


def _operator(key: str) -> Headers:
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def _thread(
    serving: AbstractAsyncContextManager[_Ready],
) -> Iterator[tuple[_Ready, Callable[[Coroutine[Any, Any, Result]], Result]]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="documented", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        ready = run(serving.__aenter__())
        try:
            yield ready, run
        finally:
            run(serving.__aexit__(None, None, None))
    finally:
        run(_end_the_rest())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_the_rest() -> None:
    """End what still waits for a client that keeps its connection."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
