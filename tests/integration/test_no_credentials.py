"""No credential in a URL, a log or an error (X3): both services, a small crowd, marked credentials.

Everybody's credentials and header values are collected, and searched for in all answers, in all
that both processes wrote, and in both stores.
"""

import asyncio
import base64
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
from redis.asyncio import Redis

from tests.integration.services import Answer, Client
from tests.receiving import Inbox, hard_of_hearing, receiving
from tests.waiting import wait_until
from tests.wire import wired

ENVIRONMENT = {
    "ONSALE_QUEUE_SECRET": "s3cret-for-queue-tokens,s3cret-of-yesterday-for-queue-tokens",
    "ONSALE_IDENTITY_SECRET": "s3cret-for-identities",
    "ONSALE_ADMIN_KEY": "ann=s3cret-for-operators,eve/read=s3cret-for-readers",
    "ONSALE_PASS_KEYS": "s3cret-for-passes-" + "A" * 25,
    "ONSALE_TICKET_KEYS": "s3cret-for-tickets-" + "A" * 24,
    "ONSALE_WEBHOOK_SECRET": "s3cret-for-webhooks,s3cret-of-yesterday-for-webhooks",
    "ONSALE_PROVIDER_URL": "http://127.0.0.1:1",
    "ONSALE_PROVIDER_KEY": "s3cret-for-the-provider",
    "ONSALE_PROVIDER_SECRET": "s3cret-of-the-provider",
    "ONSALE_DEMO": "1",
    "ONSALE_LOG_LEVEL": "debug",
    "ONSALE_GATEWAY_PORT": "0",
    "ONSALE_BOOKING_PORT": "0",
}
OPERATOR = {"Authorization": "Bearer s3cret-for-operators"}
ROOM = "/v1/rooms/spring-tour"
VISITORS = 8


@dataclass
class Watched:
    """Both services, what was sent to them that is nobody's business, and what they answered."""

    gateway: Client
    booking: Client
    logs: list[Path]
    inbox: Inbox
    tokens: list[str] = field(default_factory=list)
    passes: set[str] = field(default_factory=set)
    tickets: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _marks: int = 0

    def mark(self) -> str:
        """A header value of its own."""
        self._marks += 1
        return f"s3cret-{self._marks}"

    async def ask(self, to: Client, method: str, path: str, **more: Any) -> Answer:
        answer = await to.ask(method, path, **more)
        self.answers.append(self._without_pass(answer) if to is self.gateway else answer)
        return answer

    def _without_pass(self, answer: Answer) -> Answer:
        """The answer without the pass that it rightly gives; what is left is searched for it."""
        headers, body = dict(answer.headers), answer.body
        found = {headers.pop("X-Onsale-Pass", None)}
        if isinstance(answer.json, dict) and "pass" in answer.json:
            found.add(answer.json["pass"])
            body = orjson.dumps({k: v for k, v in answer.json.items() if k != "pass"})
        self.passes |= {given for given in found if given}
        return Answer(answer.status, headers, body, None)

    async def given(self, to: Client, path: str, name: str, **more: Any) -> str:
        """The credential that this POST gives; the rest of its answer is searched like others."""
        answer = await to.ask("POST", path, **more)
        assert answer.status in (200, 201), answer.body
        token = str(answer.json.pop(name))
        if given := answer.json.pop("pass", None):
            self.passes.add(given)
        headers = {k: v for k, v in answer.headers.items() if k != "Set-Cookie"}
        assert "Set-Cookie" not in answer.headers or to is self.gateway
        self.answers.append(Answer(answer.status, headers, orjson.dumps(answer.json), None))
        self.tokens.append(token)
        return token

    def secrets(self) -> set[str]:
        """What must be nowhere: each token whole, its claims and its signature; every mark; each
        ticket's code and its signature."""
        signed = {*self.tokens, *self.passes}
        parts = {part for token in signed for part in token.split(".")[1:]}
        signatures = {code.rpartition(".")[2] for code in self.tickets}
        return {"s3cret", *signed, *parts, *self.tickets, *signatures}

    def found(self, where: str) -> set[str]:
        return {secret for secret in self.secrets() if secret in where}


@asynccontextmanager
async def service(name: str, log: Path, environment: dict[str, str]) -> AsyncIterator[str]:
    """A service of its own process that logs to `log`; its URL."""
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", name), env=environment, stdout=written, stderr=written
        )
    try:

        async def port() -> str | None:
            assert process.returncode is None, log.read_text()
            said = re.search(r"127\.0\.0\.1[^0-9]+(\d+).*serving", log.read_text())
            return said and said[1]

        yield f"http://127.0.0.1:{await wait_until(port, within_s=60)}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.fixture
async def watched(
    redis: Redis, redis_url: str, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[Watched, Any]]:
    logs = [tmp_path / "gateway.log", tmp_path / "booking.log"]
    async with wired(redis_url) as wire:
        environment = {**os.environ, **ENVIRONMENT, "DATABASE_URL": database_url}
        environment["REDIS_URL"] = wire.url
        async with (
            receiving(hard_of_hearing()) as inbox,
            service("queue_gateway", logs[0], environment) as gateway,
            service("booking_api", logs[1], environment | hooks(inbox)) as booking,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        ):
            yield Watched(Client(session, gateway), Client(session, booking), logs, inbox), wire


def hooks(inbox: Inbox) -> dict[str, str]:
    """Who is told what happens; even an address could hold what is nobody's business."""
    return {"ONSALE_WEBHOOK_URL": f"{inbox.url}/s3cret?s3cret"}


async def open_the_sale(watched: Watched) -> int:
    """A room for three, and a date with a seat for everybody."""
    room = {"max_active": 3, "admit_per_minute": 6000}
    asked = {**OPERATOR, "If-Match": "*"}
    await watched.ask(
        watched.gateway, "PUT", "/v1/admin/rooms/spring-tour", json=room, headers=asked
    )
    made = {"concert_name": "Nina Simone", "room_id": "spring-tour"}
    concert = await watched.ask(
        watched.booking, "POST", "/v1/admin/concerts", json=made, headers=OPERATOR
    )
    path = f"/v1/admin/concerts/{concert.json['concert_id']}/schedules"
    when = {"schedule_date": "2030-01-01T20:00:00Z"}
    date = await watched.ask(watched.booking, "POST", path, json=when, headers=OPERATOR)
    schedule_id = int(date.json["concert_schedule_id"])
    seats = [{"seat_number": f"A-{n}", "price": "10.00"} for n in range(VISITORS)]
    path = f"/v1/admin/schedules/{schedule_id}/seats"
    added = await watched.ask(
        watched.booking, "POST", path, json={"seats": seats}, headers=OPERATOR
    )
    assert added.status == 201
    return schedule_id


async def visit(watched: Watched, number: int, schedule_id: int) -> None:
    """Sign up, join, wait, hold, pay; every other visitor with cookies, as a browser does."""
    asked = {"json": {"user_name": f"visitor {number}"}}
    who = await watched.given(watched.booking, "/v1/users", "identity_token", **asked)
    bearer = {"Authorization": f"Bearer {who}"}
    queued = await watched.given(watched.gateway, f"{ROOM}/token", "token", headers=bearer)
    header = {**bearer, "Queue-Token": queued}
    cookie = {"Cookie": f"onsale_identity={who}; onsale_spring-tour={queued}"}

    def sent(to: Client) -> dict[str, str]:
        return {**cookie, "Origin": to.url} if number % 2 else header

    async def admitted() -> bool:
        answer = await watched.ask(
            watched.gateway, "GET", f"{ROOM}/token", headers=sent(watched.gateway)
        )
        await watched.ask(watched.booking, "GET", "/v1/concerts", headers=sent(watched.booking))
        return bool(answer.json["status"] == "ACTIVE")

    await wait_until(admitted, within_s=60)
    path = f"{ROOM}/authorize?from=s3cret"
    forwarded = {**sent(watched.gateway), "X-Forwarded-Method": "POST"}
    await watched.ask(watched.gateway, "GET", path, headers=forwarded)

    async def post(path: str, body: Any) -> Answer:
        headers = {**sent(watched.booking), "Idempotency-Key": watched.mark()}
        first = await watched.ask(watched.booking, "POST", path, json=body, headers=headers)
        again = await watched.ask(watched.booking, "POST", path, json=body, headers=headers)
        other = {**headers, "Content-Type": "application/json"}
        await watched.ask(watched.booking, "POST", path, data=b"{}", headers=other)
        assert (first.status, again.status) == (201, 201), (first.body, again.body)
        return first

    await post("/v1/users/me/charges", {"amount": "10.00"})
    held = await post(f"/v1/schedules/{schedule_id}/bookings", {"seat_numbers": [f"A-{number}"]})
    ids = [booking["concert_booking_id"] for booking in held.json["bookings"]]
    mine = {**sent(watched.booking), "Idempotency-Key": watched.mark()}
    path = "/v1/payments/intents"  # nobody is there
    wanted = {"concert_booking_ids": ids}
    refused = await watched.ask(watched.booking, "POST", path, json=wanted, headers=mine)
    assert refused.status == 503
    await post("/v1/payments", {"concert_booking_ids": ids})
    await enter(watched, ids[0], sent(watched.booking))
    await watched.ask(watched.gateway, "DELETE", f"{ROOM}/token", headers=sent(watched.gateway))


async def enter(watched: Watched, booking_id: int, headers: dict[str, str]) -> None:
    """Get the ticket in all its forms, and show it at the door twice; and one that is none."""
    path = f"/v1/bookings/{booking_id}/ticket"
    answer = await watched.booking.ask("GET", path, headers=headers)
    code = str(answer.json.pop("code"))
    watched.tickets.append(code)
    watched.answers.append(Answer(answer.status, answer.headers, orjson.dumps(answer.json), None))
    for form in ("svg", "png", "pdf"):
        await watched.ask(watched.booking, "GET", f"{path}.{form}", headers=headers)
    forged = f"{code[:-10]}s3cretAAAA"
    read = [{"code": one, "used_at": "2026-01-01T20:00:00Z"} for one in (forged, code)]
    for body in ({"code": forged}, {"code": code}, {"code": code}, {"checkins": read}):
        await watched.ask(
            watched.booking, "POST", "/v1/admin/checkins", json=body, headers=OPERATOR
        )


async def knock(watched: Watched) -> None:
    """Ask every route with credentials that are none, in every place a header has."""
    routes = {
        watched.gateway: [
            ("POST", f"{ROOM}/token"),
            ("GET", f"{ROOM}/token"),
            ("GET", f"{ROOM}/authorize"),
            ("POST", f"{ROOM}/authorize/s3cret"),
            ("GET", "/.well-known/jwks.json"),
            ("DELETE", f"{ROOM}/token"),
            ("GET", "/v1/admin/rooms/spring-tour"),
            ("PUT", "/v1/admin/rooms/spring-tour"),
            ("DELETE", "/v1/admin/rooms/spring-tour"),
            ("POST", "/v1/admin/rooms"),
            ("GET", "/v1/admin/rooms"),
            ("POST", "/v1/admin/rooms/spring-tour/reset"),
            ("POST", "/v1/admin/rooms/spring-tour/admissions"),
            ("GET", "/v1/admin/rooms/spring-tour/tokens/ann"),
            ("DELETE", "/v1/admin/rooms/spring-tour/tokens/ann"),
            ("GET", "/v1/admin/rooms/spring-tour/stats"),
            ("GET", "/v1/admin/audit"),
            ("GET", "/v1/rooms"),
            ("GET", "/nowhere"),
        ],
        watched.booking: [
            ("GET", "/v1/concerts"),
            ("POST", "/v1/payments"),
            ("POST", "/v1/payments/intents"),
            ("POST", "/v1/provider/events"),
            ("GET", "/v1/users/me"),
            ("POST", "/v1/users/me/charges"),
            ("POST", "/v1/admin/concerts"),
            ("GET", "/v1/bookings/999999/ticket"),
            ("POST", "/v1/admin/checkins"),
            ("GET", "/v1/admin/webhooks"),
            ("POST", "/v1/admin/webhooks/1/replay"),
            ("DELETE", "/v1/bookings/1"),
            ("PATCH", "/v1/bookings/1"),
        ],
    }
    bearer = {"Authorization": f"Bearer {watched.tokens[0]}"}
    known = next(iter(watched.passes))
    for to, asked in routes.items():
        for method, path in asked:
            for headers in (
                {"Authorization": f"Bearer {watched.mark()}"},
                {"Authorization": watched.mark()},
                {**bearer, "Queue-Token": watched.mark()},
                {**bearer, "Queue-Token": f"{watched.tokens[1]}{watched.mark()}"},
                {"Cookie": f"onsale_identity={watched.mark()}; onsale_spring-tour=s3cret"},
                {**OPERATOR, "If-Match": watched.mark(), "Content-Type": watched.mark()},
                {**bearer, "Idempotency-Key": watched.mark() + "é ü"},
                {"Origin": f"http://{watched.mark()}", "X-Request-Id": watched.mark()},
                {"If-None-Match": watched.mark(), "X-Forwarded-For": watched.mark()},
                {"Provider-Signature": watched.mark(), "Content-Type": "application/json"},
                {"Authorization": f"Bearer {known}", "Queue-Token": known},
                {"Queue-Pass": known, "X-Onsale-Pass": known, "X-Forwarded-Host": known},
            ):
                url = f"{path}?token={watched.mark()}"
                await watched.ask(to, method, url, headers=headers, data=b'{"s3cret": 1')


async def garble(watched: Watched) -> None:
    """What the HTTP parser refuses."""
    mark = b"Queue-Token: s3cret"
    for to in (watched.gateway, watched.booking):
        port = int(to.url.rsplit(":", 1)[1])
        for sent in (
            b"s3cret\r\n\r\n",
            b"GET /s3cret" + b"s" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + mark + b"s" * 9000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + mark + b"\x00\x01\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + mark.replace(b":", b"") + b"\r\n\r\n",
            b"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: s3cret\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            body = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            watched.answers.append(Answer(0, {}, body, None))


async def fail(watched: Watched, wire: Any, redis: Redis) -> None:
    """Requests with good credentials while Redis is away, and while it holds nonsense (500)."""
    queued = next(token for token in watched.tokens if "aud" in claims(token))
    (who,) = (
        token
        for token in watched.tokens
        if token != queued and claims(token)["sub"] == claims(queued)["sub"]
    )
    asked = {"Authorization": f"Bearer {who}", "Queue-Token": queued}

    async def statuses() -> set[int]:
        return {
            (await watched.ask(to, method, f"{path}?token={watched.mark()}", headers=asked)).status
            for to, method, path in (
                (watched.gateway, "POST", f"{ROOM}/token"),
                (watched.gateway, "GET", f"{ROOM}/token"),
                (watched.booking, "GET", "/v1/concerts"),
            )
        }

    await wire.cut()
    assert 503 in await statuses()
    await wire.mend()
    await redis.set("{room:spring-tour}:settings", "nonsense")

    async def each_is_at_a_loss() -> bool:  # connections that were cut give 503 once more
        return await statuses() == {500}

    await wait_until(each_is_at_a_loss)


def claims(token: str) -> dict[str, Any]:
    """What a token says."""
    part = token.split(".")[1]
    said: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return said


async def told(watched: Watched) -> None:
    """Every payment was told to the receiver, who understands nothing at first."""

    async def all_came() -> bool:
        path = "/v1/admin/webhooks?state=delivered&kind=booking.confirmed"
        listed = await watched.ask(watched.booking, "GET", path, headers=OPERATOR)
        return len(listed.json["items"]) == VISITORS

    await wait_until(all_came, within_s=60)


async def stored(redis: Redis, database_url: str) -> str:
    """Everything in both stores, as text."""
    read: dict[str, Any] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "stream": redis.xrange,
        "zset": partial(redis.zrange, start=0, end=-1),
    }
    texts = []
    for key in map(str, await redis.keys()):
        kind = str(await redis.type(key))
        texts.append(f"{key} {await read[kind](key)}")
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT t::text FROM "{table}" t')
            texts += [row[0] for row in rows]
    finally:
        await connection.close()
    return "\n".join(texts)


async def test_no_credential_comes_back_is_logged_or_stored(
    watched: tuple[Watched, Any], redis: Redis, database_url: str
) -> None:
    crowd, wire = watched
    schedule_id = await open_the_sale(crowd)
    await asyncio.gather(*(visit(crowd, n, schedule_id) for n in range(VISITORS)))
    await knock(crowd)
    await garble(crowd)
    for to in (crowd.gateway, crowd.booking):
        for path in ("/metrics", "/healthz", "/readyz"):
            await crowd.ask(to, "GET", path, headers={"X-Request-Id": crowd.mark()})
    await told(crowd)
    in_stores = await stored(redis, database_url)
    await fail(crowd, wire, redis)

    assert len(crowd.tokens) == 2 * VISITORS
    assert len(crowd.passes) >= VISITORS
    statuses = {answer.status for answer in crowd.answers}
    assert {200, 201, 204, 400, 401, 403, 404, 405, 415, 422} <= statuses
    for answer in crowd.answers:
        everything = f"{dict(answer.headers)} {answer.body.decode(errors='replace')}"
        assert not crowd.found(everything), everything[:500]
    assert len(crowd.tickets) == VISITORS
    for delivery in crowd.inbox.came:
        sent = {k: v for k, v in delivery.headers.items() if k != "Onsale-Signature"}
        assert not crowd.found(f"{sent} {delivery.body.decode()}")
    for log in crowd.logs:
        written = log.read_text()
        assert '"unexpected_error"' in written
        assert '"unavailable"' in written
        assert not crowd.found(written)
    tokens = crowd.secrets() - {"s3cret"}  # Idempotency-Keys are kept, as they must be
    assert not {token for token in tokens if token in in_stores}
    assert "s3cret-for" not in in_stores
