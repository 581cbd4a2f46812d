"""Stopping in order when told to: by Ctrl-C, by SIGTERM, by a terminal that closes."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stopped(Exception):
    """The work was ended by a signal, after it had cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number  # as shells say it


async def until_stopped(work: Coroutine[Any, Any, Result]) -> Result:
    """Do the work. The first signal cancels it; more of them change nothing. Raises Stopped.

    Work that ends in its own way in spite of the signal is not stopped.
    """
    loop = asyncio.get_running_loop()
    running = loop.create_task(work)
    received: list[int] = []

    def stop(number: int) -> None:
        if not received:
            running.cancel()
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        return await running
    except asyncio.CancelledError:
        if received:
            raise Stopped(received[0]) from None
        raise
