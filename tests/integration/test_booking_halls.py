"""Halls: where seats are, as the operator says or as their numbers do."""

from pathlib import Path
from typing import Any

import pytest

from booking_api import migrate
from tests.booking_stack import ADMIN_KEY, BookingStack, Reply

#: A seat's number, and the section, row and place it names.
NUMBERS = {
    "A-12": ("", "A", 12),
    "A12": ("", "A", 12),
    "BALCONY-A-12": ("BALCONY", "A", 12),
    "BALCONY-A12": ("BALCONY", "A", 12),
    "UPPER-LEFT-AA-3": ("UPPER-LEFT", "AA", 3),
    "12-7": ("", "12", 7),
    "EAST-12-7": ("EAST", "12", 7),
    "Parkett 3-07": ("", "Parkett 3", 7),
    "A-1234567": ("", None, None),
    "STANDING": ("", None, None),
    "17": ("", None, None),
    "A-": ("", None, None),
    "--5": ("", None, None),
}


async def load(booking: BookingStack, schedule_id: int, *seats: dict[str, Any]) -> Reply:
    """Seats of a date, as an operator adds them; the price is always the same."""
    return await booking.ask(
        "POST",
        f"/v1/admin/schedules/{schedule_id}/seats",
        body={"seats": [{"price": "10.00", **seat} for seat in seats]},
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
    )


async def where(booking: BookingStack, schedule_id: int) -> dict[str, tuple[Any, ...]]:
    """Section, row, place and band of each seat of a date."""
    rows = await booking.pool.fetch(
        "SELECT seat_number, section, seat_row, place, band FROM concert_seat"
        " WHERE concert_schedule_id = $1",
        schedule_id,
    )
    return {row["seat_number"]: tuple(row)[1:] for row in rows}


async def test_where_a_seat_is_is_read_from_its_number(booking: BookingStack) -> None:
    schedule_id = await booking.date(list(NUMBERS))

    found = await where(booking, schedule_id)

    assert found == {number: (*place, "") for number, place in NUMBERS.items()}


async def test_the_migration_reads_numbers_as_loading_does(booking: BookingStack) -> None:
    schedule_id = await booking.date(list(NUMBERS))
    loaded = await where(booking, schedule_id)
    await booking.pool.execute(
        "UPDATE concert_seat SET section = '', seat_row = NULL, place = NULL"
    )
    script = Path(migrate.__file__).parent / "migrations/versions/r0004_selling.sql"
    text = script.read_text(encoding="utf-8")
    begin = text.index("UPDATE concert_seat s\n")

    await booking.pool.execute(text[begin : text.index(";", begin)])

    assert await where(booking, schedule_id) == loaded


async def test_what_the_operator_says_of_a_seat_goes_before_its_number(
    booking: BookingStack,
) -> None:
    schedule_id = await booking.date(["X-1"])

    reply = await load(
        booking,
        schedule_id,
        {"seat_number": "A-12", "section": "Left", "row": "1", "place": 40, "band": "Best"},
        {"seat_number": "A-13", "section": "Left", "band": "Best"},
        {"seat_number": "A-14", "row": "2", "place": 0},
        {"seat_number": "BOX", "section": ""},
    )

    assert (reply.status, reply.body) == (201, {"seats_added": 4})
    assert await where(booking, schedule_id) == {
        "X-1": ("", "X", 1, ""),
        "A-12": ("Left", "1", 40, "Best"),
        "A-13": ("Left", "A", 13, "Best"),
        "A-14": ("", "2", 0, ""),
        "BOX": ("", None, None, ""),
    }


@pytest.mark.parametrize("half", [{"row": "A"}, {"place": 3}])
async def test_a_row_without_a_place_is_refused(booking: BookingStack, half: Any) -> None:
    schedule_id = await booking.date(["X-1"])

    reply = await load(booking, schedule_id, {"seat_number": "A-1"}, {"seat_number": "A-2", **half})

    assert (reply.status, reply.code) == (422, "validation_failed")
    assert "$.seats[1]" in reply.body["detail"]
    assert list(await where(booking, schedule_id)) == ["X-1"]
