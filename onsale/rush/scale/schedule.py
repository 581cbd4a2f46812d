"""When who is due: the open loop of a crowd, which nobody's slowness holds up."""

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Who = TypeVar("Who")

#: What becomes due while the loop sleeps is noticed after this at the latest.
STEP_S = 0.005


class Schedule(Generic[Who]):
    """Who is due when; equal times in the order of adding."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Who]] = []
        self._added = 0

    def add(self, due: float, who: Who) -> None:
        """`who` is due at this time of a steady clock."""
        self._added += 1
        heapq.heappush(self._heap, (due, self._added, who))

    def take(self, now: float) -> Iterator[tuple[float, Who]]:
        """Whoever is due by now, the longest overdue first, each with the time it was due."""
        while self._heap and self._heap[0][0] <= now:
            due, _, who = heapq.heappop(self._heap)
            yield due, who

    @property
    def following(self) -> float | None:
        """When the next one is due; None when nobody is."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)


async def open_loop(
    schedule: Schedule[Who], send: Callable[[Who, float], None], until: float
) -> None:
    """Send everybody who is due until then, when they are due: it waits for no answer.

    What was due before `until` is sent, however late. `send` may add to the schedule.
    """
    while (now := time.monotonic()) < until:
        for due, who in schedule.take(now):
            send(who, due)
        following = schedule.following
        wake = min(until, following if following is not None else until)
        await asyncio.sleep(max(0.0, min(wake - time.monotonic(), STEP_S)))
    for due, who in schedule.take(until):
        send(who, due)
