"""No-shows: what they give back to the rate, where a room compensates for them."""

import pytest
from redis.asyncio import Redis

from shared.places import ACTIVE, WAIT
from tests.integration.lines import ROOM, Line

RATE = 600
BURST = 10


@pytest.fixture
async def line(redis: Redis) -> Line:
    """Only the rate is the limit; nobody who is admitted ever comes."""
    line = Line(redis)
    await line.configure(
        max_active=0, admit_per_minute=RATE, claim_ttl_s=1, idle_ttl_s=3600, compensate_no_shows=1
    )
    await line.throng(900)
    await line.configure(max_active=10_000)
    return line


async def counts(line: Line) -> tuple[int, int]:
    """How many were admitted so far, and how many of them ended unclaimed."""
    view = await line.rooms.view(ROOM)
    return view.counted("admitted"), view.counted("unclaimed")


async def test_admissions_less_no_shows_keep_the_rate_and_use_it(line: Line) -> None:
    for seconds in range(1, 31):
        await line.wait(1)
        admitted, unclaimed = await counts(line)
        assert admitted - unclaimed <= RATE * seconds / 60 + BURST
    assert unclaimed > 100
    assert admitted > 1.5 * RATE * seconds / 60


async def test_no_more_comes_back_than_the_rate_itself_gives(line: Line) -> None:
    await line.configure(max_active=0)
    await line.wait(60)  # a quiet spell banks nothing of it
    await line.configure(max_active=10_000)
    before, _ = await counts(line)
    for seconds in range(1, 21):
        await line.wait(1)
        admitted, _ = await counts(line)
        assert admitted - before <= 2 * (RATE * seconds / 60 + BURST)


async def test_no_shows_of_one_moment_are_not_banked(line: Line) -> None:
    await line.wait(20)
    await line.configure(max_active=0)
    await line.wait(60)  # everybody is gone, and nobody is admitted
    before, unclaimed = await counts(line)
    assert before == unclaimed
    await line.configure(max_active=10_000)
    await line.admit()
    assert (await counts(line))[0] - before == BURST


async def test_a_room_that_does_not_compensate_keeps_the_rate(line: Line) -> None:
    await line.configure(compensate_no_shows=0)
    await line.wait(30)
    admitted, unclaimed = await counts(line)
    assert unclaimed > 100
    assert admitted <= RATE * 30 / 60 + BURST


async def test_compensation_never_exceeds_the_cap(line: Line) -> None:
    await line.configure(max_active=7)
    for _ in range(40):
        await line.wait(0.4)
        assert (await line.rooms.view(ROOM)).active <= 7


async def test_no_shows_let_in_by_hand_give_nothing_back(line: Line) -> None:
    await line.configure(max_active=0)
    await line.wait(10)  # so that something may be given back
    await line.configure(max_active=10_000, admit_per_minute=1, compensate_no_shows=0)
    await line.wait(6)  # the one that was left of the rate is gone
    await line.configure(compensate_no_shows=1)
    before, gone = await counts(line)
    assert await line.admit(by_hand=20) == 20
    await line.wait(6)
    admitted, unclaimed = await counts(line)
    assert (admitted - before, unclaimed - gone) == (20, 20)


async def test_who_finds_ones_own_claim_overdue_gives_the_admission_back(redis: Redis) -> None:
    line = Line(redis)
    await line.configure(
        max_active=0, admit_per_minute=6, claim_ttl_s=1, idle_ttl_s=3600, compensate_no_shows=1
    )
    late, _ = await line.crowd(2)
    await line.wait(10)
    await line.configure(max_active=5)
    assert await line.admit() == 1
    line.now_ms += 1_900
    assert (await line.status(late)).reason == "unclaimed"
    assert await line.admit() == 1


@pytest.mark.parametrize("reason", ["left", "completed", "revoked"])
async def test_who_came_gives_nothing_back(redis: Redis, reason: str) -> None:
    line = Line(redis)
    await line.configure(max_active=0, admit_per_minute=6, compensate_no_shows=1)
    one, _ = await line.crowd(2)
    await line.wait(10)
    await line.configure(max_active=5)
    assert await line.admit() == 1
    await line.status(one)
    await line.places.finish(one.place, reason)
    assert await line.admit() == 0


async def test_what_comes_back_within_a_call_is_not_above_the_burst(redis: Redis) -> None:
    line = Line(redis)
    await line.configure(max_active=0, admit_per_minute=60, claim_ttl_s=1, compensate_no_shows=1)
    await line.crowd(1)
    await line.wait(10)
    await line.configure(max_active=5)
    assert await line.admit() == 1
    line.now_ms += 1_900  # the burst of one is there again, and v0's claim is overdue
    rows = await line.enter_many("v0", "ann")
    assert [(row[0], row[3]) for row in rows] == [("new", ACTIVE), ("new", WAIT)]
