"""A whole sale over HTTP on a stack of real processes, two of each service."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from onsale.stack import Stack, run_stack
from onsale.verify import verify
from tests.integration.services import Answer, Client
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOM = "finale"
TOKEN = f"/v1/rooms/{ROOM}/token"


@dataclass
class Sale:
    """A running stack with one room, one date and twenty seats."""

    stack: Stack
    gateway: Client
    booking: Client
    schedule_id: int

    async def operator(self, client: Client, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.stack.admin_key}", "If-Match": "*"}
        answer = await client.ask(method, path, json=body, headers=headers)
        assert answer.status in (200, 201), answer.json
        return answer.json

    async def room(self, **settings: Any) -> None:
        await self.operator(self.gateway, "PUT", f"/v1/admin/rooms/{ROOM}", settings)

    async def visitor(self, name: str) -> "Visitor":
        made = await self.booking.ask("POST", "/v1/users", json={"user_name": name})
        assert made.status == 201
        return Visitor(self, {"Authorization": f"Bearer {made.json['identity_token']}"})

    async def admitted(self, name: str) -> "Visitor":
        visitor = await self.visitor(name)
        await visitor.join()
        assert await visitor.let_in()
        return visitor


@dataclass
class Visitor:
    """Somebody with an identity, and a queue token after joining."""

    sale: Sale
    headers: dict[str, str]

    async def join(self) -> Answer:
        answer = await self.sale.gateway.ask("POST", TOKEN, headers=self.headers)
        assert answer.status in (200, 201), answer.json
        self.headers["Queue-Token"] = answer.json["token"]
        return answer

    async def ask(self) -> Any:
        return (await self.sale.gateway.ask("GET", TOKEN, headers=self.headers)).json

    async def let_in(self) -> bool:
        async def active() -> bool:
            return bool((await self.ask())["status"] == "ACTIVE")

        return await wait_until(active)

    async def post(self, path: str, body: Any, key: str) -> Answer:
        headers = {**self.headers, "Idempotency-Key": key}
        return await self.sale.booking.ask("POST", path, json=body, headers=headers)

    async def hold(self, *seats: str, key: str = "hold") -> Answer:
        path = f"/v1/schedules/{self.sale.schedule_id}/bookings"
        return await self.post(path, {"seat_numbers": list(seats)}, key)

    async def pay(self, *bookings: int, key: str = "pay") -> Answer:
        return await self.post("/v1/payments", {"concert_booking_ids": list(bookings)}, key)

    async def charge(self, amount: str, key: str = "charge") -> Answer:
        return await self.post("/v1/users/me/charges", {"amount": amount}, key)


def plain_environment() -> dict[str, str]:
    """Without what a developer may have set for a stack of their own."""
    theirs = ("ONSALE_", "REDIS_URL", "DATABASE_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sale") / "home"


@pytest.fixture
async def sale(home: Path) -> AsyncIterator[Sale]:
    async with (
        run_stack(home, workers=2, fresh=True, environment=plain_environment()) as stack,
        aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
        ) as session,
    ):
        gateway = Client(session, stack.gateway_url)
        booking = Client(session, stack.booking_url)
        made = Sale(stack, gateway, booking, 0)
        await made.room(max_active=1000, admit_per_minute=600_000, active_ttl_s=600)
        concert = await made.operator(
            booking, "POST", "/v1/admin/concerts", {"concert_name": "Finale", "room_id": ROOM}
        )
        schedule = await made.operator(
            booking,
            "POST",
            f"/v1/admin/concerts/{concert['concert_id']}/schedules",
            {"schedule_date": "2030-05-01T20:00:00Z", "hold_ttl_s": 60, "max_seats_per_user": 4},
        )
        made.schedule_id = schedule["concert_schedule_id"]
        await made.operator(
            booking,
            "POST",
            f"/v1/admin/schedules/{made.schedule_id}/seats",
            {"seats": [{"seat_number": f"A-{n}", "price": "80.00"} for n in range(1, 21)]},
        )
        yield made
        report = await verify(stack.redis_url, stack.database_url)
        assert [finding for finding in report.findings if finding.broken] == []


async def test_two_hundred_clients_want_one_seat(sale: Sale) -> None:
    crowd = await asyncio.gather(*(sale.admitted(f"v{n}") for n in range(200)))
    answers = await asyncio.gather(*(visitor.hold("A-1") for visitor in crowd))
    assert Counter((answer.status, answer.code) for answer in answers) == {
        (201, None): 1,
        (409, "seat_taken"): 199,
    }


async def test_fifty_payments_of_one_booking_are_one_payment(sale: Sale) -> None:
    visitor = await sale.admitted("ann")
    await visitor.charge("1000.00")
    held = await visitor.hold("A-1", "A-2")
    ids = [booking["concert_booking_id"] for booking in held.json["bookings"]]
    answers = await asyncio.gather(*(visitor.pay(*ids, key=f"pay-{n}") for n in range(50)))
    assert Counter((answer.status, answer.code) for answer in answers) == {
        (201, None): 1,
        (409, "not_payable"): 49,
    }
    me = await sale.booking.ask("GET", "/v1/users/me", headers=visitor.headers)
    assert me.json["balance"] == "840.00"


async def test_a_payment_completes_the_token_and_lets_the_next_one_in(sale: Sale) -> None:
    await sale.room(max_active=1)
    buyer = await sale.admitted("ann")
    next_one = await sale.visitor("bob")
    assert (await next_one.join()).json["status"] == "WAIT"
    refused = await next_one.hold("A-1")
    assert (refused.status, refused.code) == (403, "queue_token_waiting")
    await buyer.charge("100.00")
    (booking,) = (await buyer.hold("A-1")).json["bookings"]
    paid = await buyer.pay(booking["concert_booking_id"])
    assert paid.status == 201
    ended = await buyer.ask()
    assert (ended["status"], ended["reason"]) == ("EXPIRED", "completed")
    assert await next_one.let_in()
    again = await buyer.pay(booking["concert_booking_id"])
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.body == paid.body
    assert (await buyer.hold("A-2", key="more")).code == "queue_token_expired"

    connection = await asyncpg.connect(sale.stack.database_url)
    try:

        async def written() -> bool:
            row = await connection.fetchrow(
                "SELECT q.* FROM queue q JOIN concert_booking b USING (token_value)"
            )
            return row is not None and (row["status"], row["reason"]) == ("EXPIRED", "completed")

        await wait_until(written)
    finally:
        await connection.close()


async def test_a_hundred_joins_of_one_visitor_are_one_place(sale: Sale) -> None:
    visitor = await sale.visitor("ann")
    answers = await asyncio.gather(*(visitor.join() for _ in range(100)))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 99}
    assert len({answer.json["number"] for answer in answers}) == 1
