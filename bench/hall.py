"""A large hall: its upload, its map, what changed in it, and the best seats of it.

Maps are measured against a bare aiohttp handler that answers a constant body of the same size, in
turns, with a client that throws away what it reads. Both are one process on this machine.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import orjson
import redis.asyncio as redis

from bench.engines import stack
from bench.reading import read
from bench.report import Figure, Measure, Report, in_turns
from bench.servers import constant
from onsale.rush.figures import Figures
from onsale.stack import Stack
from queue_gateway.room import Rooms
from shared.identity import Identities
from shared.tokens import QueueTokens

#: Promised: a map reaches more than half of what the constant answer does.
LIMIT = 2.0
ROOM = "hall"
SEATS_IN_ROW = 50
#: Holders at the same time.
BUYERS = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    seats: int
    rounds: int
    large: int  # answers of a round that are megabytes
    small: int
    holds: int

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        return cls(1_000, 2, 10, 20, 10) if quick else cls(50_000, 5, 60, 600, 300)


@dataclass(frozen=True, slots=True)
class Hall:
    """A date with a large hall, and whoever comes to it."""

    sale: Stack
    session: aiohttp.ClientSession
    rooms: Rooms
    schedule_id: int

    @property
    def url(self) -> str:
        return f"{self.sale.booking_url}/v1/schedules/{self.schedule_id}"

    async def visitor(self, name: str) -> dict[str, str]:
        """The credentials of somebody who was let in."""
        place = (await self.rooms.enter(ROOM, name)).place
        home = self.sale.home
        return {
            "Authorization": f"Bearer {Identities((home.secret('identity.secret'),)).sign(name)}",
            "Queue-Token": QueueTokens((home.secret("queue.secret"),)).sign(place),
        }

    async def get(self, path: str, headers: Mapping[str, str]) -> Any:
        async with self.session.get(self.url + path, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def hold(self, headers: Mapping[str, str], key: str, wanted: Any) -> None:
        """The best seats there are."""
        body = {"best_available": wanted}
        headers = {**headers, "Idempotency-Key": key}
        url = f"{self.url}/bookings"
        async with self.session.post(url, json=body, headers=headers) as answer:
            if answer.status != 201:
                raise RuntimeError(f"{answer.status}: {await answer.text()}")


async def main(quick: bool) -> Report:
    """The figures of 50,000 seats."""
    scale = Scale.of(quick)
    report = Report(f"A hall of {scale.seats:,} seats, one booking process")
    async with (
        stack() as sale,
        redis.Redis.from_url(sale.redis_url, decode_responses=True, protocol=2) as client,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        rooms = Rooms(client)
        wide = {"max_active": 1_000_000, "admit_per_minute": 6_000_000, "active_ttl_s": 86_400}
        await rooms.configure(ROOM, wide)
        hall = await _uploaded(sale, session, rooms, scale, report)
        await _maps(hall, scale, report)
        await _holds(hall, scale, report)
    report.notes.append(
        f"one process each, all on this machine, of {os.cpu_count()} processors; maps in"
        f" {scale.rounds} rounds in turns with a constant answer of the same size"
    )
    return report


async def _uploaded(
    sale: Stack, session: aiohttp.ClientSession, rooms: Rooms, scale: Scale, report: Report
) -> Hall:
    """The hall as JSON, and once more as a table for another date."""
    operator = {"Authorization": f"Bearer {sale.admin_key}"}
    admin = f"{sale.booking_url}/v1/admin"

    async def post(path: str, data: bytes, media_type: str) -> Any:
        headers = {**operator, "Content-Type": media_type}
        async with session.post(f"{admin}/{path}", data=data, headers=headers) as answer:
            if answer.status != 201:
                raise RuntimeError(f"{answer.status}: {await answer.text()}")
            return await answer.json()

    json = "application/json"
    concert = orjson.dumps({"concert_name": "A large hall", "room_id": ROOM})
    made = await post("concerts", concert, json)
    date = {
        "schedule_date": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "max_seats_per_user": 4,
    }
    numbers = [
        f"{'ABCD'[n * 4 // scale.seats]}-{n // SEATS_IN_ROW + 1}-{n % SEATS_IN_ROW + 1}"
        for n in range(scale.seats)
    ]
    lines = [f"{number},{150 - 10 * 'ABCD'.index(number[0])}.00" for number in numbers]
    seats = [dict(zip(("seat_number", "price"), line.split(","), strict=True)) for line in lines]
    bodies = {
        "JSON": (orjson.dumps({"seats": seats}), json),
        "CSV": ("\n".join(["seat_number,price", *lines]).encode(), "text/csv"),
    }
    times, schedule_id = {}, 0
    for name, (body, media_type) in bodies.items():
        dates = f"concerts/{made['concert_id']}/schedules"
        schedule_id = (await post(dates, orjson.dumps(date), json))["concert_schedule_id"]
        began = time.perf_counter()
        await post(f"schedules/{schedule_id}/seats", body, media_type)
        times[name] = [time.perf_counter() - began]
    report.figures.append(Figure("upload", "s", times))
    return Hall(sale, session, rooms, schedule_id)


async def _maps(hall: Hall, scale: Scale, report: Report) -> None:
    """Whole maps, and changes, against constant answers."""
    visitor = await hall.visitor("watcher")
    began = time.perf_counter()
    first = await hall.get("/seats", visitor)
    report.figures.append(
        Figure("first map, read from the database", "s", {"": [time.perf_counter() - began]})
    )
    since = first["version"]
    sizes = {}
    for name, query, answers in (
        ("whole map", "/seats", scale.large),
        ("compact map", "/seats?view=compact", scale.small),
        ("changes", f"/seats?view=compact&since={since}", scale.small),
    ):
        _, sizes[name] = await read(hall.url + query, visitor, 1)
        async with constant("GET", "/", 200, sizes[name]) as bare:
            ours = partial(_each, hall.url + query, visitor, answers)
            variants: dict[str, Measure] = {
                "constant": partial(_each, f"{bare.url}/", {}, answers),
                "ours": ours,
            }
            found = await in_turns(scale.rounds, variants)
        limit = LIMIT if name == "whole map" else None
        report.figures.append(Figure(name, "ms an answer", found["time"], limit))
    _, gzipped = await read(
        hall.url + "/seats?view=compact", {**visitor, "Accept-Encoding": "gzip"}, 1
    )
    _, whole = await read(hall.url + "/seats", {**visitor, "Accept-Encoding": "gzip"}, 1)
    values = {name: [size / 1024] for name, size in sizes.items()}
    values |= {"whole map, gzip": [whole / 1024], "compact map, gzip": [gzipped / 1024]}
    report.figures.append(Figure("bytes of an answer", "KiB", values))


async def _each(url: str, headers: Mapping[str, str], answers: int) -> Mapping[str, float]:
    return {"time": (await read(url, headers, answers))[0]}


async def _holds(hall: Hall, scale: Scale, report: Report) -> None:
    """The best available seats, two by two, while somebody asks for what changed."""
    visitors = [await hall.visitor(f"buyer-{n}") for n in range(scale.holds)]
    watcher = await hall.visitor("watcher")
    wanted = {"count": 2, "max_price": "140.00"}
    left, times, delays = list(enumerate(visitors)), list[float](), list[float]()

    async def buy() -> None:
        while left:
            number, visitor = left.pop()
            began = time.perf_counter()
            await hall.hold(visitor, f"hall-{number}", wanted)
            times.append((time.perf_counter() - began) * 1000)

    async def follow() -> None:
        version = (await hall.get("/seats?view=compact", watcher))["version"]
        while left:
            began = time.perf_counter()
            version = (await hall.get(f"/seats?since={version}", watcher))["version"]
            delays.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.01)

    began = time.perf_counter()
    await asyncio.gather(follow(), *(buy() for _ in range(BUYERS)))
    seconds = time.perf_counter() - began
    for name, found in (("best available, 2 of them", times), ("changes meanwhile", delays)):
        figures = Figures.of(found)
        values = {"p50": [figures.p50 or 0.0], "p99": [figures.p99 or 0.0]}
        report.figures.append(Figure(name, "ms", values))
    report.notes.append(f"{scale.holds / seconds:.0f} holds of the best available a second")
