"""The client processes of a rush at scale, as one crowd."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from onsale.rush.client import Unreachable
from onsale.rush.clients import Clients
from onsale.rush.scale.parts import Joined, Lived, Measure, Measured

Result = TypeVar("Result")

#: Nothing may stand still for longer.
PATIENCE_S = 60.0


class Crowd(Clients):
    """Joins, polls in a closed loop, and lives."""

    async def joined(self) -> Sequence[Joined]:
        """Until everybody who joins over HTTP is in line. Raises Unreachable."""
        return await unless_stalled(self._all(Joined), lambda: self.requests, "the joins")

    async def measured(self, seconds: float) -> Sequence[Measured]:
        """What is served when every answer is followed by the next poll. Raises Unreachable."""
        self._send(Measure(seconds))
        return await unless_stalled(self._all(Measured), lambda: 0, "the polls", seconds)

    async def lived(self, seconds: float) -> Sequence[Lived]:
        """Open the doors; until the last of those let in has left. Raises Unreachable."""
        self._begin()
        return await unless_stalled(self._all(Lived), lambda: self.requests, "the crowd", seconds)


async def unless_stalled(
    work: Coroutine[Any, Any, Result],
    progress: Callable[[], int],
    what: str,
    seconds: float = 0.0,
) -> Result:
    """Do it, for as long as it makes progress; so many seconds of it may look like none.

    Raises Unreachable.
    """
    task = asyncio.ensure_future(work)
    try:
        before = -1
        while True:
            now = progress()
            if now == before:
                raise Unreachable(f"{what} stand still")
            before = now
            done, _ = await asyncio.wait([task], timeout=seconds + PATIENCE_S)
            if done:
                return task.result()
    finally:
        task.cancel()
