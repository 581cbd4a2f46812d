"""Whole seat maps are kept in the process, and are as fresh as if they were not."""

import asyncio
from decimal import Decimal

import pytest

from booking_api.database import SALE
from booking_api.seat_maps import SEAT_MAPS, SeatMaps
from shared.errors import NotFound
from tests.booking_stack import USD, BookingStack


class CountingSale:
    """A sale that counts what is read, and can fail."""

    def __init__(self, booking: BookingStack):
        self._sale = booking.app[SALE]
        self.read: list[object] = []
        self.fails = False

    async def rows(self, name: str, *args: object, deadline_s: int | None = None) -> object:
        self.read.append(args[1])
        if self.fails:
            raise TimeoutError
        return await self._sale.rows(name, *args, deadline_s=deadline_s)


async def test_after_the_first_reading_only_changes_are_read(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    sale = CountingSale(booking)
    maps = SeatMaps(sale, USD)  # type: ignore[arg-type]

    first = await maps.read(schedule_id, None)
    again = await maps.read(schedule_id, None)

    assert sale.read[0] is None
    assert isinstance(sale.read[1], int)
    assert again.etag == first.etag


async def test_a_crowd_that_asks_at_once_shares_a_reading(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    sale = CountingSale(booking)
    maps = SeatMaps(sale, USD)  # type: ignore[arg-type]

    found = await asyncio.gather(*(maps.read(schedule_id, None) for _ in range(50)))

    assert len({each.etag for each in found}) == 1
    assert len(sale.read) <= 2, "one that was under way, one for all who asked meanwhile"


async def test_a_reading_that_fails_serves_nobody(booking: BookingStack) -> None:
    schedule_id = await booking.date()
    sale = CountingSale(booking)
    maps = SeatMaps(sale, USD)  # type: ignore[arg-type]
    sale.fails = True

    failed = await asyncio.gather(
        *(maps.read(schedule_id, None) for _ in range(5)), return_exceptions=True
    )
    sale.fails = False

    assert [type(each) for each in failed] == [TimeoutError] * 5
    assert b"A-10" in (await maps.read(schedule_id, None)).body


async def test_the_kept_map_equals_a_fresh_one_through_a_sale(booking: BookingStack) -> None:
    schedule_id = await booking.date(limit=10)
    visitor = await booking.visitor(money="500.00")
    kept = booking.app[SEAT_MAPS]

    async def assert_fresh() -> None:
        fresh = SeatMaps(booking.app[SALE], USD)
        found, truth = await kept.read(schedule_id, None), await fresh.read(schedule_id, None)
        assert found.etag == truth.etag

    await assert_fresh()
    one, two, three = await booking.held(visitor, schedule_id, "A-1", "A-2", "A-3")
    await assert_fresh()
    await booking.expire(one)
    await assert_fresh()
    await booking.pool.fetchval("SELECT sweep_expired(10)")
    await assert_fresh()
    await booking.ask("DELETE", f"/v1/bookings/{two}", visitor)
    await assert_fresh()
    await booking.pay(visitor, three)
    await assert_fresh()
    await booking.catalogue.add_seats(schedule_id, ["B-1"], [Decimal(5)])
    await assert_fresh()


async def test_dates_that_are_not_there_are_not_kept(booking: BookingStack) -> None:
    maps = SeatMaps(booking.app[SALE], USD)

    for schedule_id in range(900, 1000):
        with pytest.raises(NotFound):
            await maps.read(schedule_id, None)

    assert not maps._kept


async def test_only_so_many_maps_are_kept(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SeatMaps, "KEPT", 2)
    maps = SeatMaps(booking.app[SALE], USD)
    dates = [await booking.date() for _ in range(4)]

    for schedule_id in [*dates, *dates]:
        assert b"A-10" in (await maps.read(schedule_id, None)).body

    assert list(maps._kept) == dates[2:]
