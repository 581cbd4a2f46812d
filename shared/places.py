"""Asking Redis about places, and ending them: the scripts both services run."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis.asyncio as redis
from aiohttp import web
from redis.exceptions import RedisError, ResponseError

from shared.scripts import Script
from shared.together import Together
from shared.tokens import Place

WAIT, ACTIVE, EXPIRED = "WAIT", "ACTIVE", "EXPIRED"


def room_keys(room_id: str, *names: str) -> list[str]:
    """A room's keys; they share one hash tag, so that one cluster slot holds them."""
    return [f"{{room:{room_id}}}:{name}" for name in names]


JOURNAL = "journal"
#: Who waits, a key for each lane; the first one is the line of a room without lanes.
LINES = ("waiting", "waiting1", "waiting2", "waiting3")
#: Every key of a room in the order of `lua/fragments/room.lua`; each script is passed all of them.
ROOM_KEYS = (
    "settings",
    LINES[0],
    *("seen", "active", "claims", "holders", "ended", "reasons", JOURNAL, "pace"),
    *LINES[1:],
    "called",
)


#: Visitors whom one script is asked for at most, which bounds how long it holds the store (S3); and
#: who may wait behind it: not more than it answers within their patience.
AT_ONCE, BEHIND = 128, 10_000


class Status(msgspec.Struct, frozen=True):
    """What the store says of one token at one moment.

    `position`: 1.. in its lane while WAIT, 0 when ACTIVE, None when EXPIRED. `expires_at_ms`: by
    the store's clock, ACTIVE only. `lane`: in which it waits, None where the room has none.
    `waiting`: the WAIT tokens of that lane, else of the room.
    """

    status: str
    position: int | None
    poll_after_ms: int
    expires_at_ms: int | None
    reason: str | None
    waiting: int
    lane: str | None = None

    @classmethod
    def parse(cls, row: list[Any], waiting: int, lanes: dict[str, int]) -> "Status":
        """Of one row of `status.lua`: {status, position, poll_after, expires_at, reason, lane}.

        `waiting`: in all lanes; `lanes`: in each one.
        """
        status, position, poll_after_ms, expires_at_ms, reason, lane = row
        return cls(
            status,
            None if status == EXPIRED else int(position),
            int(poll_after_ms),
            int(expires_at_ms) if status == ACTIVE else None,
            reason or None,
            lanes.get(lane, waiting),
            lane or None,
        )


def pairs(flat: list[Any]) -> dict[Any, Any]:
    """{key, value, key, value ...}, as scripts return it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


#: What a script is told of the time: nothing, so that it asks its store (S1). Tests tell it.
Clock = Callable[[], int | str]


def store_clock() -> str:
    """Let the script ask the store."""
    return ""


class Places:
    """Places of all rooms in one store."""

    def __init__(self, client: "redis.Redis", clock: Clock = store_clock):
        self._client = client
        self._clock = clock
        self._status = Script(client, "status")
        self._finish = Script(client, "finish")
        #: Whoever asks for one place shares a call with the others of the room and the moment.
        self.together = Together[str, Place, Status](self._each, most=AT_ONCE, waiting=BEHIND)
        #: So do those that end for the same reason.
        self.ending = Together[tuple[str, str], Place, bool](
            self._end_each, most=AT_ONCE, waiting=BEHIND
        )

    async def close(self) -> None:
        """Ask no more; who is still asking is told Unavailable."""
        await self.together.close()
        await self.ending.close()

    async def status(self, place: Place) -> Status:
        """The live status of a place; records its visitor as seen, and claims it when ACTIVE.

        Raises redis errors, Unavailable.
        """
        return await self.together.ask(place.room_id, place)

    async def statuses(self, room_id: str, places: list[Place]) -> list[Status]:
        """The same for many places of one room, in one call of their own. Raises redis errors."""
        return _statuses(await self._status(*self._asking(room_id, places)))

    async def _each(self, room_id: str, places: list[Place]) -> Sequence[Status | Exception]:
        try:
            return await self.statuses(room_id, places)
        except ResponseError:
            # A store that takes nothing refuses the whole script, though it may serve some of them.
            calls = [self._asking(room_id, [place]) for place in places]
            answers = await self._status.each(calls)
        return [a if isinstance(a, RedisError) else _statuses(a)[0] for a in answers]

    def _asking(self, room_id: str, places: list[Place], *more: Any) -> tuple[list[str], list[Any]]:
        args: list[Any] = [self._clock(), *more]
        for place in places:
            args += [place.visitor, place.generation, place.number]
        return room_keys(room_id, *ROOM_KEYS), args

    async def finish(self, place: Place, reason: str) -> bool:
        """End a place; True if it was live. Repeating it is harmless.

        Raises redis errors, Unavailable.
        """
        return await self.ending.ask((place.room_id, reason), place)

    async def finish_each(self, room_id: str, places: list[Place], reason: str) -> list[bool]:
        """The same for many places of one room, AT_ONCE of them in a call. Raises redis errors."""
        ended: list[bool] = []
        for at in range(0, len(places), AT_ONCE):
            asking = self._asking(room_id, places[at : at + AT_ONCE], reason)
            ended += [row == 1 for row in await self._finish(*asking)]
        return ended

    async def _end_each(
        self, key: tuple[str, str], places: list[Place]
    ) -> Sequence[bool | Exception]:
        room_id, reason = key
        try:
            return await self.finish_each(room_id, places, reason)
        except ResponseError:  # as above
            calls = [self._asking(room_id, [place], reason) for place in places]
            answers = await self._finish.each(calls)
        return [a if isinstance(a, RedisError) else a == [1] for a in answers]

    async def is_anonymous(self, room_id: str) -> bool:
        """Whether a room lets in anybody; one that is not there does not. Raises redis errors."""
        (settings,) = room_keys(room_id, "settings")
        return str(await self._client.hget(settings, "identity")) == "anonymous"


def _statuses(found: list[Any]) -> list[Status]:
    """Of what `status.lua` returns."""
    waiting, counts, rows = found
    lanes = pairs(counts)
    return [Status.parse(row, waiting, lanes) for row in rows]


PLACES = web.AppKey("places", Places)


def timestamp(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
