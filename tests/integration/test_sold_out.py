"""A small sale from its first hold to its last seat, seen by everybody who waits for one.

One gateway and two booking APIs, each with its loops, on real stores.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from queue_gateway.app import create_app
from tests import booking_stack
from tests.booking_stack import BookingStack, Visitor, running
from tests.integration.gateways import ROOM, TOKEN
from tests.integration.listening import listening
from tests.integration.services import Answer, Client, served, settings
from tests.waiting import wait_until

ROOM_ID = "spring-tour"
SEATS = ["A-1", "A-2", "A-3"]


@dataclass
class Finale:
    """The services, and the date that is sold."""

    gateway: Client
    one: BookingStack
    other: BookingStack
    schedule_id: int

    async def join(self, name: str) -> Visitor:
        identity = self.one.identities.sign(name)
        answer = await self.gateway.ask(
            "POST", TOKEN, headers={"Authorization": f"Bearer {identity}"}
        )
        assert answer.status == 201, answer.json
        token = answer.json["token"]
        return Visitor(name, identity, self.one.tokens.verify(token), token)

    async def token(self, visitor: Visitor) -> Any:
        """What a visitor is told of their token."""
        answer = await self.gateway.ask("GET", TOKEN, headers={"Queue-Token": visitor.token})
        assert answer.status == 200
        return answer.json

    async def statuses(self, visitors: list[Visitor]) -> list[str]:
        return [(await self.token(visitor))["status"] for visitor in visitors]

    async def room(self) -> Answer:
        return await self.gateway.ask("GET", ROOM)

    async def shows(self, **wanted: Any) -> Any:
        """Wait until the room's public state says so of its sale; all of it then."""

        async def found() -> Any:
            state = (await self.room()).json
            sale = state["sale"] or {}
            return state if all(sale.get(name) == wanted[name] for name in wanted) else None

        return await wait_until(found)

    async def some_rounds(self) -> None:
        """Until the loops of both sides have gone round after this moment."""
        began = await self.one.rooms.view(ROOM_ID)

        async def gone_round() -> bool:
            now = await self.one.rooms.view(ROOM_ID)
            counted = int(now.settings["seats"].split(":")[0])
            beat = int(now.settings["heartbeat_ms"])
            return min(counted, beat) > began.now_ms + 400

        await wait_until(gone_round)


@pytest.fixture
async def finale(redis: Redis, redis_url: str, database_url: str) -> AsyncIterator[Finale]:
    told = settings(
        redis_url,
        database_url,
        queue_secrets=(booking_stack.QUEUE_SECRET,),
        identity_secrets=(booking_stack.IDENTITY_SECRET,),
    )
    async with (
        served(create_app(told)) as gateway,
        running(redis, redis_url, database_url, loops=True) as one,
        running(redis, redis_url, database_url, loops=True) as other,
    ):
        schedule_id = await one.date(SEATS, room_id=ROOM_ID)
        await one.room(
            ROOM_ID, max_active=3, admit_per_minute=6000, claim_ttl_s=600, ends_with_sale=1
        )
        yield Finale(gateway, one, other, schedule_id)


async def test_ten_people_and_three_seats(finale: Finale) -> None:
    one, schedule_id = finale.one, finale.schedule_id
    people = [await finale.join(f"visitor {n}") for n in range(10)]
    inside, line = people[:3], people[3:]
    assert await finale.statuses(inside) == ["ACTIVE"] * 3
    for visitor in inside:
        assert (await one.charge(visitor, "100.00")).status == 201
    held = [
        (await one.held(visitor, schedule_id, seat))[0]
        for visitor, seat in zip(inside, SEATS, strict=True)
    ]

    # All seats are held: the line stands, whatever cap and rate allow.
    state = await finale.shows(status="held_out", seats_available=0, seats_reserved=3)
    assert (state["state"], state["reason"]) == ("open", None)
    await one.rooms.configure(ROOM_ID, {"max_active": 100})
    await finale.some_rounds()
    assert await finale.statuses(line) == ["WAIT"] * 7
    told = await finale.token(line[0])
    assert (told["state"], told["sale"]["status"], told["eta_s"]) == ("open", "held_out", None)
    async with listening(finale.gateway, {"Queue-Token": line[-1].token}) as stream:
        assert (await stream.event())["sale"]["status"] == "held_out"
        await _one_comes_back(finale, inside[0], held[0], line)
        await stream.until(status="WAIT", sale={"status": "on_sale", "seats_available": 1})
        await _all_are_sold(finale, inside, held, line)
        assert (await stream.until(status="EXPIRED"))["reason"] == "sold_out"

    async def closed() -> Any:
        found = (await finale.room()).json
        return found if found["state"] == "closed" else None

    state = await wait_until(closed)
    assert (state["reason"], state["waiting"], state["active"]) == ("sold_out", 0, 0)
    assert (state["sale"]["status"], state["sale"]["seats_sold"]) == ("sold_out", 3)
    (date,) = state["sale"]["schedules"]
    assert (date["concert_schedule_id"], date["seats_available"]) == (schedule_id, 0)
    for visitor in line[1:]:
        told = await finale.token(visitor)
        assert (told["status"], told["reason"]) == ("EXPIRED", "sold_out")
    refused = await finale.gateway.ask(
        "POST", TOKEN, headers={"Authorization": f"Bearer {one.identities.sign('late')}"}
    )
    assert (refused.status, refused.code, refused.json["reason"]) == (
        409,
        "room_closed",
        "sold_out",
    )
    refused_seat = await one.hold(line[1], schedule_id, SEATS[0])
    assert refused_seat.code == "queue_token_expired"

    async def written_down() -> bool:
        rows = await one.pool.fetch("SELECT reason FROM queue WHERE reason = 'sold_out'")
        return len(rows) == 7  # six who waited, and who let go of a seat and stayed

    await wait_until(written_down)

    async def announced() -> bool:
        kinds = "SELECT count(*) FROM webhook_event WHERE kind = 'schedule.sold_out'"
        return bool(await one.pool.fetchval(kinds) == 1)

    await wait_until(announced)
    await one.assert_sound()


async def _one_comes_back(
    finale: Finale, owner: Visitor, booking_id: int, line: list[Visitor]
) -> None:
    """Exactly the next in line is let in for a seat that is free again."""
    answer = await finale.other.ask("DELETE", f"/v1/bookings/{booking_id}", owner)
    assert answer.status == 204

    async def next_is_in() -> bool:
        return bool((await finale.token(line[0]))["status"] == "ACTIVE")

    await wait_until(next_is_in)
    await finale.some_rounds()
    assert await finale.statuses(line) == ["ACTIVE", *["WAIT"] * 6]


async def _all_are_sold(
    finale: Finale, inside: list[Visitor], held: list[int], line: list[Visitor]
) -> None:
    """The seat is taken, and all three are paid."""
    last = line[0]
    assert (await finale.other.charge(last, "100.00")).status == 201
    bought = await finale.other.held(last, finale.schedule_id, SEATS[0])
    await finale.shows(status="held_out")
    for visitor, booking in zip([last, *inside[1:]], [*bought, *held[1:]], strict=True):
        assert (await finale.other.pay(visitor, booking)).status == 201
