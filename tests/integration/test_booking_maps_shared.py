"""One reading of a hall serves everybody for a moment, and never for longer than it may."""

import asyncio
from typing import Any

import pytest

from booking_api import seat_maps
from booking_api.database import SALE
from booking_api.seat_maps import SeatMaps
from booking_api.seat_rows import AVAILABLE
from booking_api.seating import BestAvailable
from tests.booking_stack import USD, BookingStack
from tests.integration.test_booking_maps_kept import CountingSale


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings are young enough for as long as a test takes."""
    monkeypatch.setattr(seat_maps, "SMALL", 0)
    monkeypatch.setattr(seat_maps, "AGE_S_PER_SEAT", 600.0)
    monkeypatch.setattr(seat_maps, "MOST_AGE_S", 600.0)


def maps_of(booking: BookingStack) -> tuple[SeatMaps, CountingSale]:
    sale = CountingSale(booking)
    return SeatMaps(sale, USD), sale  # type: ignore[arg-type]


def test_no_reading_is_shown_for_more_than_half_a_second() -> None:
    kept: Any = seat_maps._Kept(1, None, None)  # type: ignore[arg-type]
    assert kept._may_be_old(0, fresh=False) == 0
    for seats, age in ((10, 0.0), (1_000, 0.0), (11_000, 0.1), (51_000, 0.5), (500_000, 0.5)):
        kept.hall = type("Hall", (), {"seats": range(seats), "version": 5})()
        assert kept._may_be_old(5, fresh=False) == pytest.approx(age)
        assert kept._may_be_old(6, fresh=False) == kept._may_be_old(5, fresh=True) == 0


@pytest.mark.usefixtures("patient")
async def test_who_asks_for_a_map_in_any_view_shares_a_reading(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    maps, sale = maps_of(booking)

    first = await maps.read(schedule_id, None)
    version = (await maps.hall(schedule_id)).version
    await maps.read(schedule_id, None, compact=True)
    await maps.read(schedule_id, version)
    await maps.read(schedule_id, version, compact=True)
    await maps.candidates(schedule_id, BestAvailable(2))

    assert (await maps.read(schedule_id, None)).body is first.body
    assert sale.read == [None]


@pytest.mark.usefixtures("patient")
async def test_what_another_process_showed_is_not_taken_back(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    (ours, _), (theirs, _) = maps_of(booking), maps_of(booking)
    await ours.hall(schedule_id)
    visitor = await booking.visitor()
    await booking.held(visitor, schedule_id, "A-1")
    newer = (await theirs.hall(schedule_id)).version

    await booking.held(visitor, schedule_id, "A-2")
    found = await ours.read(schedule_id, newer)

    assert b"RESERVED" in found.body


@pytest.mark.usefixtures("patient")
async def test_seats_held_here_are_not_offered_again_until_they_are_read(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(["A-1", "A-2", "A-3", "A-4"])
    maps, _ = maps_of(booking)
    best, second = await maps.candidates(schedule_id, BestAvailable(2), fresh=True), None

    maps.taken(schedule_id, best[0])
    second = await maps.candidates(schedule_id, BestAvailable(2))
    shown = await maps.read(schedule_id, None)
    await booking.charge(await booking.visitor(), "1.00")  # time goes on; nobody held them
    again = await maps.candidates(schedule_id, BestAvailable(2), fresh=True)

    assert second == [best[1]]
    assert shown.body.count(b"AVAILABLE") == 4, "the map says what was read"
    assert again == best


async def test_who_asks_while_the_hall_is_read_is_not_told_what_was_before(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date()
    maps, sale = maps_of(booking)
    reads, read, go_on = sale.rows, asyncio.Event(), asyncio.Event()

    async def slowly(name: str, *args: object, deadline_s: int | None = None) -> object:
        found = await reads(name, *args, deadline_s=deadline_s)
        read.set()
        await go_on.wait()
        return found

    sale.rows = slowly  # type: ignore[method-assign]
    first = asyncio.create_task(maps.hall(schedule_id))
    await read.wait()
    await booking.held(await booking.visitor(), schedule_id, "A-1")
    second = asyncio.create_task(maps.read(schedule_id, None))
    await asyncio.sleep(0)
    go_on.set()

    await first
    assert b"RESERVED" in (await second).body


async def test_a_restored_database_is_read_anew(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    maps, _ = maps_of(booking)
    before = await maps.hall(schedule_id)
    before.version = 2**62
    before._digest = 0

    after = await maps.hall(schedule_id, fresh=True)

    assert after is not before
    assert after.version < 2**62
    assert after.counts[AVAILABLE] == 10


async def test_the_largest_halls_are_not_all_kept(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SeatMaps, "SEATS_KEPT", 25)
    maps = SeatMaps(booking.app[SALE], USD)
    dates = [await booking.date() for _ in range(4)]

    for schedule_id in dates:
        await maps.hall(schedule_id)

    assert list(maps._kept) == dates[2:]
