"""A signal ends the work in order, once."""

import asyncio
import os
import signal

import pytest

from onsale.stopping import Stopped, until_stopped


async def test_work_that_ends_is_not_stopped() -> None:
    async def work() -> int:
        return 7

    assert await until_stopped(work()) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_work_after_its_cleanup(number: signal.Signals) -> None:
    steps = []

    async def work() -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)  # impatience changes nothing
            await asyncio.sleep(0.01)
            steps.append("clean")

    with pytest.raises(Stopped, match=number.name) as stopped:
        await until_stopped(work())
    assert steps == ["clean"]
    assert stopped.value.exit_code == 128 + number
