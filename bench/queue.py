"""The gateway's two busiest requests, a poll and a join, against what a constant answer costs.

The constant is answered by a bare aiohttp application, which is sent the very same requests; a poll
is also measured against the same route with one script call for each request.
"""

import os
import random
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import redis.asyncio as redis

from bench.engines import processes, stack, stores
from bench.load import Amount, Request, WrongAnswers, prepared
from bench.report import Figure, Measure, Report, in_turns
from bench.rooms import Line
from bench.servers import Server, answer_of, beside, constant
from onsale.stack import Stack
from shared.identity import Identities
from shared.places import room_keys
from shared.tokens import QueueTokens

BARE, ONE_BY_ONE = "bare aiohttp", "one script call per request"
POLL, JOIN = "poll", "join"
JOINED = "newcomers"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done."""

    waiting: int
    rounds: int
    polls: Amount  # of a round
    joins: int  # of a round
    connections: int
    few: int

    @classmethod
    def of(cls, quick: bool) -> "Scale":
        if quick:
            return cls(2_000, 2, Amount(count=1_000), 500, 8, 4)
        return cls(100_000, 15, Amount(seconds=1), 5_000, 256, 64)


async def main(quick: bool) -> Report:
    """Polls and joins a second."""
    scale = Scale.of(quick)
    report = Report("Polls and joins of a gateway")
    async with stack(processes()) as sale, stores(sale) as (client, _):
        with tempfile.TemporaryDirectory(prefix="onsale-bench-") as folder:
            await _polls(sale, client, Path(folder), scale, report)
            await _joins(sale, client, Path(folder), scale, report)
    report.notes.append(
        f"wrk, {scale.connections} connections, else as told, {scale.rounds} rounds in turns;"
        " processes of each:"
        f" {processes()}, on {os.cpu_count()} processors"
    )
    return report


async def _polls(
    sale: Stack, client: "redis.Redis", folder: Path, scale: Scale, report: Report
) -> None:
    """Everybody in line asks, over and over."""
    line = await Line.filled(client, scale.waiting)
    await line.written_down()
    tokens = QueueTokens((sale.home.secret("queue.secret"),))
    path = f"/v1/rooms/{line.room_id}/token"
    asking = [Request("GET", path, {"Queue-Token": tokens.sign(place)}) for place in line.places]
    random.Random(1).shuffle(asking)
    file = prepared(folder / "polls", asking)
    status, size = await answer_of(sale.gateway_url, asking[0].wire)

    async def polled(server: Server, connections: int) -> Mapping[str, float]:
        _, figures = await server.under(file, scale.polls, connections=connections, status=200)
        return figures

    def by(variant: str) -> str:
        return f"{variant}, {scale.few} connections"

    async with AsyncExitStack() as servers:
        bare = await servers.enter_async_context(constant("GET", path, status, size, processes()))
        slow = await servers.enter_async_context(beside(sale, sale.services[0], "bench.one_by_one"))
        variants: dict[str, Measure] = {
            BARE: partial(polled, bare, scale.connections),
            ONE_BY_ONE: partial(polled, slow, scale.connections),
            POLL: partial(polled, Server.gateway(sale), scale.connections),
            by(BARE): partial(polled, bare, scale.few),
            by(POLL): partial(polled, Server.gateway(sale), scale.few),
        }
        found = await in_turns(scale.rounds, variants)
    waiting = await client.zcard(room_keys(line.room_id, "waiting")[0])
    if waiting != scale.waiting:
        raise WrongAnswers(f"{scale.waiting} waited, then {waiting}")
    name = f"poll, {scale.waiting:,} in line"
    report.figures += [
        Figure.rated(f"{name}, bare route", found, (BARE, POLL), target=1.0),
        Figure.rated(f"{name}, call by call", found, (ONE_BY_ONE, POLL), target=4.0),
        Figure.rated(f"{name}, few connections", found, (by(BARE), by(POLL))),
    ]


@dataclass(slots=True)
class _Newcomers:
    """Visitors who never were here, round after round, with their requests to join."""

    line: Line
    identities: Identities
    file: Path
    path: str
    joined: int = field(default=0)

    def prepared(self, count: int) -> Path:
        names = self.line.newcomers(count)
        requests = [
            Request("POST", self.path, {"Authorization": f"Bearer {self.identities.sign(name)}"})
            for name in names
        ]
        return prepared(self.file, requests)

    async def check(self, answers: int, cut_off: int) -> None:
        """Each answer is a place in the store, and so may be what was cut off at the end."""
        await self.line.written_down()
        waiting = await self.line.client.zcard(room_keys(self.line.room_id, "waiting")[0])
        if not answers <= waiting - self.joined <= answers + cut_off:
            raise WrongAnswers(f"{answers} joined, and {waiting - self.joined} more are there")
        self.joined = waiting


async def _joins(
    sale: Stack, client: "redis.Redis", folder: Path, scale: Scale, report: Report
) -> None:
    """Newcomers join a room of their own."""
    line = await Line.filled(client, 0, JOINED)
    path = f"/v1/rooms/{line.room_id}/token"
    identities = Identities((sale.home.secret("identity.secret"),))
    newcomers = _Newcomers(line, identities, folder / "joins", path)

    async def joined(server: Server, ours: bool) -> Mapping[str, float]:
        file = newcomers.prepared(scale.joins + scale.connections)
        found, figures = await server.under(
            file, Amount(count=scale.joins), connections=scale.connections, status=201
        )
        if ours:
            await newcomers.check(found.answers, scale.connections)
        return figures

    (first,) = line.newcomers(1)
    asking = Request("POST", path, {"Authorization": f"Bearer {identities.sign(first)}"})
    status, size = await answer_of(sale.gateway_url, asking.wire)
    await newcomers.check(1, 0)
    async with constant("POST", path, status, size, processes()) as bare:
        variants: dict[str, Measure] = {
            BARE: partial(joined, bare, False),
            JOIN: partial(joined, Server.gateway(sale), True),
        }
        found = await in_turns(scale.rounds, variants)
    report.figures.append(Figure.rated("join, distinct visitors", found, (BARE, JOIN), target=0.6))
