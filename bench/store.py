"""What a million waiting visitors cost: the store's memory, its time for a poll, an admission.

Each against the least that could do: one sorted set entry for a visitor, a short line for a poll,
as many moves between two sorted sets for an admission; and a gateway in front of a long line
against one in front of a short line. The line is made by the product's own script, its journal
taken away as the consumer does it. All times of the store are what it says of its commands.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis.asyncio as redis

from bench.engines import stack, valkey
from bench.reading import BUSY, OK, asking, read_each
from bench.report import Figure, Report, in_turns
from bench.rooms import SETTINGS, Line
from bench.streams import Gateway
from onsale.services import Service
from queue_gateway.room import Rooms
from queue_gateway.settings import ADMIT_LIMIT
from shared.places import JOURNAL, Places, room_keys
from shared.tokens import Place, QueueTokens

#: Promised: so many times the reference of each row.
MEMORY_LIMIT, POLL_LIMIT, ADMISSION_LIMIT, GATEWAY_LIMIT = 3.0, 1.3, 3.0, 1.1
#: Polls in one call of the script, as a busy gateway makes them.
TOGETHER = 32
#: Commands of one pipeline of the reference's preparation.
CHUNK = 10_000
#: The reference: a sorted set of the same members and scores, and where its first ones go.
ENTRIES, TAKEN = "{bench}:entries", "{bench}:taken"
#: The rate lets in as many at once as is asked for; the cap lets in nobody, or everybody.
RATE = {"admit_per_minute": 6_000_000, "active_ttl_s": 86_400}
SHUT, OPEN = {"max_active": 0}, {"max_active": 1_000_000}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    lines: tuple[int, int, int]
    rounds: int
    polls: int  # of each line in each round
    admitted: int
    gateway_polls: int

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        if quick:
            return cls((200, 500, 1_000), 2, 128, 100, 1_000)
        return cls((10_000, 100_000, 1_000_000), 7, 10_000, 10_000, 100_000)


async def main(quick: bool) -> Report:
    """The figures of a million in line."""
    scale = Scale.of(quick)
    long = scale.lines[-1]
    report = Report(f"{long:,} visitors wait")
    async with (
        valkey() as store,
        redis.Redis.from_url(store.url, decode_responses=True, protocol=2) as client,
    ):
        lines = []
        for count in scale.lines:
            before = await _used_memory(client)
            lines.append(await _line(client, count))
            used = await _used_memory(client) - before
        await _memory(client, lines[-1], used, report)
        polls = {line.title: partial(_poll_us, line, scale.polls) for line in lines}
        found = await in_turns(scale.rounds, polls)
        report.figures.append(Figure("poll, store", "µs", found["poll"], POLL_LIMIT, grows=True))
        await _admissions(client, lines[-1], scale, report)
        await _gateways(store.url, lines, scale, report)
    report.notes.append(
        f"polls: {scale.polls:,} of visitors all along the line in each of {scale.rounds} rounds,"
        f" {TOGETHER} in a call; gateways: one fresh process each, after {scale.gateway_polls:,}"
        f" polls; all on this machine, of {os.cpu_count()} processors"
    )
    return report


async def _line(client: "redis.Redis", count: int) -> Line:
    """So many in line; what they left in the journal is moved away."""
    line = Line(client, f"line-{count}")
    await Rooms(client).configure(line.room_id, {**SETTINGS, **RATE})
    await _joined(line, count)
    return line


async def _joined(line: Line, count: int) -> None:
    (journal,) = room_keys(line.room_id, JOURNAL)
    while count:
        places = await line.join(min(1_000, count))
        line.places += places
        count -= len(places)
        await line.client.xtrim(journal, maxlen=0, approximate=False)


async def _used_memory(client: "redis.Redis") -> float:
    return float((await client.info("memory"))["used_memory"])


async def _memory(client: "redis.Redis", line: Line, used: float, report: Report) -> None:
    """Bytes of a visitor, against an entry of the same member and score."""
    before, count = await _used_memory(client), len(line.places)
    for at in range(0, count, CHUNK):
        entries = {place.visitor: place.number for place in line.places[at : at + CHUNK]}
        await client.zadd(ENTRIES, entries)
    entry = await _used_memory(client) - before
    values = {"one sorted set entry": [entry / count], "a visitor who waits": [used / count]}
    report.figures.append(Figure("memory of the store", "bytes", values, MEMORY_LIMIT))


async def _poll_us(line: Line, count: int) -> Mapping[str, float]:
    """The store's own account of a poll."""
    places, asking_store = line.some(count), Places(line.client)
    calls = [places[at : at + TOGETHER] for at in range(0, len(places), TOGETHER)]
    used = await _account(line.client, calls, partial(asking_store.statuses, line.room_id))
    return {"poll": used / len(places)}


async def _account(
    client: "redis.Redis",
    calls: list[list[Place]],
    work: Callable[[list[Place]], Awaitable[object]],
) -> float:
    """Microseconds of all scripts that it runs."""
    await client.config_resetstat()
    for call in calls:
        await work(call)
    return float((await client.info("commandstats"))["cmdstat_evalsha"]["usec"])


async def _admissions(client: "redis.Redis", line: Line, scale: Scale, report: Report) -> None:
    """Let in the first of the line, and as many again join; by the client's clock."""
    rooms = Rooms(client)
    calls = -(-scale.admitted // ADMIT_LIMIT)
    await rooms.admit(line.room_id, 1)  # from here on the store knows the script

    async def entries() -> Mapping[str, float]:
        heads: Any = await client.zrange(ENTRIES, 0, scale.admitted - 1, withscores=True)
        async with client.pipeline(transaction=False) as together:
            for visitor, number in heads:
                together.zpopmin(ENTRIES)
                together.zadd(TAKEN, {visitor: number})
            found = await _timed(client, together.execute)
        await client.zadd(ENTRIES, {f"again-{visitor}": n + 1e9 for visitor, n in heads})
        return found

    async def visitors() -> Mapping[str, float]:
        await rooms.configure(line.room_id, OPEN)

        async def let_in() -> None:
            admitted = 0
            for _ in range(calls):
                limit = min(ADMIT_LIMIT, scale.admitted - admitted)
                done = await rooms.admit(line.room_id, limit)
                admitted += done.admitted if done else 0
            if admitted != scale.admitted:
                raise RuntimeError(f"{admitted} were let in, not {scale.admitted}")

        found = await _timed(client, let_in)
        await rooms.configure(line.room_id, SHUT)
        await _joined(line, scale.admitted)
        del line.places[: scale.admitted]
        return found

    found = await in_turns(
        scale.rounds, {"ZPOPMIN and ZADD, pipelined": entries, f"admit, {calls} calls": visitors}
    )
    name = f"admitting {scale.admitted:,}"
    report.figures.append(Figure(f"{name}, client", "ms", found["client"], ADMISSION_LIMIT))
    report.figures.append(Figure(f"{name}, store", "ms", found["store"]))


async def _timed(
    client: "redis.Redis", work: Callable[[], Awaitable[object]]
) -> Mapping[str, float]:
    """What it takes by the client's clock and by the store's own account, ms."""
    await client.config_resetstat()
    began = time.perf_counter()
    await work()
    client_ms = (time.perf_counter() - began) * 1000
    stats = await client.info("commandstats")
    commands = (
        ("cmdstat_evalsha",) if "cmdstat_evalsha" in stats else ("cmdstat_zpopmin", "cmdstat_zadd")
    )
    return {"client": client_ms, "store": sum(stats[c]["usec"] for c in commands) / 1000}


async def _gateways(store_url: str, lines: list[Line], scale: Scale, report: Report) -> None:
    """What a process holds that has answered polls of a short line, and one of a long line."""
    values: dict[str, list[float]] = {}
    async with stack(redis_url=store_url) as sale:
        tokens = QueueTokens((sale.home.secret("queue.secret"),))
        for line in (lines[0], lines[-1]):
            gateway = Gateway(sale.gateway_url, await _fresh(sale.services[0]), tokens)
            polls = _polls(gateway, line, scale)
            # Refused on a machine that is busy with something else, a poll has been verified, too.
            await read_each(gateway.url, polls, scale.gateway_polls, (OK, BUSY))
            values[line.title] = [gateway.memory_kib() / 1024]
    report.figures.append(Figure("memory of a gateway", "MiB", values, GATEWAY_LIMIT, grows=True))


async def _fresh(service: Service) -> int:
    """The process of a service, begun anew."""
    (before,) = service.pids
    os.kill(before, signal.SIGTERM)
    async with asyncio.timeout(60):
        while service.pids in ([], [before]):  # noqa: ASYNC110 -- its supervisor has no event
            await asyncio.sleep(0.05)
    await service.ready()
    (pid,) = service.pids
    return pid


def _polls(gateway: Gateway, line: Line, scale: Scale) -> Iterator[bytes]:
    """Of as many visitors as there are, each one as often as another."""
    url, left = f"{gateway.url}/v1/rooms/{line.room_id}/token", scale.gateway_polls
    while left:
        places = line.some(left)
        left -= len(places)
        for place in places:
            yield asking(url, {"Queue-Token": gateway.tokens.sign(place)})
