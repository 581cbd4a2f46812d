"""The waiting room in a real browser."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from shared.loops import end
from shared.places import ROOM_KEYS, room_keys
from shared.scripts import Script
from shared.seats_left import BandLeft, DateLeft, DatesLeft
from tests.browser import Tab, browser_program, tab
from tests.integration.gateways import ROOM, TOKEN, configure
from tests.integration.services import Client
from tests.waiting import wait_until

PAGE = f"{ROOM}/page"


@pytest.fixture
async def screen() -> AsyncIterator[Tab]:
    if browser_program() is None:
        pytest.skip("no browser here")
    async with tab() as opened:
        yield opened


async def picture(screen: Tab, name: str) -> None:
    """A screenshot for people, where ONSALE_SCREENSHOTS names a folder."""
    folder = os.environ.get("ONSALE_SCREENSHOTS")
    if folder:
        taken = await screen.ask("Page.captureScreenshot", format="png")
        Path(folder, f"{name}.png").write_bytes(base64.b64decode(taken["data"]))


async def crowd(gateway: Client, count: int) -> None:
    for _ in range(count):
        assert (await gateway.ask("POST", TOKEN)).status == 201


async def test_a_visitor_waits_is_let_in_and_goes_on(gateway: Client, screen: Tab) -> None:
    await configure(gateway, title="Spring Tour", max_active=0, identity="anonymous")
    await crowd(gateway, 3)
    await screen.go(f"{gateway.url}{PAGE}?return=/healthz")
    await screen.shows("Spring Tour")
    await screen.shows("your place in line, of 4 waiting")
    await picture(screen, "waiting")
    await configure(gateway, max_active=10)

    async def went_on() -> bool:
        return bool(await screen.evaluate("location.pathname") == "/healthz")

    await wait_until(went_on)
    assert screen.complaints == []


async def test_a_reload_keeps_the_place_and_leaving_gives_it_back(
    gateway: Client, screen: Tab
) -> None:
    await configure(gateway, max_active=0, identity="anonymous")
    await screen.go(gateway.url + PAGE)
    await screen.shows("of 1 waiting")
    await screen.ask("Page.reload")
    await screen.shows("of 1 waiting")
    assert (await gateway.as_operator("GET", f"/v1/admin{ROOM[3:]}")).json["waiting"] == 1
    await screen.click("#leave")
    await screen.shows("You have left the line.")
    await picture(screen, "left")
    await screen.click("#again")
    await screen.shows("of 1 waiting")


async def test_before_the_opening_a_visitor_sees_the_countdown(
    gateway: Client, screen: Tab
) -> None:
    await configure(gateway, identity="anonymous", opens_at="2099-01-01T20:00:00Z")
    await screen.go(gateway.url + PAGE)
    await screen.shows("until the doors open")
    await picture(screen, "countdown")


async def test_pausing_is_told_at_once(gateway: Client, screen: Tab) -> None:
    await configure(gateway, max_active=0, identity="anonymous")
    await screen.go(gateway.url + PAGE)
    await screen.shows("of 1 waiting")
    await configure(gateway, state="paused")
    await screen.shows("The line is paused.")
    await configure(gateway, state="closed")
    await screen.shows("The room is closed.")


@asynccontextmanager
async def seats(redis: Redis, available: int, reserved: int, sold: int) -> AsyncIterator[None]:
    """What the booking API tells the room of its seats, again and again."""
    orchestra = BandLeft("", "80.00", available // 3)
    balcony = BandLeft("Balcony", "40.00", available - available // 3)
    date = DateLeft(1, 1, "2030-01-01T20:00:00.000Z", available, [orchestra, balcony], 0)
    dates = msgspec.json.encode(DatesLeft("USD", [date], 0))
    keys = room_keys("spring-tour", *ROOM_KEYS)

    async def tell() -> None:
        while True:
            await Script(redis, "sell")(keys, ["", sold, available, reserved, sold, dates, 0])
            await asyncio.sleep(1)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        await end(telling)


async def test_a_visitor_sees_what_is_left_of_the_seats(
    gateway: Client, screen: Tab, redis: Redis
) -> None:
    await configure(
        gateway, title="Spring Tour", max_active=0, identity="anonymous", ends_with_sale=True
    )
    await crowd(gateway, 3)
    async with seats(redis, 12, 3, 85):
        await screen.go(gateway.url + PAGE)
        await screen.shows("12 seats left")
        await screen.shows("80.00 USD: 4 · Balcony: 8")
        await picture(screen, "seats")
    async with seats(redis, 0, 15, 85):
        await screen.shows("All seats are held by others right now.")
        await screen.shows("No seat is free right now")
        await picture(screen, "held_out")
    async with seats(redis, 0, 0, 100):
        await screen.shows("All seats are sold.")
        await screen.shows("Sold out")
        await picture(screen, "sold_out")
        assert screen.complaints == []
        await screen.ask("Page.reload")
        await screen.shows("All seats are sold.")


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
async def test_the_page_sends_nobody_to_another_site(
    gateway: Client, screen: Tab, elsewhere: str
) -> None:
    await configure(gateway, identity="anonymous")
    await screen.go(f"{gateway.url}{PAGE}?return={elsewhere}")
    await screen.shows("It is your turn")
    hidden = await screen.evaluate("document.getElementById('enter').hidden")
    assert hidden
    assert str(await screen.evaluate("location.href")).startswith(gateway.url)


async def test_who_is_not_signed_in_is_told_so(gateway: Client, screen: Tab) -> None:
    await configure(gateway)
    await screen.go(gateway.url + PAGE)
    await screen.shows("Please sign in first")


async def test_the_page_runs_its_own_script_alone(gateway: Client) -> None:
    answer = await gateway.ask("GET", PAGE)
    policy: Any = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert b"://" not in answer.body
