"""What the holder of a place is shown while listening, and when it is worth showing anew."""

import asyncio
import contextlib
from typing import NamedTuple

from queue_gateway.room_view import RoomView
from shared.places import EXPIRED, WAIT, Status
from shared.tokens import Place

#: A position is shown again when it moved by a fiftieth: near the front at every step.
STEP = 50
#: An expiry is shown again when it moved by so much: by an extension, or an outage.
MOVED_MS = 1000
#: Who is about to expire is shown so long before, or a quarter of active_ttl_s if that is less.
WARNING_MS = 30_000


class Sight(NamedTuple):
    """What there is to show; `view`: of the room, where the place waits in one."""

    status: Status
    view: RoomView | None

    @property
    def room(self) -> tuple[str | None, ...] | None:
        """What a visitor is shown of the room itself."""
        if self.view is None:
            return None
        sale = self.view.seats and self.view.seats.status
        return (self.view.state, self.view.opens_at, sale)


class Stream:
    """One connection of one place's holder. The latest sight wins: nothing queues up."""

    __slots__ = ("_awake", "_near", "_next", "_room", "_transport", "over", "place", "shown")

    def __init__(self, place: Place, first: Sight, transport: asyncio.Transport):
        self.place = place
        self.over = False
        self._transport = transport
        self._awake = asyncio.Event()
        self._near: bool | None = None
        self._next: Sight | None
        self._show(first)

    @property
    def gone(self) -> bool:
        """Whether its client hung up: a stream that nobody reads is no sign of life."""
        return self._transport.is_closing()

    @property
    def waits(self) -> bool:
        return self.shown.status == WAIT

    @property
    def done(self) -> bool:
        """Whether the end of the place has been shown."""
        return self.shown.status == EXPIRED and self._next is None

    def see(self, status: Status, view: RoomView | None, now_ms: float) -> None:
        """What the place is at `now_ms`, by the store's clock. Shown if it matters."""
        sight = Sight(status, view if status.status == WAIT else None)
        near = about_to_expire(status, view, now_ms)
        # What was shown first says itself how little time is left.
        warns = near and self._near is False
        self._near = near
        if moved(self.shown, status) or sight.room != self._room or warns:
            self._show(sight)

    def end(self) -> None:
        """Let it end as soon as it has sent what there is."""
        self.over = True
        self._awake.set()

    def cut(self) -> None:
        """End it without a word."""
        self._transport.abort()

    async def next(self, within_s: float) -> Sight | None:
        """What to show now; None when it is over, or when nothing came in time."""
        if not self.over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._awake.wait()
            self._awake.clear()
        found, self._next = self._next, None
        return found

    def _show(self, sight: Sight) -> None:
        self.shown, self._room, self._next = sight.status, sight.room, sight
        self._awake.set()


def moved(shown: Status, status: Status) -> bool:
    """Whether a place changed so much that its holder wants to know."""
    if (status.status, status.lane) != (shown.status, shown.lane):
        return True
    if status.position and shown.position:
        return abs(status.position - shown.position) >= max(1, shown.position // STEP)
    return abs((status.expires_at_ms or 0) - (shown.expires_at_ms or 0)) >= MOVED_MS


def about_to_expire(status: Status, view: RoomView | None, now_ms: float) -> bool:
    """Whether the last part of an ACTIVE place's time has begun."""
    if status.expires_at_ms is None or view is None:
        return False
    warning_ms = min(WARNING_MS, int(view.settings["active_ttl_s"]) * 1000 / 4)
    return status.expires_at_ms - now_ms <= warning_ms
