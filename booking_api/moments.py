"""Bookings of one moment share one statement, and one commit.

A commit costs the same for one booking as for many. So what is asked for within one turn of the
event loop, and while the moment before is under way, goes to the database in one statement, which
decides what is plain. What is not goes alone, by the ordinary statement, which has all the rules;
so does whoever meets nobody. Nothing waits for company.
"""

import asyncio
import contextvars
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Sequence
from typing import Any, Generic, TypeVar

import asyncpg

from shared.errors import Unavailable
from shared.logs import logger
from shared.loops import end
from shared.stores import ACQUIRE_DEADLINE_S

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Result = TypeVar("Result")

#: Of one statement, which so stays short: whoever comes meanwhile waits for it.
MOST = 64
#: In line. As many are decided within the deadline, also when each one goes alone.
WAITING = 5_000
#: Statements at once: of moments, and of those that go alone. The pool has room for both.
AT_ONCE, ALONE_AT_ONCE = 1, 8
#: So long one waits behind another who has the same key and goes alone, perhaps waiting for a lock.
PATIENCE_S = 1.0
#: Between two looks at who has waited too long.
_LOOK_EVERY_S = 0.25
#: How many of those who cannot go yet are passed over, as a multiple of a moment.
_PASSED_OVER = 8

#: After these nobody knows whether the statement took effect: that is not to be asked again here.
_UNKNOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)

log = logger(__name__)


class _One(Generic[Asked, Answer]):
    """Who asks, with which keys; `late`: waits for nobody who has one of them any more."""

    __slots__ = ("answer", "asked", "keys", "late", "number", "own", "since")

    def __init__(
        self,
        number: int,
        asked: Asked,
        own: frozenset[Hashable],
        shared: frozenset[Hashable],
        answer: "asyncio.Future[Answer]",
        since: float,
    ):
        self.number, self.asked, self.own, self.keys = number, asked, own, own | shared
        self.answer, self.since, self.late = answer, since, False

    def tell(self, answer: "Answer | Exception") -> None:
        if self.answer.done():  # went away
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Moments(Generic[Asked, Answer]):
    """Decides what is asked, in the order of asking for each key.

    `together(asked)` answers for each of them in their order: with the answer, with an exception
    that is raised for that one alone, or with None: that one has to go alone, and nothing was done
    for it. What `together` did has been committed when it returns. `alone(asked)` decides one.

    A moment that fails is taken apart, and each of it goes alone, so that an error meets only whom
    it belongs to; not after a lost connection or a deadline, when its effect is not known: all of
    it are told Unavailable, and the same Idempotency-Key decides.
    """

    def __init__(
        self,
        together: "Callable[[list[Asked]], Awaitable[Sequence[Answer | Exception | None]]]",
        alone: "Callable[[Asked], Coroutine[Any, Any, Answer]]",
    ):
        self._together, self.decide_alone = together, alone
        self._numbers = 0
        self._line: deque[_One[Asked, Answer]] = deque()  # for the next moment
        self._lone: list[_One[Asked, Answer]] = []  # to go alone; by their numbers
        #: The keys of what is under way, and of that what goes alone.
        self._busy: Counter[Hashable] = Counter()
        self._slow: Counter[Hashable] = Counter()
        self._moments = self._alone = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._woken = self._closed = False
        self._look: asyncio.TimerHandle | None = None
        #: A statement belongs to no request: it must not log as one of them.
        self._nobodys = contextvars.Context()

    async def ask(
        self, asked: Asked, own: Collection[Hashable], shared: Collection[Hashable] = ()
    ) -> Answer:
        """The decision. Raises Unavailable, or what `alone` raises and `together` answers.

        Of requests with a common key none begins before an earlier one has ended; but within one
        moment `shared` ones may be together, and are decided in the order of the list.
        """
        loop = asyncio.get_running_loop()
        if self._closed or len(self._line) + len(self._lone) >= WAITING:
            raise Unavailable("Too many ask for this at once.")
        self._numbers += 1
        one: _One[Asked, Answer] = _One(
            self._numbers,
            asked,
            frozenset(own),
            frozenset(shared),
            loop.create_future(),
            loop.time(),
        )
        self._line.append(one)
        if not self._woken:
            self._woken = True
            loop.call_soon(self._go, context=self._nobodys)
        return await one.answer

    async def close(self) -> None:
        """Tell all who wait that they wait in vain, and let what is under way come to its end."""
        self._closed = True
        if self._look is not None:
            self._look.cancel()
        for one in (*self._lone, *self._line):
            one.tell(Unavailable())
        self._line.clear()
        self._lone.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ACQUIRE_DEADLINE_S)
        await end(*self._tasks)

    def _go(self) -> None:
        """Begin whatever can begin."""
        self._woken = False
        barred: set[Hashable] = set()  # the keys of those who came earlier and cannot go yet
        lone, self._lone = self._lone, []
        for one in lone:
            if one.answer.done():
                continue
            if self._alone < ALONE_AT_ONCE and (one.late or self._is_free(one, barred)):
                self._begin_alone(one)
            else:
                barred |= one.keys
                self._lone.append(one)
        if self._moments < AT_ONCE:
            moment = self._next_moment(barred)
            if len(moment) == 1 and self._moments == self._alone == 0:
                self._begin_alone(moment[0])
            elif moment:
                self._begin(moment)
        if self._look is None and (self._line or self._lone) and not self._closed:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(_LOOK_EVERY_S, self._see_who_is_late)

    def _next_moment(self, barred: set[Hashable]) -> "list[_One[Asked, Answer]]":
        """Those of the line who can go together, in the order in which they came."""
        chosen: list[_One[Asked, Answer]] = []
        passed: list[_One[Asked, Answer]] = []
        owned: set[Hashable] = set()
        while self._line and len(chosen) < MOST and len(passed) < MOST * _PASSED_OVER:
            one = self._line.popleft()
            if one.answer.done():
                continue
            if self._is_free(one, barred) and owned.isdisjoint(one.own):
                chosen.append(one)
                owned |= one.own
            else:
                passed.append(one)
                barred |= one.keys
        self._line.extendleft(reversed(passed))
        return chosen

    def _is_free(self, one: "_One[Asked, Answer]", barred: set[Hashable]) -> bool:
        return not any(key in self._busy or key in barred for key in one.keys)

    def _begin(self, moment: "list[_One[Asked, Answer]]") -> None:
        self._moments += 1
        for one in moment:
            self._busy.update(one.keys)
        deciding = self._answers([one.asked for one in moment])
        self._start(deciding, lambda task: self._decided(moment, task))

    async def _answers(self, asked: list[Asked]) -> "Sequence[Answer | Exception | None]":
        answers = await self._together(asked)
        if len(answers) != len(asked):
            raise RuntimeError("A moment was not decided for each of those who share it.")
        return answers

    def _begin_alone(self, one: "_One[Asked, Answer]") -> None:
        self._alone += 1
        self._busy.update(one.keys)
        self._slow.update(one.keys)
        self._start(self.decide_alone(one.asked), lambda task: self._decided_alone(one, task))

    def _start(
        self, work: Coroutine[Any, Any, Result], decided: "Callable[[asyncio.Task[Result]], None]"
    ) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(decided)

    def _decided(
        self,
        moment: "list[_One[Asked, Answer]]",
        task: "asyncio.Task[Sequence[Answer | Exception | None]]",
    ) -> None:
        answers: Sequence[Answer | Exception | None]
        error = _failure(task)
        if error is None:
            answers = task.result()
        elif isinstance(error, _UNKNOWN):
            answers = [_unknown(error) for _ in moment]
        else:
            log.warning("moment_failed", error=type(error).__name__, requests=len(moment))
            answers = [None] * len(moment)
        self._moments -= 1
        for one in moment:
            _forget(self._busy, one.keys)
        self._wait_alone(
            [one for one, answer in zip(moment, answers, strict=True) if answer is None]
        )
        self._go()  # first: the database works while these are told
        for one, answer in zip(moment, answers, strict=True):
            if answer is not None:
                one.tell(answer)

    def _decided_alone(self, one: "_One[Asked, Answer]", task: "asyncio.Task[Answer]") -> None:
        self._alone -= 1
        _forget(self._busy, one.keys)
        _forget(self._slow, one.keys)
        self._go()
        error = _failure(task)
        one.tell(task.result() if error is None else error)

    def _wait_alone(self, them: "list[_One[Asked, Answer]]") -> None:
        if self._closed:
            for one in them:
                one.tell(Unavailable())
        elif them:
            self._lone = sorted((*self._lone, *them), key=lambda one: one.number)

    def _see_who_is_late(self) -> None:
        """Who had no turn within the deadline has none; who has waited long for another who goes
        alone does so, too, and finds out in the database what there is to wait for."""
        self._look = None
        now = asyncio.get_running_loop().time()
        for one in (*self._lone, *self._line):
            if now - one.since > ACQUIRE_DEADLINE_S:
                one.tell(_unknown(TimeoutError()))
        ahead = set(self._slow)
        for one in self._lone:
            one.late = one.late or now - one.since > PATIENCE_S
            ahead |= one.keys
        for one in self._line:
            one.late = now - one.since > PATIENCE_S and not ahead.isdisjoint(one.keys)
        late = [one for one in self._line if one.late]
        self._line = deque(one for one in self._line if not one.late)
        self._wait_alone(late)
        self._go()


def _failure(task: "asyncio.Task[Any]") -> Exception | None:
    """Why it failed, if it did. One that was canceled at our end is one whose end is not known."""
    if task.cancelled():
        return TimeoutError()
    error = task.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    return error


def _forget(counted: "Counter[Hashable]", keys: frozenset[Hashable]) -> None:
    for key in keys:
        counted[key] -= 1
        if not counted[key]:
            del counted[key]


def _unknown(error: Exception) -> Unavailable:
    found = Unavailable()
    found.__cause__ = error
    return found
