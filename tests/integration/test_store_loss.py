"""Redis ends badly and has lost its last second: what was given out in it is not given again."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from booking_api.bookings import Bookings
from booking_api.catalogue import Catalogue
from booking_api.database import Sale
from booking_api.idempotency import Once
from booking_api.seat_maps import SeatMaps
from onsale.verify import verify
from queue_gateway import restoring
from queue_gateway.journal import Journal
from queue_gateway.room import Rooms
from shared.places import Places
from shared.stores import connected_database, redis_client
from tests import engines
from tests.booking_stack import USD, WIDE
from tests.crashing import KillableValkey

ROOM = "storm"


@dataclass
class Line:
    """A room on a store that can be killed; nothing moves its journal but the test."""

    store: KillableValkey
    client: Redis
    rooms: Rooms
    places: Places

    async def enter(self, visitor: str) -> Any:
        return await self.rooms.enter(ROOM, visitor)

    async def written(self) -> int:
        """How long the append-only file is, once everything so far is in it."""
        async with Redis.from_url(self.store.url, single_connection_client=True) as writer:
            await writer.set("written", "so far")
            await writer.execute_command("WAITAOF", 1, 0, 10_000)  # type: ignore[no-untyped-call]
        return self.store.written()

    async def forget_since(self, written: int) -> None:
        """The power fails: what Valkey wrote beyond this is lost."""
        await self.restart(keeping=written)

    async def restart(self, keeping: int | None = None) -> None:
        await self.store.kill(keeping)
        await self.store.start()
        await self.client.connection_pool.disconnect()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    with engines.scratch_folder() as folder:
        store = KillableValkey(folder)
        await store.start()
        client = redis_client(store.url)
        try:
            rooms = Rooms(client)
            await rooms.configure(ROOM, WIDE)
            yield Line(store, client, rooms, Places(client))
        finally:
            await client.aclose()
            await store.stop()


async def test_numbers_of_a_lost_second_are_not_given_out_again(line: Line) -> None:
    kept = await line.enter("ann")
    written = await line.written()
    lost = [await line.enter(name) for name in ("bob", "cat")]
    await line.forget_since(written)

    again = await line.enter("ann")
    assert (again.new, again.place) == (False, kept.place)
    fresh = [await line.enter(name) for name in ("dan", "bob", "eve")]
    numbers = [entered.place.number for entered in (kept, *lost, *fresh)]
    assert numbers == sorted(set(numbers))
    assert fresh[2].place.number - fresh[0].place.number == 2
    assert {entered.place.generation for entered in fresh} == {kept.place.generation}
    for entered in lost:
        assert (await line.places.status(entered.place)).status == "EXPIRED"


async def test_a_restart_that_lost_nothing_loses_no_place(line: Line) -> None:
    await line.rooms.configure(ROOM, {"max_active": 1})
    entered = [await line.enter(name) for name in ("ann", "bob", "cat")]
    await line.restart()
    again = [await line.enter(name) for name in ("ann", "bob", "cat")]
    assert [a.place for a in again] == [e.place for e in entered]
    assert [a.status.status for a in again] == ["ACTIVE", "WAIT", "WAIT"]


async def test_a_line_of_many_pages_is_compared_to_its_end(
    line: Line, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "PAGE", 3)
    await line.rooms.configure(ROOM, {"state": "paused"})
    async with connected_database(database_url, application="test") as pool:
        journal = Journal(line.client, line.rooms, pool)
        kept = [await line.enter(f"kept-{number}") for number in range(10)]
        written = await line.written()
        lost = [await line.enter(f"lost-{number}") for number in range(10)]
        async with pool.acquire() as connection:
            await journal.move(connection)
            await line.forget_since(written)
            await line.rooms.admit(ROOM, 100)
            await journal.move(connection)
            rows = await connection.fetch("SELECT token_value, status FROM queue")
    status = {row["token_value"]: row["status"] for row in rows}
    assert [status[one.place.jti] for one in kept] == ["WAIT"] * 10
    assert [status[one.place.jti] for one in lost] == ["EXPIRED"] * 10


async def test_after_a_lost_second_table_and_store_agree_again(
    line: Line, database_url: str
) -> None:
    async with connected_database(database_url, application="test") as pool:
        journal = Journal(line.client, line.rooms, pool)

        async def move() -> None:
            async with pool.acquire() as connection:
                while await journal.move(connection):
                    pass

        async def row(place: Any) -> tuple[Any, ...]:
            found = await pool.fetchrow(
                "SELECT status, reason, admitted_at IS NOT NULL FROM queue WHERE token_value = $1",
                place.jti,
            )
            return tuple(found)

        ann, bob = await line.enter("ann"), await line.enter("bob")
        await move()
        written = await line.written()
        await line.places.finish(ann.place, "completed")
        cat = await line.enter("cat")
        await move()
        dan = await line.enter("dan")  # and this is not in the table when the power fails
        await _book(pool, dan.place)
        await line.forget_since(written)
        assert (await line.places.status(ann.place)).status == "ACTIVE"

        await line.rooms.admit(ROOM, 100)
        await move()
        assert await row(cat.place) == ("EXPIRED", None, True)  # also where nobody joins any more
        cat_again = await line.enter("cat")
        await move()

        # What had ended stays ended, what was kept lives, what is gone is over.
        ended = await line.places.status(ann.place)
        assert (ended.status, ended.reason) == ("EXPIRED", "completed")
        assert (await row(ann.place))[:2] == ("EXPIRED", "completed")
        assert (await line.places.status(bob.place)).status == "ACTIVE"
        assert await row(bob.place) == ("ACTIVE", None, True)
        assert await row(cat.place) == ("EXPIRED", None, True)
        assert await row(cat_again.place) == ("ACTIVE", None, True)
        assert await row(dan.place) == ("EXPIRED", None, True)

    report = await verify(line.store.url, database_url)
    assert [finding for finding in report.findings if finding.broken] == []


async def _book(pool: "asyncpg.Pool", place: Any) -> None:
    """A hold, by a token that the booking API found ACTIVE."""
    catalogue = Catalogue(Sale.over(pool))
    concert = await catalogue.create_concert("Nina Simone", ROOM)
    when = datetime.now(UTC) + timedelta(days=30)
    date = await catalogue.create_schedule(concert["concert_id"], when, 300, 4)
    schedule_id = int(date["concert_schedule_id"])
    await catalogue.add_seats(schedule_id, ["A-1"], [Decimal(10)])
    asked = Once("/", "key", hashlib.sha256(b"").digest())
    sale = Sale.over(pool)
    await Bookings(sale, USD, SeatMaps(sale, USD)).hold(place, schedule_id, ["A-1"], asked)
