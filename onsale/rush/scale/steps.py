"""What a rush at scale does right now: a line that changes in a terminal, else one now and then."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.live import Live
from rich.text import Text

REDRAW_S, LINE_EVERY_S = 0.25, 5.0

#: What it says of itself, asked now and then.
Words = Callable[[], str]


@asynccontextmanager
async def step(console: Console, title: str, words: Words) -> AsyncIterator[None]:
    """Show `title` and `words()` until the block ends, and then how long it took."""
    began = time.monotonic()
    show = _redraw if console.is_terminal else _write_lines
    task = asyncio.create_task(show(console, title, words))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    _write(console, f"{title}: {words()}, {time.monotonic() - began:.1f} s")


async def _redraw(console: Console, title: str, words: Words) -> None:
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(Text(f"{title}: {words()}"), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _write_lines(console: Console, title: str, words: Words) -> None:
    while True:
        await asyncio.sleep(LINE_EVERY_S)
        _write(console, f"{title} ... {words()}")


def _write(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False)
