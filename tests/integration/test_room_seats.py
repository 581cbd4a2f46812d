"""Rooms that end with their sale: all seats held, a seat that comes back, all seats sold."""

import pytest

from shared.errors import RoomClosed
from shared.places import ACTIVE, EXPIRED, WAIT
from tests.integration.lines import ROOM, Line

FAST = {"max_active": 100, "admit_per_minute": 6000, "claim_ttl_s": 600, "active_ttl_s": 600}


async def a_line(line: Line, waiting: int = 6, **settings: int) -> None:
    """A fast room that ends with its sale, with so many waiting in it."""
    await line.configure(**{**FAST, "ends_with_sale": 1, **settings, "max_active": 0})
    await line.crowd(waiting)
    await line.configure(max_active=settings.get("max_active", 100))


async def held_out(line: Line, waiting: int = 6, **settings: int) -> None:
    """The same, while all seats are held."""
    await a_line(line, waiting, **settings)
    await line.seats(0, 3, 0)


async def test_nobody_is_admitted_while_all_seats_are_held(line: Line) -> None:
    await held_out(line)
    assert await line.admit() == 0
    view = await line.rooms.view(ROOM)
    assert (view.waiting, view.active, view.state) == (6, 0, "open")
    assert view.held_out
    assert not view.admitting


async def test_nobody_joins_past_a_line_while_all_seats_are_held(line: Line) -> None:
    await held_out(line, waiting=0)
    assert (await line.enter("late")).status.status == WAIT


async def test_by_hand_nobody_comes_in_while_all_seats_are_held(line: Line) -> None:
    await held_out(line)
    assert await line.admit(by_hand=3) == 0


async def test_a_room_that_goes_on_admits_whatever_is_held(line: Line) -> None:
    await held_out(line, ends_with_sale=0)
    assert await line.admit() == 6


async def test_while_seats_are_free_the_line_goes_on_as_configured(line: Line) -> None:
    await a_line(line)
    await line.seats(1, 2, 0)
    assert await line.admit() == 6


@pytest.mark.parametrize("free", [1, 2])
async def test_each_seat_that_comes_back_admits_one(line: Line, free: int) -> None:
    await held_out(line)
    await line.seats(free, 3 - free, 0)
    assert await line.admit() == free
    line.now_ms += 1000
    assert await line.admit() == 0


async def test_a_seat_that_comes_back_admits_the_next_in_line(line: Line) -> None:
    await held_out(line)
    await line.seats(1, 2, 0)
    await line.admit()
    assert await line.admissions() == ["v0"]


async def test_joins_in_one_call_share_a_free_seat(line: Line) -> None:
    await held_out(line, waiting=0)
    await line.seats(1, 2, 0)
    rows = await line.enter_many("a", "b", "c")
    assert [row[3] for row in rows] == [ACTIVE, WAIT, WAIT]


async def test_a_count_that_says_the_same_again_admits_nobody_more(line: Line) -> None:
    await held_out(line)
    await line.seats(1, 2, 0)
    await line.admit()
    await line.seats(1, 2, 0)
    assert await line.admit() == 0


async def test_who_leaves_without_a_seat_makes_way_for_the_next(line: Line) -> None:
    await held_out(line)
    await line.seats(1, 2, 0)
    await line.admit()
    called = await line.rooms.look(ROOM, "v0")
    assert called
    await line.places.finish(called.place, "left")
    assert await line.admit() == 1
    assert await line.admissions() == ["v0", "v1"]


async def test_who_has_a_seat_by_now_makes_way_for_the_next(line: Line) -> None:
    await held_out(line)
    _, _, _, *called = await line.seats(2, 1, 0)
    assert called == []
    await line.admit()
    _, _, _, *called = await line.seats(2, 1, 0)
    assert sorted(called) == ["1", "2"]
    await line.seats(1, 2, 0, served=["1"])  # the other one still chooses
    assert await line.admit() == 0
    await line.seats(2, 1, 0)
    assert await line.admit() == 1


async def test_once_all_seats_are_held_again_everybody_called_has_had_their_chance(
    line: Line,
) -> None:
    await held_out(line)
    await line.seats(1, 2, 0)
    await line.admit()
    await line.seats(0, 3, 0)
    await line.seats(1, 2, 0)
    assert await line.admit() == 1


async def test_what_a_seat_admits_is_no_pace_of_the_line(line: Line) -> None:
    await held_out(line, waiting=50)
    for _ in range(20):
        await line.seats(1, 2, 0)
        line.now_ms += 200
        await line.admit()
        await line.seats(0, 3, 0)
        line.now_ms += 200
        await line.admit()
    await line.seats(1, 2, 0)
    view = await line.rooms.view(ROOM)
    assert view.admitted(60) == 20
    assert not any(sum(slot.busy_ms) + sum(slot.lanes) for slot in view.pace)
    (one,) = [await line.enter("v49")]
    assert view.eta_s(one.status) is None


async def test_figures_that_nobody_renews_hold_up_no_line(line: Line) -> None:
    await held_out(line)
    await line.wait(10)
    assert await line.admissions() == []
    await line.wait(0.2)
    assert len(await line.admissions()) == 6
    assert (await line.rooms.view(ROOM)).sale_now is None


async def test_an_old_count_that_comes_late_changes_nothing(line: Line) -> None:
    await held_out(line)
    before = await line.dump()
    assert (await line.seats(5, 0, 0, late=1))[0] == "told"  # as much as is known already
    await line.seats(0, 3, 0)
    before = await line.dump()
    assert (await line.seats(5, 0, 0, late=3))[0] == "old"
    assert await line.dump() == before
    assert await line.admit() == 0


async def test_a_count_of_another_database_is_believed_in_time(line: Line) -> None:
    await a_line(line)
    line.counts = 1000
    await line.seats(0, 3, 0)
    line.counts = 0
    assert (await line.seats(2, 1, 0))[0] == "old"
    line.now_ms += 10_001
    assert (await line.seats(2, 1, 0))[0] == "told"


async def test_when_nothing_is_on_sale_any_more_the_line_goes_on(line: Line) -> None:
    await held_out(line)
    await line.nothing_on_sale()
    assert await line.admit() == 6
    assert (await line.rooms.view(ROOM)).sale_now is None


async def test_all_sold_ends_every_place_with_its_reason(line: Line) -> None:
    await a_line(line, waiting=0)
    inside = await line.enter("inside")
    await line.configure(max_active=1)
    waiting = await line.enter("waiting")
    version = (await line.rooms.view(ROOM)).version
    assert (await line.seats(0, 0, 3))[0] == "closed"
    for one in (inside, waiting):
        status = await line.status(one)
        assert (status.status, status.reason) == (EXPIRED, "sold_out")
    view = await line.rooms.view(ROOM)
    assert (view.state, view.reason, view.waiting, view.active) == ("closed", "sold_out", 0, 0)
    assert view.counted("sold_out") == 2
    assert view.version == version + 1
    assert await line.ends("sold_out") == 1
    with pytest.raises(RoomClosed) as refused:
        await line.enter("late")
    assert refused.value.extra == {"reason": "sold_out"}


async def test_a_hold_that_is_left_keeps_the_room(line: Line) -> None:
    await a_line(line)
    await line.seats(0, 1, 2)
    assert (await line.rooms.view(ROOM)).state == "open"


async def test_a_hall_without_seats_is_not_sold_out(line: Line) -> None:
    await a_line(line)
    await line.seats(0, 0, 0)
    view = await line.rooms.view(ROOM)
    assert view.state == "open"
    assert view.seats
    assert view.seats.status == "on_sale"


async def test_a_room_that_goes_on_stays_open_when_all_is_sold(line: Line) -> None:
    await a_line(line, ends_with_sale=0)
    await line.seats(0, 0, 3)
    assert await line.admit() == 6
    view = await line.rooms.view(ROOM)
    assert view.seats
    assert view.seats.status == "sold_out"


async def test_a_sold_out_room_that_is_opened_again_stays_open(line: Line) -> None:
    await a_line(line)
    await line.seats(0, 0, 3)
    await line.configure(state="open")
    one = await line.enter("for the waiting list")
    assert (await line.seats(0, 0, 3))[0] == "told"
    assert (await line.seats(0, 1, 2))[0] == "told"  # one that is offered to somebody
    assert (await line.seats(0, 0, 3))[0] == "told"
    assert (await line.status(one)).status == ACTIVE


async def test_sold_once_more_after_a_seat_came_back_it_closes_again(line: Line) -> None:
    await a_line(line)
    await line.seats(0, 0, 3)
    await line.configure(state="open")
    await line.seats(1, 0, 2)
    assert (await line.seats(0, 0, 3))[0] == "closed"


async def test_asked_for_anew_it_closes_again(line: Line) -> None:
    await a_line(line)
    await line.seats(0, 0, 3)
    await line.configure(state="open", ends_with_sale=0)
    await line.configure(ends_with_sale=1)
    assert (await line.seats(0, 0, 3))[0] == "closed"


async def test_a_place_keeps_the_reason_of_its_own_closing(line: Line) -> None:
    await a_line(line, waiting=0)
    first = await line.enter("first")
    await line.seats(0, 0, 3)
    await line.configure(state="open")
    second = await line.enter("second")
    await line.configure(state="closed")
    reasons = [(await line.status(one)).reason for one in (first, second)]
    assert reasons == ["sold_out", "closed"]
    line.now_ms += 901_000
    await line.admit()
    assert (await line.status(first)).reason is None


async def test_turned_off_it_forgets_who_came_for_a_seat(line: Line) -> None:
    await held_out(line)
    await line.seats(1, 2, 0)
    await line.admit()
    await line.configure(ends_with_sale=0)
    assert await line.admit() == 5
