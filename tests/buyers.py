"""A crowd that buys through crashes, and keeps every answer it was given."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from shared.tokens import QueueTokens, TokenRejected

#: A request without an answer is repeated with the same key until there is one.
PATIENCE_S = 90.0
PAUSE_S = 0.1
DEADLINE_S = 10.0

#: The moments of a question and of its answer, on the monotonic clock.
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A 201: what was asked, with which credentials and key, and the bytes of the answer."""

    kind: str
    visitor: str
    url: str
    headers: dict[str, str]
    sent: bytes
    answer: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.answer)


@dataclass(slots=True)
class Notebook:
    """What all buyers were told.

    `refused`: keys whose last word was a refusal. `collected`: what the provider's payments were
    said to have become, by their id. `places`: the jtis that joins gave, and to whom.
    `given_at`, `paid_at`: when a jti was first given and when it was paid with, as the moments of
    the question and of the answer. `canceled`: bookings let go or given back with 204. `trouble`:
    refused connections, lost answers and 503, by kind.
    """

    receipts: list[Receipt] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    canceled: set[int] = field(default_factory=set)
    collected: dict[int, str] = field(default_factory=dict)
    given_at: dict[str, Span] = field(default_factory=dict)
    paid_at: dict[str, Span] = field(default_factory=dict)
    trouble: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Receipt]:
        return [receipt for receipt in self.receipts if receipt.kind == kind]


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the buyers go."""

    gateway_url: str
    booking_url: str
    provider_url: str
    room_id: str
    schedule_id: int
    seats: list[str]
    tokens: QueueTokens


class Gone(Exception):
    """The token is over; its visitor joins again."""


class Buyer:
    """Charges, waits in line, holds, and pays or lets go, again and again until told to stop."""

    def __init__(
        self,
        shop: Shop,
        http: aiohttp.ClientSession,
        notebook: Notebook,
        name: str,
        identity: str,
        dice: random.Random,
    ) -> None:
        self._shop = shop
        self._http = http
        self._notebook = notebook
        self._name = name
        self.headers = {"Authorization": f"Bearer {identity}"}
        self.jti = ""
        self._last: Span = (0.0, 0.0)
        self._dice = dice

    async def buy(self, closed: asyncio.Event) -> None:
        """Visits; the last one is finished after `closed`, so that every answer is known."""
        url = self._shop.booking_url + "/v1/users/me/charges"
        while not closed.is_set():
            await self.post("charge", url, {"amount": "5.00"})
            try:
                await self._visit(closed)
            except Gone:
                continue

    async def _visit(self, closed: asyncio.Event) -> None:
        await self.join()
        while (status := await self.status()) != "ACTIVE":
            if status != "WAIT":
                raise Gone
            if closed.is_set():
                return
            await asyncio.sleep(0.1)
        wanted = self._dice.sample(self._shop.seats, self._dice.randint(1, 2))
        url = f"{self._shop.booking_url}/v1/schedules/{self._shop.schedule_id}/bookings"
        held = await self.post("hold", url, {"seat_numbers": wanted})
        if held is None:
            return
        ids = [booking["concert_booking_id"] for booking in held["bookings"]]
        if self._dice.random() < 0.3:
            for booking_id in ids:
                await self._cancel(booking_id)
            return
        if self._dice.random() < 0.3:
            await self.post("extend", self._booking_url(f"/{ids[0]}/extension"), {})
        if self._dice.random() < 0.3:
            paid = await self._collect(ids)
        else:
            url = self._shop.booking_url + "/v1/payments"
            paid = bool(await self.post("pay", url, {"concert_booking_ids": ids}))
        if paid:
            self._notebook.paid_at[self.jti] = self._last
            await self._give_back(ids)

    async def _collect(self, ids: list[int]) -> bool:
        """Through the provider; whether that was told to have succeeded."""
        url = self._shop.booking_url + "/v1/payments/intents"
        intent = await self.post("intend", url, {"concert_booking_ids": ids})
        if intent is None:
            return False
        card = {"client_secret": intent["client_secret"], "outcome": "success"}
        confirm = f"{self._shop.provider_url}/intents/{intent['reference']}/confirm"
        await self._ask("confirm", "POST", confirm, orjson.dumps(card))
        async with asyncio.timeout(PATIENCE_S):
            while True:
                _, raw = await self._ask("intent", "GET", f"{url}/{intent['payment_intent_id']}")
                status = str(orjson.loads(raw)["status"])
                if status != "created":
                    break
                await asyncio.sleep(PAUSE_S)
        self._notebook.collected[intent["payment_intent_id"]] = status
        return status == "succeeded"

    async def _give_back(self, ids: list[int]) -> None:
        """Some of what was bought, in one way or the other."""
        for booking_id in ids:
            fate = self._dice.random()
            if fate < 0.2:
                await self.post("refund", self._booking_url(f"/{booking_id}/refunds"), {})
            elif fate < 0.3:
                await self._cancel(booking_id)

    async def join(self) -> None:
        """A place in line, or the one held already. Raises Gone."""
        status, raw = await self._ask("join", "POST", self._token_url())
        if status not in (200, 201):
            raise Gone
        token = orjson.loads(raw)["token"]
        try:
            place = self._shop.tokens.verify(token)
        except TokenRejected:
            self._notebook.surprises.append("join: a token that is not ours")
            raise Gone from None
        self.headers["Queue-Token"], self.jti = token, place.jti
        self._notebook.given_at.setdefault(self.jti, self._last)
        if self._notebook.places.setdefault(place.jti, self._name) != self._name:
            self._notebook.surprises.append(f"join: {place.jti} was given to two visitors")

    async def status(self) -> str:
        """WAIT, ACTIVE or EXPIRED."""
        _, raw = await self._ask("poll", "GET", self._token_url())
        return str(orjson.loads(raw)["status"])

    async def _cancel(self, booking_id: int) -> None:
        status, _ = await self._ask("cancel", "DELETE", self._booking_url(f"/{booking_id}"))
        if status == 204:
            self._notebook.canceled.add(booking_id)

    async def post(self, kind: str, url: str, body: Any) -> Any:
        """POST with a new key until it is decided; the body of a 201, else None."""
        key = f"{self._name}-{kind}-{self._dice.getrandbits(64):x}"
        headers = {**self.headers, "Idempotency-Key": key}
        sent = orjson.dumps(body)
        status, raw = await self._ask(kind, "POST", url, sent, headers)
        if status == 201:
            self._notebook.receipts.append(Receipt(kind, self._name, url, headers, sent, raw))
            return orjson.loads(raw)
        self._notebook.refused.add(key)
        return None

    async def _ask(
        self,
        kind: str,
        method: str,
        url: str,
        sent: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Ask until there is an answer that decides."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                asked = time.monotonic()
                status, raw = await ask(self._http, method, url, sent, headers or self.headers)
                self._last = (asked, time.monotonic())
                undecided = status in (0, 503) or b'"request_in_progress"' in raw
                if not undecided:
                    break
                self._notebook.trouble[f"{kind} {status}"] += 1
                await asyncio.sleep(PAUSE_S * self._dice.uniform(0.5, 1.5))
        if status >= 500:
            self._notebook.surprises.append(f"{kind}: {status} {raw[:200]!r}")
        return status, raw

    def _booking_url(self, path: str) -> str:
        return f"{self._shop.booking_url}/v1/bookings{path}"

    def _token_url(self) -> str:
        return f"{self._shop.gateway_url}/v1/rooms/{self._shop.room_id}/token"


async def ask(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    sent: bytes | None,
    headers: dict[str, str],
) -> tuple[int, bytes]:
    """One request; status 0 when it got no answer."""
    typed = headers if sent is None else {**headers, "Content-Type": "application/json"}
    deadline = aiohttp.ClientTimeout(total=DEADLINE_S)
    try:
        async with http.request(method, url, data=sent, headers=typed, timeout=deadline) as answer:
            return answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return 0, b""
