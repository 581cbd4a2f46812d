"""The example receiver believes what the sender signs, and nothing else."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from booking_api.database import Sale
from booking_api.webhooks import Deliveries, Receiver, signature
from tests.booking_stack import BookingStack
from tests.guards import ROOT
from tests.integration.test_tickets import bought
from tests.receiving import SECRET

EXAMPLE = ROOT / "examples" / "webhook_receiver.py"


@pytest.fixture
async def example() -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """Its address, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), "0"),
        env={**os.environ, "ONSALE_WEBHOOK_SECRET": SECRET},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        url = (await process.stdout.readline()).decode().strip()
    try:
        yield url, process.stdout
    finally:
        process.kill()
        await process.wait()


async def test_it_takes_each_event_once(
    booking: BookingStack, example: tuple[str, asyncio.StreamReader]
) -> None:
    url, printed = example
    await bought(booking, "A-1")

    async with Deliveries.over(Sale.over(booking.pool), Receiver(url, (SECRET,))) as deliveries:
        assert await deliveries.work() == 1
        await booking.pool.execute("UPDATE webhook_event SET next_attempt_at = now()")
        assert await deliveries.work() == 1
        await bought(booking, "A-2")
        assert await deliveries.work() == 1

    states = await booking.pool.fetch("SELECT last_status FROM webhook_event")
    assert {row[0] for row in states} == {204}
    async with asyncio.timeout(60):
        lines = [(await printed.readline()).decode() for _ in range(2)]
    assert ["A-1" in lines[0], "A-2" in lines[1]] == [True, True]
    assert all(line.startswith("booking.confirmed") for line in lines)


async def test_it_refuses_what_is_forged_changed_or_old(
    example: tuple[str, asyncio.StreamReader],
) -> None:
    url, _ = example
    body, now_s = b'{"event_id":1,"kind":"x","data":{}}', int(time.time())
    good = signature((SECRET,), now_s, body)

    async with aiohttp.ClientSession() as http:

        async def status(header: str | None, sent: bytes = body) -> int:
            headers = {} if header is None else {"Onsale-Signature": header}
            async with http.post(url, data=sent, headers=headers) as answer:
                return answer.status

        for refused in (
            None,
            "",
            "t=,v1=",
            good.replace("t=", "t=1"),
            good[:-1] + ("0" if good[-1] != "0" else "1"),
            signature(("another-" + SECRET,), now_s, body),
            signature((SECRET,), now_s - 3600, body),
        ):
            assert await status(refused) == 401, refused
        assert await status(good, body.replace(b"1", b"2")) == 401
        assert await status(good) == 204
        assert await status(signature(("new-" + SECRET, SECRET), now_s, body)) == 204
