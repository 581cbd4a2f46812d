"""`onsale export`: the same files as over HTTP."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from onsale.__main__ import application
from tests.booking_stack import BookingStack
from tests.integration.operating import Desk


async def test_it_writes_what_the_api_sends(
    booking: BookingStack, tmp_path: Path, database_url: str
) -> None:
    schedule_id = await booking.date()
    visitor = await booking.visitor(money="100.00")
    paid = await booking.held(visitor, schedule_id, "A-1", "A-2")
    assert (await booking.pay(visitor, *paid)).status == 201
    environment = {"ONSALE_HOME": str(tmp_path), "DATABASE_URL": database_url}

    async def onsale(*words: str) -> tuple[int, bytes]:
        found = await asyncio.to_thread(
            CliRunner().invoke, application, ["export", *words], env=environment
        )
        return found.exit_code, found.stdout_bytes

    for what in ("bookings", "payments"):
        sent = await Desk(booking).ask("GET", f"schedules/{schedule_id}/{what}.csv")
        assert await onsale(what, str(schedule_id)) == (0, sent.raw)
        file = tmp_path / f"{what}.csv"
        assert (await onsale(what, str(schedule_id), "--to", str(file)))[0] == 0
        assert file.read_bytes() == sent.raw
    nothing = tmp_path / "nothing.csv"
    assert (await onsale("bookings", "999", "--to", str(nothing)))[0] == 2
    assert not list(tmp_path.glob("nothing*"))
    assert (await onsale("everything", "1"))[0] == 2
