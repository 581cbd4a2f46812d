"""The scripts of a room: order, admission, ends and outages, on Valkey and on fakeredis."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from shared.errors import NotFound, RoomClosed
from shared.places import ACTIVE, EXPIRED, WAIT, room_keys
from shared.tokens import Place
from tests.integration.lines import ROOM, Line


async def test_a_visitor_with_two_tabs_holds_one_place(line: Line) -> None:
    await line.configure(max_active=0)
    joins = await asyncio.gather(*(line.enter("v") for _ in range(20)))
    assert len({join.place.jti for join in joins}) == 1
    assert sum(join.new for join in joins) == 1


async def test_numbers_grow_in_the_order_of_joining(line: Line) -> None:
    await line.configure(max_active=0)
    crowd = await line.crowd(5)
    assert [one.place.number for one in crowd] == [1, 2, 3, 4, 5]
    assert [(await line.status(one)).position for one in crowd] == [1, 2, 3, 4, 5]


async def test_the_first_in_line_is_admitted_first(line: Line) -> None:
    await line.configure(max_active=0)
    crowd = await line.crowd(4)
    await line.configure(max_active=2)
    assert await line.admit() == 2
    assert [(await line.status(one)).status for one in crowd] == [ACTIVE, ACTIVE, WAIT, WAIT]


async def test_an_empty_line_lets_in_at_once_as_cap_and_rate_allow(line: Line) -> None:
    await line.configure(max_active=2, admit_per_minute=6000)
    statuses = [one.status.status for one in await line.crowd(3)]
    assert statuses == [ACTIVE, ACTIVE, WAIT]


async def test_nobody_overtakes_a_line_by_joining(line: Line) -> None:
    await line.configure(max_active=0)
    await line.enter("first")
    await line.configure(max_active=5)
    assert (await line.enter("second")).status.status == WAIT


async def test_the_cap_is_never_exceeded(line: Line) -> None:
    await line.configure(max_active=3, admit_per_minute=600_000)
    await line.crowd(10)
    await line.wait(2)
    assert (await line.rooms.view(ROOM)).active == 3


async def test_admissions_keep_the_rate_and_its_burst(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=120, claim_ttl_s=600)
    await line.crowd(100)
    at_once = (await line.rooms.view(ROOM)).active
    assert at_once == 2  # the burst: one second of the rate
    await line.wait(10)
    assert (await line.rooms.view(ROOM)).active == at_once + 20


async def test_a_quiet_spell_banks_no_more_than_the_burst(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=120)
    await line.wait(60)
    assert Counter(one.status.status for one in await line.crowd(50))[ACTIVE] == 2


async def test_a_new_rate_banks_nothing_from_the_time_before(line: Line) -> None:
    await line.configure(max_active=1000, admit_per_minute=1)
    await line.crowd(50)
    await line.wait(30)
    await line.configure(admit_per_minute=60_000)
    assert await line.admit() <= 1


@pytest.mark.parametrize("state", ["paused", "closed"])
async def test_nobody_is_admitted_while(line: Line, state: str) -> None:
    await line.configure(max_active=0)
    await line.crowd(3)
    await line.configure(max_active=10, state=state)
    assert await line.admit() == 0


async def test_nobody_is_admitted_before_the_opening(line: Line) -> None:
    await line.configure(max_active=10, opens_at_ms=line.now_ms + 5_000)
    assert {one.status.status for one in await line.crowd(3)} == {WAIT}
    assert await line.admit() == 0
    await line.wait(5)
    assert (await line.rooms.view(ROOM)).active == 3


async def test_draining_admits_the_line_but_lets_nobody_join(line: Line) -> None:
    await line.configure(max_active=0)
    first = await line.enter("first")
    await line.configure(max_active=10, state="draining")
    with pytest.raises(RoomClosed):
        await line.enter("second")
    assert (await line.enter("first")).place == first.place
    assert await line.admit() == 1


async def test_an_unknown_room_lets_nobody_join(line: Line) -> None:
    with pytest.raises(NotFound):
        await line.rooms.enter("nowhere", "v")


async def test_a_refused_join_leaves_nothing(line: Line) -> None:
    await line.configure(state="draining")
    before = {key: await line.client.dump(key) for key in sorted(await line.client.keys("*"))}
    with pytest.raises(RoomClosed):
        await line.enter("v")
    after = {key: await line.client.dump(key) for key in sorted(await line.client.keys("*"))}
    assert before == after


async def test_leaving_frees_the_slot_for_the_next_in_line(line: Line) -> None:
    await line.configure(max_active=1)
    first, second = await line.crowd(2)
    assert await line.places.finish(first.place, "left")
    assert not await line.places.finish(first.place, "left")
    assert await line.admit() == 1
    assert (await line.status(second)).status == ACTIVE
    assert (await line.status(first)).reason == "left"


async def test_many_places_end_in_one_call_each_by_its_own_token(line: Line) -> None:
    await line.configure(max_active=1)
    first, second, third = await line.crowd(3)
    await line.places.finish(second.place, "left")
    again = await line.enter("v1")
    asked = [one.place for one in (first, second, third, third)]
    assert await line.places.finish_each(ROOM, asked, "completed") == [True, False, True, False]
    assert await line.places.finish_each(ROOM, asked, "completed") == [False] * 4
    assert await line.places.finish_each("nowhere", asked, "completed") == [False] * 4
    assert [(await line.status(one)).reason for one in (first, second, third)] == [
        "completed",
        "left",
        "completed",
    ]
    assert await line.ends("completed") == 2
    assert (await line.status(again)).position == 1


async def test_a_token_that_ended_stays_expired_after_its_visitor_joined_again(line: Line) -> None:
    await line.configure(max_active=0)
    old = await line.enter("v")
    await line.places.finish(old.place, "left")
    new = await line.enter("v")
    assert new.place.number > old.place.number
    assert (await line.status(old)).status == EXPIRED
    assert not await line.places.finish(old.place, "left")
    assert (await line.status(new)).status == WAIT


async def test_a_token_of_another_generation_is_not_this_place(line: Line) -> None:
    await line.configure(max_active=0)
    mine = (await line.enter("v")).place
    forged = Place(ROOM, "v", mine.generation + 1, mine.number)
    assert (await line.places.status(forged)).status == EXPIRED
    other = Place(ROOM, "somebody", mine.generation, mine.number)
    assert (await line.places.status(other)).status == EXPIRED


async def test_active_time_ends_and_its_slot_goes_on(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=10, claim_ttl_s=60)
    first, second = await line.crowd(2)
    await line.keep_alive(first, second, seconds=10.4)
    ended = await line.status(first)
    assert (ended.status, ended.reason) == (EXPIRED, "timed_out")
    assert (await line.status(second)).status == ACTIVE


async def test_reading_a_status_does_not_extend_it(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    (one,) = await line.crowd(1)
    expires_at = one.status.expires_at_ms
    await line.wait(5)
    assert (await line.status(one)).expires_at_ms == expires_at


async def test_who_finds_a_deadline_passed_ends_the_place_there(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=1)
    (one,) = await line.crowd(1)
    await line.silence(1.5)  # no tick has swept it
    assert (await line.status(one)).reason == "timed_out"
    assert (await line.rooms.view(ROOM)).active == 0


async def test_an_unclaimed_place_goes_to_the_next(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=10)
    vanished, patient = await line.crowd(2)
    await line.configure(max_active=1)
    await line.keep_alive(patient, seconds=13)
    assert (await line.status(vanished)).reason == "unclaimed"
    assert (await line.status(patient)).status == ACTIVE


async def test_a_claim_is_due_after_the_poll_that_was_promised(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=60, admit_per_minute=60)
    crowd = await line.crowd(300)
    last = crowd[-1]
    promised_ms = (await line.status(last)).poll_after_ms
    assert promised_ms > 20_000
    for one in crowd[:-1]:
        await line.places.finish(one.place, "left")
    await line.configure(max_active=1)
    assert await line.admit() == 1
    admitted_at = line.now_ms
    await line.wait(promised_ms / 1000 + 60 - 1)
    assert (await line.rooms.view(ROOM)).active == 1
    await line.wait(1.4)
    assert (await line.rooms.view(ROOM)).active == 0
    assert line.now_ms - admitted_at < promised_ms + 62_000


@pytest.mark.parametrize("asked", [True, False])
async def test_of_two_deadlines_passed_the_earlier_gives_the_reason(
    line: Line, asked: bool
) -> None:
    await line.configure(max_active=0, claim_ttl_s=2, active_ttl_s=2)
    (one,) = await line.crowd(1)
    await line.configure(max_active=1)
    await line.admit()
    await line.wait(1.8)
    line.now_ms += 1500  # both are over: the end after 2 s, the claim after a poll and 2 s
    if not asked:
        await line.admit()
    assert (await line.status(one)).reason == "timed_out"


async def test_a_claimed_place_needs_no_further_sign_of_life(line: Line) -> None:
    await line.configure(max_active=0, claim_ttl_s=5, active_ttl_s=60)
    (one,) = await line.crowd(1)
    await line.configure(max_active=1)
    await line.admit()
    assert (await line.status(one)).status == ACTIVE
    await line.wait(30)
    assert (await line.status(one)).status == ACTIVE


async def test_a_silent_visitor_is_idle_and_blocks_nobody(line: Line) -> None:
    await line.configure(max_active=0, idle_ttl_s=10)
    silent, lively = await line.crowd(2)
    await line.keep_alive(lively, seconds=10.4)
    assert (await line.status(silent)).reason == "idle"
    await line.configure(max_active=1)
    assert await line.admit() == 1
    assert (await line.status(lively)).status == ACTIVE


async def test_a_shorter_time_of_silence_ends_nobody_who_comes_back_as_told(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=60, idle_ttl_s=900)
    silent, *_, told = await line.crowd(40)
    await line.configure(idle_ttl_s=1)
    await line.wait(told.status.poll_after_ms / 1000)
    assert told.status.poll_after_ms > 3000
    assert (await line.status(told)).status == WAIT
    await line.configure(idle_ttl_s=1)  # changes nothing, so it gives no more time
    await line.wait(62)
    assert (await line.status(silent)).reason == "idle"


async def test_dead_heads_beyond_the_sweep_limit_block_nobody(line: Line) -> None:
    await line.configure(max_active=0, idle_ttl_s=10)
    await line.crowd(12, "dead")
    await line.wait(9)
    alive = await line.enter("alive")
    await line.configure(max_active=1)
    line.now_ms += 1_500
    # One tick of the loop: calls of bounded work until none is left.
    while (done := await line.rooms.admit(ROOM, limit=2)) and done.more:
        pass
    assert (await line.status(alive)).status == ACTIVE


async def test_an_outage_moves_deadlines_by_its_length(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    (one,) = await line.crowd(1)
    await line.wait(10)
    await line.silence(600)
    await line.admit()
    status = await line.status(one)
    assert status.status == ACTIVE
    assert status.expires_at_ms == line.now_ms + 20_000


async def test_nobody_is_timed_out_while_the_loop_stands_still(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    (one,) = await line.crowd(1)
    await line.wait(10)
    await line.silence(600)
    assert (await line.status(one)).status == ACTIVE  # asked before the first tick afterwards


async def test_an_outage_makes_nobody_idle_for_one_idle_ttl(line: Line) -> None:
    await line.configure(max_active=0, idle_ttl_s=20)
    (one,) = await line.crowd(1)
    await line.wait(1)
    await line.silence(600)
    await line.wait(19)
    assert (await line.rooms.view(ROOM)).waiting == 1
    assert (await line.status(one)).position == 1
    await line.wait(21)
    assert (await line.status(one)).reason == "idle"


async def test_closing_ends_every_token_at_once(line: Line) -> None:
    await line.configure(max_active=1)
    crowd = await line.crowd(3)
    await line.configure(state="closed")
    statuses = [await line.status(one) for one in crowd]
    assert {(s.status, s.reason) for s in statuses} == {(EXPIRED, "closed")}
    view = await line.rooms.view(ROOM)
    assert (view.waiting, view.active) == (0, 0)
    await line.configure(state="open")
    again = await line.enter("v0")
    assert again.place.number > crowd[-1].place.number
    assert again.place.generation > crowd[-1].place.generation


async def test_reasons_are_kept_ten_minutes_and_forgotten_later(line: Line) -> None:
    await line.configure(max_active=0)
    (one,) = await line.crowd(1)
    await line.places.finish(one.place, "left")
    await line.silence(601)
    await line.admit()
    assert (await line.status(one)).reason == "left"
    await line.silence(400)
    await line.admit()
    assert (await line.status(one)).reason is None
    assert await line.client.exists(*room_keys(ROOM, "ended", "reasons")) == 0


async def test_lowering_the_cap_expels_nobody(line: Line) -> None:
    await line.configure(max_active=3)
    crowd = await line.crowd(4)
    await line.configure(max_active=1)
    await line.admit()
    assert [(await line.status(one)).status for one in crowd] == [ACTIVE, ACTIVE, ACTIVE, WAIT]


async def test_one_version_takes_one_change(line: Line) -> None:
    await line.configure(title="one")
    outcomes = await asyncio.gather(
        *(line.rooms.configure(ROOM, {"title": f"t{n}"}, "1") for n in range(10))
    )
    assert Counter(outcome for outcome, _ in outcomes) == {"changed": 1, "conflict": 9}


async def test_a_clock_that_steps_back_changes_nothing(line: Line) -> None:
    await line.configure(max_active=1, active_ttl_s=30)
    (one,) = await line.crowd(1)
    await line.wait(10)
    line.now_ms -= 3_600_000
    assert await line.admit() == 0
    status = await line.status(one)
    assert status.status == ACTIVE
    assert status.expires_at_ms == one.status.expires_at_ms


@pytest.mark.parametrize("claim_ttl_s", [1, 10, 60])
async def test_polls_are_promised_within_idle_and_claim(line: Line, claim_ttl_s: int) -> None:
    await line.configure(max_active=0, claim_ttl_s=claim_ttl_s, idle_ttl_s=12, admit_per_minute=60)
    for one in await line.crowd(60):
        assert 0 < one.status.poll_after_ms <= min(12_000 / 3, claim_ttl_s * 1000 / 2)


async def test_many_visitors_share_one_call(line: Line) -> None:
    await line.configure(max_active=0)
    crowd = await line.crowd(50)
    statuses = await line.places.statuses(ROOM, [one.place for one in crowd])
    assert [status.position for status in statuses] == list(range(1, 51))


async def test_every_change_of_a_token_is_in_the_journal(line: Line) -> None:
    await line.configure(max_active=1)
    first, _ = await line.crowd(2)
    await line.places.finish(first.place, "completed")
    await line.admit()
    entries: Any = await line.client.xrange(room_keys(ROOM, "journal")[0])
    seen = [(entry["v"], entry["s"], entry.get("r")) for _, entry in entries]
    assert seen == [
        ("v0", ACTIVE, None),
        ("v1", WAIT, None),
        ("v0", EXPIRED, "completed"),
        ("v1", ACTIVE, None),
    ]


async def test_those_who_leave_in_one_moment_share_a_call(line: Line) -> None:
    await line.configure(max_active=0)
    crowd = await line.crowd(4)
    calls = []
    end_each = line.places.ending._call

    async def counted(key: tuple[str, str], places: list[Place]) -> Any:
        calls.append((key, len(places)))
        return await end_each(key, places)

    line.places.ending._call = counted
    leaving = [line.places.finish(one.place, "left") for one in crowd[:3]]
    paying = line.places.finish(crowd[3].place, "completed")
    assert all(await asyncio.gather(*leaving, paying))
    assert calls == [((ROOM, "left"), 3), ((ROOM, "completed"), 1)]
