"""A booking process is killed while it tells: everything is told, in order per booking."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.booking_stack import ADMIN_KEY, IDENTITY_SECRET, QUEUE_SECRET, BookingStack
from tests.integration.test_tickets import bought
from tests.receiving import SECRET, Inbox, receiving
from tests.waiting import wait_until

VISITORS = 10


@asynccontextmanager
async def process(
    database_url: str, redis_url: str, inbox: Inbox, log: Path
) -> AsyncIterator["asyncio.subprocess.Process"]:
    """A booking API of its own that tells the inbox; killed at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ONSALE_QUEUE_SECRET": QUEUE_SECRET,
        "ONSALE_IDENTITY_SECRET": IDENTITY_SECRET,
        "ONSALE_ADMIN_KEY": ADMIN_KEY,
        "ONSALE_WEBHOOK_URL": inbox.url,
        "ONSALE_WEBHOOK_SECRET": SECRET,
        "ONSALE_BOOKING_PORT": "0",
    }
    with log.open("ab") as written:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "booking_api"), env=environment, stdout=written, stderr=written
        )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


@pytest.mark.slow
async def test_a_killed_sender_forgets_nothing_and_keeps_the_order(
    booking: BookingStack, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    for _ in range(VISITORS):
        _, visitor, ids = await bought(booking, "A-1", "A-2")
        await booking.pool.execute("UPDATE concert SET refund_percent = 100")
        await booking.ask("DELETE", f"/v1/bookings/{ids[0]}", visitor)
    events = await booking.pool.fetchval("SELECT count(*) FROM webhook_event")
    assert events == 4 * VISITORS

    async def left() -> bool:
        undone = "SELECT count(*) FROM webhook_event WHERE delivered_at IS NULL"
        return bool(await booking.pool.fetchval(undone) == 0)

    async with receiving() as inbox:
        for killed_after in (5, 15, 25):

            async def so_many(least: int = killed_after) -> bool:
                return len(inbox.came) >= least

            async with process(database_url, redis_url, inbox, tmp_path / "log") as running:
                await wait_until(so_many, within_s=60)
                running.kill()
            await booking.pool.execute(  # as if the time of what it had taken had passed
                "UPDATE webhook_event SET next_attempt_at = now() WHERE delivered_at IS NULL"
            )
        async with process(database_url, redis_url, inbox, tmp_path / "log"):
            await wait_until(left, within_s=60)

        told = inbox.events()
        assert len(set(told)) == events
        for booking_id in {one.event["data"]["concert_booking_id"] for one in inbox.came}:
            mine = [
                one.event["event_id"]
                for one in inbox.came
                if one.event["data"]["concert_booking_id"] == booking_id
            ]
            assert all(earlier <= later for earlier, later in pairwise(mine)), mine
