"""The sample in line: it joins, polls when it is due, and comes in."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from random import Random
from typing import Any

import orjson

from onsale.rush.client import REQUEST_DEADLINE_S, Answer
from onsale.rush.record import LOST, TIMEOUT, Kind, Record
from onsale.rush.scale.etas import NEVER, Etas, Told
from onsale.rush.scale.parts import Joined, Measured, Part
from onsale.rush.scale.schedule import STEP_S, Schedule, open_loop
from onsale.rush.scale.tally import Tally
from onsale.rush.scale.wire import Asked, Reply, Wire, closed_loop
from onsale.rush.sightings import ACTIVE, EXPIRED, WAIT, Sighting, Token, malformed
from onsale.rush.visit import Board, Stage
from shared.identity import Identities

#: Asked again, as any patient client does.
RETRYABLE = frozenset({"429", "503", LOST, TIMEOUT})
RETRY_S = 1.0
TRIES = 8


@dataclass(slots=True)
class Waiter:
    """One real visitor. `stands_for`: for so many, itself included."""

    number: int
    token: Token
    stands_for: int
    poll_after_s: float
    told: list[Told] = field(default_factory=list)
    waiting_at: float = 0.0
    admitted_by: float = NEVER


class Line:
    """A process's share of the sample. `come_in` is called once for each that is let in."""

    def __init__(
        self,
        part: Part,
        wire: Wire,
        record: Record,
        board: Board,
        come_in: Callable[[Waiter], None],
    ) -> None:
        self._part = part
        self._wire = wire
        self._record = record
        self._board = board
        self._come_in = come_in
        self._path = f"/v1/rooms/{part.room_id}/token"
        self._identities = Identities((part.identity_secret,))
        self._dice = Random(part.seed)  # noqa: S311 -- when the first poll is due
        self._schedule = Schedule[Waiter]()
        self._again: list[int] = []
        self._until = 0.0
        self._under_way = 0
        self.tally = Tally(part.plan.seconds)
        self.waiters: list[Waiter] = []

    def identity(self, number: int) -> str:
        """The identity token of the so-manieth visitor."""
        return self._identities.sign(self._part.name(number))

    async def join(self) -> Joined:
        """Everybody of the share who is to join over HTTP does; the sample keeps its tokens."""
        plan, part = self._part.plan, self._part
        numbers = range(1, plan.visitors + 1) if part.all_join else list(plan.sampled())
        todo: Any = numbers[part.part :: part.parts]
        began = time.monotonic()
        for _ in range(TRIES):
            await closed_loop(self._wire, map(self._joining, todo), part.connections)
            took_s = time.monotonic() - began
            if not self._again:
                break
            todo, self._again = self._again, []
            await asyncio.sleep(RETRY_S)
        else:
            self._surprise(f"{len(todo)} could not join", Kind.JOIN)
        return Joined(self._board.stages[Stage.WAITING], took_s)

    async def measure(self, seconds: float) -> Measured:
        """Poll as fast as the answers come, by all of the share in turn."""
        answers = refused = 0

        def answered(reply: Reply) -> None:
            nonlocal answers, refused
            if reply.status == "200":
                answers += 1
            elif reply.status in RETRYABLE:
                refused += 1
            else:
                self._surprise(f"unexpected {reply.status} {_excerpt(reply)}", Kind.POLL)

        def polls() -> Iterator[Asked]:
            for waiter in cycle(self.waiters):
                if time.monotonic() >= began + seconds:
                    return
                yield self._poll(waiter), answered

        began = time.monotonic()
        await closed_loop(self._wire, polls(), self._part.connections)
        return Measured(answers, refused, time.monotonic() - began)

    async def live(self, began: float) -> Etas:
        """Poll when it is due, until the time is over. What became of the ranges that were told."""
        self.tally.began, self._until = began, began + self._part.plan.seconds
        for waiter in self.waiters:
            # A crowd that has waited for long is anywhere between two of its polls.
            due = began + self._dice.random() * waiter.poll_after_s
            self._schedule.add(due, waiter)
        await open_loop(self._schedule, self._send, self._until)
        # The slowest answers are not left out of the figures, but nobody is let in by them.
        with suppress(TimeoutError):
            async with asyncio.timeout(REQUEST_DEADLINE_S):
                await self._all_answered()
        self.tally.unanswered = self._under_way
        self._wire.forget()
        etas = Etas()
        for waiter in self.waiters:
            etas.judge(waiter.told, waiter.waiting_at, waiter.admitted_by, self._until)
        return etas

    async def _all_answered(self) -> None:
        while self._under_way:  # noqa: ASYNC110 -- for once, at the end
            await asyncio.sleep(STEP_S)

    def _joining(self, number: int) -> Asked:
        request = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._wire.host}\r\n"
            f"Authorization: Bearer {self.identity(number)}\r\nContent-Length: 0\r\n\r\n"
        )
        return request.encode(), partial(self._joined, number)

    def _joined(self, number: int, reply: Reply) -> None:
        self._record.request(Kind.JOIN, reply.status, (reply.received - reply.sent) * 1000)
        if reply.status in RETRYABLE:
            self._again.append(number)
            return
        if reply.status not in ("200", "201"):
            self._surprise(f"unexpected {reply.status} {_excerpt(reply)}", Kind.JOIN)
            return
        self._board.stages[Stage.WAITING] += 1
        place = orjson.loads(reply.body)
        stands_for = self._part.plan.weight(place["number"])
        if stands_for:
            token = Token.read(place["token"])
            poll_after_s = place["poll_after_ms"] / 1000
            self.waiters.append(Waiter(number, token, stands_for, poll_after_s))
            self._see(self.waiters[-1], reply, place, joined=True)

    def _poll(self, waiter: Waiter) -> bytes:
        return (
            f"GET {self._path} HTTP/1.1\r\nHost: {self._wire.host}\r\n"
            f"Queue-Token: {waiter.token.raw}\r\n\r\n"
        ).encode()

    def _send(self, waiter: Waiter, due: float) -> None:
        self._under_way += 1
        self.tally.due(waiter.stands_for, due)
        self._wire.ask(self._poll(waiter), partial(self._answered, waiter, due))

    def _answered(self, waiter: Waiter, due: float, reply: Reply) -> None:
        self._record.request(Kind.POLL, reply.status, (reply.received - reply.sent) * 1000)
        self._under_way -= 1
        self.tally.answered(due, reply.sent, reply.received)
        if reply.status in RETRYABLE:
            pause_s = reply.retry_after_s + RETRY_S * self._dice.random()
            self._add(reply.received + pause_s, waiter)
        elif reply.status != "200":
            self._surprise(f"unexpected {reply.status} {_excerpt(reply)}", Kind.POLL)
        else:
            self._take_in(waiter, due, reply)

    def _take_in(self, waiter: Waiter, due: float, reply: Reply) -> None:
        place = orjson.loads(reply.body)
        if not self._see(waiter, reply, place, joined=False):
            return
        if place["status"] == WAIT:
            self.tally.told(place["poll_after_ms"])
            waiter.waiting_at, eta = reply.sent, place["eta_s"]
            if eta is not None and waiter.stands_for == 1:
                waiter.told.append(Told(reply.sent, reply.received, eta["low"], eta["high"]))
            # Counted from when this one was due: a slow answer does not slow the crowd down.
            self._add(due + place["poll_after_ms"] / 1000, waiter)
        elif place["status"] == ACTIVE and reply.received < self._until:
            waiter.admitted_by = reply.received
            self._record.waits_s.append(reply.received - self.tally.began)
            self._board.stages[Stage.WAITING] -= 1
            self._come_in(waiter)
        elif place["status"] == EXPIRED:
            self._board.stages[Stage.WAITING] -= 1
            self._record.events[f"place ended: {place.get('reason')}"] += 1

    def _see(self, waiter: Waiter, reply: Reply, place: dict[str, Any], *, joined: bool) -> bool:
        """Note it for the oracle; False when the answer is wrong in itself."""
        wrong = malformed(place, waiter.token)
        for what in wrong:
            self._surprise(what, Kind.JOIN if joined else Kind.POLL)
        if not wrong:
            answer = Answer(int(reply.status), place, {}, sent=reply.sent, received=reply.received)
            seen = Sighting.of(waiter.number, waiter.token, answer, joined=joined)
            self._board.sightings.append(seen)
        return not wrong

    def _add(self, due: float, waiter: Waiter) -> None:
        if due < self._until:
            self._schedule.add(due, waiter)

    def _surprise(self, what: str, kind: Kind) -> None:
        self._record.surprise(self._part.run_name, kind, what)


def _excerpt(reply: Reply) -> str:
    return reply.body[:200].decode(errors="replace")
