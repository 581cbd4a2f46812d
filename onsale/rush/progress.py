"""The crowd while it lasts: a live table in a terminal, a line now and then elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from onsale.rush.clients import Clients
from onsale.rush.oracle import Oracle
from onsale.rush.record import Outcome
from onsale.rush.visit import Stage

REDRAW_S = 0.25
LINE_EVERY_S = 5.0
JUDGE_EVERY_S = 5.0


@dataclass(slots=True)
class Picture:
    """All clients as one crowd, the hall, and what the oracle says so far."""

    clients: Clients
    oracle: Oracle
    seats: int
    broken: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The oracle's, in a few words."""
        return f"{', '.join(self.broken)} BROKEN" if self.broken else "nothing broken"


@asynccontextmanager
async def shown(picture: Picture, console: Console) -> AsyncIterator[None]:
    """Show the picture until the block ends, and have the oracle judge meanwhile."""
    draw = _redraw if console.is_terminal else _write_lines
    tasks = [asyncio.create_task(work) for work in (_judge(picture), draw(picture, console))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _judge(picture: Picture) -> None:
    while True:
        await asyncio.sleep(JUDGE_EVERY_S)
        findings = picture.oracle.judge().findings
        picture.broken = [finding.name for finding in findings if finding.broken]


async def _redraw(picture: Picture, console: Console) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(_table(picture), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _write_lines(picture: Picture, console: Console) -> None:
    before, told = 0, False
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        clients = picture.clients
        stages, total = clients.stages, clients.requests
        console.print(
            f"{', '.join(f'{stages[stage]} {stage}' for stage in Stage)};"
            f" {clients.seats_paid}/{picture.seats} seats paid;"
            f" {(total - before) / LINE_EVERY_S:.0f} requests/s,"
            f" {clients.surprises} unexpected; oracle: {picture.verdict}",
            highlight=False,
            markup=False,
        )
        before = total
        if clients.first_surprise and not told:
            told = True
            words = f"unexpected {clients.first_surprise}"
            console.print(words, highlight=False, markup=False)


def _table(picture: Picture) -> Table:
    clients, seats = picture.clients, picture.seats
    table = Table.grid(padding=(0, 2))
    stages, paid = clients.stages, clients.seats_paid
    for stage in Stage:
        table.add_row(str(stage), str(stages[stage]))
    table.add_row(
        "seats paid",
        f"{paid}/{seats}",
        ProgressBar(total=max(1, seats), completed=paid, width=40),
    )
    table.add_row(
        "bought",
        str(clients.outcomes[Outcome.BOUGHT]),
        f"{clients.requests} requests, {clients.surprises} unexpected",
    )
    table.add_row("oracle", f"{picture.oracle.sightings} answers", picture.verdict)
    return table
