"""A client of the sale: asks, and knows when it asked and when it was told."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.histories.recorder import Recorder

#: What a client may be told besides success; all else is a surprise, above all a 5xx.
REFUSALS = frozenset(
    {
        "seat_taken",
        "limit_exceeded",
        "booking_expired",
        "not_payable",
        "not_extendable",
        "not_refundable",
        "forbidden",
        "request_in_progress",
        "queue_token_expired",
        "not_sold_out",
        "too_many_requests",
    }
)
#: What may have to be asked again: the journal does not know yet who was let in, the provider did
#: not answer in time, others were faster again and again.
AGAIN = frozenset(
    {("join list", "unavailable"), ("intend", "unavailable"), ("hold best", "unavailable")}
)


@dataclass(slots=True)
class Show:
    """Where the crowd goes: dates of the same seats, one after the other.

    `refundable`: dates whose sold seats can be given back; `sought`: those of them that most who
    come want to keep, so that others wait for what they give back.
    """

    gateway_url: str
    booking_url: str
    provider_url: str
    provider_key: str
    room_id: str
    seats: list[str]
    schedules: list[int]
    refundable: set[int]
    sought: set[int]
    requests_each: int
    recorder: Recorder = field(default_factory=Recorder)
    asked: int = 0

    @property
    def schedule(self) -> int | None:
        """The date on sale now; None when all are over."""
        index = self.asked // self.requests_each
        return self.schedules[index] if index < len(self.schedules) else None


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and when it was asked for and had."""

    begin: float
    end: float
    status: int
    body: Any

    @property
    def code(self) -> str:
        return "" if self.status < 400 else str(self.body["code"])


class Client:
    """Somebody with an identity, and a place in the show's room once they joined it."""

    def __init__(
        self, show: Show, http: aiohttp.ClientSession, identity: str, dice: random.Random
    ) -> None:
        self.show = show
        self.recorder = show.recorder
        self.dice = dice
        self._http = http
        self._headers = {"Authorization": f"Bearer {identity}", "Content-Type": "application/json"}
        self._keys = itertools.count(1)

    async def join(self) -> None:
        """A place in the room, or the one held already."""
        url = f"{self.show.gateway_url}/v1/rooms/{self.show.room_id}/token"
        told = await self.ask("join", "POST", url)
        if told.status < 400:
            self._headers["Queue-Token"] = told.body["token"]

    async def booking_api(
        self, kind: str, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> Told:
        """One request to the booking API."""
        return await self.ask(kind, method, self.show.booking_url + path, body, key=key)

    async def provider(self, method: str, url: str, body: Any = None) -> Told:
        """One request to the payment provider; a card that is declined is no error."""
        headers = {"Authorization": f"Bearer {self.show.provider_key}"}
        data = None if body is None else orjson.dumps(body)
        begin = time.monotonic()
        async with self._http.request(method, url, data=data, headers=headers) as answer:
            raw = await answer.read()
        if answer.status not in (200, 402):
            self.recorder.surprises.append(f"provider: {answer.status} {raw[:300]!r}")
        return Told(begin, time.monotonic(), answer.status, orjson.loads(raw))

    async def ask(
        self, kind: str, method: str, url: str, body: Any = None, *, key: str | None = None
    ) -> Told:
        """One request; what is answered is counted, and an error noted as a surprise."""
        headers: Mapping[str, str] = self._headers
        if key is not None:
            headers = {**headers, "Idempotency-Key": key}
        data = None if body is None else orjson.dumps(body)
        self.show.asked += 1
        begin = time.monotonic()
        async with self._http.request(method, url, data=data, headers=headers) as answer:
            raw = await answer.read()
        told = Told(begin, time.monotonic(), answer.status, orjson.loads(raw) if raw else {})
        self.recorder.requests[kind, told.code or str(told.status)] += 1
        if told.code and told.code not in REFUSALS and (kind, told.code) not in AGAIN:
            self.recorder.surprises.append(f"{kind}: {told.status} {told.code} {raw[:300]!r}")
        return told

    async def ask_once(self, kind: str, path: str, body: Any) -> Told:
        """A POST with a key of its own; now and then a double click, which has one effect.

        Whichever had it, it was asked for with the first and had before the first success.
        """
        key = self.key()
        times = 2 if self.dice.random() < 0.03 else 1
        answers: list[Told] = await self.together(
            *(self.booking_api(kind, "POST", path, body, key=key) for _ in range(times))
        )
        done = [told for told in answers if told.status == 201]
        if not done:
            return answers[0]
        begin, end = min(told.begin for told in answers), min(told.end for told in done)
        return Told(begin, end, 201, done[0].body)

    async def together(self, *work: Any) -> list[Any]:
        """All at once."""
        return await asyncio.gather(*work)

    async def until(self, moment: float) -> None:
        """Wait for a moment of the monotonic clock."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    def key(self) -> str:
        """A new Idempotency-Key."""
        return f"{next(self._keys)}"
