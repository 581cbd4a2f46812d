"""Lanes: order inside each, their shares, and how they are declared while people wait."""

from collections import Counter
from typing import Any

import pytest

from shared.places import ACTIVE, WAIT
from tests.integration.lines import ROOM, Line

LANES = "members:3,public:1"


def lanes_of(visitors: list[str]) -> Counter[str]:
    """How many of each lane, by the visitors' names."""
    return Counter(visitor.rstrip("0123456789") for visitor in visitors)


async def test_order_inside_a_lane_is_strict(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    for n in range(4):
        await line.enter(f"members{n}", "members")
        await line.enter(f"public{n}", "public")
    for cap in range(1, 9):
        await line.configure(max_active=cap)
        await line.admit()
    admitted = await line.admissions()
    for lane in ("members", "public"):
        assert [v for v in admitted if v.startswith(lane)] == [f"{lane}{n}" for n in range(4)]


async def test_a_position_is_that_of_the_lane_and_numbers_are_the_rooms(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    public = await line.join("public", 2)
    members = await line.join("members", 1)
    assert [one.place.number for one in (*public, *members)] == [1, 2, 3]
    status = await line.status(members[0])
    assert (status.position, status.lane, status.waiting) == (1, "members", 1)
    status = await line.status(public[1])
    assert (status.position, status.lane, status.waiting) == (2, "public", 2)
    assert (await line.rooms.view(ROOM)).lanes == {"members": 1, "public": 2}


@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.parametrize("lanes", [LANES, "members:1,public:1", "members:9,guests:2,public:4"])
async def test_busy_lanes_share_within_one_in_ten_by_their_weights(
    line: Line, lanes: str, limit: int
) -> None:
    await line.configure(max_active=0, admit_per_minute=6_000_000, lanes=lanes)
    weights = {name: int(weight) for name, weight in (p.split(":") for p in lanes.split(","))}
    for lane in weights:
        await line.join(lane, 40)
    await line.configure(max_active=50)
    await line.tick(limit)
    admitted = await line.admissions()
    assert len(admitted) == 50
    for until in range(10, 51, 10):
        counts = lanes_of(admitted[:until])
        for lane, weight in weights.items():
            assert abs(counts[lane] - until * weight / sum(weights.values())) <= 1


async def test_an_empty_lane_banks_no_turns(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=6_000_000, lanes="members:1,public:1")
    await line.join("public", 40)
    for cap in range(1, 21):
        await line.configure(max_active=cap)
        await line.admit()
    await line.join("members", 40)
    await line.configure(max_active=40)
    await line.admit()
    assert lanes_of((await line.admissions())[20:])["members"] in (10, 11)


@pytest.mark.parametrize("before", [50, 52, 60, 90])
async def test_turns_of_a_lane_that_ran_empty_go_to_nobody(line: Line, before: int) -> None:
    lanes = "members:100,guests:1,public:1"
    await line.configure(max_active=0, admit_per_minute=6_000_000, lanes=lanes)
    members = await line.join("members", before + 1)
    await line.join("guests", 20)
    await line.join("public", 20)
    await line.configure(max_active=before)
    await line.admit()
    for one in members:
        await line.places.finish(one.place, "left")
    active = (await line.rooms.view(ROOM)).active
    await line.configure(max_active=active + 10)
    await line.admit()
    counts = lanes_of((await line.admissions())[before:])
    assert 4 <= counts["guests"] <= 6
    assert counts["guests"] + counts["public"] == 10


async def test_no_lane_starves(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=6_000_000, lanes="members:100,public:1")
    await line.join("members", 120)
    await line.join("public", 2)
    await line.configure(max_active=110)
    await line.admit()
    assert "public0" in await line.admissions()


async def test_idle_heads_of_a_lane_give_its_turns_to_no_other(line: Line) -> None:
    await line.configure(
        max_active=0, admit_per_minute=6_000_000, idle_ttl_s=10, lanes="lively:1,silent:1"
    )
    await line.join("silent", 30)
    await line.wait(9)
    await line.join("lively", 20)
    for n in range(20):
        await line.enter(f"late{n}", "silent")
    line.now_ms += 1500
    await line.configure(max_active=12)
    assert await line.tick(limit=5) == 12
    assert lanes_of(await line.admissions()) == {"lively": 6, "late": 6}


async def test_who_belongs_to_no_lane_waits_in_the_last(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    for visitor, lane in (("ann", ""), ("bob", "staff"), ("cat", "public")):
        assert (await line.enter(visitor, lane)).status.lane == "public"


async def test_a_place_stays_in_its_lane_whatever_its_visitor_says_later(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    first = await line.enter("ann", "public")
    again = await line.enter("ann", "members")
    assert (again.new, again.place, again.status.lane) == (False, first.place, "public")


async def test_at_once_only_where_nobody_waits_in_any_lane(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    await line.enter("ann", "public")
    await line.configure(max_active=5)
    assert (await line.enter("bob", "members")).status.status == WAIT


async def test_a_rooms_line_goes_on_in_the_last_of_its_first_lanes_and_back(line: Line) -> None:
    await line.configure(max_active=0)
    ann, bob = await line.crowd(2)
    await line.configure(lanes=LANES)
    assert [(await line.status(one)).lane for one in (ann, bob)] == ["public", "public"]
    await line.configure(lanes="")
    status = await line.status(bob)
    assert (status.status, status.position, status.lane) == (WAIT, 2, None)


async def test_the_last_lane_may_get_another_name(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    ann, bob = await line.enter("ann", "members"), await line.enter("bob", "public")
    await line.configure(lanes="members:1,everybody:1")
    assert [(await line.status(one)).lane for one in (ann, bob)] == ["members", "everybody"]


async def test_lanes_in_another_order_keep_who_waits_in_them(line: Line) -> None:
    await line.configure(max_active=0, lanes="a:1,b:1,c:1")
    crowd = {name: await line.join(name, 2) for name in "abc"}
    assert await line.configure(lanes="new:9,c:2,a:1,b:5") == ("changed", 2)
    for name, (first, second) in crowd.items():
        assert (await line.status(first)).lane == name
        assert (await line.status(second)).position == 2


@pytest.mark.parametrize("lanes", ["public:1", "", "gold:1,public:1", "public:1,gold:1", "x:1,y:1"])
async def test_a_lane_in_which_somebody_waits_is_not_taken_away(line: Line, lanes: str) -> None:
    await line.configure(max_active=0, lanes=LANES)
    await line.enter("ann", "members")
    before = await line.dump()
    assert await line.configure(lanes=lanes) == ("lane_busy", 1)
    assert await line.dump() == before


async def test_a_closing_ends_all_lanes_and_may_declare_others(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    ann, bob = await line.enter("ann", "members"), await line.enter("bob", "public")
    assert (await line.configure(state="closed", lanes="x:1"))[0] == "changed"
    assert {(await line.status(one)).reason for one in (ann, bob)} == {"closed"}
    assert (await line.rooms.view(ROOM)).lanes == {"x": 0}


async def test_a_full_house_of_lanes_finds_a_free_line_for_a_new_name(line: Line) -> None:
    await line.configure(max_active=0, lanes="a:1,b:1,c:1,d:1")
    ann = await line.enter("ann", "b")
    assert (await line.configure(lanes="e:1,b:1,f:1,g:1"))[0] == "changed"
    assert (await line.status(ann)).lane == "b"
    for name in "efg":
        assert (await line.enter(name, name)).status.position == 1


async def test_leaving_frees_the_place_in_its_lane(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    ann, bob = await line.join("members", 2)
    assert await line.places.finish(ann.place, "left")
    assert (await line.status(bob)).position == 1
    await line.configure(max_active=1)
    await line.admit()
    assert (await line.status(bob)).status == ACTIVE


async def test_new_weights_count_from_the_next_turn(line: Line) -> None:
    await line.configure(max_active=0, admit_per_minute=6_000_000, lanes="members:100,public:1")
    await line.join("members", 80)
    await line.join("public", 80)
    await line.configure(max_active=50)
    await line.admit()
    await line.configure(lanes="members:1,public:1", max_active=60)
    await line.admit()
    assert lanes_of((await line.admissions())[50:])["public"] in (4, 5, 6)


async def test_all_lanes_of_a_reset_room_are_empty(line: Line) -> None:
    await line.configure(max_active=0, lanes=LANES)
    await line.join("members", 2)
    await line.join("public", 2)
    await line.rooms.configure(ROOM, {}, reset=True)
    assert (await line.rooms.view(ROOM)).lanes == {"members": 0, "public": 0}
    keys: list[Any] = await line.client.keys("{room:*}:waiting*")
    assert keys == []
