"""Rooms: their settings, their public state, and the places they give."""

import asyncio
import bisect
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import redis.asyncio as redis
from aiohttp import web
from redis.exceptions import RedisError, ResponseError

from queue_gateway.eta import Pace
from queue_gateway.recent import Recent
from queue_gateway.room_settings import DEFAULTS
from queue_gateway.room_view import RoomView, Seats
from queue_gateway.settings import JOURNAL_MAX
from shared.errors import NotFound, RoomClosed, Unavailable
from shared.places import (
    AT_ONCE,
    BEHIND,
    LINES,
    ROOM_KEYS,
    Clock,
    Status,
    pairs,
    room_keys,
    store_clock,
)
from shared.scripts import Script
from shared.shapes import ROOM_ID_PATTERN
from shared.together import Together
from shared.tokens import Place

#: The registry of rooms, a set. Not in any room's hash tag: no script touches it.
REGISTRY = "rooms"

ROOM_ID = re.compile(ROOM_ID_PATTERN)

#: Room-wide figures may be a second old; half of it is spent here, the other half by CDNs.
VIEW_AGE_S = 0.5
PACE_SLOT_MS = 10_000
#: How far back figures of pace look: ten minutes.
PACE_SLOTS = 60


class Round(NamedTuple):
    """What one run of `admit.lua` did; `more`: work is left; `live`: WAIT and ACTIVE places."""

    admitted: int
    ended: int
    outage_ms: int
    more: bool
    live: int

    @classmethod
    def parse(cls, answer: list[int] | None) -> "Round | None":
        """Of what `admit.lua` returns; None for no such room."""
        if answer is None:
            return None
        admitted, ended, outage_ms, more, live = (int(value) for value in answer)
        return cls(admitted, ended, outage_ms, bool(more), live)


@dataclass(frozen=True, slots=True)
class LivePlace:
    """A place as operators see it. `position`, `lane`: while WAIT; `expires_at_ms`: when ACTIVE."""

    place: Place
    status: str
    position: int | None
    lane: str | None
    expires_at_ms: int | None
    claimed: bool


class Entered(msgspec.Struct, frozen=True):
    """A visitor's place after a join; `new` when this very join made it."""

    place: Place
    status: Status
    new: bool


class Rooms:
    """All rooms of one store."""

    def __init__(self, client: "redis.Redis", clock: Clock = store_clock):
        self._client = client
        self._clock = clock
        self._enter = Script(client, "enter")
        #: Who joins shares a call with the others of the room and the moment: (visitor, lane).
        self.entering = Together[str, tuple[str, str], Entered](
            self._enter_each, most=AT_ONCE, waiting=BEHIND
        )
        self._admit = Script(client, "admit")
        self._configure = Script(client, "configure")
        self._view = Script(client, "view")
        self._look = Script(client, "look")
        self._extend = Script(client, "extend")
        self._remove = Script(client, "remove")
        self._views = Recent[RoomView](VIEW_AGE_S)
        self._names = Recent[list[str]](VIEW_AGE_S)
        #: Rooms that somebody joined through here, until the admission loop has heard of them.
        self.woken: set[str] = set()

    async def close(self) -> None:
        """Let nobody join any more; who is still joining is told Unavailable."""
        await self.entering.close()

    async def enter(self, room_id: str, visitor: str, lane: str = "") -> Entered:
        """Join. Raises NotFound, RoomClosed, Unavailable (journal full) or redis errors."""
        return await self.entering.ask(room_id, (visitor, lane))

    async def _enter_each(
        self, room_id: str, joining: list[tuple[str, str]]
    ) -> list[Entered | Exception]:
        def asking(those: list[tuple[str, str]]) -> tuple[list[str], list[Any]]:
            flat = [word for visitor_and_lane in those for word in visitor_and_lane]
            return _keys(room_id), [self._clock(), JOURNAL_MAX, *flat]

        try:
            return self._entered(room_id, joining, await self._enter(*asking(joining)))
        except ResponseError:
            # A store that takes nothing refuses the whole script, though it may serve some of them.
            answers = await self._enter.each([asking([one]) for one in joining])
        return [
            answer if isinstance(answer, RedisError) else self._entered(room_id, [one], answer)[0]
            for one, answer in zip(joining, answers, strict=True)
        ]

    def _entered(
        self, room_id: str, joining: list[tuple[str, str]], found: list[Any] | None
    ) -> list[Entered | Exception]:
        """Of what `enter.lua` returns."""
        if found is None:
            return [NotFound("There is no such room.") for _ in joining]
        self.woken.add(room_id)
        waiting, counts, rows = found
        lanes = pairs(counts)
        return [
            _outcome(room_id, visitor, row, waiting, lanes)
            for (visitor, _), row in zip(joining, rows, strict=True)
        ]

    async def admit(self, room_id: str, limit: int, by_hand: int | None = None) -> Round | None:
        """One round of the loop, or so many let in `by_hand`; None for no such room."""
        found = await self._admit(
            _keys(room_id), [self._clock(), limit, "" if by_hand is None else by_hand]
        )
        return Round.parse(found)

    async def admit_each(
        self, room_ids: Sequence[str], limit: int
    ) -> list[Round | None | RedisError]:
        """One round of each, in one round trip; where it failed, the error.

        Raises redis errors when the store is not there.
        """
        calls = [(_keys(room_id), [self._clock(), limit, ""]) for room_id in room_ids]
        answers = await self._admit.each(calls)
        return [
            answer if isinstance(answer, RedisError) else Round.parse(answer) for answer in answers
        ]

    async def some(self, cursor: int, count: int) -> tuple[int, list[str]]:
        """About so many rooms, and the cursor of the next ones; 0 begins and ends a walk.

        A walk meets every room that is there all the time, some of them twice.
        """
        cursor, names = await self._client.sscan(REGISTRY, cursor, count=count)
        return int(cursor), [str(name) for name in names]

    async def with_visitors(self, room_ids: Sequence[str]) -> list[str]:
        """Those in which somebody waits or is ACTIVE."""
        async with self._client.pipeline(transaction=False) as together:
            for room_id in room_ids:
                together.exists(*room_keys(room_id, "active", *LINES))
            found = await together.execute()
        return [room_id for room_id, keys in zip(room_ids, found, strict=True) if keys]

    async def configure(
        self, room_id: str, changes: dict[str, Any], expected: str = "*", *, reset: bool = False
    ) -> tuple[str, int]:
        """Create or change a room.

        `changes`: fields of `RoomChanges.fields()`. `expected`: a version, '*' for any or none,
        'none' for a room that must not exist. Returns (created | changed | conflict | missing |
        lane_busy, version). Raises redis errors.
        """
        if not ROOM_ID.fullmatch(room_id):
            raise NotFound("A room_id is 1 to 63 of a-z, 0-9, '-' and '_'.")
        args: list[Any] = [self._clock(), expected, int(reset), len(changes)]
        for name, value in [*changes.items(), *DEFAULTS.items()]:
            args += [name, value]
        # Listed before it exists: a room that no loop knows would admit nobody. One that is listed
        # is only asked for, because a full Redis refuses what it must let through: a closing.
        if not await self._client.sismember(REGISTRY, room_id):
            await self._client.sadd(REGISTRY, room_id)
        outcome, version = await self._configure(_keys(room_id), args)
        self._views.forget(room_id)
        self._names.forget(REGISTRY)
        if outcome == "missing":
            await self._unlist(room_id)
        elif outcome == "created":  # again: who deleted its predecessor may have unlisted it since
            await self._client.sadd(REGISTRY, room_id)
        return str(outcome), int(version)

    async def names(self) -> list[str]:
        """All room ids, sorted."""
        return sorted(str(name) for name in await self._client.smembers(REGISTRY))

    async def view(self, room_id: str, slots: int = PACE_SLOTS) -> RoomView:
        """A room right now, with its pace of the last `slots` slots. Raises NotFound."""
        found = await self._view(_keys(room_id), [self._clock(), slots])
        if found is None:
            raise NotFound("There is no such room.")
        now_ms, active, lanes, settings, figures, seats = found
        width = 1 + len(lanes)
        flat = [int(figure or 0) for figure in figures]
        rows = [flat[at : at + width] for at in range(0, len(flat), width)]
        return RoomView(
            room_id=room_id,
            now_ms=now_ms,
            active=active,
            lanes=pairs(lanes),
            settings=pairs(settings),
            pace=tuple(Pace(row[0], tuple(row[1::2]), tuple(row[2::2])) for row in rows),
            seats=Seats.parse(seats),
        )

    async def look(self, room_id: str, visitor: str) -> LivePlace | None:
        """A visitor's live place, without being a sign of life. Raises NotFound (room)."""
        found = await self._look(_keys(room_id), [self._clock(), visitor])
        if found is None:
            raise NotFound("There is no such room.")
        if not found[0]:
            return None
        number, generation, status, position, expires_at_ms, lane, claimed = found[0]
        return LivePlace(
            place=Place(room_id, visitor, generation, number),
            status=status,
            position=position,
            lane=lane or None,
            expires_at_ms=expires_at_ms or None,
            claimed=bool(claimed),
        )

    async def extend(self, room_id: str, seconds: int) -> int:
        """Give everybody ACTIVE more time; how many they are. Raises NotFound."""
        found = await self._extend(_keys(room_id), [self._clock(), seconds * 1000])
        if found is None:
            raise NotFound("There is no such room.")
        return int(found)

    async def remove(self, room_id: str) -> str:
        """Delete a closed room: removed | open | busy (its journal is not moved yet) | missing."""
        outcome = str(await self._remove(_keys(room_id), [self._clock()]))
        if outcome in ("removed", "missing"):
            await self._unlist(room_id)
            self._views.forget(room_id)
            self._names.forget(REGISTRY)
        return outcome

    async def _unlist(self, room_id: str) -> None:
        """Off the list, unless somebody created the room meanwhile."""
        await self._client.srem(REGISTRY, room_id)
        if await self._client.exists(*room_keys(room_id, "settings")):
            await self._client.sadd(REGISTRY, room_id)

    async def recent_view(self, room_id: str) -> RoomView:
        """The same, begun at most half a second ago. Raises NotFound."""
        return await self._views.get(room_id, lambda: self.view(room_id))

    def view_at_hand(self, room_id: str) -> RoomView | None:
        """The same, if it is known already; asked for anew before it is too old."""
        return self._views.at_hand(room_id, lambda: self.view(room_id))

    async def page(self, after: str | None, limit: int) -> tuple[list[str], bool]:
        """At most `limit` room ids after one of them, and whether there are more; soon told."""
        names = await self._names.get(REGISTRY, self.names)
        start = 0 if after is None else bisect.bisect_right(names, after)
        return names[start : start + limit], len(names) > start + limit

    async def those_there(
        self, room_ids: list[str], view: "Callable[[str], Coroutine[Any, Any, RoomView]]"
    ) -> list[RoomView]:
        """Views of rooms, without those that were deleted meanwhile."""
        found = await asyncio.gather(*map(view, room_ids), return_exceptions=True)
        for failed in found:
            if isinstance(failed, BaseException) and not isinstance(failed, NotFound):
                raise failed
        return [view for view in found if isinstance(view, RoomView)]

    async def is_anonymous(self, room_id: str) -> bool:
        """Whether the gateway names its visitors itself; a room that is not there does not."""
        try:
            return (await self.recent_view(room_id)).anonymous
        except NotFound:
            return False


def _outcome(
    room_id: str, visitor: str, row: list[Any], waiting: int, lanes: dict[str, int]
) -> Entered | Exception:
    """Of one row of `enter.lua`."""
    outcome = row[0]
    if outcome == "closed":
        return RoomClosed(**({"reason": row[1]} if row[1] else {}))
    if outcome == "busy":
        return Unavailable("The line cannot be written down fast enough.", retry_after_s=5)
    _, number, generation, *status = row
    place = Place(room_id, visitor, int(generation), int(number))
    return Entered(place, Status.parse(status, waiting, lanes), outcome == "new")


def _keys(room_id: str) -> list[str]:
    return room_keys(room_id, *ROOM_KEYS)


ROOMS = web.AppKey("rooms", Rooms)
