"""A rush from its first request to its exit code."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
from rich.console import Console

from onsale.rush.audit import audit
from onsale.rush.box_office import BoxOffice, Goods, Occupied, existing
from onsale.rush.client import Unexpected, Unreachable, open_client
from onsale.rush.clients import client_processes
from onsale.rush.crowd import draw_crowd, seats_wanted
from onsale.rush.load import Clock, Load
from onsale.rush.messages import News, Task
from onsale.rush.oracle import Oracle
from onsale.rush.progress import Picture, shown
from onsale.rush.record import Record
from onsale.rush.report import Report, findings_as_dicts
from onsale.rush.room import watched
from onsale.rush.target import Target, running, started
from onsale.stack import StackFailed
from onsale.verify import Report as Verdicts
from onsale.verify import verify
from onsale.verify.cli import show
from shared.stores import StoreRefused


class Refused(Exception):
    """The rush cannot begin; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    visitors: int
    seats: int
    patience_s: float
    processes: int
    concert_id: int | None
    rehearsed: str | None
    seed: int
    json_file: Path | None
    home: Path

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what draws the same rush again."""
        return {
            "visitors": self.visitors,
            "seats": self.seats,
            "patience_s": self.patience_s,
            "processes": self.processes,
            "concert": self.concert_id,
            "rehearsed": self.rehearsed,
            "seed": self.seed,
        }


async def rush(options: Options, console: Console) -> bool:
    """Run it, print the report, verify. True when all went as it must. Raises Refused."""
    try:
        async with stack_for(options.home, console, _needed(options)) as target:
            report = await _sell(options, target, console)
            report.print(console)
            verdicts = await verified(target, console)
    except (StackFailed, StoreRefused) as error:
        raise Refused(str(error)) from None
    sound = not verdicts.broken
    if options.json_file:
        result = {
            **report.as_dict(),
            "invariants": findings_as_dicts(verdicts.findings),
            "invariants_hold": sound,
        }
        packed = orjson.dumps(result, option=orjson.OPT_INDENT_2, default=str)
        options.json_file.write_bytes(packed + b"\n")
    return sound and not report.faults()


@asynccontextmanager
async def stack_for(
    home: Path, console: Console, needed_by: str | None = None
) -> AsyncIterator[Target]:
    """The stack that runs in this home, else one of its own. Raises Refused, StackFailed.

    `needed_by`: the option that makes no sense without a running one.
    """
    target = running(home)
    if target:
        console.print(f"Rush against {target.gateway_url} and {target.booking_url}")
        yield target
        return
    if needed_by:
        raise Refused(f"{needed_by} needs a running stack, and none runs in {home}")
    console.print(f"No stack runs in {home}; starting one for this rush")
    async with started() as own:
        yield own


def _needed(options: Options) -> str | None:
    if options.concert_id is not None:
        return "--concert"
    return None if options.rehearsed is None else "--rehearse"


async def _sell(options: Options, target: Target, console: Console) -> Report:
    record = Record()
    async with open_client(record) as client:
        office = BoxOffice(client, target)
        goods = await _goods(options, target, office)
        rules = await office.rules(goods.room_id)
        hall = await audit(target.database_url, goods.concert_id, ())
        oracle = Oracle(rules)
        tasks = _shares(options, target, goods)
        async with client_processes(tasks, telling(oracle)) as clients:
            picture = Picture(clients, oracle, hall.total)
            room = f"{target.gateway_url}/v1/rooms/{goods.room_id}"
            async with shown(picture, console), watched(room, client, oracle):
                await clients.ready()
                before_doors = clients.requests
                clock = Clock.read()
                done = await clients.live()
            duration_s = time.monotonic() - clients.began_at
            load = Load.of(done, len(tasks), clock)
        if (await office.rules(goods.room_id)).version != rules.version:
            oracle.rules = None
        if goods.before is not None:
            await office.close_rehearsal(goods)
            console.print(f"Room {goods.room_id} is as it was before; its figures begin anew.")
    for share in done:
        record.add(share.record)
    account = await audit(target.database_url, goods.concert_id, oracle.receipts)
    crowd = draw_crowd(options.visitors, patience_s=options.patience_s, seed=options.seed)
    return Report(
        options=options.as_dict(),
        visitors=options.visitors,
        seed=options.seed,
        duration_s=duration_s,
        before_doors=before_doors,
        room_id=goods.room_id,
        concert_id=goods.concert_id,
        outcomes=clients.outcomes,
        record=record,
        account=account,
        # Somebody else's room may admit too slowly, and its holds may outlast the patience.
        must_sell_out=goods.own and seats_wanted(crowd) >= account.total,
        oracle=oracle.judge(account.missing),
        receipts=len(oracle.receipts),
        load=load,
        lost=clients.lost,
    )


def _shares(options: Options, target: Target, goods: Goods) -> list[Task]:
    run_name = f"rush-{token_hex(3)}"
    return [
        Task(
            gateway_url=target.gateway_url,
            booking_url=target.booking_url,
            room_id=goods.room_id,
            concert_id=goods.concert_id,
            run_name=run_name,
            visitors=options.visitors,
            part=part,
            parts=options.processes,
            patience_s=options.patience_s,
            seed=options.seed,
        )
        for part in range(options.processes)
    ]


def telling(oracle: Oracle) -> Callable[[News], None]:
    """What takes in a client process's news for the oracle."""

    def hear(news: News) -> None:
        for sighting in news.sightings:
            oracle.see(sighting)
        for receipt in news.receipts:
            oracle.see_receipt(receipt)

    return hear


async def _goods(options: Options, target: Target, office: BoxOffice) -> Goods:
    if options.concert_id is not None:
        goods = await existing(target.database_url, options.concert_id)
        if not goods:
            raise Refused(f"there is no concert {options.concert_id}")
        return goods
    try:
        if options.rehearsed is not None:
            return await office.open_rehearsal(options.rehearsed, options.seats, options.patience_s)
        return await office.open_sale(options.visitors, options.seats, options.patience_s)
    except Occupied as error:
        raise Refused(f"a rehearsal would end what is going on: {error}") from None
    except (Unexpected, Unreachable) as error:
        raise Refused(f"the sale could not be opened: {error}") from error


async def verified(target: Target, console: Console) -> Verdicts:
    """Ask the stores, and show what they say. Raises StoreRefused."""
    console.print("\nThe invariants, by what the stores hold:")
    report = await verify(target.redis_url, target.database_url)
    show(report, console)
    return report
