"""What was read in the last moments, for whoever asks next."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Readings, each begun at most `age_s` ago.

    Whoever asks while one is being read waits for that reading: hundreds of requests of one moment
    would otherwise each begin their own. No more are kept than were begun within `age_s`.
    """

    def __init__(self, age_s: float):
        self._age_s = age_s
        #: Oldest first.
        self._kept: dict[Hashable, tuple[float, asyncio.Future[Value]]] = {}

    async def get(self, key: Hashable, read: "Callable[[], Coroutine[Any, Any, Value]]") -> Value:
        """The value, by `read` unless it is known. Raises what reading raises."""
        now = time.monotonic()
        self._drop_before(now - self._age_s)
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = (now, asyncio.ensure_future(read()))
            known[1].add_done_callback(lambda done: self._drop_failed(key, done))
        # One request that is gone must not take the reading away from the others.
        return await asyncio.shield(known[1])

    def at_hand(self, key: Hashable) -> Value | None:
        """The value, if it is known right now."""
        known = self._kept.get(key)
        if known is None or known[0] <= time.monotonic() - self._age_s:
            return None
        reading = known[1]
        is_read = reading.done() and not reading.cancelled() and reading.exception() is None
        return reading.result() if is_read else None

    def forget(self, key: Hashable) -> None:
        """It has changed: read it anew."""
        self._kept.pop(key, None)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def _drop_before(self, began: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest][0] > began:
                return
            del self._kept[oldest]

    def _drop_failed(self, key: Hashable, reading: "asyncio.Future[Value]") -> None:
        """What failed is begun anew, and names of what does not exist take no memory."""
        known = self._kept.get(key)
        if (reading.cancelled() or reading.exception()) and known and known[1] is reading:
            del self._kept[key]
