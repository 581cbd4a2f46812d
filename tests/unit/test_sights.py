"""When a change of a place is worth telling to its holder."""

import asyncio
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from queue_gateway.room_view import RoomView, Seats
from queue_gateway.sights import Sight, Stream, about_to_expire, moved
from shared.places import Status
from shared.tokens import Place

NOW_MS = 1_800_000_000_000
WAITS = Status("WAIT", 1000, 1000, None, None, 5000)
ACTIVE = Status("ACTIVE", 0, 1000, NOW_MS + 300_000, None, 5000)
ENDED = Status("EXPIRED", None, 1000, None, "timed_out", 5000)


def room(active_ttl_s: int = 300, state: str = "open", seats: Seats | None = None) -> RoomView:
    told = {"active_ttl_s": str(active_ttl_s), "state": state, "opens_at_ms": ""}
    return RoomView("spring-tour", NOW_MS, 0, {"": 0}, told, (), seats)


def stream(first: Status = WAITS) -> Stream:
    place = Place("spring-tour", "ann", 1, 1)
    return Stream(place, Sight(first, room() if first is WAITS else None), Mock())


def at(position: int) -> Status:
    return replace(WAITS, position=position)


@pytest.mark.parametrize(
    ("shown", "now", "worth"),
    [
        (1000, 981, False),
        (1000, 980, True),
        (1000, 1020, True),
        (100, 99, False),
        (100, 98, True),
        (99, 98, True),
        (2, 1, True),
        (1, 1, False),
    ],
)
def test_a_position_is_shown_again_when_it_moved_by_a_fiftieth(
    shown: int, now: int, worth: bool
) -> None:
    assert moved(at(shown), at(now)) is worth


def test_another_status_or_lane_is_shown() -> None:
    assert moved(WAITS, ACTIVE)
    assert moved(ACTIVE, ENDED)
    assert moved(WAITS, replace(WAITS, lane="members"))
    assert not moved(WAITS, replace(WAITS, waiting=1, poll_after_ms=1))


def test_an_expiry_is_shown_again_when_it_moved_by_a_second() -> None:
    ends_at = NOW_MS + 300_000
    assert moved(ACTIVE, replace(ACTIVE, expires_at_ms=ends_at + 1000))
    assert not moved(ACTIVE, replace(ACTIVE, expires_at_ms=ends_at + 999))


def test_who_has_half_a_minute_left_or_a_quarter_of_the_time_is_about_to_expire() -> None:
    left = replace(ACTIVE, expires_at_ms=NOW_MS + 30_000)
    assert about_to_expire(left, room(), NOW_MS)
    assert not about_to_expire(left, room(), NOW_MS - 1)
    assert not about_to_expire(left, room(active_ttl_s=60), NOW_MS + 14_999)
    assert about_to_expire(left, room(active_ttl_s=60), NOW_MS + 15_000)
    assert not about_to_expire(WAITS, room(), NOW_MS)


async def test_who_is_about_to_expire_is_told_once_and_anew_after_more_time() -> None:
    told = stream(ACTIVE)
    assert await told.next(1) is not None
    shown = []
    for seconds in (0, 100, 271, 275, 280):
        told.see(ACTIVE, room(), NOW_MS + seconds * 1000)
        shown.append(await told.next(0) is not None)
    assert shown == [False, False, True, False, False]
    extended = replace(ACTIVE, expires_at_ms=NOW_MS + 400_000)
    for seconds in (290, 300, 371):
        told.see(extended, room(), NOW_MS + seconds * 1000)
        shown.append(await told.next(0) is not None)
    assert shown[5:] == [True, False, True]


async def test_what_was_shown_at_once_says_itself_that_time_runs_out() -> None:
    told = stream(replace(ACTIVE, expires_at_ms=NOW_MS + 5000))
    assert await told.next(1) is not None
    told.see(told.shown, room(), NOW_MS)
    assert await told.next(0) is None


async def test_only_the_latest_sight_is_kept() -> None:
    told = stream()
    for position in (900, 800, 700):
        told.see(at(position), room(), NOW_MS)
    found = await told.next(1)
    assert found is not None
    assert found.status.position == 700
    assert await told.next(0) is None


async def test_the_rooms_state_is_for_those_who_wait() -> None:
    waits, inside = stream(), stream(ACTIVE)
    for told, status in ((waits, WAITS), (inside, ACTIVE)):
        await told.next(1)
        told.see(status, room(state="paused"), NOW_MS)
    assert await waits.next(0) is not None
    assert await inside.next(0) is None


async def test_how_the_sale_stands_is_shown_anew_but_not_each_seat() -> None:
    told = stream()
    await told.next(1)
    shown = []
    for status, available in (("on_sale", 9), ("on_sale", 8), ("held_out", 0), ("on_sale", 1)):
        told.see(WAITS, room(seats=Seats(status, available, 5, 5, None)), NOW_MS)  # type: ignore[arg-type]
        shown.append(await told.next(0) is not None)
    assert shown == [True, False, True, True]


async def test_what_is_over_still_shows_what_there_is_and_waits_for_nothing() -> None:
    told = stream()
    told.end()
    async with asyncio.timeout(5):
        assert await told.next(3600) is not None
        assert await told.next(3600) is None
