"""Making a moment: somebody has locked a row, a request waits for it, and the world changes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson

from booking_api.database import query
from tests.booking_stack import ROOM, BookingStack, Reply, Visitor
from tests.waiting import wait_until

SEAT = "SELECT FROM concert_seat WHERE seat_number = '{}' FOR NO KEY UPDATE"
COUNTER = (
    "SELECT FROM user_schedule JOIN users USING (user_id) WHERE external_id = '{}'"
    " FOR NO KEY UPDATE OF user_schedule"
)
#: The holds of a seat end, for whoever reads the clock from now on.
ENDS = """
UPDATE concert_seat SET held_until = clock_timestamp() WHERE seat_number = 'A-1';
UPDATE concert_booking SET expiration_at = s.held_until FROM concert_seat s
WHERE s.concert_booking_id = concert_booking.concert_booking_id AND s.seat_number = 'A-1';
"""


@asynccontextmanager
async def somebody(booking: BookingStack, *statements: str) -> AsyncIterator[Any]:
    """A connection in a transaction that has run these statements; it commits at the end."""
    async with booking.pool.acquire() as connection, connection.transaction():
        for statement in statements:
            await connection.execute(statement)
        yield connection


async def blocked(booking: BookingStack, requests: int = 1) -> None:
    """Wait until a request, or so many, wait for a lock."""
    waiting = "SELECT count(DISTINCT pid) >= $1 FROM pg_locks WHERE NOT granted"
    await wait_until(lambda: booking.pool.fetchval(waiting, requests))


async def free(booking: BookingStack, statement: str) -> None:
    """Nobody has locked these rows."""
    async with booking.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"{statement} NOWAIT")


async def cancel(booking: BookingStack, visitor: Visitor, booking_id: int) -> Reply:
    return await booking.ask("DELETE", f"/v1/bookings/{booking_id}", visitor)


async def hold_by_hand(
    connection: Any, visitor: Visitor, schedule_id: int, *seats: str, room: str | None = None
) -> str:
    """A hold in a transaction of the test's own; its outcome."""
    row = await connection.fetchrow(
        query("hold_seats"),
        visitor.name,
        visitor.place.jti,
        room or visitor.place.room_id,
        schedule_id,
        list(seats),
        "/by-hand",
        f"{visitor.name} {seats}",
        b"x",
        "USD",
        2,
    )
    return str(row["outcome"])


class Wish(NamedTuple):
    """What one of a moment asks for."""

    visitor: Visitor
    schedule_id: int
    seats: tuple[str, ...]
    key: str = "k"
    fingerprint: bytes = b"x"


Decided = tuple[str, Any]


async def hold_together(connection: Any, *wishes: Wish) -> list[Decided]:
    """Ask for all of them in one statement; outcome and body of each."""
    rows = await connection.fetch(query("hold_moment"), *_asked(wishes))
    return [(row["outcome"], row["body"] and orjson.loads(row["body"])) for row in rows]


async def explained_together(connection: Any, *wishes: Wish) -> Any:
    """The same, with what PostgreSQL says of how it did that."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query('hold_moment')}"
    return orjson.loads(await connection.fetchval(explain, *_asked(wishes)))


def _asked(wishes: Sequence[Wish]) -> tuple[Any, ...]:
    return (
        [wish.visitor.name for wish in wishes],
        [wish.visitor.place.jti for wish in wishes],
        [wish.visitor.place.room_id for wish in wishes],
        [wish.schedule_id for wish in wishes],
        [number for number, wish in enumerate(wishes, 1) for _ in wish.seats],
        [seat for wish in wishes for seat in wish.seats],
        ["/by-hand"] * len(wishes),
        [wish.key for wish in wishes],
        [wish.fingerprint for wish in wishes],
        "USD",
        2,
    )


def decisions(decided: Sequence[Decided]) -> list[str]:
    return [outcome for outcome, _ in decided]


async def crowd(booking: BookingStack, count: int, **more: Any) -> list[Visitor]:
    await booking.room(more.get("room_id", ROOM))
    return [await booking.visitor(**more) for _ in range(count)]
