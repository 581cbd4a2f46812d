"""What was read in the last moments, for whoever asks next."""

import asyncio

import pytest

from queue_gateway.recent import Recent
from tests.waiting import wait_until


async def test_who_asks_at_once_shares_one_reading_also_if_the_first_one_goes() -> None:
    recent, reads, go = Recent[int](60), 0, asyncio.Event()

    async def read() -> int:
        nonlocal reads
        reads += 1
        await go.wait()
        return 7

    asking = [asyncio.create_task(recent.get("a", read)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    go.set()

    assert await asyncio.gather(*asking[1:]) == [7] * 4
    assert reads == 1


async def test_what_was_read_is_read_anew_after_a_while() -> None:
    recent, values = Recent[int](0.01), iter(range(1_000_000))

    async def read() -> int:
        return next(values)

    async def newer() -> bool:
        return await recent.get("a", read) > 2

    await wait_until(newer, within_s=5)


async def test_no_more_are_kept_than_were_begun_of_late() -> None:
    recent = Recent[int](0.0)

    async def read() -> int:
        return 1

    for number in range(1000):
        await recent.get(number, read)
    assert sum(number in recent for number in range(1000)) == 1


async def test_a_reading_that_failed_is_not_kept() -> None:
    recent = Recent[int](60)

    async def fail() -> int:
        raise LookupError

    async def read() -> int:
        return 1

    with pytest.raises(LookupError):
        await recent.get("a", fail)
    assert "a" not in recent
    assert await recent.get("a", read) == 1
    recent.forget("a")
    assert "a" not in recent
