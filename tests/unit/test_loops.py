"""Loops end when they are told, whatever their stores do at that moment."""

import asyncio
import contextlib

from shared.loops import end


async def test_a_loop_ends_though_its_cleanup_fails_in_place_of_the_cancellation() -> None:
    failures = 0

    async def loop() -> None:
        nonlocal failures
        while True:
            with contextlib.suppress(ConnectionError):
                try:
                    await asyncio.sleep(60)
                finally:
                    failures += 1
                    if failures == 1:
                        raise ConnectionError("the server went away too")

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task)
    assert task.cancelled()
    assert failures == 2


async def test_loops_that_ended_before_are_no_obstacle() -> None:
    async def broken() -> None:
        raise ValueError

    task = asyncio.create_task(broken())
    await asyncio.wait({task})
    await end(task)
    assert isinstance(task.exception(), ValueError)
