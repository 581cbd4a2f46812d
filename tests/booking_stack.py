"""A running booking API on real stores, and visitors to send through it."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from redis.asyncio import Redis

from booking_api.app import create_app
from booking_api.catalogue import Catalogue
from booking_api.database import Sale
from booking_api.moments import Moments
from booking_api.money import Currency
from booking_api.settings import BookingSettings
from queue_gateway.room import Rooms
from shared.identity import Identities
from shared.operators import operator_keys
from shared.places import Places
from shared.tokens import Place, QueueTokens
from shared.web import runner
from tests.wire import Wire, wired

QUEUE_SECRET = "queue-secret-of-the-tests-0123456789"
IDENTITY_SECRET = "identity-secret-of-the-tests-0123456789"
ADMIN_KEY = "operator-key-of-the-tests-0123456789"
TICKET_KEY = "dGlja2V0LWtleS1vZi10aGUtdGVzdHMtMDEyMzQ1Njc"
ROOM = "room-a"
USD = Currency("USD", 2)
#: As good as no limit: the tests that use it are not about admission.
WIDE = {"max_active": 1_000_000, "admit_per_minute": 6_000_000, "active_ttl_s": 86_400}

TABLES = (
    "users",
    "concert",
    "concert_schedule",
    "concert_seat",
    "concert_booking",
    "payment",
    "ledger",
    "user_schedule",
    "idempotency_key",
    "token_completion",
    "waitlist",
    "payment_intent",
    "provider_event",
    "refund",
    "checkin",
    "webhook_event",
    "schedule_job",
)

_names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read. A refusal must be a problem document."""

    status: int
    raw: bytes
    headers: Any

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str:
        """The problem's code, '' for a success; fails for an error that is no problem document."""
        if self.status < 400:
            return ""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.raw
        assert self.body["status"] == self.status
        return str(self.body["code"])


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with an identity and a place."""

    name: str
    identity: str
    place: Place
    token: str

    def with_token(self, token: str) -> "Visitor":
        return replace(self, token=token)


class BookingStack:
    """A booking API under test."""

    def __init__(
        self,
        url: str,
        http: aiohttp.ClientSession,
        redis: "Redis",
        pool: "asyncpg.Pool",
        app: web.Application,
        wire: Wire,
    ):
        #: Between the API, and nobody else, and its Redis.
        self.wire = wire
        self.url = url
        self.pool = pool
        self.app = app
        self.rooms = Rooms(redis)
        self.places = Places(redis)
        self.tokens = QueueTokens((QUEUE_SECRET,))
        self.identities = Identities((IDENTITY_SECRET,))
        self.catalogue = Catalogue(Sale.over(pool))
        self._http = http
        self._keys = itertools.count(1)

    async def ask(
        self,
        method: str,
        path: str,
        visitor: Visitor | None = None,
        *,
        body: Any = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Reply:
        """One request, as the visitor with both credentials, or as nobody."""
        sent = dict(headers or {})
        if visitor is not None:
            sent = {
                "Authorization": f"Bearer {visitor.identity}",
                "Queue-Token": visitor.token,
                **sent,
            }
        if key is not None:
            sent["Idempotency-Key"] = key
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self._http.request(method, self.url + path, data=data, headers=sent) as found:
            return Reply(found.status, await found.read(), found.headers)

    def new_key(self) -> str:
        return f"key-{next(self._keys)}"

    async def hold(
        self, visitor: Visitor, schedule_id: int, *seats: str, key: str | None = None
    ) -> Reply:
        return await self.ask(
            "POST",
            f"/v1/schedules/{schedule_id}/bookings",
            visitor,
            body={"seat_numbers": list(seats)},
            key=key or self.new_key(),
        )

    async def held(self, visitor: Visitor, schedule_id: int, *seats: str) -> list[int]:
        """Hold seats that must be free; the ids of the bookings, in the order of the seats."""
        reply = await self.hold(visitor, schedule_id, *seats)
        assert reply.status == 201, reply.raw
        return [booking["concert_booking_id"] for booking in reply.body["bookings"]]

    async def pay(self, visitor: Visitor, *booking_ids: int, key: str | None = None) -> Reply:
        return await self.ask(
            "POST",
            "/v1/payments",
            visitor,
            body={"concert_booking_ids": list(booking_ids)},
            key=key or self.new_key(),
        )

    async def charge(self, visitor: Visitor, amount: str, key: str | None = None) -> Reply:
        return await self.ask(
            "POST",
            "/v1/users/me/charges",
            visitor,
            body={"amount": amount},
            key=key or self.new_key(),
        )

    async def room(self, room_id: str = ROOM, **changes: Any) -> str:
        """A room that admits everybody at once, unless `changes` say otherwise."""
        await self.rooms.configure(room_id, {**WIDE, **changes})
        return room_id

    async def visitor(
        self, *, room_id: str = ROOM, name: str | None = None, money: str | None = None
    ) -> Visitor:
        """Somebody who joined the room, and has so much money."""
        name = name or f"visitor-{next(_names)}"
        entered = await self.rooms.enter(room_id, name)
        visitor = Visitor(
            name, self.identities.sign(name), entered.place, self.tokens.sign(entered.place)
        )
        if money is not None:
            reply = await self.charge(visitor, money)
            assert reply.status == 201, reply.raw
        return visitor

    async def date(
        self,
        seats: list[str] | None = None,
        *,
        room_id: str = ROOM,
        price: str = "50.00",
        hold_ttl_s: int = 300,
        limit: int = 4,
        **terms: Any,
    ) -> int:
        """A concert with one date and these seats; the date's id. `terms`: columns of the date.
        Unless they say otherwise, visitors may let go of as many seats as they like."""
        await self.room(room_id)
        concert = await self.catalogue.create_concert("Nina Simone", room_id)
        date = await self.catalogue.create_schedule(
            concert["concert_id"], datetime.now(UTC) + timedelta(days=30), hold_ttl_s, limit
        )
        schedule_id = int(date["concert_schedule_id"])
        numbers = seats or [f"A-{number}" for number in range(1, 11)]
        await self.catalogue.add_seats(schedule_id, numbers, [Decimal(price)] * len(numbers))
        await self.change(schedule_id, **{"max_let_go_per_hour": 0, **terms})
        return schedule_id

    async def change(self, schedule_id: int, **terms: Any) -> None:
        """Set columns of a date."""
        columns = ", ".join(f"{name} = ${n}" for n, name in enumerate(terms, 2))
        await self.pool.execute(
            f"UPDATE concert_schedule SET {columns} WHERE concert_schedule_id = $1",
            schedule_id,
            *terms.values(),
        )

    async def seats(self, visitor: Visitor, schedule_id: int, since: int | None = None) -> Any:
        """The body of a seat map."""
        query = "" if since is None else f"?since={since}"
        reply = await self.ask("GET", f"/v1/schedules/{schedule_id}/seats{query}", visitor)
        assert reply.status == 200, reply.raw
        return reply.body

    async def status(self, visitor: Visitor, schedule_id: int, seat: str) -> str:
        """What the seat map says of one seat."""
        found = await self.seats(visitor, schedule_id)
        (status,) = [s["status"] for s in found["seats"] if s["seat_number"] == seat]
        return str(status)

    async def balance(self, visitor: Visitor) -> str:
        return str((await self.ask("GET", "/v1/users/me", visitor)).body["balance"])

    async def expire(self, *booking_ids: int) -> None:
        """Let holds pass their deadline, as if their time had gone by; nothing else changes."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE concert_seat SET held_until = now() - interval '1 ms'"
                " WHERE concert_booking_id = ANY ($1)",
                booking_ids,
            )
            await connection.execute(
                "UPDATE concert_booking SET expiration_at = s.held_until FROM concert_seat s"
                " WHERE s.concert_booking_id = concert_booking.concert_booking_id"
                " AND s.concert_booking_id = ANY ($1)",
                booking_ids,
            )

    async def trace(self) -> dict[str, int]:
        """How many rows each table has, and how many transactions wrote seats: what a refusal
        must not change."""
        rows = {t: await self.pool.fetchval(f"SELECT count(*) FROM {t}") for t in TABLES}
        rows["seat_changes"] = await self.pool.fetchval(
            "SELECT count(DISTINCT changed_xid::text) FROM concert_seat"
        )
        rows["balances"] = int(
            await self.pool.fetchval("SELECT coalesce(sum(balance), 0) * 10000 FROM users")
        )
        return rows

    async def assert_sound(self) -> None:
        """The invariants of the sale hold on the data as it is."""
        from onsale.verify.questions import questions

        for asked in questions():
            if not asked.name.startswith("B") or asked.name == "B11":
                continue
            for question in asked.broken:
                broken = await self.pool.fetch(question)
                assert not broken, (asked.name, [dict(row) for row in broken])


@asynccontextmanager
async def running(
    redis: "Redis", redis_url: str, database_url: str, *, loops: bool = False, **changes: Any
) -> AsyncIterator[BookingStack]:
    """The booking API on a free port. `loops`: with its sweep and its retries."""
    async with wired(redis_url) as wire:
        app = create_app(_settings(wire.url, database_url, **changes))
        if not loops:  # what they do would race with what a test looks at
            app.cleanup_ctx.pop()
        serving = runner(app)
        await serving.setup()
        try:
            await web.TCPSite(serving, "127.0.0.1", 0).start()
            host, port = serving.addresses[0][:2]
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool,
            ):
                yield BookingStack(f"http://{host}:{port}", http, redis, pool, app, wire)
        finally:
            await serving.cleanup()


def _settings(redis_url: str, database_url: str, **changes: Any) -> BookingSettings:
    given: dict[str, Any] = {
        "redis_url": redis_url,
        "database_url": database_url,
        "host": "127.0.0.1",
        "port": 0,
        "listen_fd": None,
        "queue_secrets": (QUEUE_SECRET,),
        "identity_secrets": (IDENTITY_SECRET,),
        "identity_jwks": None,
        "lane_claim": "lane",
        "admin_keys": operator_keys(ADMIN_KEY),
        "demo": True,
        "web_origins": (),
        "log_level": "info",
        "currency": USD,
        "ticket_keys": (TICKET_KEY,),
        **changes,
    }
    return BookingSettings(**given)


@pytest.fixture
async def booking(redis: "Redis", redis_url: str, database_url: str) -> AsyncIterator[BookingStack]:
    """A booking API whose background loops rest."""
    async with running(redis, redis_url, database_url) as stack:
        yield stack


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every booking is decided by a statement of its own, as if it came to a process of its own:
    what meets, meets in the database."""

    async def ask(self: Moments[Any, Any], asked: Any, own: Any, shared: Any = ()) -> Any:
        return await self.decide_alone(asked)

    monkeypatch.setattr(Moments, "ask", ask)
