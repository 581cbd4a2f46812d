"""The client processes of a rush, started, listened to, and ended together."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path
from typing import TypeVar

from onsale.engines.process import Child
from onsale.rush.messages import Begin, Done, Message, News, Ready, Task, receive, send
from onsale.rush.record import Outcome
from onsale.rush.scale.parts import Part
from onsale.rush.visit import Stage

VISITORS_PER_PROCESS = 1000
BEGIN_IN_S = 0.2  # until every client has heard when the doors open
_STOP = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 1.0))

Kind = TypeVar("Kind", bound=Message)


class ClientLost(Exception):
    """A client process ended before its visitors did; the message is one line for a person."""


def sensible_processes(visitors: int) -> int:
    """Enough that none of them has too much to do, and not more than there are cores."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, ceil(visitors / VISITORS_PER_PROCESS)))


class Process:
    """One client process and its share."""

    def __init__(self, task: Task | Part, log: Path) -> None:
        """Start it. Call from the main thread. Raises OSError."""
        self.news: News | None = None
        self._task = task
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._child = Child(
                [sys.executable, "-m", "onsale.rush.worker", str(theirs.fileno())],
                log=log,
                environment=os.environ,
                last_signal=signal.SIGKILL,
                sockets=[theirs.fileno()],
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    async def connect(self) -> None:
        """Give it its task."""
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
        self.send(self._task)

    def send(self, message: Message) -> None:
        send(self._writer, message)

    async def listen(self, until: type[Kind], hear: Callable[[News], None]) -> Kind:
        """Take in news until a message of this kind comes. Raises ClientLost."""
        while (message := await receive(self._reader)) is not None:
            if isinstance(message, News):
                self.news = message
                hear(message)
            if isinstance(message, until):
                return message
        await self._child.ended(2.0)
        words = self._child.last_words()
        raise ClientLost(
            f"a client process ended before its visitors (exit {self._child.exit_code()}) {words}"
        )

    async def stop(self) -> None:
        """End it, whatever it does; what it said before is lost."""
        await self._child.stop(*_STOP)
        self._socket.close()


class Clients:
    """All client processes, as one crowd."""

    def __init__(self, processes: Sequence[Process], hear: Callable[[News], None]) -> None:
        self._processes = processes
        self._hear = hear
        self.lost: list[str] = []
        self.began_at = 0.0

    @property
    def pids(self) -> list[int]:
        """Of the processes."""
        return [process.pid for process in self._processes]

    async def ready(self) -> None:
        """Until everybody stands outside."""
        await self._all(Ready)

    async def live(self) -> Sequence[Done]:
        """Open the doors; until the last visit is over. What the lost ones knew is missing."""
        self._begin()
        return await self._all(Done)

    @property
    def stages(self) -> Counter[Stage]:
        """How many visitors are at each stage."""
        return sum((Counter(news.stages) for news in self._news), Counter())

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many visits ended in each way."""
        return sum((Counter(news.outcomes) for news in self._news), Counter())

    @property
    def seats_paid(self) -> int:
        return sum(news.seats_paid for news in self._news)

    @property
    def requests(self) -> int:
        return sum(news.requests for news in self._news)

    @property
    def surprises(self) -> int:
        return sum(news.surprises for news in self._news)

    @property
    def first_surprise(self) -> str:
        """In words; '' while there is none."""
        return next((news.first_surprise for news in self._news if news.first_surprise), "")

    @property
    def _news(self) -> list[News]:
        return [process.news for process in self._processes if process.news]

    def _begin(self) -> None:
        self.began_at = time.monotonic() + BEGIN_IN_S
        self._send(Begin(self.began_at))

    def _send(self, message: Message) -> None:
        for process in self._processes:
            process.send(message)

    async def _all(self, until: type[Kind]) -> list[Kind]:
        """The message of this kind of each that is not lost."""
        heard = (self._listen(process, until) for process in self._processes)
        return [message for message in await asyncio.gather(*heard) if message is not None]

    async def _listen(self, process: Process, until: type[Kind]) -> Kind | None:
        try:
            return await process.listen(until, self._hear)
        except ClientLost as lost:
            if str(lost) not in self.lost:
                self.lost.append(str(lost))
            return None


@asynccontextmanager
async def client_processes(
    tasks: Sequence[Task], hear: Callable[[News], None]
) -> AsyncIterator[Clients]:
    """Clients for these shares of a crowd; none of their processes is left at the end.

    `hear` gets all news, in each process's order.
    """
    async with processes_for(tasks) as processes:
        yield Clients(processes, hear)


@asynccontextmanager
async def processes_for(tasks: Sequence[Task | Part]) -> AsyncIterator[Sequence[Process]]:
    """A process for each of these, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="onsale-rush-") as logs:
        processes: list[Process] = []
        try:
            for task in tasks:
                log = Path(logs) / f"client-{task.part}.log"
                processes.append(Process(task, log))
            for process in processes:
                await process.connect()
            yield processes
        finally:
            await asyncio.gather(*(process.stop() for process in processes))
