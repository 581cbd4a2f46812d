"""A rush at scale, from the first place in line to the exit code."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg
import orjson
import redis.asyncio as redis
from redis.exceptions import RedisError
from rich.console import Console

from onsale.rush.audit import audit
from onsale.rush.box_office import BoxOffice, Goods
from onsale.rush.client import Client, Unexpected, Unreachable, open_client
from onsale.rush.clients import processes_for
from onsale.rush.load import Clock, Load
from onsale.rush.oracle import Oracle
from onsale.rush.record import Record
from onsale.rush.report import findings_as_dicts
from onsale.rush.room import watched
from onsale.rush.run import Refused, stack_for, telling, verified
from onsale.rush.scale.capacity import too_big
from onsale.rush.scale.crowd import Crowd
from onsale.rush.scale.loader import Line, line_of
from onsale.rush.scale.machine import Memory, Processes
from onsale.rush.scale.parts import Part, named
from onsale.rush.scale.plan import Plan
from onsale.rush.scale.report import Filled, Journaled, Report, Served
from onsale.rush.scale.steps import step
from onsale.rush.scale.tally import together
from onsale.rush.scale.terms import terms_for
from onsale.rush.scale.words import markdown, show_report
from onsale.rush.target import Target, running
from onsale.rush.visit import Stage
from onsale.stack import StackFailed
from shared.stores import StoreRefused

#: How long polls follow each other as fast as they are answered.
CLOSED_LOOP_S = 5.0
WATCH_S = 0.2
CLOSE_S = 5.0
#: Counting a million rows takes a second.
QUERY_S = 60

JOURNALED = """
SELECT count(*) AS tokens, count(admitted_at) AS admitted,
       coalesce(extract(epoch FROM max(admitted_at) - min(admitted_at)), 0)::float8 AS within_s
FROM queue WHERE room_id = $1
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    plan: Plan
    sample: int
    seats: int
    over_http: bool
    processes: int
    connections: int
    seed: int
    json_file: Path | None
    home: Path

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what asks for the same rush again."""
        return {
            "scale": self.plan.visitors,
            "seconds": self.plan.seconds,
            "admit": self.plan.per_s,
            "sample": self.sample,
            "seats": self.seats,
            "join": "http" if self.over_http else "script",
            "processes": self.processes,
            "connections": self.connections,
            "seed": self.seed,
        }


async def rush_at_scale(options: Options, console: Console) -> bool:
    """Run it, print the report, verify. True when all went as it must. Raises Refused."""
    if running(options.home) is None and (why := too_big(options.plan.visitors)):
        raise Refused(why)
    try:
        async with stack_for(options.home, console) as target, _Rush.on(target) as rush:
            report = await rush.run(options, console)
            show_report(report, console)
            began = time.monotonic()
            verdicts = await verified(target, console)
            verify_s = time.monotonic() - began
            console.print(f"onsale verify took {verify_s:.1f} s")
    except (StackFailed, StoreRefused, Unexpected, Unreachable) as error:
        raise Refused(str(error)) from None
    except (RedisError, asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise Refused(f"a store failed: {type(error).__name__}") from error
    if options.json_file:
        result = {
            **report.as_dict(),
            "invariants": findings_as_dicts(verdicts.findings),
            "invariants_hold": not verdicts.broken,
            "verify_s": round(verify_s, 3),
            "markdown": markdown(report),
        }
        packed = orjson.dumps(result, option=orjson.OPT_INDENT_2, default=str)
        options.json_file.write_bytes(packed + b"\n")
    return not verdicts.broken and not report.faults()


class _Rush:
    """What every step of it needs."""

    def __init__(
        self, target: Target, client: Client, database: "asyncpg.Connection", secret: str
    ) -> None:
        self._target = target
        self._client = client
        self._database = database
        self._secret = secret
        self._office = BoxOffice(client, target)
        self._goods: Goods | None = None
        self._memory: dict[str, Memory] = {}

    @classmethod
    @asynccontextmanager
    async def on(cls, target: Target) -> "AsyncIterator[_Rush]":
        """On this stack; the room is closed at the end. Raises Refused."""
        if target.identity_secret is None:
            raise Refused(
                f"the crowd's identities are signed by the rush, and {target.home} has no"
                " identity.secret: the stack has one of its own"
            )
        async with open_client(Record()) as client:
            database = await asyncpg.connect(target.database_url, timeout=5)
            rush = cls(target, client, database, target.identity_secret)
            try:
                yield rush
            finally:
                with suppress(Unexpected, Unreachable, TimeoutError):
                    async with asyncio.timeout(CLOSE_S):
                        await rush.close()
                await database.close()

    async def close(self) -> None:
        """Nobody is left waiting in somebody's stack."""
        if self._goods:
            await self._office.set_state(self._goods.room_id, "closed")

    async def run(self, options: Options, console: Console) -> Report:
        """All steps; raises Unexpected, Unreachable and the stores' errors."""
        plan, record = options.plan, self._client.record
        terms = terms_for(plan)
        goods = self._goods = await self._office.open_room(
            f"A line of {plan.visitors:,}", terms, options.seats, state="paused"
        )
        oracle = Oracle(await self._office.rules(goods.room_id))
        parts = self._parts(options, goods)
        async with line_of(self._target.redis_url, goods.room_id) as line:
            await self._weigh("before", line.client)
            filled = None
            if not options.over_http:
                filled = await self._fill(plan, parts[0].run_name, line, console)
            async with processes_for(parts) as processes:
                crowd = Crowd(processes, telling(oracle))
                joined = await self._join(crowd, options, line, console)
                filled = filled or joined
                await self._weigh("with all in line", line.client)
                served = await self._measure(crowd, options, console)
                clock = Clock.read()
                polls, done = await self._live(crowd, plan, goods, oracle, console)
                load = Load.of(done, len(parts), clock)
            await line.written_down(lambda _: None)
            await self._weigh("at the end", line.client)
        for share in done:
            record.add(share.record)
        account = await audit(self._target.database_url, goods.concert_id, oracle.receipts)
        return Report(
            options=options.as_dict(),
            plan=plan,
            room=_settings(terms),
            room_id=goods.room_id,
            filled=filled,
            served=served,
            polls=polls,
            journaled=await self._journaled(goods.room_id),
            memory=self._memory,
            outcomes=crowd.outcomes,
            record=record,
            account=account,
            receipts=len(oracle.receipts),
            oracle=oracle.judge(account.missing),
            load=load,
            lost=tuple(crowd.lost),
        )

    def _parts(self, options: Options, goods: Goods) -> list[Part]:
        run_name = f"rush-{token_hex(3)}"
        return [
            Part(
                gateway_url=self._target.gateway_url,
                booking_url=self._target.booking_url,
                room_id=goods.room_id,
                concert_id=goods.concert_id,
                run_name=run_name,
                identity_secret=self._secret,
                plan=options.plan,
                all_join=options.over_http,
                connections=max(1, options.connections // options.processes),
                seed=options.seed,
                part=part,
                parts=options.processes,
            )
            for part in range(options.processes)
        ]

    async def _fill(self, plan: Plan, run_name: str, line: Line, console: Console) -> Filled:
        """By the bulk loader."""
        count = 0

        def told(joined: int) -> None:
            nonlocal count
            count = joined

        async with _journal(line) as journal:
            words = f"of {plan.visitors:,} joined by enter.lua"
            async with step(
                console,
                "Filling the line",
                lambda: f"{count:,} {words}, {journal.now:,} entries in the journal",
            ):
                loaded = await line.fill(plan.visitors, lambda n: named(run_name, n), told)
            after_s = await _written_down(line, console)
        return Filled(
            over_http=False,
            visitors=loaded.joined,
            joins_s=loaded.seconds,
            held_up_s=loaded.held_up_s,
            journal_most=journal.most,
            table_s=loaded.seconds + after_s,
        )

    async def _join(self, crowd: Crowd, options: Options, line: Line, console: Console) -> Filled:
        """Over HTTP: all of the crowd; or the sample of a crowd that is in line."""
        title = "Joining over HTTP" if options.over_http else "The sample asks for its places"
        began = time.monotonic()
        async with _journal(line) as journal:
            async with step(
                console, title, lambda: f"{crowd.stages[Stage.WAITING]:,} have a place"
            ):
                joined = await crowd.joined()
            after_s = await _written_down(line, console) if options.over_http else 0.0
        joins_s = max((share.seconds for share in joined), default=time.monotonic() - began)
        async with step(
            console, "Money for the buyers", lambda: f"{options.plan.buyers:,} of them"
        ):
            await crowd.ready()
        return Filled(
            over_http=True,
            visitors=sum(share.visitors for share in joined),
            joins_s=joins_s,
            held_up_s=0.0,
            journal_most=journal.most,
            table_s=joins_s + after_s,
        )

    async def _measure(self, crowd: Crowd, options: Options, console: Console) -> Served:
        """What one process serves, by the client that polls."""
        stack = Processes(self._target.home)
        before = stack.clock()
        async with step(console, "Polls as fast as they are answered", lambda: "closed loop"):
            measured = await crowd.measured(CLOSED_LOOP_S)
        return Served(
            answers=sum(share.answers for share in measured),
            refused=sum(share.refused for share in measured),
            seconds=max((share.seconds for share in measured), default=CLOSED_LOOP_S),
            connections=options.connections,
            processes=max(1, stack.count("gateway")),
            shares=stack.clock().shares(before),
        )

    async def _live(
        self, crowd: Crowd, plan: Plan, goods: Goods, oracle: Oracle, console: Console
    ) -> Any:
        """The doors are open for the plan's time; (polls, what the processes say)."""
        room = f"{self._target.gateway_url}/v1/rooms/{goods.room_id}"

        def words() -> str:
            gone_s = max(0.0, min(plan.seconds, time.monotonic() - crowd.began_at))
            stages = crowd.stages
            return (
                f"{gone_s:.0f} of {plan.seconds} s, {stages[Stage.INSIDE]} inside,"
                f" {stages[Stage.HOLDING]} holding, {stages[Stage.GONE]:,} gone,"
                f" {crowd.seats_paid:,} seats paid, {crowd.surprises} unexpected"
            )

        await self._office.set_state(goods.room_id, "open")
        async with (
            step(console, "The doors are open", words),
            watched(room, self._client, oracle),
            self._paused_after(plan.seconds, goods.room_id),
        ):
            done = await crowd.lived(plan.seconds)
        return together(share.polls for share in done), done

    @asynccontextmanager
    async def _paused_after(self, seconds: float, room_id: str) -> AsyncIterator[None]:
        """Let nobody in whom no real visitor stands for. Raises Unexpected, Unreachable."""

        async def pause() -> None:
            await asyncio.sleep(seconds)
            await self._office.set_state(room_id, "paused")

        task = asyncio.create_task(pause())
        try:
            yield
            await task
        finally:
            task.cancel()

    async def _journaled(self, room_id: str) -> Journaled:
        row = await self._database.fetchrow(JOURNALED, room_id, timeout=QUERY_S)
        ended = (await self._office.stats(room_id))["ended"]
        return Journaled(row["tokens"], row["admitted"], row["within_s"], ended)

    async def _weigh(self, moment: str, client: "redis.Redis") -> None:
        self._memory[moment] = await Memory.read(self._target.home, client, self._database)


class _Length:
    """How long a journal is, and was at most."""

    now = most = 0


@asynccontextmanager
async def _journal(line: Line) -> AsyncIterator[_Length]:
    """Look at the journal's length until the block ends."""
    length = _Length()

    async def watch() -> None:
        while True:
            with suppress(RedisError):
                length.now = await line.journal()
                length.most = max(length.most, length.now)
            await asyncio.sleep(WATCH_S)

    task = asyncio.create_task(watch())
    try:
        yield length
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _written_down(line: Line, console: Console) -> float:
    left = 0

    def told(entries: int) -> None:
        nonlocal left
        left = entries

    async with step(console, "The journal goes to the table", lambda: f"{left:,} entries left"):
        return await line.written_down(told)


def _settings(terms: Any) -> dict[str, int]:
    return {name: getattr(terms, name) for name in terms.__slots__}
