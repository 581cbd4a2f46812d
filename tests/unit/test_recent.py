"""What was read in the last moments, for whoever asks next."""

import asyncio

import pytest

from queue_gateway import recent as recent_module
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


async def test_what_is_asked_for_all_the_time_is_at_hand_all_the_time(clock: list[float]) -> None:
    recent, values = Recent[int](1.0), iter(range(1_000_000))

    async def read() -> int:
        return next(values)

    assert recent.at_hand("a", read) is None
    await recent.get("a", read)
    found = []
    for clock[0] in (0.4, 0.6, 0.8, 1.2, 1.5, 1.7):
        found.append(recent.at_hand("a", read))
        await let_run()
    assert found == [0, 0, 1, 1, 2, 2]


async def test_what_was_asked_for_too_long_ago_is_not_at_hand(clock: list[float]) -> None:
    recent = Recent[int](1.0)

    async def read() -> int:
        return 7

    await recent.get("a", read)
    clock[0] = 1.0
    assert recent.at_hand("a", read) is None


async def test_what_was_forgotten_does_not_come_back_by_a_reading_ahead_of_time(
    clock: list[float],
) -> None:
    recent, value, go = Recent[str](1.0), "before", asyncio.Event()

    async def read() -> str:
        found = value
        await go.wait()
        return found

    go.set()
    await recent.get("a", read)
    go.clear()
    clock[0] = 0.6
    recent.at_hand("a", read)
    await let_run()
    value = "after"
    recent.forget("a")
    asking = asyncio.create_task(recent.get("a", read))
    await let_run()
    go.set()
    assert await asking == "after"
    await let_run()
    assert recent.at_hand("a", read) == "after"


async def test_a_reading_ahead_of_time_that_failed_is_not_kept(clock: list[float]) -> None:
    recent, answers = Recent[int](1.0), iter([1, 0, 2])

    async def read() -> int:
        return 2 // next(answers)

    await recent.get("a", read)
    found = []
    for clock[0] in (0.6, 0.7, 0.8):
        found.append(recent.at_hand("a", read))
        await let_run()
    # What failed is not there any more: who asks for it is told, and reads it anew.
    assert found == [2, None, None]
    assert await recent.get("a", read) == 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `Recent` reads, to be set."""
    now = [0.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(recent_module, "time", Time)
    return now


async def let_run() -> None:
    """Whatever can run now without waiting has run."""
    for _ in range(5):
        await asyncio.sleep(0)
