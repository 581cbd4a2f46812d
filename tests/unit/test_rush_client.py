"""The client: asks again with the same key, waits as told, and tells what it cannot explain."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from onsale.rush.client import (
    Answer,
    Client,
    Retry,
    Unexpected,
    Unreachable,
    open_client,
)
from onsale.rush.record import LOST, REFUSED, Kind, Record

QUICK = Retry(attempts=4, first_s=0.001, longest_s=0.01)
Step = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Script:
    """A server that answers each request with its next step, and keeps the keys it saw."""

    url: str = ""
    steps: list[Step] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Idempotency-Key"))
        return await self.steps.pop(0)(request)


@pytest.fixture
async def server() -> AsyncIterator[Script]:
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/pay", script.handle)
    async with TestServer(app) as running:
        script.url = str(running.make_url("/pay"))
        yield script


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with open_client(Record(), retry=QUICK) as opened:
        yield opened


async def pay(client: Client, url: str, *accept: str, patience_s: float = 5) -> Answer:
    return await client.ask(
        Kind.PAY,
        "POST",
        url,
        who="v1",
        dice=Random(1),
        headers={"Idempotency-Key": "k1"},
        body={"concert_booking_ids": [1]},
        accept=frozenset(accept),
        patience_s=patience_s,
    )


async def paid(_: web.Request) -> web.Response:
    return web.json_response({"total": "1.00"}, status=201)


async def drop(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> Step:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(
            {"code": code}, status=status, headers=headers, content_type="application/problem+json"
        )

    return answer


def statuses(client: Client) -> dict[str, int]:
    return dict(client.record.requests[Kind.PAY].statuses)


async def test_a_lost_connection_is_asked_again_with_the_same_key(
    client: Client, server: Script
) -> None:
    server.steps = [drop, drop, paid]
    answer = await pay(client, server.url)
    assert (answer.status, answer.attempts) == (201, 3)
    assert server.keys == ["k1"] * 3
    assert statuses(client) == {LOST: 2, "201": 1}
    assert client.record.surprise_count == 0


async def test_a_refused_connection_is_asked_again_until_the_attempts_are_spent(
    client: Client,
) -> None:
    with pytest.raises(Unreachable, match="refused after 4 attempts"):
        await pay(client, f"http://127.0.0.1:{unused_port()}/pay")
    assert statuses(client) == {REFUSED: 4}


async def test_503_is_asked_again_with_the_same_key(client: Client, server: Script) -> None:
    server.steps = [problem(503, "unavailable", {"Retry-After": "0"}), paid]
    assert (await pay(client, server.url)).status == 201
    assert server.keys == ["k1", "k1"]
    assert client.record.surprise_count == 0


async def test_a_duplicate_in_progress_is_asked_again(client: Client, server: Script) -> None:
    server.steps = [problem(409, "request_in_progress"), paid]
    assert (await pay(client, server.url)).status == 201


async def test_503_without_retry_after_breaks_the_contract(client: Client, server: Script) -> None:
    server.steps = [problem(503, "unavailable"), paid]
    await pay(client, server.url)
    assert "Retry-After" in client.record.surprises[0].what


async def test_no_attempt_begins_after_the_patience(client: Client, server: Script) -> None:
    server.steps = [problem(503, "unavailable", {"Retry-After": "30"})]
    with pytest.raises(Unreachable):
        await pay(client, server.url, patience_s=1)
    assert len(server.keys) == 1


async def test_an_accepted_problem_is_an_answer(client: Client, server: Script) -> None:
    server.steps = [problem(410, "booking_expired")]
    assert (await pay(client, server.url, "booking_expired")).code == "booking_expired"
    assert client.record.surprise_count == 0


@pytest.mark.parametrize(("status", "code"), [(500, "internal"), (409, "not_payable")])
async def test_any_other_problem_is_recorded(
    client: Client, server: Script, status: int, code: str
) -> None:
    server.steps = [problem(status, code)]
    with pytest.raises(Unexpected):
        await pay(client, server.url, "booking_expired")
    assert [s.what for s in client.record.surprises] == [f"unexpected {status} {code}"]


async def test_an_error_that_is_no_problem_document_is_recorded(
    client: Client, server: Script
) -> None:
    async def plain(_: web.Request) -> web.Response:
        return web.Response(status=400, text="no")

    server.steps = [plain]
    with contextlib.suppress(Unexpected):
        await pay(client, server.url)
    assert "not a problem document" in client.record.surprises[0].what


async def test_a_request_is_sent_when_it_has_a_connection_not_when_it_begins_to_wait_for_one(
    client: Client, server: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an answer proves is true between `sent` and `received`: the shorter, the better."""
    monkeypatch.setattr("onsale.rush.client.CONNECTIONS_PER_HOST", 1)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.json_response({})

    server.steps = [slow, slow]
    first, second = await asyncio.gather(pay(client, server.url), pay(client, server.url))
    assert first.sent < first.received <= second.sent < second.received
    assert max(client.record.queued_ms) >= 40


async def test_the_first_attempt_is_when_an_answer_was_asked_for(
    client: Client, server: Script
) -> None:
    """An earlier attempt may have done what a later one is told of."""
    before = time.monotonic()
    server.steps = [drop, paid]
    answer = await pay(client, server.url)
    retried_ms = sum(client.record.requests[Kind.PAY].latencies_ms)
    assert before <= answer.sent <= answer.received - retried_ms / 1000


async def test_cookies_are_not_shared(client: Client, server: Script) -> None:
    seen: list[str | None] = []

    async def cookie(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.json_response({}, headers={"Set-Cookie": "onsale_identity=me"})

    server.steps = [cookie, cookie]
    await pay(client, server.url)
    await pay(client, server.url)
    assert seen == [None, None]


def test_pauses_grow_to_a_bound_and_never_undercut_retry_after() -> None:
    retry, dice = Retry(first_s=0.1, longest_s=2), Random(1)
    for attempt in range(1, 30):
        assert 0 < retry.pause_s(attempt, None, dice) <= min(2, 0.1 * 2 ** (attempt - 1))
        assert retry.pause_s(attempt, 3.0, dice) > 3
