"""Clients that get into each other's way, and write down what they were told."""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.histories.recorder import Hold, Recorder

#: What a client may be told besides success; all else is a surprise, above all a 5xx.
REFUSALS = frozenset(
    {
        "seat_taken",
        "limit_exceeded",
        "booking_expired",
        "not_payable",
        "forbidden",
        "request_in_progress",
        "queue_token_expired",
    }
)


@dataclass(slots=True)
class Show:
    """Where the crowd goes: dates of the same seats, one after the other."""

    gateway_url: str
    booking_url: str
    room_id: str
    seats: list[str]
    schedules: list[int]
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
    replayed: bool

    @property
    def code(self) -> str:
        return "" if self.status < 400 else str(self.body["code"])


class Visitor:
    """A client with much money, who never does one thing after the other alone."""

    def __init__(
        self, show: Show, http: aiohttp.ClientSession, identity: str, dice: random.Random
    ) -> None:
        self._show = show
        self._http = http
        self._headers = {"Authorization": f"Bearer {identity}", "Content-Type": "application/json"}
        self._dice = dice
        self._keys = itertools.count(1)

    async def come(self) -> None:
        """Charge, join, and visit until all dates are over."""
        url = self._show.booking_url + "/v1/users/me/charges"
        await self._ask("charge", "POST", url, {"amount": "1000000.00"}, key=self._key())
        await self._join()
        while (schedule := self._show.schedule) is not None:
            await self._visit(schedule)

    async def watch(self) -> None:
        """Join, and look at the seat map of the date on sale until all are over."""
        await self._join()
        while (schedule := self._show.schedule) is not None:
            await self.look(schedule)

    async def look(self, schedule: int) -> None:
        """Read the seat map."""
        url = f"{self._show.booking_url}/v1/schedules/{schedule}/seats"
        told = await self._ask("map", "GET", url)
        if told.status == 200:
            seats = told.body["seats"]
            self._show.recorder.looked(told.begin, told.end, schedule, seats)
            if [seat["seat_number"] for seat in seats] != self._show.seats:
                self._show.recorder.surprises.append(f"map: {len(seats)} seats")

    async def _visit(self, schedule: int) -> None:
        if self._dice.random() < 0.06:
            await self.look(schedule)
        holds = await self._hold(schedule, self._wanted())
        if not holds:
            return
        fate = self._dice.random()
        if fate < 0.66:
            await self._together(*(self._cancel(hold) for hold in holds))
            if self._dice.random() < 0.1:
                await self.look(schedule)
        elif fate < 0.72:
            await self._pay(holds)
        elif fate < 0.77:  # changes their mind, twice at once
            await self._together(
                self._pay(holds), *(self._cancel(hold) for hold in holds), self._pay(holds[:1])
            )
        elif fate < 0.81:  # in the last moment, or right after it
            await self._until(holds[0].until + self._dice.uniform(-0.03, 0.02))
            await self._pay(holds)
        elif fate < 0.85:
            await self._until(holds[0].until + self._dice.uniform(-0.02, 0.05))
            await self._together(self._look_up(holds[0]), self._cancel(holds[0]))
        elif fate < 0.92:
            await self._look_up(self._dice.choice(holds))
            await self._together(*(self._cancel(hold) for hold in holds))
        # The rest forget about their seats.

    def _wanted(self) -> list[str]:
        """One to four seats side by side; the first rows are wanted most."""
        count = self._dice.randint(1, 4)
        most = len(self._show.seats) - count
        first = min(int(self._dice.expovariate(1.5 / len(self._show.seats))), most)
        wanted = self._show.seats[first : first + count]
        self._dice.shuffle(wanted)
        return wanted

    async def _hold(self, schedule: int, seats: list[str]) -> list[Hold]:
        url = f"{self._show.booking_url}/v1/schedules/{schedule}/bookings"
        body, key = {"seat_numbers": seats}, self._key()
        times = 2 if self._dice.random() < 0.03 else 1  # a double click: one effect
        answers = await self._together(
            *(self._ask("hold", "POST", url, body, key=key) for _ in range(times))
        )
        done = [told for told in answers if told.status == 201]
        recorder = self._show.recorder
        if done:
            # Whichever made it, it was made before the first of them was told.
            begin, end = min(told.begin for told in answers), min(told.end for told in done)
            return recorder.held(begin, end, schedule, done[0].body["bookings"])
        for told in answers:
            if told.code == "seat_taken":
                recorder.taken(told.begin, told.end, schedule, told.body["seats"])
            elif told.code == "queue_token_expired":
                await self._join()
        return []

    async def _pay(self, holds: list[Hold]) -> None:
        url = self._show.booking_url + "/v1/payments"
        body = {"concert_booking_ids": [hold.booking for hold in holds]}
        told = await self._ask("pay", "POST", url, body, key=self._key())
        reasons = set(told.body.get("bookings", ()))
        meant = [hold for hold in holds if hold.booking in reasons]
        recorder = self._show.recorder
        if told.status == 201:
            recorder.paid(told.begin, told.end, holds)
        elif told.code == "booking_expired":
            recorder.paid(told.begin, told.end, meant, "expired")
        elif told.code == "not_payable":
            recorder.paid(told.begin, told.end, meant, "ended")

    async def _cancel(self, hold: Hold) -> None:
        url = f"{self._show.booking_url}/v1/bookings/{hold.booking}"
        told = await self._ask("cancel", "DELETE", url)
        if told.status == 204:
            self._show.recorder.canceled(told.begin, told.end, hold)
        elif told.code == "forbidden":
            self._show.recorder.canceled(told.begin, told.end, hold, "sold")

    async def _look_up(self, hold: Hold) -> None:
        url = f"{self._show.booking_url}/v1/bookings/{hold.booking}"
        told = await self._ask("look up", "GET", url)
        if told.status == 200:
            self._show.recorder.looked_up(told.begin, told.end, hold, told.body["status"])

    async def _join(self) -> None:
        url = f"{self._show.gateway_url}/v1/rooms/{self._show.room_id}/token"
        told = await self._ask("join", "POST", url)
        if told.status < 400:
            self._headers["Queue-Token"] = told.body["token"]

    async def _ask(
        self, kind: str, method: str, url: str, body: Any = None, *, key: str | None = None
    ) -> Told:
        headers: Mapping[str, str] = self._headers
        if key is not None:
            headers = {**headers, "Idempotency-Key": key}
        data = None if body is None else orjson.dumps(body)
        self._show.asked += 1
        begin = time.monotonic()
        async with self._http.request(method, url, data=data, headers=headers) as answer:
            raw = await answer.read()
        end = time.monotonic()
        replayed = answer.headers.get("Idempotency-Replayed") == "true"
        told = Told(begin, end, answer.status, orjson.loads(raw) if raw else {}, replayed)
        what = told.code or str(told.status)
        self._show.recorder.requests[kind, what] += 1
        if told.code and told.code not in REFUSALS:
            self._show.recorder.surprises.append(f"{kind}: {told.status} {told.code}")
        return told

    async def _together(self, *work: Any) -> list[Any]:
        return await asyncio.gather(*work)

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    def _key(self) -> str:
        return f"{next(self._keys)}"
