"""A room's edges: joins in one call, changes of settings, closings, outages."""

from typing import Any

import pytest
from redis.asyncio import Redis

from shared.places import ACTIVE, EXPIRED, WAIT, room_keys
from shared.tokens import Place
from tests.integration.lines import ROOM, Line


@pytest.mark.parametrize("why", ["paused", "before the opening"])
async def test_nobody_is_let_in_at_once_while(line: Line, why: str) -> None:
    if why == "paused":
        await line.configure(max_active=5, state="paused")
    else:
        await line.configure(max_active=5, opens_at_ms=line.now_ms + 5_000)
    assert (await line.enter("ann")).status.status == WAIT


async def test_joins_in_one_call_share_cap_and_rate(line: Line) -> None:
    await line.configure(max_active=100, admit_per_minute=120)
    rows = await line.enter_many(*"abcde", "a", "e")
    assert [row[0] for row in rows] == ["new"] * 5 + ["held"] * 2
    assert [row[3] for row in rows] == [ACTIVE] * 2 + [WAIT] * 3 + [ACTIVE, WAIT]
    await line.configure(max_active=3, admit_per_minute=6000)
    assert await line.admit() == 0  # nothing was left of the rate
    line.now_ms += 1000
    assert await line.admit() == 1


async def test_nobody_overtakes_who_joins_in_the_same_call(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=1)
    await line.enter("old")
    line.now_ms += 1_500  # whose time is up frees a slot by asking, behind who came first
    ann, old = await line.enter_many("ann", "old")
    assert [ann[0], ann[3], ann[4]] == ["new", WAIT, 1]
    assert [old[0], old[3], old[4]] == ["new", WAIT, 2]


@pytest.mark.parametrize("lanes", ["", "a:1,b:1"])
async def test_joins_in_one_call_stand_in_line_as_they_came(line: Line, lanes: str) -> None:
    await line.configure(max_active=0, lanes=lanes)
    first = await line.throng(2, "first")
    rows = await line.enter_many("ann", "bob", "ann", "first1", "cat")
    assert [row[0] for row in rows] == ["new", "new", "held", "held", "new"]
    assert [row[1] for row in rows] == [3, 4, 3, 2, 5]
    assert [row[4] for row in rows] == [3, 4, 3, 2, 5]
    newcomers = zip(("ann", "bob", "cat"), (3, 4, 5), strict=True)
    places = [Place(ROOM, name, first[0].generation, number) for name, number in newcomers]
    assert [one.position for one in await line.places.statuses(ROOM, places)] == [3, 4, 5]
    assert (await line.rooms.view(ROOM)).waiting == 5


async def test_more_than_fit_into_one_command_are_asked_and_let_in(redis: Redis) -> None:
    line, crowd = Line(redis), 4_100
    await line.configure(max_active=0, admit_per_minute=6_000_000)
    places = await line.throng(crowd)
    positions = [one.position for one in await line.places.statuses(ROOM, places)]
    assert positions == list(range(1, crowd + 1))
    await line.configure(max_active=crowd)
    assert await line.admit(limit=crowd) == crowd
    assert {one.status for one in await line.places.statuses(ROOM, places)} == {ACTIVE}


async def test_a_slow_rate_lets_in_one_at_a_time(line: Line) -> None:
    await line.configure(max_active=100, admit_per_minute=6, claim_ttl_s=600)
    await line.crowd(4)
    assert (await line.rooms.view(ROOM)).active == 1
    await line.wait(9.8)
    assert (await line.rooms.view(ROOM)).active == 1
    await line.wait(0.2)
    assert (await line.rooms.view(ROOM)).active == 2


async def test_a_new_rate_banks_nothing_from_a_time_without_ticks(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=1)
    await line.throng(50)
    await line.silence(30)
    await line.configure(admit_per_minute=60_000)
    assert await line.admit() <= 1


async def test_who_was_admitted_may_be_silent(line: Line) -> None:
    await line.configure(max_active=0, idle_ttl_s=5, active_ttl_s=60)
    one = await line.enter("ann")
    await line.configure(max_active=1)
    await line.admit()
    await line.status(one)
    await line.wait(8)
    assert (await line.status(one)).status == ACTIVE


async def test_a_promise_fits_the_longest_line(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=1, claim_ttl_s=600)
    await line.throng(900)
    last = await line.enter("last")
    assert 50_000 < last.status.poll_after_ms <= 60_000
    seen = await line.client.zscore(room_keys(ROOM, "seen")[0], "last")
    assert seen is not None
    assert int(seen) == line.now_ms


async def test_however_slowly_the_line_moves_its_first_find_out_soon(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=600)
    crowd = await line.crowd(30)
    await line.wait(60)
    polls = [(await line.status(one)).poll_after_ms for one in crowd]
    for position, poll in enumerate(polls, start=1):
        assert poll <= 1000 * position
    assert polls[-1] > 20_000


async def test_before_the_opening_polls_wait_for_it(line: Line) -> None:
    await line.configure(max_active=1, opens_at_ms=line.now_ms + 200_000)
    one = await line.enter("ann")
    assert 15_000 < one.status.poll_after_ms <= 21_000
    line.now_ms += 200_000
    assert (await line.status(one)).poll_after_ms <= 1000


async def test_polls_come_as_fast_as_the_line_moves(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=60, claim_ttl_s=600)
    crowd = await line.throng(1000)
    await line.configure(max_active=1000, admit_per_minute=600)
    await line.wait(20)
    (last,) = await line.places.statuses(ROOM, crowd[-1:])
    assert last.position is not None
    expected_ms = 1000 + last.position / 10 * 100  # ten a second, whatever the rate was before
    assert 0.8 * expected_ms < last.poll_after_ms <= expected_ms
    await line.configure(max_active=0)
    await line.wait(20)  # it stands still, and is slower on the whole
    (later,) = await line.places.statuses(ROOM, crowd[-1:])
    assert later.poll_after_ms > 1.5 * last.poll_after_ms


async def test_after_an_outage_a_silent_head_is_admitted_not_ended(line: Line) -> None:
    await line.configure(max_active=0, idle_ttl_s=20)
    one = await line.enter("ann")
    await line.silence(600)
    await line.configure(max_active=1)
    assert await line.admit() == 1
    assert (await line.status(one)).status == ACTIVE


async def test_an_outage_does_not_lengthen_what_begins_after_it(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=4, active_ttl_s=30)
    await line.throng(2)
    await line.silence(600)
    await line.admit()
    await line.configure(max_active=2)
    assert await line.admit() == 2
    await line.wait(3.8)
    assert (await line.rooms.view(ROOM)).active == 2
    await line.wait(0.4)
    assert (await line.rooms.view(ROOM)).active == 0


async def test_two_shorter_times_of_silence_keep_the_first_ones_promises(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=60, idle_ttl_s=900)
    await line.throng(100)
    told = await line.enter("told")
    await line.configure(idle_ttl_s=30)
    await line.configure(idle_ttl_s=1)
    assert told.status.poll_after_ms > 8_000
    await line.silence(0)
    await line.wait(12)
    assert (await line.rooms.view(ROOM)).waiting == 101


async def test_a_reason_of_ones_own_outlives_the_closing(line: Line) -> None:
    await line.configure(max_active=0)
    left, stayed = await line.throng(2)
    await line.places.finish(left, "left")
    await line.configure(state="closed")
    assert (await line.places.status(left)).reason == "left"
    assert (await line.places.status(stayed)).reason == "closed"
    await line.silence(901)
    await line.admit()
    assert (await line.places.status(left)).reason is None
    assert (await line.places.status(stayed)).reason is None


async def test_a_token_that_the_store_forgot_was_not_closed(line: Line) -> None:
    await line.configure(max_active=0)
    await line.configure(state="closed")
    await line.configure(state="open")
    now = (await line.enter("ann")).place
    forgotten = Place(ROOM, "bob", now.generation, now.number + 1)
    status = await line.places.status(forgotten)
    assert (status.status, status.reason) == (EXPIRED, None)


async def test_closing_a_closed_room_changes_no_generation(line: Line) -> None:
    await line.configure(state="closed")
    before = (await line.rooms.view(ROOM)).settings["generation"]
    await line.configure(state="closed", title="still closed")
    assert (await line.rooms.view(ROOM)).settings["generation"] == before


async def test_a_reset_ends_every_token_and_lets_the_room_go_on(line: Line) -> None:
    await line.configure(max_active=1)
    first, second = await line.throng(2)
    assert await line.rooms.configure(ROOM, {}, reset=True) == ("changed", 2)
    reasons = [status.reason for status in await line.places.statuses(ROOM, [first, second])]
    assert reasons == ["closed", "closed"]
    again = await line.enter("v1")
    assert (again.status.status, again.place.number) == (ACTIVE, 1)


async def test_a_room_that_is_not_there_is_neither_changed_nor_listed(line: Line) -> None:
    assert await line.rooms.configure(ROOM, {}, "1") == ("missing", 0)
    assert await line.rooms.names() == []
    assert await line.client.keys("*") == []
    assert await line.rooms.configure(ROOM, {}, "none") == ("created", 1)
    assert await line.rooms.configure(ROOM, {}, "none") == ("conflict", 1)
    assert await line.rooms.names() == [ROOM]


async def test_a_lowered_cap_is_remembered_with_those_it_found(line: Line) -> None:
    await line.configure(max_active=3)
    await line.throng(3)
    await line.configure(max_active=1)
    assert (await line.rooms.view(ROOM)).settings["cap_grace"] == "3"
    await line.configure(max_active=3)
    assert (await line.rooms.view(ROOM)).settings["cap_grace"] == "0"


async def test_the_journal_tells_how_full_the_room_was_at_each_admission(line: Line) -> None:
    await line.configure(max_active=2)
    await line.throng(2)
    await line.configure(state="closed")
    entries: Any = await line.client.xrange(room_keys(ROOM, "journal")[0])
    told = [(e["s"], e["v"], e.get("a"), e.get("c"), e.get("r")) for _, e in entries]
    assert told == [
        ("ACTIVE", "v0", "1", "2", None),
        ("ACTIVE", "v1", "2", "2", None),
        ("CLOSED", "", None, None, "closed"),
    ]


async def test_another_run_of_the_store_gives_no_number_that_the_last_one_may_have_given(
    line: Line,
) -> None:
    await line.configure(max_active=0)
    before = await line.enter("ann")
    (settings,) = room_keys(ROOM, "settings")
    await line.client.hset(settings, "store_run", "another")
    after = await line.enter("bob")
    assert after.place.number == before.place.number + 1_000_001
    assert (await line.enter("cat")).place.number == after.place.number + 1
    entries: Any = await line.client.xrange(room_keys(ROOM, "journal")[0])
    assert [e["s"] for _, e in entries] == ["WAIT", "RESTORED", "WAIT", "WAIT"]
    await line.client.hset(settings, "store_run", "yet another")
    await line.admit()
    assert (await line.enter("dan")).place.number == after.place.number + 1_000_002


async def test_an_outage_shortens_no_rest_of_the_idle_sweep(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=60, idle_ttl_s=900)
    await line.throng(100)
    await line.configure(idle_ttl_s=1)
    await line.silence(3)
    await line.wait(10)
    assert (await line.rooms.view(ROOM)).waiting == 100
