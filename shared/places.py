"""Asking Redis about places, and ending them: the scripts both services run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis.asyncio as redis
from aiohttp import web

from shared.scripts import Script
from shared.tokens import Place

WAIT, ACTIVE, EXPIRED = "WAIT", "ACTIVE", "EXPIRED"


def room_keys(room_id: str, *names: str) -> list[str]:
    """A room's keys; they share one hash tag, so that one cluster slot holds them."""
    return [f"{{room:{room_id}}}:{name}" for name in names]


#: Every key of a room, as `lua/README.md` documents them; scripts are passed the ones they need.
ROOM_KEYS = ("settings", "waiting", "seen", "active", "claims", "holders", "ended", "reasons")
JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Status:
    """What the store says of one token at one moment.

    `position`: 1.. while WAIT, 0 when ACTIVE, None when EXPIRED. `expires_at_ms`: by the store's
    clock, ACTIVE only. `waiting`: the room's WAIT tokens.
    """

    status: str
    position: int | None
    poll_after_ms: int
    expires_at_ms: int | None
    reason: str | None
    waiting: int

    @classmethod
    def parse(cls, row: list[Any], waiting: int) -> "Status":
        """Of one row of `status.lua`: {status, position, poll_after, expires_at, reason}."""
        status, position, poll_after_ms, expires_at_ms, reason = row
        return cls(
            status=status,
            position=None if status == EXPIRED else int(position),
            poll_after_ms=int(poll_after_ms),
            expires_at_ms=int(expires_at_ms) if status == ACTIVE else None,
            reason=reason or None,
            waiting=waiting,
        )


#: What a script is told of the time: nothing, so that it asks its store (S1). Tests tell it.
Clock = Callable[[], int | str]


def store_clock() -> str:
    """Let the script ask the store."""
    return ""


class Places:
    """Places of all rooms in one store."""

    def __init__(self, client: "redis.Redis", clock: Clock = store_clock):
        self._clock = clock
        self._status = Script(client, "status")
        self._finish = Script(client, "finish")

    async def status(self, place: Place) -> Status:
        """The live status of a place; records its visitor as seen, and claims it when ACTIVE."""
        return (await self.statuses(place.room_id, [place]))[0]

    async def statuses(self, room_id: str, places: list[Place]) -> list[Status]:
        """The same for many places of one room, in one call. Raises redis errors."""
        args: list[Any] = [self._clock()]
        for place in places:
            args += [place.visitor, place.generation, place.number]
        waiting, rows = await self._status(room_keys(room_id, *ROOM_KEYS, JOURNAL), args)
        return [Status.parse(row, int(waiting)) for row in rows]

    async def finish(self, place: Place, reason: str) -> bool:
        """End a place; True if it was live. Repeating it is harmless. Raises redis errors."""
        args = [self._clock(), place.visitor, place.generation, place.number, reason]
        return bool(await self._finish(room_keys(place.room_id, *ROOM_KEYS, JOURNAL), args))


PLACES = web.AppKey("places", Places)


def timestamp(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
