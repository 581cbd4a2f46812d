"""Sixty-four clients on forty seats: every seat's history can be told by a seat."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from onsale.stack import Stack, run_stack
from onsale.verify import verify
from tests.histories.crowd import Show, Visitor
from tests.histories.recorder import Recorder
from tests.integration.services import Client

ROOM = "histories"
CLIENTS = 64
#: Clients that look at the seat map all the time: a map that two ask for at once is read once.
READERS = 6
SEATS = [f"A-{number}" for number in range(1, 41)]
PROVIDER_KEY = "provider-key-of-the-tests-0123456789"
#: Who lets hundreds of seats go is what this is about.
DATE = {"hold_extension_s": 1, "max_let_go_per_hour": 0, "offer_ttl_s": 1}


@asynccontextmanager
async def a_stack(home: Path, redis_url: str, database_url: str) -> AsyncIterator[Stack]:
    """Two processes of each service on the test's own engines."""
    theirs = ("ONSALE_", "REDIS_URL", "DATABASE_URL")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
    environment |= {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "ONSALE_DEMO": "1"}
    environment |= {"ONSALE_PROVIDER_KEY": PROVIDER_KEY}
    async with run_stack(home, workers=2, environment=environment) as stack:
        yield stack


async def a_show(
    stack: Stack, http: aiohttp.ClientSession, *, dates: int, requests_each: int
) -> Show:
    """A room that lets everybody in, and dates whose holds last for a second or two. In turn they
    give nothing back; give money back; and do so, and are sold out."""

    async def operator(url: str, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {stack.admin_key}", "If-Match": "*"}
        answer = await Client(http, url).ask(method, path, json=body, headers=headers)
        assert answer.status in (200, 201), answer.json
        return answer.json

    booking_url = stack.booking_url
    settings = {"max_active": 100_000, "admit_per_minute": 6_000_000, "active_ttl_s": 86_400}
    await operator(stack.gateway_url, "PUT", f"/v1/admin/rooms/{ROOM}", settings)
    concerts = []
    for percent in (0, 90):
        body: Any = {"concert_name": f"Gives back {percent} %", "room_id": ROOM}
        concert = await operator(booking_url, "POST", "/v1/admin/concerts", body)
        concerts.append(f"/v1/admin/concerts/{concert['concert_id']}")
        await operator(booking_url, "PUT", concerts[-1], {"refund_percent": percent})
    schedules = []
    for number in range(dates):
        body = {"schedule_date": "2030-05-01T20:00:00Z", "max_seats_per_user": 12}
        path = f"{concerts[min(1, number % 3)]}/schedules"
        date = await operator(booking_url, "POST", path, body)
        schedules.append(date["concert_schedule_id"])
        path = f"/v1/admin/schedules/{schedules[-1]}"
        await operator(booking_url, "PUT", path, {**DATE, "hold_ttl_s": 1 + number // 3 % 2})
        seats = [{"seat_number": seat, "price": "10.00"} for seat in SEATS]
        await operator(booking_url, "POST", f"{path}/seats", {"seats": seats})
    return Show(
        stack.gateway_url,
        booking_url,
        str(stack.provider_url),
        PROVIDER_KEY,
        ROOM,
        SEATS,
        schedules,
        refundable=set(schedules[1::3] + schedules[2::3]),
        sought=set(schedules[2::3]),
        requests_each=requests_each,
    )


async def play(
    stack: Stack, *, dates: int, requests_each: int, clients: int, seed: int
) -> Recorder:
    """Let the crowd in, wait until it is done, and look at every seat once more."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
    ) as http:
        show = await a_show(stack, http, dates=dates, requests_each=requests_each)
        visitors = []
        for number in range(clients):
            made = await Client(http, stack.booking_url).ask(
                "POST", "/v1/users", json={"user_name": f"client {number}"}
            )
            dice = random.Random(seed * 1000 + number)
            visitors.append(Visitor(show, http, made.json["identity_token"], dice))
        readers, buyers = visitors[:READERS], visitors[READERS:]
        await asyncio.gather(*(r.watch() for r in readers), *(b.come() for b in buyers))
        for schedule in show.schedules:
            await visitors[0].look(schedule)  # whose token nothing has completed
    return show.recorder


def judged(recorder: Recorder, *, seats: int) -> None:
    """Nobody met an error, and every seat's history is one that a seat can tell."""
    assert not recorder.surprises, recorder.surprises[:20]
    assert len(recorder.histories) == seats
    unexplained = recorder.unexplained()
    shown = [(name, sorted(h, key=lambda o: o.begin)) for name, h in list(unexplained.items())[:1]]
    assert not unexplained, (len(unexplained), shown)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_short_history_of_every_seat_can_be_told_by_a_seat(
    tmp_path: Path, redis_url: str, redis: Any, database_url: str
) -> None:
    async with a_stack(tmp_path / "home", redis_url, database_url) as stack:
        recorder = await play(stack, dates=3, requests_each=450, clients=32, seed=1)
        report = await verify(redis_url, database_url)
    judged(recorder, seats=120)
    assert [finding for finding in report.findings if finding.broken] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_operations_on_forty_seats(
    tmp_path: Path, redis_url: str, redis: Any, database_url: str
) -> None:
    seed = int(os.environ.get("ONSALE_TEST_SEED", "2"))
    began = time.monotonic()
    async with a_stack(tmp_path / "home", redis_url, database_url) as stack:
        recorder = await play(stack, dates=15, requests_each=1500, clients=CLIENTS, seed=seed)
        asked_s = time.monotonic() - began
        report = await verify(redis_url, database_url)
    began = time.monotonic()
    judged(recorder, seats=600)
    print(
        f"{recorder.operations} operations ({sum(recorder.requests.values())} requests,"
        f" {recorder.seat_reads} seats read in maps; {recorder.offers} offers) in {asked_s:.0f} s,"
        f" checked in {time.monotonic() - began:.0f} s: {dict(recorder.requests)}"
    )
    assert [finding for finding in report.findings if finding.broken] == []
    assert recorder.operations >= 100_000
