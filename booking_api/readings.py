"""Readings of the database that everybody who asks for the same shares for a moment."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")

#: No reading serves anybody who asks later after its beginning.
MOST_AGE_S = 0.5


@dataclass(slots=True)
class _Reading(Generic[Value]):
    begun: float
    task: "asyncio.Task[Value]"
    age_s: float


class Readings(Generic[Value]):
    """The last readings, a bounded number of them."""

    SIZE = 1_000

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, _Reading[Value]] = OrderedDict()

    async def get(
        self,
        name: Hashable,
        read: Callable[[], Awaitable[Value]],
        age_s: Callable[[Value], float],
    ) -> Value:
        """What `read` says, now or a moment ago: the one that is under way, or one that is not
        older than `age_s` says of its outcome. Raises as `read`."""
        known = self._known.get(name)
        if known is None or time.monotonic() - known.begun > known.age_s:
            known = _Reading(time.monotonic(), asyncio.ensure_future(read()), MOST_AGE_S)
            # Whoever waits for it may be gone before it fails.
            known.task.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._known[name] = known
            self._known.move_to_end(name)
            while len(self._known) > self.SIZE:
                self._known.popitem(last=False)
        try:
            found = await asyncio.shield(known.task)
        except Exception:
            if self._known.get(name) is known:
                del self._known[name]
            raise
        known.age_s = min(MOST_AGE_S, age_s(found))
        return found
