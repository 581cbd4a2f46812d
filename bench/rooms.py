"""What a join and a poll cost in a long line, against a short one.

The store's time is what it says itself of the scripts, called one by one as the gateway does; the
client's time is taken at a real gateway over HTTP, with tokens of visitors all along the line.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import redis.asyncio as redis

from bench.engines import stack, valkey
from bench.report import Figure, Report, in_turns
from onsale.rush.figures import Figures
from queue_gateway.room import Rooms
from queue_gateway.settings import JOURNAL_MAX
from shared.identity import Identities
from shared.places import JOURNAL, ROOM_KEYS, Places, room_keys
from shared.scripts import Script
from shared.tokens import Place, QueueTokens

#: Promised: what the first 1,000 pay, the 100,000th pays at most so many times.
LIMIT = 1.3
BATCH = 1000
#: Nobody is admitted and nobody falls silent while it is measured.
SETTINGS = {"max_active": 0, "idle_ttl_s": 86_400}
#: Clients at the same time; more would measure how they wait for each other.
CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    lines: tuple[int, int]
    rounds: int
    calls: int

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        return cls((20, 200), 2, 20) if quick else cls((1_000, 100_000), 11, 500)


@dataclass(slots=True)
class Line:
    """A room in which many wait."""

    client: "redis.Redis"
    room_id: str
    places: list[Place] = field(default_factory=list)
    _names: "itertools.count[int]" = field(default_factory=itertools.count)
    _random: random.Random = field(default_factory=lambda: random.Random(4))

    @classmethod
    async def filled(cls, client: "redis.Redis", count: int, room_id: str = "") -> "Line":
        """A room with so many in line, joined through the script."""
        line = cls(client, room_id or f"line-{count}")
        await Rooms(client).configure(line.room_id, SETTINGS)
        while len(line.places) < count:
            line.places += await line.join(min(BATCH, count - len(line.places)))
        return line

    @property
    def title(self) -> str:
        return f"{len(self.places):,} wait"

    def newcomers(self, count: int) -> list[str]:
        """Visitors who never were here."""
        return [f"visitor-{next(self._names)}" for _ in range(count)]

    def some(self, count: int) -> list[Place]:
        """Places all along the line."""
        return self._random.sample(self.places, min(count, len(self.places)))

    async def join(self, count: int) -> list[Place]:
        """So many join in one call."""
        visitors = self.newcomers(count)
        args = ["", JOURNAL_MAX, *(part for visitor in visitors for part in (visitor, ""))]
        keys = room_keys(self.room_id, *ROOM_KEYS)
        *_, rows = await Script(self.client, "enter")(keys, args)
        return [
            Place(self.room_id, visitor, generation=row[2], number=row[1])
            for visitor, row in zip(visitors, rows, strict=True)
        ]

    async def left(self, visitors: list[str]) -> None:
        """The line is as long as before."""
        places = Places(self.client)
        for visitor in visitors:
            if found := await Rooms(self.client).look(self.room_id, visitor):
                await places.finish(found.place, "left")

    async def written_down(self) -> None:
        """Wait until the gateway has moved the journal: its work is no client's."""
        (journal,) = room_keys(self.room_id, JOURNAL)
        while await self.client.xlen(journal):  # noqa: ASYNC110 -- the store has no event for it
            await asyncio.sleep(0.1)


async def main(quick: bool) -> Report:
    """Both figures of both lines."""
    scale = Scale.of(quick)
    report = Report("A join and a poll in a long line and in a short one")
    async with (
        valkey() as store,
        redis.Redis.from_url(store.url, decode_responses=True, protocol=2) as client,
    ):
        lines = [await Line.filled(client, count) for count in scale.lines]
        variants = {line.title: partial(_store_time, line, scale.calls) for line in lines}
        for what, values in (await in_turns(scale.rounds, variants)).items():
            report.figures.append(Figure(what, "µs", values, LIMIT))
    async with (
        stack() as sale,
        redis.Redis.from_url(sale.redis_url, decode_responses=True, protocol=2) as client,
        aiohttp.ClientSession(sale.gateway_url, cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        visit = _Visit(
            session,
            QueueTokens((sale.home.secret("queue.secret"),)),
            Identities((sale.home.secret("identity.secret"),)),
        )
        lines = [await Line.filled(client, count) for count in scale.lines]
        for line in lines:
            await line.written_down()
        clients = {line.title: partial(visit.times, line, scale.calls) for line in lines}
        for what, values in (await in_turns(scale.rounds, clients)).items():
            limit = LIMIT if "p50" in what else None
            report.figures.append(Figure(what, "ms", values, limit))
    report.notes.append(
        f"{scale.rounds} rounds in turns, {scale.calls:,} calls of each kind in each;"
        f" {CLIENTS} clients at a time, one gateway process, all on this machine"
    )
    return report


async def _store_time(line: Line, calls: int) -> Mapping[str, float]:
    """The store's own account of a poll and of a join, µs."""
    places = line.some(calls)
    polls = Places(line.client)
    poll_us = await _accounted(line.client, [partial(polls.status, place) for place in places])
    rooms, visitors = Rooms(line.client), line.newcomers(calls)
    joins = [partial(rooms.enter, line.room_id, visitor) for visitor in visitors]
    join_us = await _accounted(line.client, joins)
    await line.left(visitors)
    return {"poll, store": poll_us, "join, store": join_us}


async def _accounted(
    client: "redis.Redis", works: Sequence[Callable[[], Awaitable[object]]]
) -> float:
    await client.config_resetstat()
    for work in works:
        await work()
    figures = (await client.info("commandstats"))["cmdstat_evalsha"]
    return float(figures["usec"]) / float(figures["calls"])


@dataclass(frozen=True, slots=True)
class _Visit:
    """Visitors of the gateway."""

    session: aiohttp.ClientSession
    tokens: QueueTokens
    identities: Identities

    async def times(self, line: Line, calls: int) -> Mapping[str, float]:
        """What clients waited for a poll and for a join, ms."""
        path, visitors = f"/v1/rooms/{line.room_id}/token", line.newcomers(calls)
        polls = await self._timed(
            [("GET", path, {"Queue-Token": self.tokens.sign(place)}) for place in line.some(calls)]
        )
        joins = await self._timed(
            [
                ("POST", path, {"Authorization": f"Bearer {self.identities.sign(visitor)}"})
                for visitor in visitors
            ]
        )
        await line.left(visitors)
        await line.written_down()
        found = {"poll": Figures.of(polls), "join": Figures.of(joins)}
        return {
            f"{what}, client {name}": value or 0.0
            for what, figures in found.items()
            for name, value in (("p50", figures.p50), ("p99", figures.p99))
        }

    async def _timed(self, requests: list[tuple[str, str, dict[str, str]]]) -> list[float]:
        """Send them all, some at a time, each client one after the other."""
        left, times = iter(requests), list[float]()

        async def client() -> None:
            for method, path, headers in left:
                began = time.perf_counter()
                async with self.session.request(method, path, headers=headers) as answer:
                    await answer.read()
                times.append((time.perf_counter() - began) * 1000)
                if answer.status not in (200, 201):
                    raise RuntimeError(f"{method} {path} answered {answer.status}")

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return times
