"""`onsale hall`: a file's seats, sent to the booking API."""

import asyncio
from pathlib import Path

import pytest
import typer
from rich.console import Console

from onsale.hall import HallRefused, command, upload
from tests.booking_stack import ADMIN_KEY, BookingStack


def url(booking: BookingStack, schedule_id: int) -> str:
    return f"{booking.url}/v1/admin/schedules/{schedule_id}/seats"


async def test_the_seats_of_a_table_are_added(booking: BookingStack, tmp_path: Path) -> None:
    schedule_id = await booking.date(["X-1"])
    file = tmp_path / "hall.csv"
    file.write_text("seat_number,price\n" + "\n".join(f"A-{n},9.50" for n in range(8000)))
    console = Console(force_terminal=True, record=True, width=100)

    added = await upload(url(booking, schedule_id), ADMIN_KEY, file, "text/csv", console)

    assert added == 8000
    assert await booking.pool.fetchval("SELECT count(*) FROM concert_seat") == 8001


async def test_what_is_wrong_with_the_file_is_said(booking: BookingStack, tmp_path: Path) -> None:
    schedule_id = await booking.date(["X-1"])
    file = tmp_path / "hall.csv"
    file.write_text("seat_number,price\nA-1,9.50\nA-1,9.50\n")

    with pytest.raises(HallRefused, match="line 3"):
        await upload(url(booking, schedule_id), ADMIN_KEY, file, "text/csv", Console())
    with pytest.raises(HallRefused, match="does not answer"):
        await upload("http://127.0.0.1:1/", ADMIN_KEY, file, "text/csv", Console())


async def test_without_a_stack_there_is_nowhere_to_send_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hall.json"
    file.write_text("{}")

    with pytest.raises(typer.Exit) as ended:
        await asyncio.to_thread(command, file, 1, tmp_path)
    with pytest.raises(typer.BadParameter):
        command(tmp_path / "hall.pdf", 1, tmp_path)

    assert ended.value.exit_code == 1
    assert "no stack runs" in capsys.readouterr().err
