"""The scripts' bounds: work per call (S3), the store's clock (S1), batches, nothing left over."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from queue_gateway.room import PACE_SLOT_MS, Rooms
from shared.places import ACTIVE, EXPIRED, Places, room_keys
from tests.integration.lines import ROOM, Line

CROWD = 300


async def commands(client: Redis, work: Callable[[], Awaitable[Any]]) -> int:
    """How many commands the store ran for `work`, those of its scripts included."""
    await client.config_resetstat()
    await work()
    stats = await client.info("commandstats")
    return sum(
        int(stat["calls"]) for name, stat in stats.items() if not name.startswith("cmdstat_config")
    )


async def nothing(line: Line) -> None:
    pass


async def waiting(line: Line) -> None:
    """A crowd that may come in."""
    await line.throng(CROWD)
    await line.configure(max_active=CROWD)


async def silent(line: Line) -> None:
    """A crowd that fell silent, in a room that admits nobody."""
    await line.throng(CROWD)
    await line.configure(idle_ttl_s=1)
    await line.wait(70)
    await line.throng(CROWD)
    line.now_ms += 1500


async def silent_heads(line: Line) -> None:
    """Heads that fell silent, in front of free slots."""
    await silent(line)
    await line.configure(max_active=CROWD)


async def unclaimed(line: Line) -> None:
    """Admitted, and gone: their claims are due in one moment."""
    await line.configure(claim_ttl_s=1)
    await waiting(line)
    await line.tick(1000)
    line.now_ms += 1_900


async def timed_out(line: Line) -> None:
    await line.configure(max_active=CROWD, active_ttl_s=1)
    await line.throng(CROWD)
    line.now_ms += 1500


async def silent_lanes(line: Line) -> None:
    """The same in four lanes, some of whose heads are lively."""
    await line.configure(idle_ttl_s=1, lanes="a:1,b:2,c:3,d:4")
    for visitors in range(CROWD // 4):
        await line.enter(f"a{visitors}", "a")
        await line.enter(f"b{visitors}", "b")
    await line.wait(2)
    for lane in "abcd":
        await line.join(lane + lane, CROWD // 4)
    line.now_ms += 500
    await line.configure(max_active=CROWD)


async def much_pace(line: Line) -> None:
    """Figures of many hours, of which all but one are swept away in one moment."""
    await waiting(line)
    await paced(line)


async def paced(line: Line) -> dict[str, str]:
    """Write a pace of hours; returns that of the last one."""
    now = line.now_ms // PACE_SLOT_MS
    names = ("all", "0", "busy0")
    old = {f"{now - ago}.{name}": "1" for ago in range(360, 1400) for name in names}
    kept = {f"{now - ago}.{name}": "1" for ago in range(1, 360) for name in names}
    figures: Any = {**old, **kept}
    await line.client.hset(room_keys(ROOM, "pace")[0], mapping=figures)
    return kept


async def long_ended(line: Line) -> None:
    for place in await line.throng(CROWD):
        await line.places.finish(place, "left")
    line.now_ms += 901_000


@pytest.mark.parametrize(
    "prepare",
    [
        *(nothing, waiting, silent, silent_heads, silent_lanes),
        *(unclaimed, timed_out, long_ended, much_pace),
    ],
    ids=lambda prepare: prepare.__name__,
)
async def test_the_work_of_one_admission_is_bounded_by_its_limit(
    redis: Redis, prepare: Callable[[Line], Awaitable[None]]
) -> None:
    line = Line(redis)
    await line.configure(max_active=0, admit_per_minute=600_000)
    await prepare(line)
    limit = 5
    assert await commands(redis, lambda: line.rooms.admit(ROOM, limit)) <= 30 + 20 * limit


@pytest.mark.parametrize("lanes", ["", "a:1,b:1,c:1,d:1"])
@pytest.mark.parametrize("ask", ["status", "enter", "look"])
async def test_the_work_for_a_visitor_does_not_grow_with_the_crowd(
    redis: Redis, ask: str, lanes: str
) -> None:
    line = Line(redis)
    await line.configure(max_active=0, lanes=lanes)
    places = await line.throng(10)

    async def work() -> None:
        if ask == "status":
            await line.places.statuses(ROOM, places)
        elif ask == "look":
            await line.rooms.look(ROOM, places[-1].visitor)
        else:
            await line.enter_many(*(place.visitor for place in places))

    await work()  # once, so that the store knows the script
    alone = await commands(redis, work)
    await line.throng(3000, "crowd")
    assert await commands(redis, work) == alone
    assert alone <= 12 * len(places)


async def test_the_pace_is_kept_of_one_hour_only(line: Line) -> None:
    await line.configure(max_active=1)
    (pace,) = room_keys(ROOM, "pace")
    kept = await paced(line)
    await line.enter("ann")
    running = f"{line.now_ms // PACE_SLOT_MS}.all"
    assert await line.client.hgetall(pace) == {**kept, running: "1"}
    assert (await line.rooms.view(ROOM, slots=360)).admitted(360) == len(kept) / 3 + 1


async def test_a_journal_that_is_full_refuses_new_places_and_finds_the_old(line: Line) -> None:
    await line.configure(max_active=0)
    rows = await line.enter_many("ann", "bob", "cat", "ann", journal_max=2)
    assert [row[0] for row in rows] == ["new", "new", "busy", "held"]
    rows = await line.enter_many("dan", journal_max=1_000_000)
    assert rows[0][1] == 3  # the refused one consumed no number


@pytest.mark.parametrize(
    "prepare",
    [waiting, silent, unclaimed, timed_out, silent_heads],
    ids=lambda prepare: prepare.__name__,
)
async def test_the_rounds_of_one_tick_leave_nothing_undone(
    redis: Redis, prepare: Callable[[Line], Awaitable[None]]
) -> None:
    line = Line(redis)
    await line.configure(max_active=0, admit_per_minute=600_000)
    await prepare(line)
    await line.tick(limit=7)
    view = await line.rooms.view(ROOM)
    assert (view.waiting, view.active) == (0, CROWD if prepare is waiting else 0)


async def test_the_end_of_a_place_leaves_nothing_of_it(line: Line) -> None:
    await line.configure(max_active=0)
    first, second, third = await line.throng(3)
    await line.configure(max_active=1)
    await line.admit()  # first is admitted, and has not claimed its place
    await line.places.finish(second, "left")
    await line.places.finish(first, "completed")
    await line.configure(max_active=2)
    await line.admit()
    await line.places.status(third)
    await line.places.finish(third, "revoked")
    left = await line.client.keys("{room:*")
    assert set(left) == set(room_keys(ROOM, "settings", "ended", "reasons", "journal", "pace"))
    kept = await line.client.hgetall(room_keys(ROOM, "reasons")[0])
    assert sorted(kept.values()) == ["completed", "left", "revoked"]
    assert await line.client.zcard(room_keys(ROOM, "ended")[0]) == 3


# S1 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew_s", [-86_400.0, 86_400.0])
async def test_a_skewed_clock_of_the_app_server_changes_nothing(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    rooms, places = Rooms(redis), Places(redis)
    await rooms.configure(ROOM, {"max_active": 1, "active_ttl_s": 30, "idle_ttl_s": 10})
    first, second = await rooms.enter(ROOM, "ann"), await rooms.enter(ROOM, "bob")
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + skew_s)
    done = await rooms.admit(ROOM, 1000)
    assert done is not None
    assert done[:2] == (0, 0)
    status = await places.status(first.place)
    assert (status.status, status.expires_at_ms) == (ACTIVE, first.status.expires_at_ms)
    assert (await places.status(second.place)).position == 1
    seconds, _ = await redis.time()
    assert abs((await rooms.view(ROOM)).now_ms - seconds * 1000) < 5_000


@pytest.mark.parametrize("script", ["enter", "status", "finish", "admit", "configure", "extend"])
async def test_what_a_script_saw_of_the_time_no_other_goes_back_behind(
    line: Line, script: str
) -> None:
    await line.configure(max_active=0)
    one = await line.enter("ann")
    line.now_ms += 1_000
    seen = line.now_ms
    if script == "enter":
        await line.enter("bob")
    elif script == "status":
        await line.status(one)
    elif script == "finish":
        await line.places.finish(one.place, "left")
    elif script == "admit":
        await line.admit()
    elif script == "extend":
        await line.rooms.extend(ROOM, 10)
    else:
        await line.configure(title="later")
    line.now_ms -= 500
    assert (await line.rooms.view(ROOM)).now_ms == seen


async def test_a_token_from_before_the_store_was_lost_is_no_place_of_today(line: Line) -> None:
    await line.configure(max_active=0)
    old = await line.enter("ann")
    await line.client.flushall()
    line.now_ms += 5_000
    await line.configure(max_active=0)
    new = await line.enter("ann")
    assert new.place.number == old.place.number
    assert new.place.generation > old.place.generation
    assert (await line.status(old)).status == EXPIRED
    assert not await line.places.finish(old.place, "left")
    assert (await line.status(new)).position == 1


async def test_a_closing_that_the_store_forgot_gives_no_generation_twice(line: Line) -> None:
    await line.configure()
    (settings,) = room_keys(ROOM, "settings")
    kept: Any = await line.client.hgetall(settings)
    await line.configure(state="closed")
    forgotten = int((await line.rooms.view(ROOM)).settings["generation"])
    await line.client.delete(settings)
    await line.client.hset(settings, mapping=kept)
    line.now_ms += 5_000
    await line.configure(state="closed")
    assert int((await line.rooms.view(ROOM)).settings["generation"]) > forgotten
