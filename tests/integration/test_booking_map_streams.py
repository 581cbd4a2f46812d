"""A seat map's changes as a browser's EventSource hears them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from booking_api import map_events, map_streams
from booking_api.map_streams import MAP_STREAMS, Follower, stop_map_streams
from booking_api.seat_maps import SEAT_MAPS
from tests.booking_stack import BookingStack, Visitor, running
from tests.seat_maps import changed, of_full
from tests.waiting import wait_until


@dataclass
class Listener:
    """An open stream."""

    response: aiohttp.ClientResponse
    last_event_id: str = ""
    comments: int = 0

    async def event(self) -> Any:
        """The next changes; None when the stream has ended."""
        async with asyncio.timeout(20):
            async for raw in self.response.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                self.comments += raw == b": \n"
                if name == "id":
                    self.last_event_id = value
                if name == "data":
                    return json.loads(value)
        return None


@asynccontextmanager
async def listening(
    booking: BookingStack, visitor: Visitor, schedule_id: int, query: str = "", **more: str
) -> AsyncIterator[Listener]:
    """A stream of a date's seat map."""
    headers = {"Authorization": f"Bearer {visitor.identity}", "Queue-Token": visitor.token, **more}
    url = f"{booking.url}/v1/schedules/{schedule_id}/seats/events{query}"
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.get(url, headers=headers) as response,
    ):
        assert response.status == 200
        yield Listener(response)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_streams, "PAUSE_S", 0.02)
    monkeypatch.setattr(map_streams, "CHECK_S", 0.02)


async def test_a_stream_says_the_version_and_then_every_change(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    map_ = await booking.seats(visitor, schedule_id)
    ids = {seat["seat_number"]: seat["concert_seat_id"] for seat in map_["seats"]}

    async with listening(booking, visitor, schedule_id) as listener:
        first = await listener.event()
        (held,) = await booking.held(visitor, schedule_id, "A-1")
        second = await listener.event()
        await booking.expire(held)
        third = await listener.event()

    assert first["version"] >= map_["version"]
    assert (first["available"], first["reserved"], first["sold"]) == ([], [], [])
    assert (second["reserved"], second["available"]) == ([ids["A-1"]], [])
    assert (third["reserved"], third["available"]) == ([], [ids["A-1"]])
    assert listener.last_event_id == str(third["version"])
    assert listener.response.headers["Content-Type"] == "text/event-stream"
    assert listener.response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("by", ["since", "Last-Event-ID"])
async def test_who_comes_back_misses_nothing(booking: BookingStack, by: str) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    before = await booking.seats(visitor, schedule_id)
    known = of_full(before)
    await booking.held(visitor, schedule_id, "A-2", "A-3")
    version = str(before["version"])
    asked = {"query": f"?since={version}"} if by == "since" else {by: version}

    async with listening(booking, visitor, schedule_id, **asked) as listener:
        known = changed(known, await listener.event())

    assert known == of_full(await booking.seats(visitor, schedule_id))


async def test_who_follows_a_stream_knows_the_map(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor(money="500.00")
    known = of_full(await booking.seats(visitor, schedule_id))

    async with listening(booking, visitor, schedule_id) as listener:
        await listener.event()
        for seat in ("A-1", "A-2", "A-3", "A-4"):
            (held,) = await booking.held(visitor, schedule_id, seat)
            if seat in ("A-2", "A-4"):
                await booking.ask("DELETE", f"/v1/bookings/{held}", visitor)
        truth = of_full(await booking.seats(visitor, schedule_id))
        while known != truth:
            known = changed(known, await listener.event())


async def test_a_hall_that_is_read_anew_is_followed_further(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    async with listening(booking, visitor, schedule_id) as listener:
        first = await listener.event()
        await booking.catalogue.add_seats(schedule_id, ["B-1"], [5])  # type: ignore[list-item]
        second = await listener.event()
        await booking.held(visitor, schedule_id, "B-1")
        third = await listener.event()

    assert second["layout"] != first["layout"]
    (added,) = second["available"]
    assert (third["layout"], third["reserved"]) == (second["layout"], [added])


async def test_a_stream_ends_after_its_token(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor, other = await booking.visitor(), await booking.visitor()

    async with (
        listening(booking, visitor, schedule_id) as listener,
        listening(booking, other, schedule_id) as stays,
    ):
        await listener.event()
        await stays.event()
        await booking.places.finish(visitor.place, "left")
        assert await listener.event() is None
        await booking.held(other, schedule_id, "A-1")
        assert (await stays.event())["reserved"]


async def test_who_is_not_let_in_hears_nothing(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    await booking.places.finish(visitor.place, "left")

    reply = await booking.ask("GET", f"/v1/schedules/{schedule_id}/seats/events", visitor)

    assert (reply.status, reply.code) == (403, "queue_token_expired")
    there = await booking.visitor()
    reply = await booking.ask("GET", "/v1/schedules/999999/seats/events", there)
    assert (reply.status, reply.code) == (404, "not_found")


async def test_a_full_process_refuses_streams_until_one_ends(
    redis: Redis, redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_events, "HEARTBEAT_S", 600.0)  # writing would show that it has gone
    async with running(redis, redis_url, database_url, max_streams=1) as booking:
        schedule_id = await booking.date()
        visitor = await booking.visitor()
        path = f"/v1/schedules/{schedule_id}/seats/events"
        async with listening(booking, visitor, schedule_id) as listener:
            await listener.event()
            reply = await booking.ask("GET", path, visitor)
            assert (reply.status, reply.code) == (503, "unavailable")
            assert int(reply.headers["Retry-After"]) >= 1

        async def closed() -> bool:
            return not booking.app[MAP_STREAMS]._dates

        await wait_until(closed)
        async with listening(booking, visitor, schedule_id) as listener:
            assert await listener.event()


async def test_who_begins_to_follow_is_told_what_others_know(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    hall = await booking.app[SEAT_MAPS].hall(schedule_id)
    date = map_streams._Date(schedule_id, booking.app[SEAT_MAPS])
    follower = Follower(visitor.place, None)  # type: ignore[arg-type]
    date._seen = (hall, hall.reading)

    date.add(follower)

    assert await follower.next(20) is hall


async def test_a_quiet_stream_beats(booking: BookingStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_events, "HEARTBEAT_S", 0.05)
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    async with listening(booking, visitor, schedule_id) as listener:
        await listener.event()
        await asyncio.wait_for(listener.response.content.readuntil(b": \n\n"), 20)


async def test_a_stopping_process_ends_its_streams_and_begins_none(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()

    async with listening(booking, visitor, schedule_id) as listener:
        await listener.event()
        await stop_map_streams(booking.app)
        assert await listener.event() is None

    reply = await booking.ask("GET", f"/v1/schedules/{schedule_id}/seats/events", visitor)
    assert reply.status == 503


async def test_a_stream_outlives_a_store_that_fails(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor()
    maps, failed = booking.app[SEAT_MAPS], asyncio.Event()
    reads = maps.hall

    async with listening(booking, visitor, schedule_id) as listener:
        await listener.event()

        async def fails(*_: Any, **__: Any) -> Any:
            failed.set()
            raise TimeoutError

        monkeypatch.setattr(maps, "hall", fails)
        await asyncio.wait_for(failed.wait(), 20)
        monkeypatch.setattr(maps, "hall", reads)
        await booking.held(visitor, schedule_id, "A-1")
        assert (await listener.event())["reserved"]
