"""What operators do to a room: letting in by hand, looking, extending, resetting, deleting."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from queue_gateway.room import REGISTRY, Rooms
from shared.places import ACTIVE, EXPIRED, WAIT, room_keys
from tests.integration.lines import ROOM, Line

# By hand ----------------------------------------------------------------------------------------


async def test_by_hand_the_first_in_line_come_in_whatever_the_rate(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=0)
    crowd = await line.crowd(5)
    await line.configure(max_active=10)
    await line.admit()  # the burst of one
    assert await line.admit(by_hand=2) == 2
    assert [(await line.status(one)).status for one in crowd] == [ACTIVE] * 3 + [WAIT] * 2


async def test_by_hand_nobody_comes_in_above_the_cap(line: Line) -> None:
    await line.configure(max_active=0)
    await line.crowd(5)
    await line.configure(max_active=3)
    assert await line.admit(by_hand=5) == 3
    assert await line.admit(by_hand=5) == 0


@pytest.mark.parametrize("why", ["paused", "closed", "before the opening"])
async def test_by_hand_nobody_comes_in_while(line: Line, why: str) -> None:
    await line.configure(max_active=0)
    await line.crowd(3)
    if why == "before the opening":
        await line.configure(max_active=5, opens_at_ms=line.now_ms + 5_000)
    else:
        await line.configure(max_active=5, state=why)
    assert await line.admit(by_hand=3) == 0


async def test_by_hand_nothing_is_taken_from_the_rate(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=120)
    await line.crowd(8)
    await line.configure(max_active=100)
    assert await line.admit(by_hand=3) == 3
    assert await line.admit() == 2


async def test_by_hand_the_lanes_take_turns(line: Line) -> None:
    await line.configure(max_active=0, lanes="members:1,public:1")
    await line.join("members", 4)
    await line.join("public", 4)
    await line.configure(max_active=100)
    assert await line.admit(by_hand=4) == 4
    assert (await line.rooms.view(ROOM)).lanes == {"members": 2, "public": 2}


async def test_by_hand_a_round_is_as_bounded_as_any(line: Line) -> None:
    await line.configure(max_active=0)
    await line.crowd(8)
    await line.configure(max_active=100)
    assert await line.admit(limit=5, by_hand=8) == 5


# Looking ----------------------------------------------------------------------------------------


async def test_a_look_shows_who_waits_and_who_is_in(line: Line) -> None:
    await line.configure(max_active=0, lanes="members:1,public:1")
    ann, bob = await line.join("members", 2)
    await line.configure(max_active=1)
    await line.admit()
    seen = await line.rooms.look(ROOM, "members0")
    assert seen is not None
    assert (seen.place, seen.status, seen.claimed) == (ann.place, ACTIVE, False)
    await line.status(ann)
    seen = await line.rooms.look(ROOM, "members0")
    assert seen is not None
    assert seen.claimed
    assert seen.expires_at_ms == (await line.status(ann)).expires_at_ms
    seen = await line.rooms.look(ROOM, "members1")
    assert seen is not None
    assert (seen.place, seen.status, seen.position) == (bob.place, WAIT, 1)
    assert seen.lane == "members"
    assert await line.rooms.look(ROOM, "nobody") is None


async def test_a_look_changes_nothing(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=1, active_ttl_s=1)
    await line.crowd(3)
    await line.configure(max_active=2)
    await line.admit()
    line.now_ms += 1_900  # whoever asks now finds places that are over
    before = await line.dump()
    for visitor in ("v0", "v1", "v2", "nobody"):
        await line.rooms.look(ROOM, visitor)
    assert await line.dump() == before
    assert await line.rooms.look(ROOM, "v0") is None  # it is over, although nobody ended it yet


# More time --------------------------------------------------------------------------------------


async def test_an_extension_gives_who_is_in_more_time_and_later_ones_no_more(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    ann, bob = await line.crowd(2)
    assert await line.rooms.extend(ROOM, 60) == 1
    expires_at_ms = (await line.status(ann)).expires_at_ms
    assert expires_at_ms == line.now_ms + 90_000
    await line.keep_alive(bob, seconds=89)
    assert (await line.status(ann)).status == ACTIVE
    await line.keep_alive(bob, seconds=1.4)
    assert (await line.status(ann)).reason == "timed_out"
    status = await line.status(bob)
    assert status.expires_at_ms is not None
    assert line.now_ms + 29_000 < status.expires_at_ms <= line.now_ms + 30_000


async def test_an_extension_in_an_outage_is_kept_with_it(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    (ann,) = await line.crowd(1)
    await line.silence(600)
    await line.rooms.extend(ROOM, 60)
    await line.admit()
    assert (await line.status(ann)).expires_at_ms == line.now_ms + 90_000


# Reset ------------------------------------------------------------------------------------------


async def test_a_rehearsal_leaves_nothing_in_the_figures(line: Line) -> None:
    await line.configure(max_active=2, lanes="members:1,public:1")
    crowd = await line.join("members", 4)
    await line.wait(1)
    await line.places.finish(crowd[0].place, "completed")
    await line.wait(1)
    await line.rooms.configure(ROOM, {}, reset=True)
    view = await line.rooms.view(ROOM)
    assert (view.waiting, view.active, view.admitted(60)) == (0, 0, 0)
    assert view.public().serving_number == 0
    for what in ("admitted", "completed", "closed", "left", "idle", "unclaimed", "timed_out"):
        assert view.counted(what) == 0
    again = await line.enter("ann")
    assert again.place.number == 1
    assert again.place.generation > crowd[0].place.generation
    assert (await line.status(crowd[1])).reason == "closed"


async def test_a_closing_keeps_the_figures_and_goes_on_counting(line: Line) -> None:
    await line.configure(max_active=2)
    await line.crowd(5)
    await line.configure(state="closed")
    view = await line.rooms.view(ROOM)
    assert (view.counted("admitted"), view.counted("closed")) == (2, 5)
    await line.configure(state="open")
    assert (await line.enter("ann")).place.number == 6


# Deleting ---------------------------------------------------------------------------------------


async def closed_and_moved(line: Line) -> None:
    await line.configure(state="closed")
    await line.client.xtrim(room_keys(ROOM, "journal")[0], maxlen=0)
    line.now_ms += 5


async def test_only_a_closed_room_whose_journal_was_moved_is_deleted(line: Line) -> None:
    assert await line.rooms.remove(ROOM) == "missing"
    await line.configure(max_active=1)
    await line.crowd(2)
    assert await line.rooms.remove(ROOM) == "open"
    await line.configure(state="closed")
    line.now_ms += 5
    before = await line.dump()
    assert await line.rooms.remove(ROOM) == "busy"
    assert await line.dump() == before
    await closed_and_moved(line)
    assert await line.rooms.remove(ROOM) == "removed"


async def test_nothing_is_left_of_a_deleted_room(line: Line) -> None:
    await line.configure(max_active=1, lanes="a:1,b:1,c:1,d:1")
    for name in "abcd":
        await line.join(name, 2)
    await closed_and_moved(line)
    assert await line.rooms.remove(ROOM) == "removed"
    assert await line.client.keys("*") == []
    assert await line.rooms.names() == []


async def test_no_token_outlives_a_deletion(line: Line) -> None:
    """Whoever deletes and creates again, however fast: the same visitor, the same number."""
    await line.configure(max_active=0)
    old = await line.enter("ann")
    await line.configure(state="closed")
    await line.client.xtrim(room_keys(ROOM, "journal")[0], maxlen=0)
    while await line.rooms.remove(ROOM) != "removed":
        line.now_ms += 1
    await line.configure(max_active=0)
    new = await line.enter("ann")
    assert new.place.number == old.place.number
    assert (await line.status(old)).status == EXPIRED
    assert not await line.places.finish(old.place, "left")
    assert (await line.status(new)).status == WAIT


async def test_a_room_created_while_its_predecessor_is_deleted_is_listed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.configure(max_active=1)
    await closed_and_moved(line)
    other, unlist = Rooms(line.client, clock=lambda: line.now_ms), line.client.srem

    async def created_meanwhile(name: str, *values: Any) -> Any:
        assert await other.configure(ROOM, {}, "none") == ("created", 1)
        return await unlist(name, *values)

    monkeypatch.setattr(line.client, "srem", created_meanwhile)
    assert await line.rooms.remove(ROOM) == "removed"
    assert await other.names() == [ROOM]


async def test_a_room_unlisted_while_it_is_created_is_listed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlist = line.client.sadd

    async def unlisted_meanwhile(name: str, *values: Any) -> Any:
        added = await enlist(name, *values)
        monkeypatch.undo()
        await line.client.srem(REGISTRY, ROOM)
        return added

    monkeypatch.setattr(line.client, "sadd", unlisted_meanwhile)
    await line.configure(max_active=1)
    assert await line.rooms.names() == [ROOM]


# News and a full store --------------------------------------------------------------------------


async def test_news_of_a_room_are_told_at_once(redis: Redis) -> None:
    line = Line(redis)
    told: list[str] = []
    async with redis.pubsub() as news:
        await news.subscribe(room_keys(ROOM, "journal")[0])
        await line.configure(max_active=0, lanes="members:1,public:1")
        await line.join("members", 2)
        gone = await line.enter("ann", "public")
        await line.enter("bob", "public")
        await line.places.finish(gone.place, "left")
        await line.configure(max_active=3)
        await line.admit()
        await line.admit()
        await line.rooms.extend(ROOM, 10)
        await closed_and_moved(line)
        await line.rooms.remove(ROOM)
        async with asyncio.timeout(10):
            while len(told) < 7:
                message = await news.get_message(ignore_subscribe_messages=True, timeout=1)
                told += [message["data"]] if message else []
    assert told == [
        "settings",
        "ended 3",
        "settings",
        "admitted 1:2 0:4",
        "settings",
        "settings",
        "settings",
    ]


async def test_a_full_store_lets_places_end_and_rooms_close(redis: Redis) -> None:
    line = Line(redis)
    await line.configure(max_active=2, active_ttl_s=10)
    crowd = await line.crowd(5)
    line.now_ms += 100
    await redis.config_set("maxmemory", "1kb")
    try:
        before = await line.dump()
        for refused in (line.enter("late"), line.rooms.extend(ROOM, 10), line.configure(title="x")):
            with pytest.raises(OutOfMemoryError):
                await refused
        assert await line.dump() == before
        assert await line.places.finish(crowd[0].place, "left")
        assert await line.admit() == 1  # who leaves makes room for the next
        assert (await line.configure(state="closed"))[0] == "changed"
        assert (await line.rooms.view(ROOM)).counted("closed") == 4
        await redis.xtrim(room_keys(ROOM, "journal")[0], maxlen=0)
        line.now_ms += 5
        assert await line.rooms.remove(ROOM) == "removed"
    finally:
        await redis.config_set("maxmemory", "0")
    assert await redis.keys("{room:*") == []
