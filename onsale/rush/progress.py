"""The crowd while it lasts: a live table in a terminal, a line now and then elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from onsale.rush.record import Outcome, Record
from onsale.rush.visit import Board, Stage

REDRAW_S = 0.25
LINE_EVERY_S = 5.0


@asynccontextmanager
async def shown(board: Board, record: Record, seats: int, console: Console) -> AsyncIterator[None]:
    """Show the board until the block ends."""
    draw = _redraw if console.is_terminal else _write_lines
    task = asyncio.create_task(draw(board, record, seats, console))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _redraw(board: Board, record: Record, seats: int, console: Console) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(_table(board, record, seats), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _write_lines(board: Board, record: Record, seats: int, console: Console) -> None:
    before = 0
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        stages = ", ".join(f"{board.stages[stage]} {stage}" for stage in Stage)
        total = record.total_requests
        console.print(
            f"{stages}; {board.seats_paid}/{seats} seats paid;"
            f" {(total - before) / LINE_EVERY_S:.0f} requests/s,"
            f" {record.surprise_count} unexpected",
            highlight=False,
        )
        before = total


def _table(board: Board, record: Record, seats: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for stage in Stage:
        table.add_row(str(stage), str(board.stages[stage]))
    table.add_row(
        "seats paid",
        f"{board.seats_paid}/{seats}",
        ProgressBar(total=max(1, seats), completed=board.seats_paid, width=40),
    )
    table.add_row(
        "bought",
        str(board.outcomes[Outcome.BOUGHT]),
        f"{record.total_requests} requests, {record.surprise_count} unexpected",
    )
    return table
