"""Awaiting a condition instead of sleeping for as long as it probably takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def wait_until(found: Callable[[], Awaitable[Value]], *, within_s: float = 20.0) -> Value:
    """The first true value of `await found()`; fails when none comes within a generous time."""
    deadline = time.monotonic() + within_s
    while True:
        value = await found()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.02)
