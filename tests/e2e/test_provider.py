"""Paying through the local provider, while it and the booking API are killed."""

# ruff: noqa: F811 -- a test is given its fixtures under their names

import os
import signal
from typing import Any

import aiohttp
import pytest

from tests.e2e.test_sale import Sale, Visitor, home, sale  # noqa: F401 -- fixtures
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

CARD, TIMEOUT, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0119", "4000 0000 0000 0002"


async def intent_of(visitor: Visitor, *seats: str) -> Any:
    held = await visitor.hold(*seats)
    ids = [booking["concert_booking_id"] for booking in held.json["bookings"]]
    made = await visitor.post("/v1/payments/intents", {"concert_booking_ids": ids}, "intent")
    assert made.status == 201, made.json
    return made.json


async def pay_with(sale: Sale, intent: Any, card: str) -> int:
    """What the visitor's browser does at the provider."""
    url = f"{sale.stack.provider_url}/intents/{intent['reference']}/confirm"
    body = {"client_secret": intent["client_secret"], "card_number": card}
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status


async def ends(sale: Sale, visitor: Visitor, intent: Any, status: str) -> None:
    path = f"/v1/payments/intents/{intent['payment_intent_id']}"

    async def ended() -> bool:
        try:
            found = await sale.booking.ask("GET", path, headers=visitor.headers)
        except aiohttp.ClientError:  # a process was killed while it answered
            return False
        return bool(found.status == 200 and found.json["status"] == status)

    await wait_until(ended, within_s=60)


def kill(sale: Sale, name: str) -> None:
    (service,) = [one for one in sale.stack.services if name in one._name]
    for pid in service.pids:
        os.kill(pid, signal.SIGKILL)


async def test_a_payment_outlives_the_death_of_all_who_know_of_it(sale: Sale) -> None:
    ann, bob, eve = [await sale.admitted(name) for name in ("ann", "bob", "eve")]
    heard, unheard = await intent_of(ann, "A-1", "A-2"), await intent_of(bob, "A-3")
    other = await intent_of(eve, "A-4")

    assert await pay_with(sale, other, DECLINED) == 402
    await ends(sale, eve, other, "declined")
    assert await pay_with(sale, other, CARD) == 200
    kill(sale, "booking API")
    assert await pay_with(sale, heard, CARD) == 200  # told again and again until it is back
    assert await pay_with(sale, unheard, TIMEOUT) == 504  # told never
    kill(sale, "payment provider")

    for visitor, intent in ((eve, other), (ann, heard), (bob, unheard)):
        await ends(sale, visitor, intent, "succeeded")
        found = await sale.booking.ask("GET", "/v1/bookings", headers=visitor.headers)
        assert {booking["status"] for booking in found.json["items"]} == {"CONFIRMED"}
