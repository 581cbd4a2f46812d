"""The local payment provider behaves like one: keys, cards, events until heard, a memory."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import aiohttp
from aiohttp import web

from local_provider.app import TILL, create_app
from local_provider.settings import MOST_ATTEMPTS, Settings
from local_provider.till import Till
from shared.stamps import is_stamped
from tests.waiting import wait_until

KEY, SECRET = "key-of-the-shop-0123456789", "secret-of-the-events-0123456789"
WANTED = {"amount": "120.00", "currency": "USD", "metadata": {"intent": "ours"}}


class Counter:
    """A shop's view of the provider."""

    def __init__(self, url: str, till: Till, http: aiohttp.ClientSession):
        self._url, self.till, self._http = url, till, http

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {KEY}", **headers}
        url = self._url + path
        async with self._http.request(method, url, json=body, headers=sent) as answer:
            return answer.status, await answer.json()

    async def wanted(self, key: str = "k", **changes: Any) -> Any:
        return await self.ask("POST", "/intents", {**WANTED, **changes}, **{"Idempotency-Key": key})

    async def pay(self, intent: Any, card: str) -> Any:
        body = {"client_secret": intent["client_secret"], "card_number": card}
        return await self.ask("POST", f"/intents/{intent['id']}/confirm", body, Authorization="")

    async def refund(self, intent: Any, key: str) -> Any:
        return await self.ask(
            "POST", "/refunds", {"intent": intent["id"]}, **{"Idempotency-Key": key}
        )


@asynccontextmanager
async def counter(events_url: str | None = None, file: str | None = None) -> AsyncIterator[Counter]:
    app = create_app(
        Settings("127.0.0.1", 0, None, KEY, (SECRET,), events_url=events_url, file=file)
    )
    serving = web.AppRunner(app)
    await serving.setup()
    try:
        await web.TCPSite(serving, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{serving.addresses[0][1]}"
        async with aiohttp.ClientSession() as http:
            yield Counter(url, app[TILL], http)
    finally:
        await serving.cleanup()


async def test_the_same_key_gets_the_same_payment_and_another_body_is_refused() -> None:
    async with counter() as shop:
        first, again = await shop.wanted(), await shop.wanted()
        other = await shop.wanted(amount="1.00")

    assert (first[0], again[0], first[1]) == (201, 200, again[1])
    assert other == (422, {"code": "idempotency_key_reused"})


async def test_only_who_has_the_key_is_the_shop() -> None:
    async with counter() as shop:
        refused = [
            await shop.ask("POST", "/intents", WANTED, Authorization=given)
            for given in ("", "Bearer x", KEY)
        ]

    assert refused == [(401, {"code": "key_required"})] * 3


async def test_cards_say_what_comes_of_them() -> None:
    async with counter() as shop:
        _, intent = await shop.wanted()
        wrong = await shop.pay({**intent, "client_secret": "x"}, "4242424242424242")
        declined = await shop.pay(intent, "4000 0000 0000 0002")
        nobodys = await shop.pay(intent, "1234")
        early = await shop.refund(intent, "r")
        paid = await shop.pay(intent, "4242 4242 4242 4242")
        again = await shop.pay(intent, "4242 4242 4242 4242")
        refunds = [await shop.refund(intent, key) for key in ("r", "r", "another")]
        _, now = await shop.ask("GET", f"/intents/{intent['id']}")

    assert [wrong[0], declined[0], nobodys[0], early[0]] == [404, 402, 422, 409]
    assert (paid[0], paid[1]["status"], again[0]) == (200, "succeeded", 409)
    assert [status for status, _ in refunds] == [201, 200, 200]
    assert len({made["id"] for _, made in refunds}) == 1
    assert now["status"] == "refunded"


async def test_an_event_is_told_signed_until_it_is_heard() -> None:
    heard: list[tuple[str, bytes]] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append((request.headers["Provider-Signature"], await request.read()))
        return web.Response(status=204 if len(heard) > 2 else 500)

    app = web.Application()
    app.router.add_post("/events", hear)
    serving = web.AppRunner(app)
    await serving.setup()
    try:
        await web.TCPSite(serving, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{serving.addresses[0][1]}/events"
        async with counter(url) as shop:
            _, intent = await shop.wanted()
            await shop.pay(intent, "4242424242424242")

            async def delivered() -> bool:
                return len(heard) == 3 and not shop.till.due(2**40, 10)

            await wait_until(delivered)
    finally:
        await serving.cleanup()

    assert len({body for _, body in heard}) == 1
    event = json.loads(heard[0][1])
    assert (event["type"], event["data"]["metadata"]) == ("intent.succeeded", {"intent": "ours"})
    assert "client_secret" not in event["data"]
    assert all(is_stamped((SECRET,), signed, body, time()) for signed, body in heard)


async def test_what_it_knows_outlives_it(tmp_path: Path) -> None:
    file = str(tmp_path / "till.db")
    async with counter(file=file) as shop:
        _, intent = await shop.wanted()
        await shop.pay(intent, "4242424242424242")

    assert (tmp_path / "till.db").stat().st_mode & 0o077 == 0
    async with counter(file=file) as shop:
        assert (await shop.wanted())[1]["id"] == intent["id"]
        assert (await shop.ask("GET", f"/intents/{intent['id']}"))[1]["status"] == "succeeded"
        (event,) = shop.till.due(2**40, 10)
        for _ in range(MOST_ATTEMPTS):
            shop.till.put_off(event, None)
        assert shop.till.due(2**40, 10) == []
