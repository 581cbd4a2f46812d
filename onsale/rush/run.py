"""A rush from its first request to its exit code."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import monotonic

import orjson
from rich.console import Console

from onsale.rush.audit import audit
from onsale.rush.box_office import BoxOffice, Goods, existing
from onsale.rush.client import Client, Unexpected, Unreachable, open_client
from onsale.rush.crowd import draw_crowd, seats_wanted
from onsale.rush.progress import shown
from onsale.rush.record import Record
from onsale.rush.report import Report
from onsale.rush.sale import Sale
from onsale.rush.target import Target, running, started
from onsale.rush.visit import Board
from onsale.rush.visitor import come
from onsale.stack import StackFailed
from onsale.verify import verify
from onsale.verify.cli import show
from shared.stores import StoreRefused

SPARE_FILES = 200  # open files besides two connections a visitor


class Refused(Exception):
    """The rush cannot begin; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    visitors: int
    seats: int
    patience_s: float
    concert_id: int | None
    seed: int
    json_file: Path | None
    home: Path


async def rush(options: Options, console: Console) -> bool:
    """Run it, print the report, verify. True when all went as it must. Raises Refused."""
    allow_open_files(2 * options.visitors + SPARE_FILES)
    try:
        async with _stack(options, console) as target:
            report = await _sell(options, target, console)
            report.print(console)
            sound = await _verified(target, console)
    except (StackFailed, StoreRefused) as error:
        raise Refused(str(error)) from None
    if options.json_file:
        result = {**report.as_dict(), "invariants_hold": sound}
        options.json_file.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return sound and not report.faults()


@asynccontextmanager
async def _stack(options: Options, console: Console) -> AsyncIterator[Target]:
    target = running(options.home)
    if target:
        console.print(f"Rush against {target.gateway_url} and {target.booking_url}")
        yield target
        return
    if options.concert_id is not None:
        raise Refused(f"--concert needs a running stack, and none runs in {options.home}")
    console.print(f"No stack runs in {options.home}; starting one for this rush")
    async with started() as own:
        yield own


async def _sell(options: Options, target: Target, console: Console) -> Report:
    record, board = Record(), Board()
    async with open_client(record) as client:
        goods = await _goods(options, target, client)
        before = await audit(target.database_url, goods.concert_id, ())
        crowd = draw_crowd(options.visitors, patience_s=options.patience_s, seed=options.seed)
        sale = Sale(target.gateway_url, target.booking_url, goods.room_id, goods.concert_id)
        run_name = f"rush-{token_hex(3)}"
        started_at = monotonic()
        async with shown(board, record, before.total, console), asyncio.TaskGroup() as visits:
            for persona in crowd:
                name = f"{run_name}-{persona.index}"
                visits.create_task(come(persona, sale, client, board, name))
        duration_s = monotonic() - started_at
    account = await audit(target.database_url, goods.concert_id, record.receipts.values())
    return Report(
        visitors=options.visitors,
        seed=options.seed,
        patience_s=options.patience_s,
        duration_s=duration_s,
        room_id=goods.room_id,
        concert_id=goods.concert_id,
        outcomes=board.outcomes,
        record=record,
        account=account,
        # Somebody else's room may admit too slowly, and its holds may outlast the patience.
        must_sell_out=goods.own and seats_wanted(crowd) >= account.total,
    )


async def _goods(options: Options, target: Target, client: Client) -> Goods:
    if options.concert_id is not None:
        goods = await existing(target.database_url, options.concert_id)
        if not goods:
            raise Refused(f"there is no concert {options.concert_id}")
        return goods
    try:
        office = BoxOffice(client, target)
        return await office.open_sale(options.visitors, options.seats, options.patience_s)
    except (Unexpected, Unreachable) as error:
        raise Refused(f"the sale could not be opened: {error}") from error


async def _verified(target: Target, console: Console) -> bool:
    report = await verify(target.redis_url, target.database_url)
    show(report, console)
    return not report.broken


def allow_open_files(wanted: int) -> None:
    """Raise the soft limit of open files towards `wanted`, as far as the hard limit lets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < ceiling:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
