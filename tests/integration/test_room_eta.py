"""What waiting visitors are told of their wait, by a real room."""

import pytest
from redis.asyncio import Redis

from queue_gateway.answers import Wait
from queue_gateway.room import Entered
from tests.integration.lines import ROOM, Line


@pytest.fixture
async def line(redis: Redis) -> Line:
    return Line(redis)


async def told(line: Line, entered: Entered) -> Wait | None:
    status = await line.status(entered)
    return (await line.rooms.view(ROOM)).eta_s(status)


async def test_the_rate_that_is_set_promises_nothing_before_anything_moved(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=6000)
    (one,) = await line.crowd(1)
    await line.keep_alive(one, seconds=20)
    assert await told(line, one) is None


async def test_a_wait_is_told_from_what_was_admitted_not_from_the_rate(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=6000, claim_ttl_s=3600)
    crowd = await line.crowd(40)
    for cap in range(1, 15):  # one more every ten seconds, far below the rate
        await line.configure(max_active=cap)
        await line.wait(10)
    wait = await told(line, crowd[-1])
    assert wait is not None
    assert wait.low <= 260 <= wait.high <= 3 * wait.low


async def test_nothing_is_told_while_paused_or_before_the_opening(line: Line) -> None:
    await line.configure(max_active=10, admit_per_minute=60)
    crowd = await line.crowd(40)
    await line.wait(8)
    assert await told(line, crowd[-1]) is not None
    await line.configure(state="paused")
    assert await told(line, crowd[-1]) is None
    await line.configure(state="open", opens_at_ms=line.now_ms + 60_000)
    assert await told(line, crowd[-1]) is None
    await line.configure(opens_at_ms=line.now_ms)
    assert await told(line, crowd[-1]) is not None


async def test_a_pause_does_not_count_as_time_of_the_line(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=60)
    crowd = await line.crowd(200)
    await line.wait(60)
    before = await told(line, crowd[-1])
    await line.configure(state="paused")
    await line.wait(120)
    await line.configure(state="open")
    assert await told(line, crowd[-1]) == before


async def test_a_lane_in_which_nobody_waited_is_not_slow_for_that(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=60, lanes="members:9,public:1")
    await line.throng(400, "public")
    for n in range(40):  # let in within three quarters of a minute, and then no member for long
        await line.enter(f"early{n}", "members")
    await line.wait(240)
    late = [await line.enter(f"late{n}", "members") for n in range(40)]
    wait = await told(line, late[-1])
    assert wait is not None
    assert wait.low <= 45 <= wait.high < 180
