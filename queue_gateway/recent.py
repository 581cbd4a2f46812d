"""What was read in the last moments, for whoever asks next."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


@dataclass(slots=True)
class _Reading(Generic[Value]):
    """One reading; `before`: the last one, at hand until this one is there."""

    began: float
    value: "asyncio.Future[Value]"
    before: "_Reading[Value] | None"

    @property
    def is_there(self) -> bool:
        value = self.value
        return value.done() and not value.cancelled() and value.exception() is None


class Recent(Generic[Value]):
    """Readings, each begun at most `age_s` ago.

    Whoever asks while one is being read waits for that reading: hundreds of requests of one moment
    would otherwise each begin their own. No more are kept than were begun within `age_s`. What is
    asked for all the time is read anew ahead of time, so that it is always at hand.
    """

    def __init__(self, age_s: float):
        self._age_s = age_s
        #: Oldest first.
        self._kept: dict[Hashable, _Reading[Value]] = {}

    async def get(self, key: Hashable, read: "Callable[[], Coroutine[Any, Any, Value]]") -> Value:
        """The value, by `read` unless it is known. Raises what reading raises."""
        now = time.monotonic()
        self._drop_before(now - self._age_s)
        known = self._kept.get(key) or self._begin(key, read, now)
        # One request that is gone must not take the reading away from the others.
        return await asyncio.shield(known.value)

    def at_hand(
        self, key: Hashable, read: "Callable[[], Coroutine[Any, Any, Value]]"
    ) -> Value | None:
        """The value, if it is known right now. Halfway through its time it is read anew."""
        latest = known = self._kept.get(key)
        if known is not None and not known.is_there:
            known = known.before
        if known is None:
            return None
        now = time.monotonic()
        age_s = now - known.began
        if age_s >= self._age_s:
            return None
        if age_s >= self._age_s / 2 and known is latest:
            del self._kept[key]
            self._begin(key, read, now, before=known)
        return known.value.result()

    def forget(self, key: Hashable) -> None:
        """It has changed: read it anew."""
        self._kept.pop(key, None)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def _begin(
        self,
        key: Hashable,
        read: "Callable[[], Coroutine[Any, Any, Value]]",
        now: float,
        before: "_Reading[Value] | None" = None,
    ) -> _Reading[Value]:
        reading = self._kept[key] = _Reading(now, asyncio.ensure_future(read()), before)
        reading.value.add_done_callback(lambda _: self._ended(key, reading))
        return reading

    def _drop_before(self, began: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept))
            if self._kept[oldest].began > began:
                return
            del self._kept[oldest]

    def _ended(self, key: Hashable, reading: _Reading[Value]) -> None:
        """What failed is begun anew, and names of what does not exist take no memory."""
        reading.before = None
        if not reading.is_there and self._kept.get(key) is reading:
            del self._kept[key]
