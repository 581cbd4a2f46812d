"""What everybody who asks for the same shares for a moment."""

import asyncio

import pytest

from booking_api.readings import Readings


class Clerk:
    """Counts how often it was asked; can be slow, and fail."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.ready = asyncio.Event()
        self.ready.set()

    async def read(self) -> int:
        self.asked += 1
        await self.ready.wait()
        if self.fails:
            raise TimeoutError
        return self.asked


def for_ever(_: int) -> float:
    return float("inf")


def not_at_all(_: int) -> float:
    return 0.0


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


async def test_a_crowd_shares_what_is_under_way(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("booking_api.readings.MOST_AGE_S", 600.0)
    readings = Readings[int]()
    clerk.ready.clear()
    asking = [asyncio.create_task(readings.get("a", clerk.read, not_at_all)) for _ in range(10)]
    await asyncio.sleep(0)
    clerk.ready.set()

    assert set(await asyncio.gather(*asking)) == {1}


async def test_it_is_as_old_as_it_may_be_and_no_older(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = Readings[int]()

    assert [await readings.get("a", clerk.read, not_at_all) for _ in range(2)] == [1, 2]
    monkeypatch.setattr("booking_api.readings.MOST_AGE_S", 600.0)
    assert [await readings.get("b", clerk.read, for_ever) for _ in range(2)] == [3, 3]
    monkeypatch.setattr("booking_api.readings.MOST_AGE_S", 0.0)
    assert [await readings.get("c", clerk.read, for_ever) for _ in range(2)] == [4, 5]


async def test_a_failure_is_not_remembered(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("booking_api.readings.MOST_AGE_S", 600.0)
    readings = Readings[int]()
    clerk.fails = True
    with pytest.raises(TimeoutError):
        await readings.get("a", clerk.read, for_ever)
    clerk.fails = False

    assert await readings.get("a", clerk.read, for_ever) == 2


async def test_only_so_many_are_remembered(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Readings, "SIZE", 2)
    readings = Readings[int]()

    for name in "abc":
        await readings.get(name, clerk.read, for_ever)

    assert list(readings._known) == ["b", "c"]
