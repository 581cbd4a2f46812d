"""Halls: where seats are, as the operator says or as their numbers do."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_api import halls, migrate
from booking_api.where import spot
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


@settings(deadline=None)
@given(st.text("A-1 07b", max_size=10))
def test_a_place_is_read_as_it_is_written(number: str) -> None:
    section, row, place = spot(number)

    if row is None:
        assert (section, place) == ("", None)
    else:
        assert place is not None
        written = f"{section}-{row}" if section else row
        assert number.removeprefix(written).removeprefix("-").lstrip("0") in (str(place), "")


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


async def table(booking: BookingStack, schedule_id: int, text: str | bytes) -> Reply:
    """Seats of a date, as an operator's spreadsheet has them."""
    return await booking.ask(
        "POST",
        f"/v1/admin/schedules/{schedule_id}/seats",
        data=text if isinstance(text, bytes) else text.encode(),
        headers={"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "text/csv"},
    )


async def test_a_table_says_as_much_as_json(booking: BookingStack) -> None:
    schedule_id = await booking.date(["X-1"])

    reply = await table(
        booking,
        schedule_id,
        "seat_number,price,section,row,place,band\r\n"
        'A-12,120.00,Left,1,40,"Best, really"\r\n'
        "\r\n"
        "B-3,5,,,,\r\n",
    )
    semicolons = await table(booking, schedule_id, b"\xef\xbb\xbfprice;seat_number\n7.50;C-9")

    assert (reply.status, reply.body) == (201, {"seats_added": 2})
    assert (semicolons.status, semicolons.body) == (201, {"seats_added": 1})
    found = await where(booking, schedule_id)
    assert found["A-12"] == ("Left", "1", 40, "Best, really")
    assert found["B-3"] == ("", "B", 3, "")
    assert found["C-9"] == ("", "C", 9, "")
    visitor = await booking.visitor()
    seats = (await booking.seats(visitor, schedule_id))["seats"]
    assert [seat["price"] for seat in seats] == ["50.00", "120.00", "5.00", "7.50"]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 422, "no column seat_number - at line 1"),
        ("seat_number\nA-1\n", 422, "no column price - at line 1"),
        ("seat_number,price,colour\nA-1,5,red\n", 422, "The columns are"),
        ("seat_number,price,price\nA-1,5,5\n", 422, "The columns are"),
        ("seat_number,price\n", 422, "no seat"),
        ("seat_number,price\nA-1,5\nA-2\n", 422, "line 3"),
        ("seat_number,price\nA-1,5\n,7\n", 422, "line 3"),
        ("seat_number,price\nA-1,5\nA-2,\n", 422, "line 3"),
        ("seat_number,price\nA-1,5\nA-2,1.234\n", 422, "line 3"),
        ("seat_number,price\nA-1,5\nA-2,-1\n", 422, "line 3"),
        ("seat_number,price\nA-1,5\n\nA-1,5\n", 422, "at line 2, too - at line 4"),
        ("seat_number,price,place\nA-1,5,\nA-2,5,second\n", 422, "line 3"),
        ("seat_number,price,row\nA-1,5,\nA-2,5,B\n", 422, "line 3"),
        (f"seat_number,price\nA-1,5\n{'A' * 40},5\n", 422, "line 3, `seat_number`"),
        ('seat_number,price\nA-1,5\n"A-2"x,5\n', 400, "line 3"),
        ('seat_number,price\nA-1,5\n"A-2,5\n', 400, "line 3"),
        (b"seat_number,price\nA-\xff,5\n", 400, "not UTF-8"),
        ("seat_number,price\nA-1,5\nX-1,5\n", 422, "Seat X-1 is there already"),
    ],
)
async def test_what_is_wrong_with_a_table_is_said_with_its_line(
    booking: BookingStack, text: str | bytes, status: int, said: str
) -> None:
    schedule_id = await booking.date(["X-1"])

    reply = await table(booking, schedule_id, text)

    assert reply.status == status
    assert said in reply.body["detail"]
    assert list(await where(booking, schedule_id)) == ["X-1"], "all or none"


@pytest.mark.parametrize(
    ("seat", "said"),
    [
        ({"price": "1.234"}, "$.seats[1]"),
        ({"seat_number": "A-1"}, "`$.seats[0]`, too - at `$.seats[1]`"),
        ({"seat_number": ""}, "$.seats[1].seat_number"),
        ({"place": -1}, "$.seats[1].place"),
    ],
)
async def test_what_is_wrong_with_json_is_said_with_its_place(
    booking: BookingStack, seat: Any, said: str
) -> None:
    schedule_id = await booking.date(["X-1"])

    reply = await load(booking, schedule_id, {"seat_number": "A-1"}, {"seat_number": "A-2", **seat})

    assert (reply.status, reply.code) == (422, "validation_failed")
    assert said in reply.body["detail"]
    assert list(await where(booking, schedule_id)) == ["X-1"]


async def test_a_hall_is_neither_a_picture_nor_endless(
    booking: BookingStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await booking.date(["X-1"])
    path = f"/v1/admin/schedules/{schedule_id}/seats"
    headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "image/png"}
    assert (await booking.ask("POST", path, data=b"1", headers=headers)).status == 415

    monkeypatch.setattr(halls, "MOST_SEATS", 1)
    reply = await table(booking, schedule_id, "seat_number,price\nA-1,5\nA-2,5\n")
    assert (reply.status, reply.body["detail"]) == (422, "At most 1 seats at once.")
    monkeypatch.setattr(halls, "MOST_BYTES", 20)
    reply = await table(booking, schedule_id, "seat_number,price\nA-1,5\nA-2,5\n")
    assert (reply.status, reply.code) == (413, "too_large")


async def test_a_hall_of_ten_thousand_seats_comes_as_a_table(booking: BookingStack) -> None:
    schedule_id = await booking.date(["X-1"])
    lines = [f"{row}-{n},10.00" for row in range(200) for n in range(50)]

    reply = await table(booking, schedule_id, "\n".join(["seat_number,price", *lines]))

    assert (reply.status, reply.body) == (201, {"seats_added": 10_000})
    order = "SELECT seat_number || ',10.00' AS line FROM concert_seat"
    order += " WHERE seat_number <> 'X-1' ORDER BY concert_seat_id"
    assert [row["line"] for row in await booking.pool.fetch(order)] == lines
