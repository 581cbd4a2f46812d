"""Requests of one moment share one call.

A store answers many in hardly more time than one, and asking it costs a process more than the
answer. So whoever asks within one turn of the event loop is asked for in one call. While that call
is under way, whoever comes waits for the next one, which begins as soon as the first is answered:
nothing waits for company, and the busier it gets, the more share a call.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Generic, TypeVar

from shared import stores
from shared.errors import Unavailable
from shared.logs import logger
from shared.loops import end

Key = TypeVar("Key", bound=Hashable)
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

#: Between two looks at who has waited too long.
_LATE_EVERY_S = 0.05

log = logger(__name__)


class _One(Generic[Asked, Answer]):
    """Who asks, for what, until when; `done` is None once they were answered or went away."""

    __slots__ = ("asked", "done", "until")

    def __init__(self, asked: Asked, done: "Callable[[Answer | Exception], None]", until: float):
        self.asked = asked
        self.done: Callable[[Answer | Exception], None] | None = done
        self.until = until

    def tell(self, answer: "Answer | Exception") -> None:
        done, self.done = self.done, None
        if done is None:
            return
        try:
            done(answer)
        except Exception:
            log.exception("unexpected_error")  # its own business, not that of the next in line


class _Line(Generic[Key, Asked, Answer]):
    """Who asks with one key: those of the call under way, and those of the next ones."""

    __slots__ = ("call", "key", "late", "sent", "waiting")

    def __init__(self, key: Key):
        self.key = key
        self.sent: list[_One[Asked, Answer]] = []
        self.waiting: deque[_One[Asked, Answer]] = deque()
        self.call: asyncio.Task[Sequence[Answer | Exception]] | None = None
        self.late: asyncio.TimerHandle | None = None


class Together(Generic[Key, Asked, Answer]):
    """Calls that requests share: one under way for each key, for at most `most` of them.

    `call(key, asked)` answers for each of them in their order; an answer that is an exception is
    raised for that one alone. A call that fails, fails exactly for those in it: whoever waits
    behind it has a call of their own. At most `waiting` wait behind a call. Nobody waits longer
    than `deadline_s`, by default the stores' (`TOTAL_DEADLINE_S`): who did is told Unavailable, and
    the call goes on for the others.
    """

    def __init__(
        self,
        call: "Callable[[Key, list[Asked]], Awaitable[Sequence[Answer | Exception]]]",
        *,
        most: int,
        waiting: int,
        deadline_s: float | None = None,
    ):
        self._call = call
        self._most, self._waiting, self._deadline_s = most, waiting, deadline_s
        self._lines: dict[Key, _Line[Key, Asked, Answer]] = {}
        #: A call belongs to no request: it must not log as one of them.
        self._nobodys = contextvars.Context()
        self._closed = False

    def submit(
        self, key: Key, asked: Asked, done: "Callable[[Answer | Exception], None]"
    ) -> "_One[Asked, Answer]":
        """Ask; `done` is called once, from the event loop. Raises Unavailable where too many wait.

        `done` must not raise and must not take long: the others wait meanwhile.
        """
        loop = asyncio.get_running_loop()
        line = self._lines.get(key)
        if line is None:
            if self._closed:
                raise Unavailable
            line = self._lines[key] = _Line(key)
            loop.call_soon(self._send, line, context=self._nobodys)
        elif len(line.waiting) >= self._waiting:
            raise Unavailable("Too many ask for this at once.")
        patience_s = stores.TOTAL_DEADLINE_S if self._deadline_s is None else self._deadline_s
        one: _One[Asked, Answer] = _One(asked, done, loop.time() + patience_s)
        line.waiting.append(one)
        return one

    async def ask(self, key: Key, asked: Asked) -> Answer:
        """The answer. Raises Unavailable, or what the call raised or answered for this one."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        one = self.submit(key, asked, partial(_settle, future))
        try:
            return await future
        except asyncio.CancelledError:
            one.done = None  # and is not asked for, unless that has begun
            raise

    async def close(self) -> None:
        """Tell all who wait that they wait in vain, and end the calls under way."""
        self._closed = True
        lines = list(self._lines.values())
        calls = [line.call for line in lines if line.call is not None]
        for line in lines:
            for one in (*line.sent, *line.waiting):
                one.tell(Unavailable())
        await end(*calls)

    def _send(self, line: "_Line[Key, Asked, Answer]") -> None:
        """Begin the next call of a line; where nobody waits in it any more, it is over."""
        line.sent, line.call = [], None
        while line.waiting and len(line.sent) < self._most:
            one = line.waiting.popleft()
            if one.done is not None:
                line.sent.append(one)
        if not line.sent:
            if line.late is not None:
                line.late.cancel()
            del self._lines[line.key]
            return
        loop = asyncio.get_running_loop()
        if line.late is None:
            line.late = loop.call_at(line.sent[0].until, self._see_who_is_late, line)
        calling = self._answers(line.key, [one.asked for one in line.sent])
        line.call = loop.create_task(calling)
        line.call.add_done_callback(lambda call: self._answered(line, call))

    async def _answers(self, key: Key, asked: list[Asked]) -> "Sequence[Answer | Exception]":
        answers = await self._call(key, asked)
        if len(answers) != len(asked):
            raise RuntimeError("A shared call did not answer for each of those who share it.")
        return answers

    def _answered(
        self,
        line: "_Line[Key, Asked, Answer]",
        call: "asyncio.Task[Sequence[Answer | Exception]]",
    ) -> None:
        sent = line.sent
        answers: Sequence[Answer | Exception]
        if call.cancelled():
            answers = [Unavailable() for _ in sent]
        elif (failed := call.exception()) is not None:
            if not isinstance(failed, Exception):
                raise failed
            answers = [failed] * len(sent)
        else:
            answers = call.result()
        self._send(line)
        if line.sent:
            # First: the store works while these are told. The call begins in the next turn.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, _tell, sent, answers)
        else:
            _tell(sent, answers)

    def _see_who_is_late(self, line: "_Line[Key, Asked, Answer]") -> None:
        """Who asks with one key asked in this order, so the first of them has the least time."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        following = None
        for one in (*line.sent, *line.waiting):
            if one.done is None:
                continue
            if one.until > now:
                following = one.until
                break
            one.tell(_too_late())
        line.late = None
        if following is not None:
            at = max(following, now + _LATE_EVERY_S)
            line.late = loop.call_at(at, self._see_who_is_late, line)


def _settle(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _tell(asked: "list[_One[Asked, Answer]]", answers: "Sequence[Answer | Exception]") -> None:
    for one, answer in zip(asked, answers, strict=True):
        one.tell(answer)


def _too_late() -> Unavailable:
    found = Unavailable()
    found.__cause__ = TimeoutError()
    return found
